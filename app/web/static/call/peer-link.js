/**
 * One connection with one other participant, kept up whatever happens to it.
 *
 * Perfect negotiation (W3C WebRTC 1.0 §10.7): either side may offer at any time; when two offers cross, the impolite side
 * ignores the other's and the polite side gives its own up. The *first* offer comes from one side, `offers`, so that both
 * agree on the m-lines: audio, camera, then screens as they come. The answering side adopts the transceivers that the
 * offer made; what is not the first audio or first video is a screen.
 *
 * A new DTLS fingerprint in an offer means that the other side has begun anew with another RTCPeerConnection; so must we.
 *
 * When nothing comes any more, `lost` is told, for whoever knows when signals get through to `restart` ICE; when that
 * doesn't help within PATIENCE_MS the link begins anew.
 */

import { fingerprintOf, logIceServers, LONGEST_PATIENCE_MS, PATIENCE_MS, pathOf } from "./peer.js";

export class PeerLink extends EventTarget {
  #pc = null;
  #abandon = null; // rejects what waits for the connection, see #done
  #abandoned = null;
  #options;
  #audio = null; // transceivers
  #camera = null;
  #screen = null; // ours; the other's screen is any further one
  #makingOffer = false;
  #ignoringOffer = false;
  #settingAnswer = false;
  #remoteFingerprint = null;
  #stream = new MediaStream(); // a name that audio and camera share, without which they are not played in step
  #timer = null;
  #rebuilds = 0;
  #closed = false;

  /**
   * @param {object} options
   * @param {boolean} options.polite whether our offer gives way when two cross
   * @param {boolean} options.offers whether the first offer is ours
   * @param {() => Promise<RTCIceServer[]>} options.iceServers fresh ones; credentials expire
   * @param {(type: string, payload: object) => void} options.send
   * @param {() => void} options.dropUnsent what was to be sent belongs to a connection that is gone
   * @param {() => void} options.lost nothing comes from the other side any more
   * @param {() => boolean} options.reachable whether signals get through at present
   * @param {{microphone, camera, screen}} options.tracks ours, each may be null
   * @param {(event: string, data: object) => void} options.log
   */
  constructor(options) {
    super();
    this.#options = options;
    this.state = "connecting"; // connected | reconnecting
  }

  async start() {
    await this.#build(this.#options.offers);
  }

  close() {
    this.#closed = true;
    this.#discard();
  }

  /** For getStats() and tests. */
  get connection() {
    return this.#pc;
  }

  get connections() {
    return this.#pc ? [this.#pc] : [];
  }

