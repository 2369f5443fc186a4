// One's webhooks: what there are, and adding one.

import { follow } from "../live.js";
import { field, form, openDialog } from "../ui/dialog.js";
import { fill, h, icon, renderList } from "../ui/dom.js";
import { dayAndTime } from "../ui/words.js";
import { secretDialog } from "./webhook-secret.js";

export function show(app, root) {
  const { client, live } = app;
  app.title("Webhooks");
  const list = h("ul", { class: "cards" });
  const none = h("p", { class: "empty", role: "status", hidden: true }, icon("link"), "No webhooks yet.");
  fill(
    root,
    h("p", {}, h("a", { class: "back", href: "/account" }, icon("back"), "Your account")),
    h(
      "div",
      { class: "screen-head" },
      h(
        "div",
        {},
        h("h1", {}, "Webhooks"),
        h("p", { class: "hint" }, "What happens in meetings that you host, sent to a server of yours as it happens."),
      ),
      h("button", { class: "primary", onclick: add }, icon("plus"), "Add a webhook"),
    ),
    list,
    none,
  );

  function add() {
    openDialog("Add a webhook", (close) =>
      form({
        fields: fieldsOf({}),
        submit: "Add",
        cancel: close,
        send: async (data) => {
          const made = await client.post("/webhooks", bodyOf(data), { idempotencyKey: null, tries: 1 });
          close();
          await read();
          secretDialog("The webhook is there", made);
        },
      }),
    );
  }

  async function read() {
    const items = await client.all("/webhooks");
    none.hidden = items.length > 0;
    renderList(list, items, card);
    root.setAttribute("data-ready", "");
  }

  return follow(live, ({ type }) => type === "webhook.paused", read);
}

function card(webhook) {
  const events = webhook.names ? webhook.names.join(", ") : "All events";
  const waiting = webhook.waiting && `${webhook.waiting} waiting`;
  const last = webhook.last_delivered_at ? `Last taken ${dayAndTime(webhook.last_delivered_at)}` : "Nothing taken yet";
  return h(
    "li",
    { class: "card" },
    h(
      "div",
      { class: "grow" },
      h("h2", {}, h("a", { href: `/webhooks/${webhook.id}`, "data-key": webhook.id }, nameOf(webhook))),
      webhook.description && h("p", { class: "hint breaks" }, webhook.url),
      h("p", { class: "hint breaks" }, [events, last, waiting].filter(Boolean).join(" · ")),
    ),
    stateOf(webhook),
  );
}

export function nameOf({ description, url }) {
  return description || new URL(url).host;
}

export function stateOf({ state, failing_since: failing }) {
  if (state === "paused") return h("span", { class: "badge failed" }, "Paused");
  return failing ? h("span", { class: "badge mock" }, "Failing") : h("span", { class: "badge" }, "Active");
}

/** What a person says of a webhook. */
export function fieldsOf({ url = "", description = "", names = null }) {
  return [
    field("Address", {
      name: "url",
      type: "url",
      value: url,
      required: true,
      maxlength: 2000,
      autocomplete: "off",
      hint: "Of a server of yours, beginning with https.",
    }),
    field("Name (optional)", { name: "description", value: description, maxlength: 200, autocomplete: "off" }),
    field("Events (optional)", {
      name: "names",
      value: names?.join(", ") ?? "",
      autocomplete: "off",
      hint: "Names with commas between, such as meeting.ended, notes.ready. Empty: all of them.",
    }),
  ];
}

export function bodyOf(data) {
  const names = data.get("names").split(/[\s,]+/).filter(Boolean);
  return { url: data.get("url").trim(), description: data.get("description").trim(), names: names.length ? names : null };
}
