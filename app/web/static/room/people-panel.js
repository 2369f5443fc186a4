// The list of who is here and how.

import { copyLink } from "../screens/create-meeting.js";
import { avatar } from "../screens/people.js";
import { h, icon, renderList } from "../ui/dom.js";
import { time } from "../ui/words.js";

/** @returns {{element: Element, open: boolean, toggle: () => void, draw: () => void}} */
export function peoplePanel(call) {
  const list = h("ul", { class: "rows" });
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
    list,
    // Guests are not told it.
    call.meeting.join_url &&
      h("button", { class: "quiet", onclick: () => copyLink(call.meeting) }, icon("link"), "Copy link"),
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
      const people = [...call.people.values()].sort((one, other) =>
        (one.joined_at ?? "").localeCompare(other.joined_at ?? ""),
      );
      renderList(
        list,
        people.map((one) => ({ ...one, connection: call.view(one.id).state })),
        (one) => row(one, call),
      );
    },
  };
  return panel;
}

function row(person, call) {
  const own = person.id === call.self.id;
  const marks = [
    person.is_owner && "host",
    person.is_guest && "guest",
    person.state === "waiting" ? "waiting to be let in" : person.joined_at && `since ${time(person.joined_at)}`,
    person.state === "reconnecting" && "lost the connection",
    person.screen && "shares a screen",
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
    person.muted && h("span", { class: "mark", role: "img", "aria-label": "muted" }, icon("mic-off")),
    !person.camera && h("span", { class: "mark", role: "img", "aria-label": "camera off" }, icon("camera-off")),
    h("span", { class: `dot ${person.state === "joined" && good ? "good" : "poor"}` }),
  );
}
