// What happens while one looks elsewhere, as passing notices. Old news makes none: the screens show it anyway.

import { toast } from "./ui/dom.js";
import { time, when } from "./ui/words.js";

export function notify(app, { type, payload, old }) {
  if (old || !app.client.user) return;
  const open = (label, path) => ({ action: { label, run: () => app.navigate(path) } });
  const { meeting, invitation } = payload ?? {};
  if (type === "invitation.received" && !isMine(app, invitation)) {
    const text = `${invitation.inviter.display_name} invites you to “${invitation.meeting.title}”, ${when(invitation.meeting)}.`;
    toast(text, open("Open", `/meetings/${invitation.meeting.id}`));
  } else if (type === "invitation.updated" && isMine(app, invitation) && !inRoom(invitation.meeting)) {
    const text = answerWords(invitation);
    if (text) toast(text, open("Open", `/meetings/${invitation.meeting.id}`));
  } else if (type === "meeting.started" && meeting.owner.user_id !== app.client.user.id && !inRoom(meeting)) {
    toast(`“${meeting.title}” has started.`, open("Join", `/meetings/${meeting.id}/room`));
  } else if (type === "participant.waiting" && location.pathname !== `/meetings/${payload.participant.meeting_id}/room`) {
    const { display_name, meeting_id } = payload.participant;
    toast(`${display_name} is waiting to come in.`, open("Join", `/meetings/${meeting_id}/room`));
  } else if (type === "meeting.cancelled" && meeting.owner.user_id !== app.client.user.id) {
    toast(`“${meeting.title}” is cancelled.`);
  } else if (type === "chat.activity" && payload.sender.user_id !== app.client.user.id && !isShown(payload)) {
    toast(`${payload.sender.display_name} wrote in the chat of a meeting.`, open("Read", `/meetings/${payload.meeting_id}`));
  } else if (type === "series.cancelled" && meeting.owner.user_id !== app.client.user.id) {
    toast(`Meetings of “${meeting.title}” are cancelled.`);
  } else if (type === "meeting.ending") {
    toast(`“${meeting.title}” ends by itself at ${time(meeting.ends_by)}.`);
  } else if (type === "webhook.paused" && location.pathname !== `/webhooks/${payload.webhook_id}`) {
    const name = payload.description ? ` “${payload.description}”` : "";
    toast(`Your webhook${name} is paused: nothing is sent to it.`, open("See why", `/webhooks/${payload.webhook_id}`));
  } else if (type === "notes.ready" && location.pathname !== pageOf(payload)) {
    toast("Notes are ready.", open("Read", pageOf(payload)));
  } else if (type === "notes.failed" && payload.call_id && location.pathname !== pageOf(payload)) {
    toast("The notes of a call could not be made.", open("See why", pageOf(payload)));
  }
}

/** Of the meeting or the call that notes are of. */
function pageOf({ meeting_id: meeting, call_id: call }) {
  return meeting ? `/meetings/${meeting}` : `/calls/${call}`;
}

/** An answer is news for the one who asked. */
function isMine(app, invitation) {
  return invitation?.inviter.user_id === app.client.user.id;
}

function answerWords({ status, invitee, meeting }) {
  const name = invitee.display_name ?? invitee.email;
  if (status === "accepted") return `${name} comes to “${meeting.title}”.`;
  if (status === "rejected") return `${name} can't come to “${meeting.title}”.`;
  if (status === "proposed") return `${name} asks for another time for “${meeting.title}”.`;
  return null;
}

/** Its page is open, or its room. */
function isShown({ meeting_id: id }) {
  return location.pathname === `/meetings/${id}` || location.pathname === `/meetings/${id}/room`;
}

function inRoom(meeting) {
  return location.pathname === `/meetings/${meeting.id}/room`;
}
