// The room: first a look in the mirror (pre-join), then the call. `app.guest` is set for somebody without an account, who
// has no other page of the meeting.

import { Call } from "../call/call.js";
import { canShareScreen, explain, LocalMedia } from "../call/media.js";
import { confirmDialog, openDialog } from "../ui/dialog.js";
import { Connection } from "../ui/connection.js";
import { fill, h, icon, say, toast } from "../ui/dom.js";
import { notFound } from "../ui/not-found.js";
import { troubleWords } from "../ui/unsent.js";
import { words } from "../ui/words.js";
import { bannersOf } from "../room/banners.js";
import { chatPanel } from "../room/chat-panel.js";
import { devicesDialog } from "../room/devices.js";
import { unmuteNotice, waitingCard, waitingNotice } from "../room/lobby.js";
import { peoplePanel } from "../room/people-panel.js";
import { keepWishes, preJoin } from "../room/pre-join.js";
import { LocalRecorder } from "../recording/local-recorder.js";
import { Recorder } from "../room/recorder.js";
import { Stage } from "../room/stage.js";

const REASONS = {
  meeting_ended: "The meeting has ended.",
  removed: "The host has taken you out of the meeting.",
  banned: "The host has banned you from the meeting.",
  denied: "The host did not let you in.",
  timed_out: "You were away for too long, so you have left the meeting.",
  replaced: "You have joined from another window; this one has left.",
  guests_closed: "The host has closed the meeting to guests.",
  meeting_cancelled: "The meeting is cancelled.",
  left: "You have left the meeting.",
  superseded: "The call goes on in another window.",
  session_ended: "Your session has ended.",
  signed_out: "Your session has ended.",
};

// There is nothing to come back to.
const FINAL = [
  "meeting_ended",
  "meeting_cancelled",
  "removed",
  "banned",
  "guests_closed",
  "session_ended",
  "signed_out",
];
const REJOIN_WITHIN_MS = 300_000;

export function show(app, root, meetingId) {
  const media = new LocalMedia();
  const visit = new AbortController();
  visit.signal.addEventListener("abort", () => media.closeAll());
  run(app, root, meetingId, media, visit.signal).catch((error) => {
    if (error.status === 404 || error.code === "forbidden" || error.status === 422) notFound(app, root);
    else showEnd(app, root, meetingId, words(error), mayChange(error) ? "failed" : null);
  });
  return () => visit.abort();
}

/** Whether trying again makes sense. */
function mayChange(error) {
  return error.passing || error.code === "meeting_locked" || error.code === "meeting_full";
}

async function run(app, root, meetingId, media, left) {
  const meeting = await app.client.get(`/meetings/${meetingId}`);
  app.title(meeting.title);
  if (meeting.state === "cancelled") return showEnd(app, root, meetingId, "The meeting is cancelled.");
  if (meeting.state === "ended" && !["owner", "co_host"].includes(meeting.my_role))
    return showEnd(app, root, meetingId, REASONS.meeting_ended);
  const ai = await preJoin(app, root, meeting, media, left);
  if (!ai) return;
  app.live.stop(); // the participant's inbox brings everything while we are here
  left.addEventListener("abort", () => app.client.user && app.live.start());
  await enter(app, root, meeting, media, left, ai);
}

/** Join with what `media` has. */
async function enter(app, root, meeting, media, left, ai = {}) {
  const options = {
    device: deviceId(),
    seen: app.live.seen,
    ai,
    log: (event, data) => app.debug.add("call", { event, ...data }),
  };
  const call = new Call(app.client, meeting, media, options);
  left.addEventListener("abort", () => call.leaveAtOnce());
  await call.join();
  keepWishes(meeting.id, call.self.ai);
  if (left.aborted) call.leaveAtOnce();
  else showCall(app, root, call, media, left);
}

/**
 * The server counted us as gone, since it did not hear us. After a short while we come again by ourselves, as we were.
 * After a longer one a person says so first: whoever opens a laptop in the evening may not want to be seen.
 */
async function comeAgain(app, root, call, media, left) {
  const { meeting } = call;
  const isLate = call.awayMs > REJOIN_WITHIN_MS;
  const devices = ["microphone", "camera"].filter((source) => media[source]);
  if (isLate) media.closeAll();
  const again = async () => {
    fill(root, h("p", { class: "hint", role: "status" }, "Joining again …"));
    if (isLate) await media.reopen(devices);
    await enter(app, root, meeting, media, left);
    toast("You were away for a while and have joined again.");
  };
  const giveUp = (error) => {
    media.closeAll();
    if (!left.aborted) showEnd(app, root, meeting.id, words(error), error.passing ? "failed" : null);
  };
  if (!isLate) return again().catch(giveUp);
  return showEnd(app, root, meeting.id, REASONS.timed_out, "timed_out", () => again().catch(giveUp));
}