  /** The tracks that come from the other side, by source. */
  get remote() {
    const coming = (transceiver) =>
      /recv/.test(transceiver?.currentDirection ?? "") ? transceiver.receiver.track : null;
    const screens = this.#transceivers("video").filter((one) => one !== this.#camera && one !== this.#screen);
    return {
      audio: coming(this.#audio),
      camera: coming(this.#camera),
      screen: screens.map(coming).find(Boolean) ?? null,
    };
  }

  /** How loud the other side is at present, 0..1. */
  get level() {
    return this.#audio?.receiver.getSynchronizationSources?.()[0]?.audioLevel ?? 0;
  }

  async receive(type, payload) {
    if (this.#closed) return;
    if (type === "rtc.offer") await this.#onOffer(payload.sdp);
    else if (type === "rtc.answer") await this.#onAnswer(payload.sdp);
    else if (type === "rtc.candidate") await this.#onCandidate(payload.candidate);
    else if (type === "rtc.restart") await this.restart();
  }

  /** Send `track` as `source`; null ends it. Cameras and microphones change in place, a screen needs a new offer. */
  setTrack(source, track) {
    if (source === "screen") return this.#setScreen(track);
    const transceiver = source === "camera" ? this.#camera : this.#audio;
    return transceiver?.sender
      .replaceTrack(track)
      .catch((error) => this.#log("replace_track_failed", { error: error.name }));
  }

  /** New ICE credentials and paths for the connection as it is. */
  async restart() {
    const pc = this.#pc;
    if (!pc?.remoteDescription) return;
    const iceServers = await this.#options.iceServers();
    if (pc !== this.#pc) return;
    pc.setConfiguration({ ...pc.getConfiguration(), iceServers });
    this.#log("ice_restart", {});
    pc.restartIce();
  }

  // Building ---------------------------------------------------------------------------------------------------

  async #build(offers) {
    const iceServers = await this.#options.iceServers();
    if (this.#closed) return;
    this.#discard();
    this.#abandoned = new Promise((_, reject) => {
      this.#abandon = () => reject(new DOMException("The connection was closed meanwhile.", "AbortError"));
    });
    this.#abandoned.catch(() => {});
    const pc = new RTCPeerConnection({ iceServers, bundlePolicy: "max-bundle" });
    this.#pc = pc;
    pc.onicecandidate = ({ candidate }) => {
      if (candidate?.candidate === "") return; // the end of one m-line's; null tells the end of all
      this.#send(pc, "rtc.candidate", { candidate: candidate?.toJSON() ?? null });
    };
    pc.onnegotiationneeded = () => this.#offer(pc);
    pc.onconnectionstatechange = () => this.#onConnectionState(pc);
    pc.oniceconnectionstatechange = () => this.#log("ice", { state: pc.iceConnectionState });
    logIceServers(pc, (event, data) => this.#log(event, data));
    if (offers) {
      const init = { direction: "sendrecv", streams: [this.#stream] };
      this.#audio = pc.addTransceiver("audio", init);
      this.#camera = pc.addTransceiver("video", init);
      await this.#attach();
      this.#setScreen(this.#options.tracks.screen);
    }
    this.#watch();
  }

  #discard() {
    clearTimeout(this.#timer);
    const pc = this.#pc;
    if (!pc) return;
    pc.onicecandidate = pc.onnegotiationneeded = pc.onconnectionstatechange = pc.oniceconnectionstatechange = null;
    pc.close();
    this.#abandon();
    this.#pc = this.#audio = this.#camera = this.#screen = this.#remoteFingerprint = null;
    this.#makingOffer = this.#ignoringOffer = this.#settingAnswer = false;
    this.#options.dropUnsent();
    this.#changed();
  }

  /** Take the transceivers that an offer has made, and send our tracks over them. */
  async #adopt() {
    this.#audio ??= this.#transceivers("audio")[0] ?? null;
    this.#camera ??= this.#transceivers("video").find((one) => one !== this.#screen) ?? null;
    await this.#attach();
  }

  async #attach() {
    for (const [transceiver, source] of [
      [this.#audio, "microphone"],
      [this.#camera, "camera"],
    ]) {
      if (!transceiver || transceiver.direction === "stopped") continue;
      if (!/send/.test(transceiver.direction)) {
        transceiver.direction = "sendrecv";
        transceiver.sender.setStreams?.(this.#stream);
      }
      const track = this.#options.tracks[source];
      if (transceiver.sender.track !== track) await this.#done(transceiver.sender.replaceTrack(track));
    }
  }

  #setScreen(track) {
    if (!this.#pc || (!this.#pc.remoteDescription && !this.#options.offers)) return; // #settled() comes back to it
    if (this.#screen) {
      this.#screen.sender.replaceTrack(track);
      this.#screen.direction = track ? "sendonly" : "inactive";
    } else if (track) {
      this.#screen = this.#pc.addTransceiver(track, { direction: "sendonly" });
    }
  }

  #transceivers(kind) {
    return (this.#pc?.getTransceivers() ?? []).filter((one) => one.receiver.track.kind === kind);
  }

  // Negotiating ------------------------------------------------------------------------------------------------

  async #offer(pc) {
    try {
      this.#makingOffer = true;
      await this.#done(pc.setLocalDescription());
      if (pc === this.#pc) this.#send(pc, "rtc.offer", { sdp: pc.localDescription.sdp });
    } catch (error) {
      this.#log("offer_failed", { error: error.message });
    } finally {
      if (pc === this.#pc) this.#makingOffer = false;
    }
  }

  async #onOffer(sdp) {
    const fingerprint = fingerprintOf(sdp);
    if (!this.#pc || (this.#remoteFingerprint && fingerprint !== this.#remoteFingerprint)) await this.#build(false);
    const ready = !this.#makingOffer && (this.#pc.signalingState === "stable" || this.#settingAnswer);
    this.#ignoringOffer = !ready && !this.#options.polite;
    if (this.#ignoringOffer) return this.#log("offer_ignored", {});
    // Rolling back a first offer would leave its transceivers beside those of the other's offer: rather start afresh.
    if (!ready && !this.#remoteFingerprint) await this.#build(false);
    const pc = this.#pc;
    await this.#done(pc.setRemoteDescription({ type: "offer", sdp }));
    this.#remoteFingerprint = fingerprint;
    await this.#adopt();
    await this.#done(pc.setLocalDescription());
    this.#send(pc, "rtc.answer", { sdp: pc.localDescription.sdp });
    this.#settled();
  }

  async #onAnswer(sdp) {
    const pc = this.#pc;
    if (pc?.signalingState !== "have-local-offer") return this.#log("answer_ignored", {});
    this.#settingAnswer = true;
    try {
      await this.#done(pc.setRemoteDescription({ type: "answer", sdp }));
    } finally {
      this.#settingAnswer = false;
    }
    this.#remoteFingerprint = fingerprintOf(sdp);
    this.#settled();
  }

  async #onCandidate(candidate) {
    try {
      if (this.#pc) await this.#done(this.#pc.addIceCandidate(candidate ?? undefined));
    } catch (error) {
      if (!this.#ignoringOffer) this.#log("candidate_refused", { error: error.message });
    }
  }

  /**
   * Wait for an operation on the present connection. One that is closed meanwhile settles nothing any more (WebRTC 1.0
   * §4.4.1.2), and whoever waited for it would wait for ever.
   */
  #done(operation) {
    return Promise.race([operation, this.#abandoned]);
  }

  #settled() {
    if (this.#screen?.sender.track !== this.#options.tracks.screen) this.#setScreen(this.#options.tracks.screen);
    this.#changed();
  }

  // Watching ---------------------------------------------------------------------------------------------------

  #onConnectionState(pc) {
    const { connectionState } = pc;
    this.#log("connection", { state: connectionState });
    if (connectionState === "connected") {
      this.state = "connected";
      this.#rebuilds = 0;
      clearTimeout(this.#timer);
      this.#logPath(pc);
    } else if (connectionState === "disconnected" || connectionState === "failed") {
      // A restart that has not helped yet leads from `failed` back to `disconnected`: that is no second loss.
      const isNews = connectionState === "failed" || this.state === "connected";
      this.state = "reconnecting";
      this.#watch();
      if (isNews) this.#options.lost();
    }
    this.#changed();
  }

  #watch() {
    clearTimeout(this.#timer);
    if (this.#closed) return;
    // The side that waits for an offer waits longer, so that the two don't begin anew at the same moment.
    const patience = PATIENCE_MS * 2 ** this.#rebuilds * (this.#options.offers ? 1 : 1.5);
    this.#timer = setTimeout(() => this.#onPatienceLost(), Math.min(patience, LONGEST_PATIENCE_MS));
  }

  async #onPatienceLost() {
    if (this.#pc?.connectionState === "connected") return;
    if (this.#options.reachable()) {
      this.#rebuilds += 1;
      this.#log("begin_anew", { times: this.#rebuilds });
      await this.#build(true);
    } else {
      this.#watch();
    }
  }

  async #logPath(pc) {
    const path = await pathOf(pc);
    if (path) this.#log("path", path);
  }

  #send(pc, type, payload) {
    if (pc === this.#pc) this.#options.send(type, payload);
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }

  #log(event, data) {
    this.#options.log(event, data);
  }
}
