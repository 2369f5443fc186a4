// Who waits at the door: what the one who waits sees, and what a host does about it.

import { fill, h, icon, say, toast } from "../ui/dom.js";
import { words } from "../ui/words.js";

const WAITING_FOR = {
  start: ["The meeting has not begun", "You'll come in by yourself; stay on this page."],
  host: ["No host is here yet", "Nobody who could let you in is in the meeting. You keep your place; stay on this page."],
  admission: ["Waiting to be let in", "A host knows that you're here. You'll come in as soon as they admit you."],
};

/** In the place of the room, while one is not in it. */
export function waitingCard() {
  const title = h("h2", {});
  const text = h("p", { class: "hint" });
  const element = h(
    "div",
    { class: "waiting-card", role: "status", "data-banner": "waiting" },
    h("span", { class: "waiting-mark" }, icon("clock")),
    title,
    text,
  );
  return {
    element,
    draw(call) {
      element.hidden = call.state !== "waiting";
      const [heading, more] = WAITING_FOR[call.waitingFor] ?? WAITING_FOR.start;
      if (title.textContent !== heading) fill(title, heading);
      if (text.textContent !== more) fill(text, more);
    },
  };
}

/** For hosts: somebody waits. It stands there until nobody does, and makes no sound. */
export function waitingNotice(call, client, panel, showPeople) {
  const element = h("div", { class: "banners", hidden: true });
  const show = h("button", { onclick: showPeople }, "Show");
  let print = "";
  return {
    element,
    draw() {
      const waiting = call.isHost ? call.waiting : [];
      element.hidden = waiting.length === 0;
      show.hidden = panel.open; // they stand in it
      const now = JSON.stringify(waiting.map((one) => [one.id, one.display_name]));
      if (now === print) return;
      print = now;
      const [first] = waiting;
      const text =
        waiting.length === 1
          ? `${first.display_name} is waiting to come in.`
          : `${waiting.length} people are waiting to come in.`;
      fill(
        element,
        waiting.length > 0 &&
          h(
            "div",
            { class: "banner knock", role: "status", "data-banner": "lobby" },
            icon("door"),
            h("p", {}, text),
            h(
              "button",
              { class: "primary", onclick: () => run(() => admit(client, call, waiting)) },
              waiting.length === 1 ? "Admit" : "Admit all",
            ),
            show,
          ),
      );
    },
  };
}

function admit(client, call, waiting) {
  return waiting.length === 1
    ? act(client, waiting[0], "admit")
    : client.post(`/meetings/${call.meeting.id}/lobby/admit-all`, undefined, { idempotencyKey: null });
}

/** What a host does with a participant; each may be repeated. */
export function act(client, participant, what) {
  return client.post(`/participants/${participant.id}/${what}`, undefined, { idempotencyKey: null });
}

/** Do it, and say what is wrong with it. */
export async function run(work) {
  try {
    await work();
  } catch (error) {
    toast(words(error), { kind: "bad" });
  }
}

/** A host asks us to unmute. It stands there until we answer, or unmute by ourselves. */
export function unmuteNotice(media, unmute) {
  const element = h("div", { class: "banners", hidden: true });
  const close = () => {
    element.hidden = true;
    fill(element);
  };
  return {
    element,
    ask(host) {
      const answer = (work) => () => (close(), work());
      const text = `${host} asks you to unmute.`;
      fill(
        element,
        h(
          "div",
          { class: "banner knock", "data-banner": "unmute" },
          icon("mic"),
          h("p", {}, text),
          h("button", { class: "primary", onclick: answer(unmute) }, "Unmute"),
          h("button", { onclick: close }, "Not now"),
        ),
      );
      element.hidden = false;
      say(text);
    },
    draw: () => !element.hidden && media.microphone && !media.muted && close(),
  };
}
