// How well media goes, from getStats() of all our connections: what came and went since the last look.

import { pathOf } from "./peer.js";

export class Quality {
  #connections;
  #before = null;

  /** @param {() => RTCPeerConnection[]} connections those that there are at the moment */
  constructor(connections) {
    this.#connections = connections;
  }

  /**
   * @returns {Promise<{sentBps, receivedBps, lost, frozen, jitterMs, roundTripMs, relayed, heights}>} each null while it
   *   is not known; `lost`: the share of packets that did not reach us, 0..1; `frozen`: the share of the time in which
   *   the worst of the pictures stood still, 0..1; `jitterMs`: the worst of all that comes in; `relayed`: whether a TURN server stands between;
   *   `heights`: of the pictures that come in, in pixels, the highest first
   */
  async read() {
    const now = { at: performance.now(), sent: 0, received: 0, packets: 0, lost: 0, frozenS: {} };
    let [roundTripMs, relayed, jitterMs] = [null, null, null];
    const heights = [];
    for (const pc of this.#connections()) {
      for (const one of (await pc.getStats()).values()) {
        if (one.type === "outbound-rtp") now.sent += one.bytesSent;
        if (one.type === "inbound-rtp") {
          now.received += one.bytesReceived;
          now.packets += one.packetsReceived;
          now.lost += Math.max(0, one.packetsLost);
          if (one.jitter !== undefined) jitterMs = Math.max(jitterMs ?? 0, 1000 * one.jitter);
          if (one.totalFreezesDuration !== undefined) now.frozenS[one.ssrc] = one.totalFreezesDuration;
          if (one.frameHeight && one.framesPerSecond > 0) heights.push(one.frameHeight);
        }
        if (one.type === "candidate-pair" && one.nominated && one.currentRoundTripTime !== undefined)
          roundTripMs = Math.max(roundTripMs ?? 0, 1000 * one.currentRoundTripTime);
      }
      const path = await pathOf(pc);
      if (path) relayed ||= path.local === "relay" || path.remote === "relay";
    }
    const before = this.#before;
    this.#before = now;
    // A connection that has begun anew counts from 0.
    const since = (name) => (before && now[name] >= before[name] ? now[name] - before[name] : null);
    const rate = (name) => (since(name) === null ? null : (8000 * since(name)) / (now.at - before.at));
    // Of pictures that were there before, in seconds since then.
    const frozen = Object.keys(now.frozenS)
      .filter((ssrc) => before && now.frozenS[ssrc] >= before.frozenS[ssrc])
      .map((ssrc) => now.frozenS[ssrc] - before.frozenS[ssrc]);
    const [came, lost] = [since("packets"), since("lost")];
    return {
      sentBps: rate("sent"),
      receivedBps: rate("received"),
      lost: came === null || lost === null || came + lost === 0 ? null : lost / (came + lost),
      frozen: frozen.length === 0 ? null : Math.min(1, (1000 * Math.max(...frozen)) / (now.at - before.at)),
      jitterMs,
      roundTripMs,
      relayed,
      heights: heights.sort((one, other) => other - one),
    };
  }
}
