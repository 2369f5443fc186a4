// Recordings of a meeting.

import { h, icon, renderList } from "../ui/dom.js";
import { recordingItem } from "./recording-item.js";

/** @returns {{element: Element, read: (meeting: object) => Promise<object[]>}} `read` gives them */
export function recordingsSection(app, onPlay) {
  const list = h("ul", { class: "cards" });
  const none = h("p", { class: "empty" }, icon("record"), "No recordings.");
  const element = h(
    "section",
    { "aria-labelledby": "recordings" },
    h("h2", { id: "recordings" }, "Recordings"),
    list,
    none,
  );

  async function read(meeting) {
    const items = await app.client.all(`/meetings/${meeting.id}/recordings`);
    const owner = meeting.my_relation === "owner";
    const host = owner || meeting.my_role === "co_host";
    none.hidden = items.length > 0;
    renderList(list, items, (one) => recordingItem(app, one, { owner, host, onPlay }));
    return items;
  }

  return { element, read };
}
