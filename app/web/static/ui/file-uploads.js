// Files on their way: chosen, sent, given up, gone on with. Whoever mounts it says what they are for and what is next.

import { Uploads } from "../client/uploads.js";
import { fill, h, icon } from "./dom.js";
import { bytes, words } from "./words.js";

/**
 * @param {object} app
 * @param {object} options purpose: of the uploads; onSent(upload): it is verified, and may be taken; label: of the button
 * @returns {{element: Element, add: (files: Iterable<File>) => void, dispose: () => void}} `add` sends files that came
 *   otherwise, such as dropped or pasted ones
 */
export function fileUploads(app, { purpose, onSent, label = "Send a file" }) {
  const uploads = new Uploads(app.client);
  const rows = h("ul", { class: "uploads" });
  const unfinished = h("div", {});
  const input = h("input", { type: "file", multiple: true, hidden: true, onchange: chosen });
  const button = h("button", { type: "button", onclick: () => input.click() }, icon("plus"), label);
  const element = h("section", { class: "file-uploads", "aria-label": "Files" }, button, input, unfinished, rows);
  const over = new AbortController();

  function chosen() {
    add(input.files);
    input.value = ""; // so that the same file can be chosen again
  }

  function add(files) {
    for (const file of files) send(file, rows.appendChild(h("li", {})));
  }

  async function send(file, row) {
    const giveUp = new AbortController();
    const stop = () => giveUp.abort();
    over.signal.addEventListener("abort", stop, { once: true });
    const bar = h("progress", { max: file.size || 1, value: 0, "aria-label": `Sending ${file.name}` });
    const state = h("span", { class: "hint" }, "Beginning …");
    const cancel = h("button", { type: "button", "aria-label": `Stop: ${file.name}`, onclick: stop }, icon("close"));
    fill(row, h("span", { class: "name" }, file.name), bar, state, cancel);
    const onProgress = (progress) => {
      bar.value = progress.sent;
      const share = `${Math.floor((100 * progress.sent) / (progress.size || 1))} % of ${bytes(progress.size)}`;
      state.textContent = progress.state === "verifying" ? "Being checked …" : share;
    };
    try {
      const upload = await uploads.send(file, { purpose, onProgress, signal: giveUp.signal });
      row.remove();
      onSent(upload);
      showUnfinished();
    } catch (error) {
      if (over.signal.aborted) return;
      const text = giveUp.signal.aborted ? "Stopped." : words(error);
      const again = h("button", { type: "button", onclick: () => send(file, row) }, "Go on");
      const forget = h("button", { type: "button", onclick: () => row.remove() }, "Leave it");
      fill(row, h("span", { class: "name" }, file.name), h("span", { role: "alert" }, text), again, forget);
    } finally {
      over.signal.removeEventListener("abort", stop);
    }
  }

  /** What was begun before this page was opened: a browser can't open the file again, its person can. */
  async function showUnfinished() {
    const sending = new Set(Array.from(rows.querySelectorAll(".name"), (name) => name.textContent));
    const left = (await uploads.unfinished(purpose)).filter((upload) => !sending.has(upload.name));
    const items = left.map((upload) => {
      const discard = async () => {
        await uploads.discard(upload).catch(() => {});
        showUnfinished().catch(() => {});
      };
      return h(
        "li",
        {},
        h("span", { class: "name" }, upload.name),
        h("span", { class: "hint" }, `${bytes(upload.size)}: choose the same file again, and it goes on where it was.`),
        h("button", { type: "button", onclick: () => input.click() }, "Choose it"),
        h("button", { type: "button", "aria-label": `Discard: ${upload.name}`, onclick: discard }, "Discard"),
      );
    });
    fill(unfinished, left.length > 0 && h("ul", { class: "uploads", "aria-label": "Unfinished" }, items));
  }

  showUnfinished().catch(() => {}); // without it nothing is lost: the same file goes on all the same
  return { element, add, dispose: () => over.abort() };
}
