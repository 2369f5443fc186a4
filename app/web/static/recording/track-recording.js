/**
 * One camera, microphone or screen, from when it is switched on until it is switched off, into the store.
 *
 * The file's time 0 is when `start` is called: Chromium's own `start` event comes up to 60 ms later than the first sound.
 * A lock is held meanwhile: when nobody holds it, whoever recorded is gone, and the file is what there is of it.
 */

import { pageNow } from "./server-clock.js";

const EVERY_MS = 2000; // a crash costs no more than that
const TYPES = {
  audio: ["audio/webm;codecs=opus", "audio/webm", "audio/mp4", "audio/ogg;codecs=opus"],
  video: ["video/webm;codecs=vp8", "video/webm", "video/mp4;codecs=avc1.42E01F", "video/mp4"],
};
const BITS_PER_S = { audioBitsPerSecond: 128_000, videoBitsPerSecond: 2_500_000 };

export function canRecord() {
  return Boolean(globalThis.MediaRecorder && globalThis.indexedDB && navigator.locks);
}

/** What this browser can record of a kind, the best first; null: nothing that the server takes. */
export function typeFor(kind, isSupported = (type) => MediaRecorder.isTypeSupported(type)) {
  return TYPES[kind].find(isSupported) ?? null;
}

export const lockOf = (id) => `parley-local-track-${id}`;

export class TrackRecording {
  #store;
  #recorder = null;
  #writing = Promise.resolve();
  #chunks = 0;
  #release = null;
  #ended;
  #isOver = false;
  #onTrouble;

  /**
   * @param {MediaStreamTrack} track
   * @param {object} about id, userId, recordingId, participantId, source
   * @param {(error: DOMException) => void} onTrouble it can't be kept; what was kept so far is sent
   */
  constructor(store, track, about, onTrouble) {
    this.#store = store;
    this.track = track;
    this.about = { ...about, kind: track.kind, mime: typeFor(track.kind) };
    this.#onTrouble = onTrouble;
  }

  /** @throws {DOMException} it can't be recorded, or not be kept */
  async start() {
    await this.#lock();
    try {
      if (!this.#isOver) await this.#begin();
    } catch (error) {
      this.#release();
      throw error;
    }
    if (this.#isOver) this.#release();
  }

  async #begin() {
    const recorder = new MediaRecorder(new MediaStream([this.track]), { mimeType: this.about.mime, ...BITS_PER_S });
    recorder.ondataavailable = ({ data }) => data.size > 0 && this.#keep(data);
    recorder.onerror = () => this.stop();
    this.#ended = new Promise((resolve) => (recorder.onstop = resolve));
    const startedMs = pageNow();
    recorder.start(EVERY_MS);
    this.#recorder = recorder;
    this.#writing = this.#store.add({ ...this.about, startedMs, lastMs: startedMs, endedMs: null });
    try {
      await this.#writing;
    } catch (error) {
      recorder.ondataavailable = null;
      if (recorder.state !== "inactive") recorder.stop();
      throw error;
    }
  }

  /** All that was recorded is in the store. Repeating it does no harm. */
  async stop() {
    const endedMs = pageNow();
    this.#isOver = true;
    if (!this.#recorder) return; // it has not begun, and will not
    if (this.#recorder.state !== "inactive") this.#recorder.stop();
    await this.#ended;
    await this.#writing.catch(() => {});
    await this.#store.change(this.about.id, { endedMs }).catch(() => {}); // else the lock tells
    this.#release?.();
  }

  /** Resolves when the recorder has stopped by itself, as it does when its device goes. */
  get ended() {
    return this.#ended;
  }

  #keep(data) {
    const number = this.#chunks++;
    const atMs = pageNow();
    this.#writing = this.#writing
      .then(() => this.#store.append(this.about.id, number, data, atMs))
      .catch((error) => {
        this.#writing = Promise.reject(error); // a hole would spoil all that follows
        this.#writing.catch(() => {});
        if (this.#recorder.state === "inactive") return;
        this.#onTrouble(error);
        this.stop();
      });
  }

  #lock() {
    return new Promise((locked) => {
      navigator.locks.request(lockOf(this.about.id), () => {
        locked();
        return new Promise((resolve) => (this.#release = resolve));
      });
    });
  }
}

/** Whether somebody records into it at present, in this window or another. */
export function isRecorded(id) {
  return navigator.locks.request(lockOf(id), { ifAvailable: true }, (lock) => lock === null);
}
