// Tells the server how our call goes, as often as it asks for: see `POST /participants/{participant_id}/stats`.

import { Quality } from "./quality.js";

export class StatsTelling {
  #call;
  #client;
  #log;
  #quality;
  #timer = null;

  constructor(call, client, log) {
    this.#call = call;
    this.#client = client;
    this.#log = log;
    this.#quality = new Quality(() => call.connections);
  }

  begin() {
    const everyS = this.#call.rtc.stats?.every_s;
    if (!everyS || this.#call.mode === "mock") return;
    this.#timer = setInterval(() => this.#tell(), 1000 * everyS);
  }

  end() {
    clearInterval(this.#timer);
  }

  async #tell() {
    if (this.#call.state !== "live" || !this.#call.online) return;
    const { sentBps, receivedBps, lost, frozen, jitterMs, roundTripMs, relayed } = await this.#quality.read();
    const known = {
      round_trip_ms: roundTripMs,
      jitter_ms: jitterMs,
      lost,
      frozen,
      sent_bps: sentBps,
      received_bps: receivedBps,
      relayed,
    };
    const summary = Object.fromEntries(Object.entries(known).filter(([, value]) => value !== null));
    if (Object.keys(summary).length === 0) return;
    const path = `/participants/${this.#call.self.id}/stats`;
    try {
      // The next one says as much: this one is neither kept nor repeated.
      await this.#client.post(path, summary, { tries: 1, idempotencyKey: null });
    } catch (error) {
      this.#log("stats_not_told", { code: error.code });
    }
  }
}
