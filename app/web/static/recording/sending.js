/**
 * Sends one stored track as far as it goes: whole parts while it still grows; once it has ended the rest, and what it is.
 * Where it stands is noted in the store after each step, so that whoever comes next goes on there.
 */

import { sleep } from "../client/backoff.js";
import { ParleyError } from "../client/errors.js";
import { putPart, reachable } from "../client/put-part.js";
import { hashed } from "../client/uploads.js";
import { measureClock } from "./server-clock.js";

const ASK_AGAIN_MS = 500; // whether it is verified
const TRIES = 3; // of a track that did not arrive as it was

/** The server takes it no more, whatever is done: it ended too long ago, was deleted, or has enough of them. */
const HOPELESS = ["track_too_late", "too_many_tracks", "recording_state_conflict", "not_your_participant", "not_found"];
const BAD_TRACK = [...HOPELESS, "forbidden", "validation_failed", "media_type_refused", "payload_too_large"];

export class Sending {
  #client;
  #store;
  #track;
  #signal;
  #onProgress;

  constructor(client, store, track, { signal, onProgress = () => {} }) {
    this.#client = client;
    this.#store = store;
    this.#track = track;
    this.#signal = signal;
    this.#onProgress = onProgress;
  }

  /** @returns {Promise<"grows" | "sent" | ParleyError>} an error: it is given up, and no longer stored */
  async run() {
    try {
      if (!this.#track.uploadId) await this.#begin();
      const content = await this.#store.content(this.#track.id);
      const ended = this.#track.endedMs !== null;
      if (ended && content.size === 0) return await this.#giveUp();
      await this.#sendParts(content, ended);
      if (!ended) return "grows";
      const again = await this.#finish(content);
      if (again) return again;
    } catch (error) {
      if (error.code === "not_found" && this.#track.uploadId) return this.#again(true); // it was kept long enough
      if (!this.#isHopeless(error)) throw error;
      await this.#store.forget(this.#track.id);
      return error;
    }
    await this.#store.forget(this.#track.id);
    return "sent";
  }

  async #begin() {
    const { recordingId, participantId, kind, source, mime, startedMs, id, tries } = this.#track;
    const { offsetMs, uncertaintyMs } = this.#track.clock ?? (await measureClock(this.#client));
    await this.#change({ clock: { offsetMs, uncertaintyMs } });
    const body = {
      ...{ participant_id: participantId, kind, source, mime },
      started_at: new Date(startedMs).toISOString(),
      clock_offset_ms: offsetMs,
      clock_uncertainty_ms: uncertaintyMs,
    };
    const { track, upload } = await this.#post(`/recordings/${recordingId}/tracks`, body, `${id}-${tries}`);
    await this.#change({ trackId: track.id, uploadId: upload.id, partSize: upload.part_size, partsSent: 0 });
  }

  async #sendParts(content, ended) {
    const { partSize, uploadId } = this.#track;
    const whole = Math.floor(content.size / partSize);
    const count = ended ? Math.ceil(content.size / partSize) : whole;
    while (this.#track.partsSent < count) {
      const number = this.#track.partsSent + 1;
      const asked = number > whole ? { numbers: [number], last_size: content.size % partSize } : { numbers: [number] };
      const { parts } = await this.#post(`/uploads/${uploadId}/parts`, asked, null);
      const before = (number - 1) * partSize;
      const piece = content.slice(before, Math.min(number * partSize, content.size));
      const onProgress = (loaded) => this.#onProgress(before + loaded);
      await putPart(reachable(this.#client, parts[0].url), piece, { signal: this.#signal, onProgress });
      await this.#change({ partsSent: number });
    }
  }

  /** @returns {Promise<null | "grows" | ParleyError>} null: it is there; else as `run` */
  async #finish(content) {
    const { recordingId, trackId, startedMs, endedMs } = this.#track;
    const sha256 = await hashed(content, this.#signal);
    const told = { size: content.size, sha256, duration_s: Math.max(Math.round(endedMs - startedMs), 0) / 1000 };
    for (;;) {
      let track;
      try {
        track = await this.#post(`/recordings/${recordingId}/tracks/${trackId}/finish`, told, null);
      } catch (error) {
        const isLost = error.code === "upload_state_conflict" || error.problem?.state === "lost";
        if (!isLost && !["parts_missing", "part_size_mismatch"].includes(error.code)) throw error;
        return this.#again(isLost);
      }
      if (track.state === "uploaded") return null;
      await sleep(ASK_AGAIN_MS, this.#signal); // it is verified
      this.#signal?.throwIfAborted();
    }
  }

  /** From the first part on, to the same track or to another. */
  async #again(asAnother) {
    const tries = this.#track.tries + 1;
    if (tries >= TRIES) {
      await this.#store.forget(this.#track.id);
      return new ParleyError({ code: "track_not_sent", status: 422, detail: "It never arrived as it was." });
    }
    await this.#change(asAnother ? { tries, partsSent: 0, uploadId: null } : { tries, partsSent: 0 });
    return "grows";
  }

  async #giveUp() {
    const { recordingId, trackId } = this.#track;
    await this.#post(`/recordings/${recordingId}/tracks/${trackId}/give-up`, undefined, null);
    await this.#store.forget(this.#track.id);
    return "sent";
  }

  async #change(changes) {
    this.#track = await this.#store.change(this.#track.id, changes);
  }

  #post(path, body, idempotencyKey) {
    return this.#client.post(path, body, { idempotencyKey, signal: this.#signal });
  }

  #isHopeless(error) {
    return error instanceof ParleyError && BAD_TRACK.includes(error.code);
  }
}
