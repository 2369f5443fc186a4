// All recordings that one may see: found by their titles, with what they take of the room that one has.

import { follow } from "../live.js";
import { field } from "../ui/dialog.js";
import { fill, h, icon, renderList } from "../ui/dom.js";
import { bytes } from "../ui/words.js";
import { recordingItem } from "./recording-item.js";

const PAGE = 20;
const TYPING_MS = 250;

export function show(app, root) {
  const { client, live } = app;
  app.title("Recordings");
  let limit = PAGE;
  let sought = "";
  let typing = null;

  const storage = h("div", { class: "storage" });
  const list = h("ul", { class: "cards" });
  const none = h("p", { class: "empty", role: "status" });
  const more = h("button", { class: "quiet", onclick: () => ((limit += PAGE), reread()) }, "Show more");
  const search = field("Search", { type: "search", name: "q", maxlength: 200, placeholder: "Part of a title" });
  search.addEventListener("input", ({ target }) => {
    clearTimeout(typing);
    typing = setTimeout(() => {
      sought = target.value.trim();
      limit = PAGE;
      reread();
    }, TYPING_MS);
  });
  fill(
    root,
    h("div", { class: "screen-head" }, h("h1", {}, "Recordings"), h("a", { class: "button", href: "/" }, "Your meetings")),
    storage,
    h("search", {}, search),
    list,
    none,
    more,
  );

  async function read() {
    const [items, used] = await Promise.all([found(client, sought, limit), client.get("/auth/me/storage")]);
    fill(storage, ...storageWords(used));
    fill(none, icon("record"), sought ? `No recording has “${sought}” in its title.` : "No recordings.");
    none.hidden = items.length > 0;
    more.hidden = items.length <= limit;
    renderList(list, items.slice(0, limit), (one) => {
      const owner = one.owner_id === client.user.id;
      return recordingItem(app, one, { owner, host: owner, linked: true });
    });
    root.setAttribute("data-ready", "");
  }

  const reread = () => live.dispatchEvent(new Event("reread"));
  const stop = follow(live, ({ type }) => type === "recording.state" || type === "recording.export", read);
  return () => {
    clearTimeout(typing);
    stop();
  };
}

/** So many, and one more if there are more. */
async function found(client, q, limit) {
  const items = [];
  let cursor = null;
  do {
    const query = { limit: Math.min(limit + 1 - items.length, 200), q: q || null, cursor };
    const page = await client.get("/recordings", { query });
    items.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor && items.length <= limit);
  return items;
}

/** What one has stored; with a quota, how far it is. */
function storageWords({ used_bytes: used, quota_bytes: quota, tracks_bytes, films_bytes, exports_bytes, files_bytes }) {
  const parts = [
    ["tracks", tracks_bytes],
    ["films", films_bytes],
    ["exports", exports_bytes],
    ["other files", files_bytes],
  ];
  const told = parts.filter(([, size]) => size > 0).map(([what, size]) => `${bytes(size)} ${what}`);
  const whole = quota ? `You use ${bytes(used)} of ${bytes(quota)}` : `You use ${bytes(used)}`;
  return [
    h("p", {}, told.length > 1 ? `${whole}: ${told.join(", ")}.` : `${whole}.`),
    quota && h("progress", { class: "wide", max: quota, value: Math.min(used, quota), "aria-label": "Storage that you use" }),
    quota && used >= quota && h("p", { class: "problem" }, "No room is left: delete recordings, exports or files first."),
  ];
}
