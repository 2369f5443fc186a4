// What begins soon stays on the screen until one joins, or says that one has seen it.

import { h, icon, say } from "./dom.js";
import { time } from "./words.js";

export function reminders(app) {
  const parent = h("div", { class: "banners", id: "reminders" });
  const gone = ({ id }) => parent.querySelector(`[data-meeting="${CSS.escape(id)}"]`)?.remove();
  app.live.addEventListener("message", ({ detail: { type, payload } }) => {
    const { meeting } = payload ?? {};
    if (/^meeting\.(reminder|started|updated|cancelled|ended)$/.test(type)) gone(meeting);
    if (type !== "meeting.reminder" || Date.parse(meeting.starts_at) < app.client.serverNow() - 60_000) return;
    const text = `“${meeting.title}” begins at ${time(meeting.starts_at)}.`;
    const done = () => gone(meeting);
    parent.append(
      h(
        "div",
        { class: "banner wait", "data-meeting": meeting.id },
        icon("clock"),
        h("p", {}, text),
        h("a", { class: "button", href: `/meetings/${meeting.id}/room`, onclick: done }, "Join"),
        h("button", { class: "icon-only quiet", "aria-label": "Dismiss the reminder", onclick: done }, icon("close")),
      ),
    );
    say(text);
  });
  return parent;
}
