/**
 * Records what this device sends for as long as a recording wants it: begins and ends a file for each camera, microphone
 * and screen as they come and go. While somebody is muted their track is silent, and so is the file.
 */

import { randomId } from "../client/backoff.js";
import { canRecord, TrackRecording, typeFor } from "./track-recording.js";

const SOURCES = ["microphone", "camera", "screen"];

export class LocalRecorder {
  #call;
  #recorder;
  #unsent;
  #running = new Map(); // source → TrackRecording
  #isFull = false;
  #onTrouble;

  /**
   * @param {Call} call
   * @param {Recorder} recorder knows what is recorded, and whether this person consents
   * @param {Unsent} unsent sends it
   * @param {(error: DOMException) => void} onTrouble nothing more is recorded here; the call goes on
   */
  constructor(call, recorder, unsent, onTrouble) {
    this.#call = call;
    this.#recorder = recorder;
    this.#unsent = unsent;
    this.#onTrouble = onTrouble;
    call.media.addEventListener("change", this.#sync);
    recorder.addEventListener("change", this.#sync);
    call.addEventListener("change", this.#sync);
    call.addEventListener("over", () => this.close());
    this.#sync();
  }

  close() {
    this.#call.media.removeEventListener("change", this.#sync);
    this.#recorder.removeEventListener("change", this.#sync);
    this.#call.removeEventListener("change", this.#sync);
    for (const source of SOURCES) this.#end(source);
  }

  #sync = () => {
    const recording = this.#wanted();
    for (const source of SOURCES) {
      const track = recording && this.#trackOf(recording, source);
      const running = this.#running.get(source);
      if (running && (running.track !== track || running.about.recordingId !== recording.id)) this.#end(source);
      if (track && !this.#running.has(source)) this.#begin(source, track, recording);
    }
  };

  #wanted() {
    const { current } = this.#recorder;
    const now = current?.state === "recording" && current.local_tracks && this.#recorder.consents;
    return now && this.#call.state === "live" && canRecord() && !this.#isFull ? current : null;
  }

  #trackOf(recording, source) {
    if (recording.audio_only && source !== "microphone") return null;
    const track = this.#call.media[source];
    return track?.readyState === "live" && typeFor(track.kind) ? track : null;
  }

  #begin(source, track, recording) {
    const about = {
      id: randomId(),
      userId: this.#unsent.userId,
      recordingId: recording.id,
      participantId: this.#call.self.id,
      source,
    };
    const begun = new TrackRecording(this.#unsent.store, track, about, (error) => this.#fail(error));
    this.#running.set(source, begun);
    begun
      .start()
      .then(() => {
        this.#unsent.look();
        return begun.ended;
      })
      .then(() => this.#running.get(source) === begun && this.#end(source))
      .catch((error) => (track.readyState === "live" ? this.#fail(error) : this.#sync()));
  }

  #end(source) {
    const running = this.#running.get(source);
    if (!running) return;
    this.#running.delete(source);
    const stopped = running.stop().catch(() => {});
    this.#unsent.expect(stopped);
  }

  #fail(error) {
    if (this.#isFull) return;
    this.#isFull = true;
    for (const source of SOURCES) this.#end(source);
    this.#onTrouble(error);
  }
}
