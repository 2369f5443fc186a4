// Exports of a recording for editors: ordering them, seeing how far they are, downloading.

import { fileOf } from "../review/playing.js";
import { form, openDialog, select } from "../ui/dialog.js";
import { h, icon, renderList, say, toast } from "../ui/dom.js";
import { bytes, words } from "../ui/words.js";

const FORMATS = [
  ["wav", "A WAV for each person"],
  ["original", "The files as they came"],
];
const CLEANED = [
  ["none", "As it is"],
  ["loudness", "Everybody equally loud"],
  ["denoise", "Less noise"],
];
const STATES = { queued: "Waiting", processing: "Being made", failed: "Failed" };

export function exportsDialog({ client, live }, recording) {
  const path = `/recordings/${recording.id}/exports`;
  const list = h("ul", { class: "plain" });
  const none = h("p", { class: "hint" }, "There is none yet.");
  let items = [];

  function draw() {
    none.hidden = items.length > 0;
    renderList(list, items, item);
  }

  function put(one) {
    const at = items.findIndex(({ id }) => id === one.id);
    items = at < 0 ? [one, ...items] : items.with(at, one);
    draw();
  }

  async function read() {
    try {
      items = await client.all(path);
      draw();
    } catch (error) {
      toast(words(error), { kind: "bad" });
    }
  }

  function item(one) {
    const name = nameOf(one);
    const remove = async () => {
      try {
        await client.delete(`${path}/${one.id}`);
      } catch (error) {
        toast(words(error), { kind: "bad" });
      }
      await read();
    };
    return h(
      "li",
      { class: "track", "data-export": one.id },
      h(
        "div",
        { class: "card-line" },
        h(
          "div",
          { class: "grow" },
          h("b", {}, name),
          h("p", { class: "hint" }, [STATES[one.state], one.bytes && bytes(one.bytes)].filter(Boolean).join(" · ")),
          one.error && h("p", { class: "problem" }, one.error),
          one.warnings.map((text) => h("p", { class: "hint" }, text)),
        ),
        one.signed_url &&
          h(
            "a",
            { class: "button", href: fileOf(one), download: true, "aria-label": `Download ${name}` },
            icon("download"),
            "ZIP",
          ),
        h("button", { class: "quiet icon-only", "aria-label": `Delete ${name}`, onclick: remove }, icon("trash")),
      ),
      one.state === "processing" &&
        h("progress", { class: "wide", max: 1, value: one.progress, "aria-label": `${name}: being made` }),
    );
  }

  const format = select("What", { name: "format", options: FORMATS, value: "wav" });
  const clean = select("Sound", { name: "clean", options: CLEANED, value: "none" });
  format.addEventListener("change", (event) => (clean.hidden = event.target.value !== "wav"));
  const send = async (data) => {
    const wav = data.get("format") === "wav";
    put(await client.post(path, { format: data.get("format"), clean: wav ? data.get("clean") : "none" }));
  };
  const fields = [
    h("p", {}, "All tracks in one ZIP, for an editor: laid one under the other from the start they are in time."),
    h("div", { class: "side-by-side" }, format, clean),
  ];
  const { element } = openDialog(`Export “${recording.title}”`, (close) => [
    form({ fields, submit: "Export", send, cancel: close }),
    h("section", { "aria-labelledby": "exports" }, h("h3", { id: "exports" }, "Exports"), none, list),
  ]);
  const onMessage = ({ detail: { type, payload } }) => {
    if (type !== "recording.export" || payload.export.recording_id !== recording.id) return;
    put(payload.export);
    if (payload.export.state === "ready") say(`${nameOf(payload.export)} is ready.`);
  };
  live.addEventListener("message", onMessage);
  live.addEventListener("reread", read);
  element.addEventListener("close", () => {
    live.removeEventListener("message", onMessage);
    live.removeEventListener("reread", read);
  });
  read();
}

function nameOf({ format, clean }) {
  const what = Object.fromEntries(FORMATS)[format];
  return clean === "none" ? what : `${what}, ${Object.fromEntries(CLEANED)[clean].toLowerCase()}`;
}
