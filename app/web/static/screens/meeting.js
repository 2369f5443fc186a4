// A meeting's page: when and with whom, what to do about it, and what it left behind.

import { follow } from "../live.js";
import { partsOfMeeting, zeroOf } from "../review/parts.js";
import { review } from "../review/review.js";
import { confirmDialog, formDialog } from "../ui/dialog.js";
import { fill, h, icon, toast } from "../ui/dom.js";
import { notFound } from "../ui/not-found.js";
import { repeatWords, scopeField } from "../ui/repeats.js";
import { MEETING_STATES, dayAndTime, time, when, words } from "../ui/words.js";
import { invitationButtons } from "./answers.js";
import { chatSection } from "./chat.js";
import { qualitySection } from "./call-quality.js";
import { copyLink, editMeetingDialog, inviteDialog } from "./create-meeting.js";
import { guestsSection } from "./guests.js";
import { peopleSection } from "./people.js";
import { recordingsSection } from "./recordings.js";

export function show(app, root, meetingId) {
  const { client, live } = app;
  const head = h("div", {});
  const people = peopleSection(app);
  const guests = guestsSection(app);
  const heard = review(app, `/meetings/${meetingId}`);
  const recordings = recordingsSection(app, (recording) => heard.play(recording.id));
  const chat = chatSection(app);
  const quality = qualitySection(app);
  root.classList.add("meeting");
  const company = h("div", { class: "stack" }, people.element, chat.element, guests.element);
  const records = h("div", { class: "stack" }, heard.notes, recordings.element, quality.element);
  const columns = h("div", { class: "columns" }, heard.panel, company, records);
  fill(root, head, columns);

  let seriesId = null;
  let pointsAt = new URLSearchParams(location.search); // once it is there to be shown

  async function read() {
    let meeting;
    try {
      meeting = await client.get(`/meetings/${meetingId}`);
    } catch (error) {
      if (error.code === "banned") return showBanned(root);
      if (error.status === 404 || error.status === 403 || error.status === 422) return notFound(app, root);
      throw error;
    }
    app.title(meeting.title);
    seriesId = meeting.series_id;
    const mine = meeting.my_relation === "invited" ? await myInvitation(client, meeting) : null;
    const run = (work) => act(work, reread);
    fill(head, ...headOf(app, meeting, mine, run));
    columns.hidden = meeting.my_relation === "invited";
    guests.draw(meeting);
    if (!columns.hidden) {
      await Promise.all([people.read(meeting), chat.read(meeting), quality.read(meeting), readHeard(meeting)]);
    }
    root.setAttribute("data-ready", "");
  }

  async function readHeard(meeting) {
    const items = await recordings.read(meeting);
    const owner = meeting.my_relation === "owner";
    const zero = zeroOf(meeting, items);
    await heard.read({
      title: meeting.title,
      parts: partsOfMeeting(client, items, zero),
      zero,
      partsAreRecordings: true,
      canCorrect: owner || meeting.my_role === "co_host",
      canRetry: owner,
      canMake: owner && Boolean(meeting.started_at),
      retry: "/notes/retry",
      searched: `meeting=${meeting.id}`,
    });
    arrange(meeting.state === "ended" || !heard.panel.hidden);
    if (pointsAt) heard.open(pointsAt);
    pointsAt = null;
  }

  /** After a meeting what was said stands first, and who was there behind what came of it. */
  function arrange(isAfter) {
    if (columns.classList.contains("is-review") === isAfter) return;
    columns.classList.toggle("is-review", isAfter);
    columns.append(...(isAfter ? [records, company] : [company, records]));
  }

  const reread = () => live.dispatchEvent(new Event("reread"));
  const concerns = ({ type, meeting_id, payload }) =>
    !/^(rtc|chat)\./.test(type) && // the chat reads its own
    (meeting_id === meetingId ||
      payload?.invitation?.meeting?.id === meetingId ||
      (seriesId && (payload?.meeting ?? payload?.invitation?.meeting)?.series_id === seriesId) ||
      (seriesId && payload?.series_id));
  const stop = follow(live, concerns, read);
  return () => {
    stop();
    chat.dispose();
    heard.dispose();
  };
}

function showBanned(root) {
  fill(
    root,
    h("h1", {}, "The host has banned you from this meeting."),
    h("div", { class: "buttons" }, h("a", { class: "button", href: "/" }, "Your meetings")),
  );
}

