// Whether the meeting is being recorded, and the owner's button for it.

import { say, toast } from "../ui/dom.js";

const RUNNING = ["requested", "recording"];

const LOCAL = "parley.record-locally";

/** Whether this person's recordings ask everybody to be recorded on their own device where a server records too. */
export const wantsLocalTracks = () => localStorage.getItem(LOCAL) === "yes";
export const wantLocalTracks = (want) => localStorage.setItem(LOCAL, want ? "yes" : "no");

export class Recorder extends EventTarget {
  #client;
  #call;
  #current = null;
  #answered = new Map(); // recording id → whether this person has answered to being recorded
  #consents = new Map(); // recording id → what

  constructor(client, call) {
    super();
    this.#client = client;
    this.#call = call;
  }

  get running() {
    return RUNNING.includes(this.#current?.state);
  }

  get current() {
    return this.#current;
  }

  get consents() {
    return this.#consents.get(this.#current?.id) === true;
  }

  get isStarting() {
    return this.#current?.state === "requested";
  }

  /** Whether this person is still to say if they consent. */
  get asks() {
    return this.running && this.#call.state === "live" && this.#answered.get(this.#current.id) === false;
  }

  async answer(consent) {
    const { id } = this.#current;
    await this.#client.post(`/recordings/${id}/consent`, { consent });
    this.#answered.set(id, true);
    this.#consents.set(id, consent);
    this.dispatchEvent(new Event("change"));
  }

  get isMock() {
    return this.#current?.is_mock ?? false;
  }

  async read() {
    if (this.#call.state !== "live") return;
    if (this.#call.self.is_guest) return; // who may not list them; the inbox tells of the running one
    const recordings = await this.#client.all(`/meetings/${this.#call.meeting.id}/recordings`).catch(() => []);
    this.#set(recordings.find((one) => RUNNING.includes(one.state)) ?? null);
  }

  hear({ type, payload }) {
    const letIn = type === "participant.updated" && payload.participant.id === this.#call.self.id;
    if (type === "inbox.reset" || type === "meeting.started" || letIn) this.read();
    if (type === "recording.consent" && !payload.consent && this.#current?.id === payload.recording_id) {
      toast(`${payload.display_name} does not consent to being recorded.`, { kind: "bad" });
    }
    if (type !== "recording.state" || payload.recording.meeting_id !== this.#call.meeting.id) return;
    this.#set(payload.recording);
    if (payload.recording.state === "ready") toast("The recording is ready on the meeting's page.", { kind: "good" });
    if (payload.recording.state === "failed") toast("The recording failed.", { kind: "bad" });
  }

  async toggle() {
    const recording = this.running
      ? await this.#client.post(`/recordings/${this.#current.id}/stop`, undefined, { idempotencyKey: null })
      : await this.#client.post(`/meetings/${this.#call.meeting.id}/recordings`, wantsLocalTracks() ? { local_tracks: true } : {});
    if (recording) this.#set(recording);
  }

  /** A person may have answered on another device. Guests can't read it: they are asked. */
  async #ask(id) {
    this.#answered.set(id, true);
    const told = await this.#client.get(`/recordings/${id}`).catch(() => null);
    this.#answered.set(id, typeof told?.my_consent === "boolean");
    this.#consents.set(id, told?.my_consent);
    this.dispatchEvent(new Event("change"));
  }

  #set(recording) {
    const before = this.running;
    this.#current = recording;
    if (this.running && !this.#answered.has(recording.id)) this.#ask(recording.id);
    if (this.running !== before) say(this.running ? "Recording has started." : "Recording has stopped.");
    this.dispatchEvent(new Event("change"));
  }
}