function showCall(app, root, call, media, left) {
  const shown = new AbortController();
  left.addEventListener("abort", () => shown.abort());
  const connection = new Connection();
  const stage = new Stage(media);
  const panel = peoplePanel(app, call);
  const chat = chatPanel(app.client, call);
  const card = waitingCard();
  const request = unmuteNotice(media, () => toggleMicrophone(media));
  const notice = waitingNotice(call, app.client, panel, () => controls.showPeople());
  const recorder = new Recorder(app.client, call);
  app.unsent.start();
  new LocalRecorder(call, recorder, app.unsent, (error) => toast(troubleWords(error), { kind: "bad" }));
  const banners = h("div", { class: "banners" });
  const controls = controlsOf(app, call, media, recorder, panel, chat);
  document.body.className = "in-room";
  root.className = "room";
  fill(
    root,
    h("h1", { class: "room-title" }, call.meeting.title),
    notice.element,
    request.element,
    banners,
    h("div", { class: "room-body" }, card.element, stage.element, panel.element, chat.element),
    controls.element,
  );

  const draw = () => {
    root.dataset.state = call.state;
    connection.heard(call.online, call.trouble);
    bannersOf(banners, call, recorder, stage, connection);
    const count = call.isHost ? call.waiting.length : 0;
    app.title(count > 0 ? `(${count} waiting) ${call.meeting.title}` : call.meeting.title);
    if (media.screen && !call.may("share_screen")) {
      media.close("screen");
      toast("Only hosts may share a screen now.");
    }
    card.draw(call);
    notice.draw();
    request.draw();
    stage.element.hidden = call.state === "waiting";
    stage.draw(call);
    panel.draw();
    controls.draw();
  };
  call.addEventListener("change", draw);
  recorder.addEventListener("change", draw);
  stage.addEventListener("change", draw);
  connection.addEventListener("change", draw);
  call.addEventListener("message", ({ detail }) => {
    announce(call, detail);
    heed(call, request, detail);
    recorder.hear(detail);
    chat.hear(detail);
    app.live.publish(detail);
  });
  call.addEventListener("over", () => {
    shown.abort();
    connection.heard(true);
    stage.close();
    if (call.reason === "timed_out" && !left.aborted) return comeAgain(app, root, call, media, left);
    media.closeAll();
    if (left.aborted) return;
    if (call.reason === "left" && !app.guest) app.navigate(`/meetings/${call.meeting.id}`, { replace: true });
    else showEnd(app, root, call.meeting.id, REASONS[call.reason] ?? "The call has ended.", call.reason);
  });
  const pageGoes = (event) => event.persisted || call.leaveAtOnce();
  addEventListener("pagehide", pageGoes, { signal: shown.signal });
  recorder.read();
  draw();
  controls.focus();
}

/** What a host asks of us. Nobody but us turns our microphone on. */
function heed(call, request, { type, payload }) {
  const host = payload?.by?.display_name;
  if (type === "participant.mute" && payload.participant_ids.includes(call.self.id)) toast(`${host} has muted you.`);
  if (type === "participant.ask_to_unmute") request.ask(host);
}

/** Joins and leaves for those who don't see the tiles. */
function announce(call, { type, payload }) {
  const who = payload?.participant;
  if (!who || who.id === call.self.id || who.kind !== "user") return;
  if (type === "participant.waiting") return; // the notice says it
  if (type === "participant.left" && who.left_reason === "denied") return;
  if (type === "participant.joined") say(`${who.display_name} joined.`);
  if (type === "participant.left") {
    say(who.left_reason === "timed_out" ? `${who.display_name} lost the connection.` : `${who.display_name} left.`);
  }
  if (type === "participant.updated" && who.state === "reconnecting") say(`${who.display_name} is reconnecting.`);
}

// Controls -----------------------------------------------------------------------------------------------------

