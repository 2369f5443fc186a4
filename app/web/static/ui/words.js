// How times, states and problems read.

const DAY_MS = 86_400_000;

const TIME = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const DAY_AND_YEAR = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "long", year: "numeric" });

export function time(at) {
  return TIME.format(new Date(at));
}

/** Today, Tomorrow, Yesterday, or the date; with its year when that isn't this one. */
export function day(at, now = new Date()) {
  const date = new Date(at);
  const midnight = (one) => new Date(one.getFullYear(), one.getMonth(), one.getDate()).getTime();
  const days = Math.round((midnight(date) - midnight(now)) / DAY_MS);
  if (days === 0) return "Today";
  if (days === 1) return "Tomorrow";
  if (days === -1) return "Yesterday";
  return (date.getFullYear() === now.getFullYear() ? DAY : DAY_AND_YEAR).format(date);
}

export function dayAndTime(at) {
  return `${day(at)}, ${time(at)}`;
}

/** When a meeting is, in one line. */
export function when(meeting) {
  if (!meeting.starts_at) return "Any time";
  const start = dayAndTime(meeting.starts_at);
  if (!meeting.duration_min) return start;
  return `${start} – ${time(Date.parse(meeting.starts_at) + meeting.duration_min * 60_000)}`;
}

/** 75 → "1:15"; 3700 → "1:01:40". */
export function clock(seconds) {
  const whole = Math.floor(seconds);
  const two = (value) => String(value).padStart(2, "0");
  const minutes = `${Math.floor(whole / 60) % 60}:${two(whole % 60)}`;
  return whole >= 3600 ? `${Math.floor(whole / 3600)}:${minutes.padStart(5, "0")}` : minutes;
}

export function bytes(count) {
  if (count < 1000) return `${count} B`;
  if (count < 1_000_000) return `${(count / 1000).toFixed(0)} kB`;
  if (count < 1_000_000_000) return `${(count / 1_000_000).toFixed(1)} MB`;
  return `${(count / 1_000_000_000).toFixed(1)} GB`;
}

/** For <input type="datetime-local">, which speaks local time without an offset. */
export function toLocalInput(at) {
  const date = new Date(at);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

export function fromLocalInput(value) {
  return value ? new Date(value).toISOString() : null;
}

export function initials(name) {
  const parts = name.trim().split(/\s+/);
  const letters = parts.length > 1 ? [parts[0], parts.at(-1)] : parts;
  return letters.map((part) => [...part][0]?.toUpperCase() ?? "").join("");
}

export const MEETING_STATES = { scheduled: "Scheduled", live: "Live", ended: "Ended", cancelled: "Cancelled" };

export const INVITATION_STATES = {
  pending: "No answer yet",
  accepted: "Accepted",
  rejected: "Declined",
  proposed: "Asks for another time",
  revoked: "Withdrawn",
};

const PROBLEMS = {
  network_error: "The server can't be reached. Check the connection and try again.",
  unexpected_answer:
    "Something else answered in the server's place: a proxy, or a network that wants you to sign in. Try again.",
  bad_credentials: "E-mail or password is wrong.",
  sign_in_expired: "That sign-in took too long, or was begun in another window. Begin it again here.",
  sign_in_again: "For that you must have signed in within the last ten minutes. Sign out, sign in, and do it again.",
  last_way_in: "You could not sign in any more: choose a password first, by “Forgot your password?”.",
  sign_in_cancelled: "The provider did not sign you in.",
  proof_not_valid: "What the provider said could not be verified. Try again.",
  provider_unavailable: "The provider does not answer. Try again in a moment.",
  provider_told_no_email: "The provider told no e-mail address, and an account here needs one.",
  address_has_account:
    "There is an account with your e-mail here already. Sign in to it with its password; if it isn't yours, or you " +
    "don't know it, choose a new password by mail.",
  email_taken: "There is an account with this e-mail already. Sign in instead.",
  version_mismatch: "Somebody changed this meanwhile. Look at it again and repeat your change.",
  recording_needs_sfu: "Nothing can record this meeting: its media server is gone, or it has none.",
  passcode_needed: "That is not the passcode of this link.",
  quota_reached: "There is no room left for files and recordings. Recordings, exports or files have to be deleted first.",
};

/** What a person should read of an error. */
export function words(error) {
  if (PROBLEMS[error.code]) return PROBLEMS[error.code];
  const first = error.errors?.[0];
  if (first) return `${first.field ? `${first.field.split(".").at(-1).replaceAll("_", " ")}: ` : ""}${first.message}`;
  return error.detail || error.message || "Something went wrong.";
}
