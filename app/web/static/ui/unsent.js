// On every screen: what of somebody's own recording is still to be sent.

import { fill, h, icon, say, toast } from "./dom.js";
import { bytes, words } from "./words.js";

export function unsentBanner(unsent) {
  const text = h("p", {});
  const bar = h("progress", { max: 1, "aria-label": "Uploading your recording" });
  const element = h("div", { class: "banner wait unsent", "data-banner": "unsent", hidden: true });
  let was = null;
  const draw = () => {
    const { progress, trouble } = unsent;
    if (element.hidden !== (progress === null)) {
      element.hidden = progress === null;
      fill(element, progress && [icon("record"), text, bar]);
      if (progress) say("Your recording is being uploaded."); // once, and not every percent
    }
    if (was && !progress && !unsent.isBusy) toast("Your recording is uploaded.", { kind: "good" });
    was = progress;
    if (!progress) return;
    const share = progress.size > 0 ? progress.sent / progress.size : 0;
    const told = `Uploading your recording: ${Math.floor(share * 100)} % of ${bytes(progress.size)}.`;
    const held = trouble ? `${told} It is held up: ${words(trouble)}` : `${told} Keep this page open.`;
    if (text.textContent !== held) text.textContent = held;
    bar.value = share;
  };
  unsent.addEventListener("change", draw);
  unsent.addEventListener("lost", ({ detail }) => {
    toast(`A part of your recording was not taken: ${words(detail)}`, { kind: "bad" });
  });
  addEventListener("beforeunload", (event) => unsent.isBusy && event.preventDefault());
  return element;
}

/** What to say when this browser can keep no more; the call goes on. */
export function troubleWords(error) {
  if (error.name === "QuotaExceededError") {
    return "There is no room left on this device to record you. The call goes on; what was recorded is uploaded.";
  }
  return "This browser can't record you any more. The call goes on; what was recorded is uploaded.";
}
