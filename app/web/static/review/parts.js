// What can be heard of a meeting or a call, and where a time of its transcript lies in it.

import { dayAndTime } from "../ui/words.js";
import { recordingToPlay } from "./playing.js";

/**
 * When the zero of its transcript was, in ms since 1970: the meeting's start, or its first recording's where that is
 * earlier. Infinity: it has not begun.
 */
export function zeroOf(meeting, recordings) {
  const moments = [meeting, ...recordings].map((one) => Date.parse(one.started_at ?? ""));
  return Math.min(...moments.filter((at) => !Number.isNaN(at)));
}

/**
 * A part is one file that plays: {id, label, startS, isReady, load}. `startS` is its zero in the transcript's time.
 * @param {number} zero see `zeroOf`
 */
export function partsOfMeeting(client, recordings, zero) {
  return recordings
    .filter((one) => one.started_at !== null)
    .map((one) => ({
      id: one.id,
      label: dayAndTime(one.started_at),
      startS: (Date.parse(one.started_at) - zero) / 1000,
      isReady: one.state === "ready" && one.download_url !== null,
      load: () => recordingToPlay(client, one.id),
    }))
    .sort((one, other) => one.startS - other.startS);
}

/** Where it is heard: in the last part that had begun. @returns {{part: object, at: number} | null} */
export function placeOf(parts, seconds) {
  const part = parts.findLast(({ startS }) => startS <= seconds + 0.001) ?? null;
  return part && { part, at: Math.max(0, seconds - part.startS) };
}

/** A call is one part, whose time is that of its transcript. */
export function partOfCall(client, call) {
  const load = async () => {
    const { signed_url, media_type, held_at, created_at } = await client.get(`/calls/${call.id}`);
    return { signed_url, content_type: media_type, started_at: held_at ?? created_at };
  };
  return { id: call.id, label: call.title, startS: 0, isReady: true, load };
}
