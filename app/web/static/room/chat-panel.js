// The chat beside the call. What comes while it is closed is counted on its button, and said.

import { ChatHistory } from "../chat/history.js";
import { chatView } from "../chat/view.js";
import { h, icon, say, toast } from "../ui/dom.js";
import { words } from "../ui/words.js";

/** @returns {{element: Element, open: boolean, unread: number, toggle: () => void, hear: (message: object) => void}} */
export function chatPanel(client, call) {
  const history = new ChatHistory(client, call.meeting.id);
  const view = chatView(history, { me: client.user });
  const element = h(
    "aside",
    { class: "panel chat-panel", "aria-labelledby": "panel-chat", hidden: true },
    h(
      "div",
      { class: "dialog-head" },
      h("h2", { id: "panel-chat" }, "Chat"),
      h(
        "button",
        { class: "icon-only quiet", "aria-label": "Close the chat", onclick: () => panel.toggle() },
        icon("close"),
      ),
    ),
    view.element,
    h("p", { class: "hint only-hosts", hidden: true }, "Only hosts may write here."),
  );
  const drawPermission = () => {
    element.querySelector(".chat-composer").hidden = !call.may("chat");
    element.querySelector(".only-hosts").hidden = call.may("chat");
  };
  const seen = () => {
    if (!panel.open || document.visibilityState !== "visible") return;
    history.markRead().catch(() => {}); // the next message, or the next look, marks it
  };
  const isAtTheDoor = () => call.state === "waiting" && call.self.is_guest; // who may read it once they are in
  const read = () => isAtTheDoor() || history.read().catch((error) => error.passing || toast(words(error), { kind: "bad" }));
  const panel = {
    element,
    get open() {
      return !element.hidden;
    },
    get unread() {
      return history.unread;
    },
    toggle() {
      element.hidden = !element.hidden;
      call.dispatchEvent(new Event("change"));
      if (element.hidden) {
        document.querySelector('.controls [data-key="chat"]')?.focus();
        return;
      }
      if (history.ready) history.catchUp().catch(() => {});
      else read();
      view.draw();
      view.toTheEnd();
      view.focus();
      seen();
    },
    hear(message) {
      const letIn = message.type === "participant.updated" && message.payload.participant.id === call.self.id;
      if (message.type === "inbox.reset" || (letIn && !history.ready)) read();
      else history.hear(message);
    },
  };
  history.addEventListener("change", () => {
    if (panel.open) view.draw();
    seen();
    call.dispatchEvent(new Event("change"));
  });
  history.addEventListener("arrived", ({ detail }) => {
    if (!panel.open) say(`${detail.sender.display_name} wrote: ${detail.text}`);
  });
  document.addEventListener("visibilitychange", seen);
  call.addEventListener("over", () => document.removeEventListener("visibilitychange", seen));
  call.addEventListener("change", drawPermission);
  drawPermission();
  if (call.state !== "waiting") read(); // whoever waits is not told what is said inside
  return panel;
}
