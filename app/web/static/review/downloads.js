// A transcript to take away, in the formats that players, editors and people read.

import { openDialog } from "../ui/dialog.js";
import { h, icon, toast } from "../ui/dom.js";
import { words } from "../ui/words.js";

const FORMATS = [
  ["vtt", "Captions (WebVTT)"],
  ["srt", "Captions (SubRip)"],
  ["txt", "Text"],
  ["json", "Everything, word by word (JSON)"],
];

export function downloadsOf({ client }, path, title) {
  const save = async (format) => {
    try {
      const url = URL.createObjectURL(await client.file(`${path}/transcript`, { query: { format } }));
      h("a", { href: url, download: `${title}.${format}` }).click();
      setTimeout(() => URL.revokeObjectURL(url), 60_000);
    } catch (error) {
      toast(words(error), { kind: "bad" });
    }
  };
  const choose = () =>
    openDialog("Download the transcript", (close) =>
      h(
        "div",
        { class: "stack choices" },
        FORMATS.map(([format, label]) =>
          h("button", { onclick: () => (close(), save(format)) }, icon("download"), label),
        ),
      ),
    );
  const label = "Download the transcript";
  return h(
    "button",
    { class: "quiet icon-only", "aria-label": label, title: label, "data-key": "downloads", onclick: choose },
    icon("download"),
  );
}
