// One webhook: whether it is paused, trying it, and what was sent to it.

import { follow } from "../live.js";
import { confirmDialog, form, openDialog } from "../ui/dialog.js";
import { fill, h, icon, renderList, toast } from "../ui/dom.js";
import { dayAndTime, time, words } from "../ui/words.js";
import { secretDialog } from "./webhook-secret.js";
import { bodyOf, fieldsOf, nameOf, stateOf } from "./webhooks.js";

const PAGE = 20;
const SOON_MS = 700; // while something is on its way
const LATER_MS = 5000;
const WHY_PAUSED = {
  gone: "Its server answered that it wants no more events (410 Gone).",
  failing: "Its server took none of the events that were sent to it, however often they were sent again.",
};
const STATES = { waiting: "Waiting", delivered: "Delivered", failed: "Failed", withheld: "Withheld" };
const KINDS = { test: "Test", replay: "Sent again" };

export function show(app, root, id) {
  const { client, live } = app;
  const path = `/webhooks/${id}`;
  let limit = PAGE;
  let timer = null;
  let gone = false;
  root.classList.add("webhook");
  const opened = new Set(); // deliveries: a row that is drawn again stays as it was
  const keepOpen = (delivery, isOpen) => opened[isOpen ? "add" : "delete"](delivery);
  const head = h("div", { class: "stack" });
  const list = h("ul", { class: "rows" });
  const none = h("p", { class: "empty", role: "status", hidden: true }, icon("clock"), "Nothing was sent yet.");
  const more = h("button", { class: "quiet", hidden: true, onclick: () => ((limit += PAGE), read()) }, "Show more");
  fill(
    root,
    h("p", {}, h("a", { class: "back", href: "/webhooks" }, icon("back"), "Webhooks")),
    head,
    h("section", { class: "stack", "aria-labelledby": "deliveries" }, h("h2", { id: "deliveries" }, "Deliveries"), list, none, more),
  );

  /** Do it, say it, and show what has become of it. */
  const run = (work, said) => async (event) => {
    const button = event.currentTarget;
    button.disabled = true;
    try {
      await work();
      if (said) toast(said, { kind: "good" });
      if (!gone) await read();
    } catch (error) {
      toast(words(error), { kind: "bad" });
    }
    button.disabled = false;
  };
  const post = (rest) => client.post(`${path}${rest}`, undefined, { idempotencyKey: null, tries: 1 });

  async function rotate() {
    const text = "You are shown a new secret, once. The present one goes on signing beside it for a day.";
    if (!(await confirmDialog({ title: "Make a new secret?", text, submit: "New secret" }))) return;
    secretDialog("The new secret", await post("/secret/rotate"));
  }

  async function remove() {
    const text = "Nothing is sent to it any more. What waits for it, and the list of what was sent, are deleted too.";
    if (!(await confirmDialog({ title: "Delete this webhook?", text, submit: "Delete", danger: true }))) return;
    await client.delete(path);
    gone = true;
    app.navigate("/webhooks");
  }

  function edit(webhook) {
    openDialog("Change the webhook", (close) =>
      form({
        fields: fieldsOf(webhook),
        submit: "Save",
        cancel: close,
        send: async (data) => {
          await client.patch(path, bodyOf(data));
          close();
          await read();
        },
      }),
    );
  }

  function drawHead(webhook) {
    const print = JSON.stringify(webhook);
    if (head.dataset.print === print) return;
    head.dataset.print = print;
    app.title(nameOf(webhook));
    const kept = webhook.waiting === 1 ? "One event waits." : `${webhook.waiting} events wait.`;
    fill(
      head,
      h(
        "div",
        { class: "screen-head" },
        h("div", {}, h("h1", {}, nameOf(webhook)), h("p", { class: "hint breaks" }, webhook.url)),
        stateOf(webhook),
      ),
      h("p", { class: "hint breaks" }, webhook.names ? `Events: ${webhook.names.join(", ")}` : "All events of meetings that you host."),
      webhook.state === "paused" &&
        h(
          "div",
          { class: "notice bad", role: "status" },
          icon("warning"),
          h("p", { class: "grow" }, `Paused since ${dayAndTime(webhook.paused_at)}. ${WHY_PAUSED[webhook.paused_reason]} ${kept}`),
        ),
      h(
        "div",
        { class: "buttons" },
        webhook.state === "paused" &&
          h("button", { class: "primary", onclick: run(() => post("/resume"), "It is sent to again.") }, icon("play"), "Resume"),
        h("button", { onclick: run(() => post("/test")) }, icon("send"), "Send a test"),
        h("button", { onclick: () => edit(webhook) }, icon("edit"), "Change"),
        h("button", { onclick: run(rotate) }, icon("lock"), "New secret"),
        h("button", { class: "danger-text", onclick: run(remove) }, icon("trash"), "Delete"),
      ),
    );
  }

  function row(delivery) {
    const said = `${delivery.name}, ${dayAndTime(delivery.created_at)}`;
    const again = run(() => post(`/deliveries/${delivery.id}/replay`));
    return h(
      "li",
      { class: "row delivery" },
      h(
        "details",
        { class: "grow", open: opened.has(delivery.id), ontoggle: ({ target }) => keepOpen(delivery.id, target.open) },
        h(
          "summary",
          { "data-key": delivery.id },
          h("span", { class: "grow" }, delivery.name, " ", h("span", { class: "hint" }, factsOf(delivery))),
          h("span", { class: `badge ${delivery.state === "failed" ? "failed" : ""}` }, STATES[delivery.state]),
        ),
        delivery.attempts.length === 0 && h("p", { class: "hint" }, "Not tried yet."),
        h("ol", { class: "plain" }, delivery.attempts.map(attempt)),
        h("p", { class: "hint breaks" }, `webhook-id: ${delivery.event_id}`),
        h("button", { "aria-label": `Send again: ${said}`, "data-key": `again-${delivery.id}`, onclick: again }, "Send again"),
      ),
    );
  }

  async function read() {
    clearTimeout(timer);
    const webhook = await client.get(path);
    const items = [];
    let cursor = null;
    do {
      const page = await client.get(`${path}/deliveries`, { query: { limit: Math.min(limit + 1 - items.length, 200), cursor } });
      items.push(...page.items);
      cursor = page.next_cursor;
    } while (cursor && items.length <= limit);
    if (gone) return;
    drawHead(webhook);
    none.hidden = items.length > 0;
    more.hidden = items.length <= limit;
    renderList(list, items.slice(0, limit), row);
    const isOnItsWay = items.some(({ state, attempts }) => state === "waiting" && attempts.length === 0);
    clearTimeout(timer);
    timer = setTimeout(() => read().catch(() => {}), isOnItsWay ? SOON_MS : LATER_MS);
    root.setAttribute("data-ready", "");
  }

  const stop = follow(live, ({ type, payload }) => type === "webhook.paused" && payload.webhook_id === id, read);
  return () => {
    gone = true;
    clearTimeout(timer);
    stop();
  };
}

function factsOf({ kind, created_at: at, state, attempts, next_attempt_at: next }) {
  const tries = attempts.length > 1 && `${attempts.length} attempts`;
  const again = state === "waiting" && attempts.length > 0 && `next at ${time(next)}`;
  return [KINDS[kind], dayAndTime(at), tries, again].filter(Boolean).join(" · ");
}

function attempt({ at, status, duration_ms: ms, error, answer }) {
  return h(
    "li",
    {},
    h("p", { class: "breaks" }, `${dayAndTime(at)} · ${status ?? error} · ${ms} ms`),
    answer && h("pre", { class: "answer" }, answer),
  );
}
