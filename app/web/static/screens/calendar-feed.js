// The secret address under which a calendar app shows one's meetings.

import { openDialog } from "../ui/dialog.js";
import { fill, h, icon, toast } from "../ui/dom.js";
import { day, words } from "../ui/words.js";

const PATH = "/auth/me/calendar-feed";

export async function calendarFeedDialog(app) {
  const content = h("div", { class: "stack" });
  openDialog("Meetings in your calendar app", () => content);
  const run = (work) => async (event) => {
    event.currentTarget.disabled = true;
    try {
      draw(await work());
    } catch (error) {
      toast(words(error), { kind: "bad" });
      event.target.disabled = false;
    }
  };
  const renew = run(() => app.client.request("PUT", PATH, { tries: 1 }));
  const revoke = run(async () => {
    await app.client.delete(PATH);
    return { url: null, created_at: null };
  });

  function draw({ url, created_at }) {
    const exists = created_at !== null;
    fill(
      content,
      h(
        "p",
        {},
        "A calendar app that subscribes to this address shows your meetings and keeps them up to date. ",
        "Whoever has the address can read them, so give it to nobody.",
      ),
      url && h("input", { value: url, readonly: true, "aria-label": "Address of your calendar" }),
      exists &&
        !url &&
        h("p", { class: "hint" }, `You made an address ${day(created_at)}. It is shown once; a new one replaces it.`),
      h(
        "div",
        { class: "buttons" },
        exists && h("button", { class: "danger-text", onclick: revoke }, "Take it back"),
        h("button", { class: url ? "" : "primary", onclick: renew }, exists ? "New address" : "Make an address"),
        url && h("button", { class: "primary", onclick: () => copy(content, url) }, icon("link"), "Copy"),
      ),
    );
  }

  try {
    draw(await app.client.get(PATH));
  } catch (error) {
    fill(content, h("p", { class: "problem" }, words(error)));
  }
}

async function copy(content, url) {
  try {
    await navigator.clipboard.writeText(url);
    toast("Address copied.", { kind: "good" });
  } catch {
    content.querySelector("input").select(); // no clipboard without HTTPS: to be copied by hand
  }
}
