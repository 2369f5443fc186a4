// Making and changing a meeting.

import { field, formDialog, select } from "../ui/dialog.js";
import { h, toast } from "../ui/dom.js";
import { ruleBody, ruleFields } from "./rules.js";
import { repeatFields, ruleOf, sameRule, scopeField } from "../ui/repeats.js";
import { words } from "../ui/words.js";
import { fromWall, OWN_ZONE, toWall, zones } from "../ui/zones.js";

const DURATIONS = [
  ["15", "15 minutes"],
  ["30", "30 minutes"],
  ["45", "45 minutes"],
  ["60", "1 hour"],
  ["90", "1½ hours"],
  ["120", "2 hours"],
];
const MODES = [
  ["", "Automatic"],
  ["p2p", "From person to person"],
  ["mock", "Mock: signals only, no picture or sound"],
];

/** A meeting without a time, and into its room. */
export async function startNow(app) {
  const meeting = await app.client.post("/meetings", { title: `${app.client.user.display_name}'s meeting` });
  await app.navigate(`/meetings/${meeting.id}/room`);
}

export function createMeetingDialog(app) {
  formDialog({
    title: "New meeting",
    submit: "Create meeting",
    fields: [
      ...meetingFields({}),
      field("Invite (optional)", {
        name: "invite",
        type: "email",
        multiple: true,
        placeholder: "ann@example.org, bo@example.org",
        hint: "E-mail addresses, with commas between.",
      }),
      h(
        "details",
        {},
        h("summary", {}, "More"),
        h(
          "div",
          { class: "stack" },
          select("Media", { name: "media_mode", options: MODES, value: "" }),
          ...ruleFields(),
          keepField({}),
        ),
      ),
    ],
    send: async (data) => {
      const body = { ...meetingBody(data), ...ruleBody(data) };
      if (data.get("media_mode")) body.media_mode = data.get("media_mode");
      const meeting = await app.client.post("/meetings", body);
      try {
        await invite(app, meeting, data.get("invite"));
      } catch (error) {
        toast(`The meeting is made, but nobody was invited: ${words(error)}`, { kind: "bad" });
      }
      return meeting;
    },
    done: (meeting) => {
      app.navigate(`/meetings/${meeting.id}`);
      toast(`“${meeting.title}” is made.`, {
        kind: "good",
        action: { label: "Copy link", run: () => copyLink(meeting) },
      });
    },
  });
}

export function editMeetingDialog(app, meeting, done) {
  const isSeries = Boolean(meeting.series_id);
  formDialog({
    title: "Change the meeting",
    submit: "Save",
    fields: [isSeries && scopeField("Change"), ...meetingFields(meeting), keepField(meeting)],
    send: (data) => {
      const scope = isSeries ? data.get("scope") : "this";
      const body = changed(meetingBody(data), meeting);
      if (isSeries && scope === "this") delete body.recurrence;
      return app.client.patch(`/meetings/${meeting.id}`, body, { version: meeting.version, query: { scope } });
    },
    done,
  });
}

/** What the form says otherwise than the meeting: of a series, what is not said stays as it is in each of them. */
function changed(body, meeting) {
  const same = ([name, value]) => {
    if (name === "starts_at") return value ? Date.parse(value) === Date.parse(meeting.starts_at) : !meeting.starts_at;
    return name === "recurrence" ? sameRule(value, meeting) : value === meeting[name];
  };
  return Object.fromEntries(Object.entries(body).filter((entry) => !same(entry)));
}

export function inviteDialog(app, meeting, done) {
  formDialog({
    title: "Invite people",
    submit: "Send invitations",
    fields: [
      field("E-mail addresses", {
        name: "invite",
        type: "email",
        multiple: true,
        required: true,
        hint: "With commas between.",
      }),
      field("A word to them (optional)", { name: "message", maxlength: 500 }),
    ],
    send: (data) => invite(app, meeting, data.get("invite"), data.get("message").trim()),
    done,
  });
}

/** Join URLs name the meeting, not a person: whoever follows one signs in and needs an invitation. */
export async function copyLink(meeting) {
  try {
    await navigator.clipboard.writeText(meeting.join_url);
    toast("Link copied.", { kind: "good" });
  } catch {
    // No clipboard without HTTPS: show it to be copied by hand.
    const { element } = formDialog({
      title: "Link to the meeting",
      submit: "Done",
      fields: [field("Copy this", { value: meeting.join_url, readonly: true })],
      send: async () => {},
    });
    element.querySelector("input").select();
  }
}

async function invite(app, meeting, addresses, message = "") {
  const invitees = addresses
    .split(",")
    .map((address) => address.trim())
    .filter(Boolean)
    .map((email) => ({ email }));
  if (invitees.length === 0) return null;
  return app.client.post(`/meetings/${meeting.id}/invitations`, message ? { invitees, message } : { invitees });
}

function meetingFields(meeting) {
  const zone = meeting.starts_at ? meeting.time_zone : OWN_ZONE;
  const start = field("Starts (optional)", {
    name: "starts_at",
    type: "datetime-local",
    value: meeting.starts_at ? toWall(meeting.starts_at, zone) : "",
    hint: "Empty: it can be joined at any time.",
  });
  const timing = h(
    "div",
    { class: "stack" },
    repeatFields(meeting),
    select("Time zone", { name: "time_zone", options: zones(zone).map((one) => [one, one]), value: zone }),
  );
  const show = () => (timing.hidden = !start.querySelector("input").value);
  start.addEventListener("input", show);
  show();
  return [
    field("Title", { name: "title", required: true, maxlength: 200, value: meeting.title ?? "", autofocus: true }),
    h(
      "div",
      { class: "side-by-side" },
      start,
      select("Lasts", {
        name: "duration_min",
        options: durations(meeting.duration_min),
        value: String(meeting.duration_min ?? 30),
      }),
    ),
    timing,
    field("Description (optional)", {
      name: "description",
      type: "textarea",
      rows: 2,
      maxlength: 5000,
      value: meeting.description ?? "",
    }),
  ];
}

function keepField({ recordings_keep_days: days }) {
  return field("Days that recordings are kept (optional)", {
    name: "recordings_keep_days",
    type: "number",
    min: 1,
    max: 3650,
    value: days ?? "",
    hint: "Then they are deleted, with all their files. Empty: as long as this server keeps them.",
  });
}

function durations(given) {
  const known = !given || DURATIONS.some(([value]) => value === String(given));
  return known ? DURATIONS : [...DURATIONS, [String(given), `${given} minutes`]];
}

function meetingBody(data) {
  const time_zone = data.get("time_zone");
  const starts_at = fromWall(data.get("starts_at"), time_zone);
  const body = { title: data.get("title").trim(), description: data.get("description").trim(), starts_at };
  body.recordings_keep_days = Number(data.get("recordings_keep_days")) || null;
  if (!starts_at) return body;
  const recurrence = ruleOf(data);
  const timed = { ...body, duration_min: Number(data.get("duration_min")), time_zone };
  return recurrence ? { ...timed, recurrence } : timed;
}
