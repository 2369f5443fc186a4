// Whether the meeting is being recorded, and the owner's button for it.

import { say, toast } from "../ui/dom.js";

const RUNNING = ["requested", "recording"];

export class Recorder extends EventTarget {
  #client;
  #call;
  #current = null;

  constructor(client, call) {
    super();
    this.#client = client;
    this.#call = call;
  }

  get running() {
    return RUNNING.includes(this.#current?.state);
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
    if (type !== "recording.state" || payload.recording.meeting_id !== this.#call.meeting.id) return;
    this.#set(payload.recording);
    if (payload.recording.state === "ready") toast("The recording is ready on the meeting's page.", { kind: "good" });
    if (payload.recording.state === "failed") toast("The recording failed.", { kind: "bad" });
  }

  async toggle() {
    const recording = this.running
      ? await this.#client.post(`/recordings/${this.#current.id}/stop`, undefined, { idempotencyKey: null })
      : await this.#client.post(`/meetings/${this.#call.meeting.id}/recordings`, {});
    if (recording) this.#set(recording);
  }

  #set(recording) {
    const before = this.running;
    this.#current = recording;
    if (this.running !== before) say(this.running ? "Recording has started." : "Recording has stopped.");
    this.dispatchEvent(new Event("change"));
  }
}
