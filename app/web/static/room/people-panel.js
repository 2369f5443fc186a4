// The list of who is here and how; for hosts, who waits, and what to do with each.

import { copyLink } from "../screens/create-meeting.js";
import { rulesDialog } from "../screens/rules.js";
import { avatar } from "../screens/people.js";
import { fill, h, icon, renderList, toast } from "../ui/dom.js";
import { time } from "../ui/words.js";
import { act, run } from "./lobby.js";
import { personDialog } from "./person-dialog.js";

/** @returns {{element: Element, open: boolean, toggle: () => void, draw: () => void}} */
export function peoplePanel(app, call) {
  const { client } = app;
  const list = h("ul", { class: "rows" });
  const waiting = h("ul", { class: "rows" });
  const waitingPart = h("section", { "aria-label": "Waiting to come in" }, h("h3", {}, "Waiting to come in"), waiting);
  const tools = h("div", { class: "buttons" });
  const element = h(
    "aside",
    { class: "panel", "aria-labelledby": "panel-people", hidden: true },
    h(
      "div",
      { class: "dialog-head" },
      h("h2", { id: "panel-people" }, "People"),
      h(
        "button",
        { class: "icon-only quiet", "aria-label": "Close the list", onclick: () => panel.toggle() },
        icon("close"),
      ),
    ),
    waitingPart,
    list,
    tools,
  );
  const panel = {
    element,
    get open() {
      return !element.hidden;
    },
    toggle() {
      element.hidden = !element.hidden;
      call.dispatchEvent(new Event("change"));
      if (!element.hidden) element.querySelector("button").focus();
      else document.querySelector('.controls [data-key="people"]')?.focus();
    },
    draw() {
      waitingPart.hidden = !call.isHost || call.waiting.length === 0;
      renderList(waiting, waitingPart.hidden ? [] : call.waiting, (one) => waitingRow(client, one));
      const people = call.present.sort(byHand);
      const shown = people.map((one) => ({ ...one, connection: call.view(one.id).state, host: call.isHost }));
      renderList(list, shown, (one) => row(one, call, client));
      drawTools(app, tools, call);
    },
  };
  return panel;
}

/** Raised hands first, in the order in which they were raised; then in the order of coming. */
function byHand(one, other) {
  const key = ({ hand, hand_raised_at, joined_at }) => (hand ? `0 ${hand_raised_at}` : `1 ${joined_at ?? ""}`);
  return key(one).localeCompare(key(other));
}

function drawTools(app, tools, call) {
  const { locked } = call.meeting;
  const print = `${call.isHost}|${locked}|${call.self?.role}`;
  if (tools.dataset.print === print) return;
  tools.dataset.print = print;
  const { client } = app;
  const post = (what) => client.post(`/meetings/${call.meeting.id}/${what}`, undefined, { idempotencyKey: null });
  const muteAll = async () => {
    const { items } = await post("mute-all");
    toast(items.length === 0 ? "Nobody else had the microphone on." : `Muted: ${items.length}.`);
  };
  const button = (shape, label, work) => h("button", { class: "quiet", "data-key": shape, onclick: work }, icon(shape), label);
  const focused = tools.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  fill(
    tools,
    call.meeting.join_url && button("link", "Copy link", () => copyLink(call.meeting)), // guests are not told it
    call.isHost && button("mic-off", "Mute all", () => run(muteAll)),
    call.isHost &&
      button("lock", locked ? "Unlock the meeting" : "Lock the meeting", () => run(() => post(locked ? "unlock" : "lock"))),
    call.self?.role === "owner" && button("settings", "Permissions", () => run(() => rulesDialog(app, call.meeting.id))),
  );
  if (focused) tools.querySelector(`[data-key="${focused}"]`)?.focus();
}

function waitingRow(client, person) {
  const button = (label, what, look) =>
    h(
      "button",
      {
        class: look,
        "aria-label": `${label} ${person.display_name}`,
        onclick: () => run(() => act(client, person, what)),
      },
      label,
    );
  return h(
    "li",
    { class: "row waiting-row", "data-participant": person.id },
    h("p", { class: "name grow" }, person.display_name),
    button("Admit", "admit", "primary"),
    button("Deny", "deny", ""),
  );
}

const HOSTS = { owner: "host", co_host: "co-host" };

function row(person, call, client) {
  const own = person.id === call.self.id;
  const marks = [
    HOSTS[person.role],
    person.is_guest && "guest",
    person.hand && "raises a hand",
    person.joined_at && `since ${time(person.joined_at)}`,
    person.state === "reconnecting" && "lost the connection",
    person.screen && "shares a screen",
    person.ai?.transcribe === false && "not transcribed",
  ];
  const good = own || person.connection === "connected" || person.connection === "mock";
  return h(
    "li",
    { class: "row", "data-participant": person.id },
    avatar(person.display_name),
    h(
      "div",
      { class: "grow" },
      h("p", { class: "name" }, own ? `${person.display_name} (you)` : person.display_name),
      h("p", { class: "hint" }, marks.filter(Boolean).join(", ")),
    ),
    person.hand && h("span", { class: "mark hand" }, icon("hand")),
    person.muted && h("span", { class: "mark", role: "img", "aria-label": "muted" }, icon("mic-off")),
    !person.camera && h("span", { class: "mark", role: "img", "aria-label": "camera off" }, icon("camera-off")),
    h("span", { class: `dot ${person.state === "joined" && good ? "good" : "poor"}` }),
    person.host &&
      !own &&
      h(
        "button",
        {
          class: "icon-only quiet",
          "aria-label": `More about ${person.display_name}`,
          "aria-haspopup": "dialog",
          "data-key": `more-${person.id}`,
          onclick: () => personDialog(call, client, person),
        },
        icon("more"),
      ),
  );
}
