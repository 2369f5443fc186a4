// The first page: what is on, what waits for an answer, what comes, what was.

import { follow } from "../live.js";
import { fill, h, icon, renderList, toast } from "../ui/dom.js";
import { day, MEETING_STATES, time, words } from "../ui/words.js";
import { repeatWords } from "../ui/repeats.js";
import { invitationCard, proposalCard } from "./answers.js";
import { calendarFeedDialog } from "./calendar-feed.js";
import { createMeetingDialog, startNow } from "./create-meeting.js";

const PAST_PAGE = 8;
const SOON_MS = 900_000;
const TOGETHER_MS = 10_000;

export function show(app, root) {
  const { client, live } = app;
  const { user } = client;
  app.title("Your meetings");
  root.classList.add("dashboard");

  const answers = h("ul", { class: "cards" });
  const answersSection = h(
    "section",
    { class: "answers", "aria-labelledby": "answers" },
    h("h2", { id: "answers" }, "Waiting for your answer"),
    answers,
  );
  const on = h("ul", { class: "cards" });
  const onSection = h("section", { class: "on", "aria-labelledby": "on" }, h("h2", { id: "on" }, "Happening now"), on);
  const coming = h("div", {});
  const past = h("ul", { class: "rows" });
  const more = h("button", { class: "quiet", onclick: () => ((pastLimit += PAST_PAGE), read()) }, "Show earlier ones");
  const pastSection = h("section", { "aria-labelledby": "past" }, h("h2", { id: "past" }, "Past"), past, more);
  let pastLimit = PAST_PAGE;

  fill(
    root,
    h(
      "div",
      { class: "screen-head" },
      h("div", {}, h("h1", {}, `${greeting()}, ${firstName(user.display_name)}`), h("p", { class: "hint" }, today())),
      h(
        "div",
        { class: "buttons" },
        h("a", { class: "button", href: "/recordings" }, icon("record"), "Recordings"),
        h("a", { class: "button", href: "/calls" }, icon("phone"), "Calls"),
        h(
          "button",
          { class: "", onclick: () => startNow(app).catch((error) => toast(words(error), { kind: "bad" })) },
          icon("camera"),
          "Meet now",
        ),
        h("button", { class: "primary", onclick: () => createMeetingDialog(app) }, icon("plus"), "New meeting"),
      ),
    ),
    user.email_verified ? null : verificationNotice(app),
    onSection,
    answersSection,
    h(
      "div",
      { class: "agenda" },
      h(
        "section",
        { "aria-labelledby": "coming" },
        h("h2", { id: "coming" }, "Coming up"),
        coming,
        h("button", { class: "quiet", onclick: () => calendarFeedDialog(app) }, icon("calendar"), "In your calendar app"),
      ),
      pastSection,
    ),
  );

  async function read() {
    const list = (query) => client.get("/meetings", { query });
    const [isLive, scheduled, ended, cancelled, received, proposals] = await Promise.all([
      list({ state: "live", limit: 50 }),
      list({ state: "scheduled", order: "asc", limit: 100 }),
      list({ state: "ended", order: "desc", limit: pastLimit }),
      list({ state: "cancelled", order: "desc", limit: pastLimit }),
      client.all("/invitations", { box: "received", status: "pending" }),
      client.all("/invitations", { box: "sent", status: "proposed" }),
    ]);
    const open = [
      ...received.filter((one) => ["scheduled", "live"].includes(one.meeting.state)),
      ...proposals.filter((one) => one.meeting.state === "scheduled"),
    ];
    answersSection.hidden = open.length === 0;
    renderList(answers, open, (one) => (one.status === "proposed" ? proposalCard(app, one) : invitationCard(app, one)));
    const asked = new Set(received.map(({ scope, meeting }) => (scope === "all" && meeting.series_id) || meeting.id));
    const isAnswered = ({ id, series_id }) => !asked.has(id) && !asked.has(series_id); // others stand among what waits
    const now = isLive.items.filter(isAnswered);
    onSection.hidden = now.length === 0;
    renderList(on, now, liveCard);
    drawComing(
      coming,
      nextOfSeries(scheduled.items.filter(isAnswered)),
    );
    const gone = [...ended.items, ...calledOff(cancelled.items)].sort((one, other) =>
      lastMoment(other).localeCompare(lastMoment(one)),
    );
    pastSection.hidden = gone.length === 0;
    more.hidden = !ended.next_cursor && !cancelled.next_cursor && gone.length <= pastLimit;
    renderList(past, gone.slice(0, pastLimit), pastRow);
    root.setAttribute("data-ready", ""); // everything is on the screen
  }

  const about = /^(meeting|series|invitation|notes|chat)\./;
  return follow(live, (message) => about.test(message.type), read);
}

/** Until an address is confirmed, invitations to it don't reach its account. */
function verificationNotice(app) {
  const again = async (event) => {
    event.currentTarget.disabled = true;
    try {
      await app.client.post("/auth/verify/send", undefined, { tries: 1, idempotencyKey: null });
      toast(`A mail to ${app.client.user.email} is on its way.`, { kind: "good" });
    } catch (error) {
      toast(words(error), { kind: "bad" });
    }
  };
  return h(
    "div",
    { class: "notice verification" },
    icon("mail"),
    h(
      "div",
      { class: "grow" },
      h("p", {}, "Confirm your e-mail address by the link in the mail that you got: then invitations to it reach you."),
      h("button", { onclick: again }, "Send the mail again"),
    ),
  );
}

