// What was written before, during and after a meeting, on its page.

import { ChatHistory } from "../chat/history.js";
import { chatView } from "../chat/view.js";
import { confirmDialog } from "../ui/dialog.js";
import { fill, h, icon, toast } from "../ui/dom.js";
import { words } from "../ui/words.js";

/** @returns {{element: Element, read: (meeting: object) => Promise<void>, dispose: () => void}} */
export function chatSection(app) {
  const { client, live } = app;
  const place = h("div", {});
  const element = h("section", { "aria-labelledby": "chat" }, h("h2", { id: "chat" }, "Chat"), place);
  let history = null;
  let view = null;
  let shown = null;

  const onMessage = ({ detail }) => history?.hear(detail);
  const seen = () => {
    const inSight = document.visibilityState === "visible" && element.contains(document.activeElement);
    if (inSight) history?.markRead();
  };
  live.addEventListener("message", onMessage);
  element.addEventListener("focusin", seen);

  async function empty() {
    const text = "Every message is deleted, for everybody.";
    if (!(await confirmDialog({ title: "Empty the chat?", text, submit: "Empty it", danger: true }))) return;
    try {
      await history.clear();
      await history.read();
    } catch (error) {
      toast(words(error), { kind: "bad" });
    }
  }

  async function read(meeting) {
    const open = meeting.state !== "cancelled" && !(meeting.state === "ended" && meeting.chat_retention === "until_end");
    const print = `${open}`;
    if (shown !== print) {
      shown = print;
      history = new ChatHistory(client, meeting.id);
      view = chatView(history, { me: client.user, writable: open });
      const owner = meeting.my_relation === "owner";
      const button = h("button", { class: "quiet", hidden: true, onclick: empty }, icon("trash"), "Empty the chat");
      history.addEventListener("change", () => {
        view.draw();
        button.hidden = !owner || history.messages.length === 0;
        seen();
      });
      fill(place, view.element, button);
    }
    await history.catchUp();
  }

  return { element, read, dispose: () => live.removeEventListener("message", onMessage) };
}