function controlsOf(app, call, media, recorder, panel, chat) {
  const button = (name, run, look = "") =>
    h("button", { class: `control ${look}`, type: "button", "data-key": name, onclick: run });
  const label = (element, shape, text, on = null) => {
    const print = `${shape}|${text}|${on}`;
    if (element.dataset.print === print) return;
    element.dataset.print = print;
    fill(element, icon(shape), h("span", {}, text));
    if (on !== null) element.classList.toggle("is-off", !on);
  };
  const busy = (work) => async (event) => {
    const element = event.currentTarget;
    element.disabled = true;
    try {
      await work();
    } catch (error) {
      toast(words(error), { kind: "bad" });
    }
    element.disabled = false;
    element.focus();
  };

  const microphone = button(
    "microphone",
    busy(() => toggleMicrophone(media)),
  );
  const camera = button(
    "camera",
    busy(() => toggleCamera(media)),
  );
  const screen = button(
    "screen",
    busy(() => toggleScreen(media)),
  );
  const openOne = (one, other) => {
    if (other.open) other.toggle(); // there is room for one beside the stage
    one.toggle();
    draw();
  };
  const hand = button(
    "hand",
    busy(() => call.setHand(!call.self.hand)),
  );
  const people = button("people", () => openOne(panel, chat));
  const talk = button("chat", () => openOne(chat, panel));
  const devices = button("devices", () => devicesDialog(media, call));
  const record = button(
    "record",
    busy(() => recorder.toggle()),
  );
  const leave = button("leave", () => leaveDialog(app, call), "leave");

  function draw() {
    const inside = call.state === "live";
    screen.hidden = !inside || !canShareScreen() || !(call.may("share_screen") || media.screen);
    hand.hidden = people.hidden = talk.hidden = !inside;
    record.hidden = !inside || call.self.is_guest || !call.may("record");
    const speaking = Boolean(media.microphone) && !media.muted;
    label(microphone, speaking ? "mic" : "mic-off", speaking ? "Mute" : "Unmute", speaking);
    label(
      camera,
      media.camera ? "camera" : "camera-off",
      media.camera ? "Stop camera" : "Start camera",
      Boolean(media.camera),
    );
    label(screen, "screen", media.screen ? "Stop sharing" : "Share screen");
    screen.classList.toggle("is-on", Boolean(media.screen));
    label(hand, "hand", call.self.hand ? "Lower hand" : "Raise hand");
    hand.classList.toggle("is-on", Boolean(call.self.hand));
    const waiting = call.isHost ? call.waiting.length : 0;
    label(people, "people", `People (${call.present.length}${waiting ? `, ${waiting} waiting` : ""})`);
    people.classList.toggle("is-called", waiting > 0);
    people.setAttribute("aria-expanded", String(panel.open));
    label(talk, "chat", chat.unread > 0 ? `Chat (${chat.unread} new)` : "Chat");
    talk.setAttribute("aria-expanded", String(chat.open));
    talk.classList.toggle("has-news", chat.unread > 0);
    label(devices, "settings", "Devices");
    label(record, "record", recorder.running ? "Stop recording" : "Record");
    record.classList.toggle("is-on", recorder.running);
    label(leave, "leave", "Leave");
  }

  const element = h(
    "div",
    { class: "controls", role: "toolbar", "aria-label": "Call" },
    microphone,
    camera,
    screen,
    hand,
    people,
    talk,
    devices,
    record,
    leave,
  );
  return { element, draw, focus: () => microphone.focus(), showPeople: () => panel.open || openOne(panel, chat) };
}

async function toggleMicrophone(media) {
  if (media.microphone) return media.setMuted(!media.muted);
  media.setMuted(false);
  return openOrExplain(() => media.openMicrophone(), "microphone");
}

async function toggleCamera(media) {
  if (media.camera) return media.close("camera");
  return openOrExplain(() => media.openCamera(), "camera");
}

async function toggleScreen(media) {
  if (media.screen) return media.close("screen");
  try {
    await media.openScreen();
  } catch (error) {
    if (error.name !== "NotAllowedError") throw error; // otherwise the person has closed the browser's dialog
  }
}

async function openOrExplain(open, source) {
  try {
    await open();
  } catch (error) {
    const { title, text } = explain(error, source);
    toast(`${title}. ${text}`, { kind: "bad" });
  }
}

function leaveDialog(app, call) {
  const leave = () => call.leave().catch((error) => toast(words(error), { kind: "bad" }));
  if (!call.isHost || call.state === "waiting") return leave();
  const end = async () => {
    try {
      await app.client.post(`/meetings/${call.meeting.id}/end`);
    } catch (error) {
      toast(words(error), { kind: "bad" });
    }
  };
  openDialog("Leave the meeting?", (close) => [
    h("p", {}, "If you only leave, the others stay in it."),
    h(
      "div",
      { class: "buttons" },
      h("button", { onclick: close }, "Stay"),
      h("button", { class: "danger", onclick: () => (close(), end()) }, "End for all"),
      h("button", { class: "primary", autofocus: true, onclick: () => (close(), leave()) }, "Leave"),
    ),
  ]);
}

/** @param {() => void} rejoin what "Join again" does; otherwise it leads to the mirror */
function showEnd(app, root, meetingId, text, reason = null, rejoin = null) {
  document.body.className = "";
  root.className = "screen narrow";
  const again = reason && !FINAL.includes(reason);
  const toTheMirror = () => (app.guest ? app.guest.again() : app.navigate(`/meetings/${meetingId}/room`, { replace: true }));
  fill(
    root,
    h("h1", {}, text),
    h(
      "div",
      { class: "buttons" },
      again &&
        h(
          "button",
          { class: "primary", onclick: rejoin ?? toTheMirror },
          "Join again",
        ),
      app.guest && !again && h("a", { class: "button", href: location.pathname }, "Back to the link"),
      !app.guest && [
        reason !== "banned" && h("a", { class: "button", href: `/meetings/${meetingId}` }, "To the meeting's page"),
        h("a", { class: "button", href: "/" }, "Your meetings"),
      ],
    ),
  );
  say(text);
}

/** Of this window: the same person in two windows is on two devices. */
function deviceId() {
  const key = "parley.device";
  const id = sessionStorage.getItem(key) ?? `web-${crypto.getRandomValues(new Uint32Array(2)).join("-")}`;
  sessionStorage.setItem(key, id);
  return id;
}
