// A call that was sent: what was said in it, and what was made of it.

import { follow } from "../live.js";
import { fileOf } from "../review/playing.js";
import { partOfCall } from "../review/parts.js";
import { review } from "../review/review.js";
import { confirmDialog } from "../ui/dialog.js";
import { fill, h, icon, toast } from "../ui/dom.js";
import { notFound } from "../ui/not-found.js";
import { bytes, dayAndTime, words } from "../ui/words.js";
import { factsOfCall, stateOfCall } from "./call-facts.js";

export function show(app, root, callId) {
  const { client, live } = app;
  const path = `/calls/${callId}`;
  const head = h("div", {});
  const heard = review(app, path);
  const records = h("div", { class: "stack" }, heard.notes);
  root.classList.add("meeting");
  fill(root, head, h("div", { class: "columns is-review" }, heard.panel, records));
  let pointsAt = new URLSearchParams(location.search); // once it is there to be shown

  async function read() {
    let call;
    try {
      call = await client.get(path);
    } catch (error) {
      if (error.status === 404 || error.status === 422) return notFound(app, root);
      throw error;
    }
    app.title(call.title);
    fill(head, ...headOf(call));
    await heard.read({
      title: call.title,
      parts: [partOfCall(client, call)],
      zero: null,
      partsAreRecordings: false,
      canCorrect: true,
      canMake: false,
      canRetry: true,
      retry: "/retry",
      searched: `call=${call.id}`,
    });
    if (pointsAt) heard.open(pointsAt);
    pointsAt = null;
    root.setAttribute("data-ready", "");
  }

  function headOf(call) {
    const facts = [dayAndTime(call.held_at ?? call.created_at), ...factsOfCall(call), bytes(call.bytes)];
    return [
      h("p", {}, h("a", { class: "back", href: "/calls" }, icon("back"), "Calls")),
      h(
        "div",
        { class: "screen-head" },
        h("div", {}, stateOfCall(call), h("h1", {}, call.title), h("p", { class: "hint" }, facts.join(" · "))),
      ),
      h(
        "div",
        { class: "actions" },
        h(
          "a",
          { class: "button", href: fileOf(call), download: true, "data-key": "file" },
          icon("download"),
          "Download the file",
        ),
        h(
          "button",
          { class: "danger-text", "data-key": "delete", onclick: () => remove(call) },
          icon("trash"),
          "Delete everything",
        ),
      ),
    ];
  }

  async function remove(call) {
    const text = `The file of “${call.title}”, its transcript and its notes are deleted.`;
    if (!(await confirmDialog({ title: "Delete the call?", text, submit: "Delete everything", danger: true }))) return;
    try {
      await client.delete(path);
      app.navigate("/calls", { replace: true });
    } catch (error) {
      toast(words(error), { kind: "bad" });
    }
  }

  const stop = follow(live, ({ payload }) => payload?.call_id === callId, read);
  return () => {
    stop();
    heard.dispose();
  };
}