/** Of what repeats, the coming week and the next one after it: a daily meeting would hide everything else. */
function nextOfSeries(meetings) {
  const week = Date.now() + 7 * 86_400_000;
  const seen = new Set();
  return meetings.filter(({ series_id, starts_at }) => {
    if (!series_id || Date.parse(starts_at) < week) return true;
    return !seen.has(series_id) && seen.add(series_id);
  });
}

/** Of those of a series that were called off together, one; it takes a moment to go through them. */
function calledOff(meetings) {
  const shown = [];
  for (const meeting of meetings) {
    const at = Date.parse(meeting.cancelled_at);
    const isTogether = ({ series_id, cancelled_at }) =>
      series_id === meeting.series_id && Math.abs(Date.parse(cancelled_at) - at) < TOGETHER_MS;
    if (!meeting.series_id || !shown.some(isTogether)) shown.push(meeting);
  }
  return shown;
}

/** Meetings by day; those without a time come first, since they can be joined at once. */
function drawComing(parent, meetings) {
  if (meetings.length === 0) {
    parent.renderedItems = null;
    fill(
      parent,
      h(
        "p",
        { class: "empty" },
        icon("calendar"),
        "Nothing is planned. A new meeting takes a title and, if you like, a time.",
      ),
    );
    return;
  }
  if (!parent.renderedItems) fill(parent);
  const days = new Map();
  for (const meeting of meetings) {
    const name = meeting.starts_at ? day(meeting.starts_at) : "Any time";
    days.set(name, [...(days.get(name) ?? []), meeting]);
  }
  const groups = [...days].map(([name, items]) => ({ id: name, items }));
  groups.sort((one, other) => Number(other.id === "Any time") - Number(one.id === "Any time"));
  renderList(parent, groups, ({ id, items }) => {
    const rows = h("ul", { class: "rows" });
    renderList(rows, items, comingRow);
    return h("div", { class: "day" }, h("h3", {}, id), rows);
  });
}

function liveCard(meeting) {
  return h(
    "li",
    { class: "card is-live" },
    h(
      "div",
      { class: "grow" },
      h("p", { class: "badge live" }, MEETING_STATES.live),
      h("h3", {}, titleLink(meeting)),
      h("p", { class: "hint" }, `Since ${time(meeting.started_at)}, ${host(meeting)}`),
    ),
    joinLink(meeting, "primary"),
  );
}

function comingRow(meeting) {
  const soon = !meeting.starts_at || meeting.my_relation === "owner" || Date.parse(meeting.starts_at) < Date.now() + SOON_MS;
  return h(
    "li",
    { class: "row" },
    h("p", { class: "row-time" }, meeting.starts_at ? time(meeting.starts_at) : icon("clock")),
    h(
      "div",
      { class: "grow" },
      h("h4", {}, titleLink(meeting)),
      h(
        "p",
        { class: "hint" },
        [
          meeting.duration_min && `${meeting.duration_min} min`,
          repeatWords(meeting),
          host(meeting),
          meeting.my_relation === "invited" && "not accepted yet",
        ]
          .filter(Boolean)
          .join(" · "),
      ),
    ),
    soon && joinLink(meeting, ""),
  );
}

function pastRow(meeting) {
  return h(
    "li",
    { class: "row" },
    h("p", { class: "row-time" }, time(lastMoment(meeting))),
    h(
      "div",
      { class: "grow" },
      h("h3", {}, titleLink(meeting)),
      h("p", { class: "hint" }, `${day(lastMoment(meeting))} · ${host(meeting)}`),
    ),
    meeting.state === "cancelled" && h("p", { class: "badge" }, MEETING_STATES.cancelled),
  );
}

function titleLink(meeting) {
  const unread = meeting.unread_messages;
  return [
    h("a", { href: `/meetings/${meeting.id}`, "data-key": meeting.id }, meeting.title),
    unread > 0 && h("span", { class: "badge chat-news" }, icon("chat"), `${unread} new`),
  ];
}

function joinLink(meeting, look) {
  const label = `Join ${meeting.title}`;
  return h(
    "a",
    {
      class: `button ${look}`,
      href: `/meetings/${meeting.id}/room`,
      "aria-label": label,
      "data-key": `join-${meeting.id}`,
    },
    "Join",
  );
}

function host(meeting) {
  return meeting.my_relation === "owner" ? "hosted by you" : `with ${meeting.owner.display_name}`;
}

function lastMoment(meeting) {
  return meeting.ended_at ?? meeting.cancelled_at ?? meeting.updated_at;
}

function greeting() {
  const hour = new Date().getHours();
  if (hour < 5) return "Good night";
  if (hour < 12) return "Good morning";
  return hour < 18 ? "Good afternoon" : "Good evening";
}

function firstName(name) {
  return name.trim().split(/\s+/)[0];
}

function today() {
  return new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long", year: "numeric" }).format(
    new Date(),
  );
}