function headOf(app, meeting, invitation, run) {
  const owner = meeting.my_relation === "owner";
  const open = meeting.state === "scheduled" || meeting.state === "live";
  return [
    h("p", {}, h("a", { class: "back", href: "/" }, icon("back"), "Your meetings")),
    h(
      "div",
      { class: "screen-head" },
      h(
        "div",
        {},
        h("p", { class: `badge ${meeting.state}` }, MEETING_STATES[meeting.state]),
        h("h1", {}, meeting.title),
        h(
          "p",
          { class: "when" },
          icon("clock"),
          whenItIs(meeting),
          meeting.recurrence && ` · ${repeatWords(meeting)}`,
          ` · ${owner ? "hosted by you" : `hosted by ${meeting.owner.display_name}`}`,
        ),
        meeting.description && h("p", { class: "description" }, meeting.description),
        invitation?.status === "proposed" &&
          h(
            "p",
            { class: "hint" },
            `You asked for ${dayAndTime(invitation.proposal.starts_at)} instead; the host has not answered. You can still `,
            "come as planned, or not.",
          ),
        mockMark(meeting),
      ),
    ),
    ["pending", "proposed"].includes(invitation?.status) && open
      ? h("div", { class: "actions" }, invitationButtons(app, invitation))
      : h("div", { class: "actions" }, open && joinLink(meeting), actionsOf(app, meeting, owner, run)),
    meeting.my_relation === "invited" &&
      h("p", { class: "empty" }, icon("people"), "Who comes, recordings and notes are shown once you have accepted."),
  ];
}

function joinLink(meeting) {
  return h(
    "a",
    { class: "button primary", href: `/meetings/${meeting.id}/room`, "data-key": "join" },
    icon("camera"),
    "Join",
  );
}

/** When it is planned; once it has begun, when it took place. */
function whenItIs(meeting) {
  if (!meeting.started_at || !["live", "ended"].includes(meeting.state)) return when(meeting);
  if (meeting.state === "live") return `Since ${time(meeting.started_at)}`;
  return `${dayAndTime(meeting.started_at)} – ${time(meeting.ended_at)}`;
}

function actionsOf(app, meeting, owner, run) {
  const { client } = app;
  const button = (words, name, work, look = "") =>
    h("button", { class: look, "data-key": name, onclick: work }, icon(name), words);
  const post = (action) => client.post(`/meetings/${meeting.id}/${action}`);
  const copy = button("Copy link", "link", () => copyLink(meeting));
  if (meeting.state === "ended") return owner || meeting.my_role === "co_host" ? [button("Open it again", "play", () => run(() => post("start")))] : [];
  if (meeting.state === "cancelled") return [];
  const host = owner || meeting.my_role === "co_host";
  const calendar =
    meeting.starts_at && button("Add to calendar", "calendar", () => run(() => saveCalendar(client, meeting)));
  if (!host) return [copy, calendar];
  const end = async () => {
    const text = "Everybody who is in it is sent out.";
    if (await confirmDialog({ title: "End the meeting?", text, submit: "End for all", danger: true }))
      await post("end");
  };
  const cancelSome = () =>
    formDialog({
      title: "Cancel the meeting?",
      submit: "Call off",
      danger: true,
      fields: [scopeField("What is called off")],
      send: (data) =>
        client.post(`/meetings/${meeting.id}/cancel`, undefined, { query: { scope: data.get("scope") } }),
      done: () => run(async () => {}),
    });
  const cancel = async () => {
    if (meeting.series_id) return cancelSome();
    const text = "Everybody who was invited is told that it doesn't take place.";
    if (await confirmDialog({ title: "Cancel the meeting?", text, submit: "Cancel the meeting", danger: true }))
      await post("cancel");
  };
  return [
    copy,
    calendar,
    owner &&
      button("Invite", "mail", () =>
        inviteDialog(app, meeting, () => run(async () => toast("Invited.", { kind: "good" }))),
      ),
    owner &&
      meeting.state === "scheduled" &&
      button("Change", "edit", () => editMeetingDialog(app, meeting, () => run(async () => {}))),
    meeting.state === "scheduled" && button("Start", "play", () => run(() => post("start"))),
    owner && meeting.state === "scheduled" && button("Cancel", "close", () => run(cancel), "danger-text"),
    meeting.state === "live" && button("End", "close", () => run(end), "danger-text"),
  ];
}

function mockMark(meeting) {
  const mode = meeting.effective_media_mode ?? meeting.media_mode;
  return mode === "mock" && h("p", { class: "badge mock" }, icon("flask"), "This meeting's media is a mock");
}

/** The one that asks to this meeting, or else to its series; then it is about this occurrence that one may propose. */
async function myInvitation(client, { id, series_id, starts_at }) {
  const received = await client.all("/invitations", { box: "received" });
  const own = received.find((one) => one.scope === "this" && one.meeting.id === id);
  if (own) return own;
  const all = series_id && received.find((one) => one.scope === "all" && one.meeting.series_id === series_id);
  return all ? { ...all, meeting: { ...all.meeting, id, starts_at } } : null;
}

async function saveCalendar(client, meeting) {
  const url = URL.createObjectURL(await client.file(`/meetings/${meeting.id}/calendar.ics`));
  h("a", { href: url, download: "meeting.ics" }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

async function act(work, reread) {
  try {
    await work();
  } catch (error) {
    toast(words(error), { kind: "bad" });
  }
  reread();
}
