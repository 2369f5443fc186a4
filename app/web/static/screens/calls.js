// Calls that were recorded elsewhere: sending one, and finding those that were sent.

import { follow } from "../live.js";
import { field } from "../ui/dialog.js";
import { fill, h, icon, renderList } from "../ui/dom.js";
import { dayAndTime } from "../ui/words.js";
import { factsOfCall, stateOfCall } from "./call-facts.js";
import { sendCallDialog, unfinishedCalls } from "./send-call.js";

const PAGE = 20;
const TYPING_MS = 250;
const PROGRESS_MS = 3000; // how far a stage is comes without an event
const FILTERS = [
  ["account", "Account"],
  ["deal", "Deal"],
  ["agent", "Agent"],
  ["customer", "Customer"],
  ["language", "Language"],
];

export function show(app, root) {
  const { client, live } = app;
  app.title("Calls");
  let limit = PAGE;
  let timer = null;
  let typing = null;

  const unfinished = unfinishedCalls(app, () => reread());
  const list = h("ul", { class: "cards" });
  const none = h("p", { class: "empty", role: "status" });
  const more = h("button", { class: "quiet", onclick: () => ((limit += PAGE), reread()) }, "Show more");
  const known = Object.fromEntries(FILTERS.map(([name]) => [name, h("datalist", { id: `known-${name}` })]));
  const filters = h(
    "form",
    { class: "stack", onsubmit: (event) => event.preventDefault(), oninput: () => soon() },
    h(
      "div",
      { class: "side-by-side" },
      FILTERS.map(([name, label]) => [
        field(label, { name, list: known[name].id, autocomplete: "off", maxlength: 200 }),
        known[name],
      ]),
    ),
  );
  fill(
    root,
    h(
      "div",
      { class: "screen-head" },
      h(
        "div",
        {},
        h("h1", {}, "Calls"),
        h("p", { class: "hint" }, "Recorded elsewhere, sent here: transcribed, summed up and found."),
      ),
      h(
        "div",
        { class: "buttons" },
        h("a", { class: "button", href: "/" }, "Your meetings"),
        h("button", { class: "primary", onclick: () => sendCallDialog(app, reread) }, icon("plus"), "Send a call"),
      ),
    ),
    unfinished.element,
    h("search", {}, h("details", {}, h("summary", {}, "Filter"), filters)),
    list,
    none,
    more,
  );

  const wanted = () => Object.fromEntries([...new FormData(filters)].map(([name, value]) => [name, value.trim()]));

  function soon() {
    clearTimeout(typing);
    typing = setTimeout(() => ((limit = PAGE), reread()), TYPING_MS);
  }

  async function read() {
    const query = wanted();
    const items = [];
    let cursor = null;
    do {
      const page = await client.get("/calls", {
        query: { ...query, limit: Math.min(limit + 1 - items.length, 200), cursor },
      });
      items.push(...page.items);
      cursor = page.next_cursor;
    } while (cursor && items.length <= limit);
    const isFiltered = Object.values(query).some(Boolean);
    fill(none, icon("record"), isFiltered ? "No call is like that. A filter has to be met in full." : "No calls yet.");
    none.hidden = items.length > 0;
    more.hidden = items.length <= limit;
    renderList(list, items.slice(0, limit).map(withoutAddress), callItem);
    if (!isFiltered) for (const [name] of FILTERS) fill(known[name], valuesOf(items, name));
    await unfinished.read();
    clearTimeout(timer);
    if (items.some(({ state }) => !["done", "failed"].includes(state))) timer = setTimeout(reread, PROGRESS_MS);
    root.setAttribute("data-ready", "");
  }

  const reread = () => live.dispatchEvent(new Event("reread"));
  const stop = follow(live, ({ type, payload }) => /^notes\./.test(type) && payload.call_id, read);
  return () => {
    clearTimeout(timer);
    clearTimeout(typing);
    stop();
  };
}

/** It is signed anew each time, and no reason to draw a call again. */
function withoutAddress({ signed_url: _, ...call }) {
  return call;
}

function valuesOf(calls, name) {
  const values = new Set(calls.map((call) => call[name]).filter(Boolean));
  return [...values].sort().map((value) => h("option", { value }));
}

function callItem(call) {
  return h(
    "li",
    { class: "card", "data-call": call.id },
    h(
      "div",
      { class: "grow" },
      h("h2", {}, h("a", { href: `/calls/${call.id}`, "data-key": call.id }, call.title)),
      h("p", { class: "hint" }, [dayAndTime(call.held_at ?? call.created_at), ...factsOfCall(call)].join(" · ")),
    ),
    stateOfCall(call),
  );
}
