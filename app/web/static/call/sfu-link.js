/**
 * Our two connections with the media server (or with the mock that plays one): what we send goes over `publish`, which
 * we offer; what comes, of everybody, over `subscribe`, which the server offers, and again whenever the tracks of the
 * room change. So no two offers ever cross. A number tells which offer an answer is for.
 *
 * The server has one address and sends no checks of its own (ICE-lite, RFC 8445 §2.5): it needs no candidates of ours.
 *
 * A connection that is lost is restarted; one that does not come back within PATIENCE_MS begins anew.
 */

import { fingerprintOf, logIceServers, PATIENCE_MS, LONGEST_PATIENCE_MS, pathOf } from "./peer.js";

const WISH_MS = 300;
const WISHES_AT_ONCE = 16; // a signal has at most 2 KiB

export class SfuLink extends EventTarget {
  #publishing;
  #subscribing;

  /**
   * @param {object} options
   * @param {boolean} options.watched false for a mock, which never connects
   * @param {() => Promise<RTCIceServer[]>} options.iceServers fresh ones; credentials expire
   * @param {(type: string, payload: object) => void} options.send
   * @param {() => void} options.lost nothing comes from the server any more
   * @param {() => boolean} options.reachable whether signals get through at present
   * @param {{microphone, camera, screen}} options.tracks ours, each may be null
   * @param {{rid, scale_down_by, max_bitrate, max_height}[]} options.layers that a camera is sent in, the smallest first
   * @param {(event: string, data: object) => void} options.log
   */
  constructor(options) {
    super();
    const changed = () => this.dispatchEvent(new Event("change"));
    this.#publishing = new Publishing(options, changed);
    this.#subscribing = new Subscribing(options, changed);
  }

  async start() {
    await Promise.all([this.#publishing.begin(), this.#subscribing.begin()]);
  }

  close() {
    this.#publishing.close();
    this.#subscribing.close();
  }

  /** For their statistics. */
  get connections() {
    return [this.#publishing.pc, this.#subscribing.pc].filter(Boolean);
  }

  async receive(type, payload) {
    const half = payload.connection === "subscribe" ? this.#subscribing : this.#publishing;
    await half.receive(type, payload);
  }

  /** Send `track` as `source`; null ends it. Cameras and microphones change in place, a screen needs a new offer. */
  setTrack(source, track) {
    return this.#publishing.setTrack(source, track);
  }

  /** New ICE credentials and paths for the connections as they are. */
  async restart() {
    await Promise.all([this.#publishing.restart(), this.#subscribing.restart()]);
  }

  /** The tracks of one participant, by source, and how the connection is that they come over. */
  view(participantId) {
    const coming = this.#subscribing.tracksOf(participantId);
    const half = coming.length > 0 ? this.#subscribing : this.#publishing;
    const track = (source) => coming.find((one) => one.source === source)?.track ?? null;
    return { audio: track("microphone"), camera: track("camera"), screen: track("screen"), state: half.state };
  }

  /**
   * How high pictures are shown, in device pixels; 0 where one is not to be seen. The server then sends no more than that.
   * @param {{participantId: string, source: string, height: number}[]} shown
   */
  show(shown) {
    this.#subscribing.show(shown);
  }

  /** How loud a participant is at present, 0..1. */
  level(participantId) {
    const sound = this.#subscribing.tracksOf(participantId).find(({ source }) => source === "microphone");
    return sound?.receiver.getSynchronizationSources?.()[0]?.audioLevel ?? 0;
  }
}

/** What both connections do alike: being built, watched, restarted, begun anew. */
class Half {
  pc = null;
  state = "connecting"; // connected | reconnecting
  #name;
  #changed;
  #timer = null;
  #rebuilds = 0;
  #closed = false;

  constructor(name, options, changed) {
    this.#name = name;
    this.options = options;
    this.#changed = changed;
  }

  close() {
    this.#closed = true;
    this.discard();
  }

  discard() {
    clearTimeout(this.#timer);
    if (!this.pc) return;
    this.pc.onnegotiationneeded = this.pc.onconnectionstatechange = this.pc.oniceconnectionstatechange = null;
    this.pc.close();
    this.pc = null;
    this.changed();
  }

  /** A new connection in place of the old one; null where we were closed meanwhile. */
  async build() {
    const iceServers = await this.options.iceServers();
    if (this.#closed) return null;
    this.discard();
    const pc = (this.pc = new RTCPeerConnection({ iceServers, bundlePolicy: "max-bundle" }));
    pc.onconnectionstatechange = () => this.#onConnectionState(pc);
    pc.oniceconnectionstatechange = () => this.log("ice", { state: pc.iceConnectionState });
    logIceServers(pc, (event, data) => this.log(event, data));
    this.watch();
    return pc;
  }

  /** Ask for fresh credentials of the relays; false where the connection is another by then. */
  async renewIceServers() {
    const pc = this.pc;
    const iceServers = await this.options.iceServers();
    if (!pc || pc !== this.pc) return false;
    pc.setConfiguration({ ...pc.getConfiguration(), iceServers });
    return true;
  }

  send(type, payload) {
    this.options.send(type, { connection: this.#name, ...payload });
  }

  log(event, data) {
    this.options.log(event, { connection: this.#name, ...data });
  }

  changed() {
    this.#changed();
  }

  #onConnectionState(pc) {
    const { connectionState } = pc;
    this.log("connection", { state: connectionState });
    if (connectionState === "connected") {
      this.state = "connected";
      this.#rebuilds = 0;
      clearTimeout(this.#timer);
      pathOf(pc).then((path) => path && this.log("path", path));
    } else if (connectionState === "disconnected" || connectionState === "failed") {
      const isNews = connectionState === "failed" || this.state === "connected";
      this.state = "reconnecting";
      this.watch();
      if (isNews && this.options.watched) this.options.lost();
    }
    this.changed();
  }

  watch() {
    clearTimeout(this.#timer);
    if (!this.options.watched || this.#closed) return;
    const patience = PATIENCE_MS * 2 ** this.#rebuilds;
    this.#timer = setTimeout(() => this.#onPatienceLost(), Math.min(patience, LONGEST_PATIENCE_MS));
  }

  #onPatienceLost() {
    if (this.pc?.connectionState === "connected") return;
    if (!this.options.reachable()) return this.watch();
    this.#rebuilds += 1;
    this.log("begin_anew", { times: this.#rebuilds });
    this.begin().catch((error) => this.log("begin_failed", { error: error.message }));
  }
}

class Publishing extends Half {
  #senders = {}; // source → transceiver
  #negotiation = 0;

  constructor(options, changed) {
    super("publish", options, changed);
  }

  async begin() {
    const pc = await this.build();
    if (!pc) return;
    const { microphone, camera, screen } = this.options.tracks;
    const streams = [new MediaStream()]; // a name that sound and picture share, without which they are not in step
    const add = (kind, track, sendEncodings = []) =>
      pc.addTransceiver(track ?? kind, { direction: "sendonly", streams, sendEncodings });
    this.#senders = { microphone: add("audio", microphone), camera: add("video", camera, this.#encodings()) };
    pc.onnegotiationneeded = () => this.#offer(pc);
    this.#setScreen(screen);
  }

  #encodings() {
    return this.options.layers.map(({ rid, scale_down_by, max_bitrate }) => ({
      rid,
      scaleResolutionDownBy: scale_down_by,
      maxBitrate: max_bitrate,
    }));
  }

  async receive(type, payload) {
    const { pc } = this;
    if (type === "rtc.restart") return this.begin();
    if (type === "rtc.error") return this.log("offer_refused", { code: payload.code, detail: payload.detail });
    if (type !== "rtc.answer") return;
    const isStale = (payload.negotiation ?? this.#negotiation) !== this.#negotiation;
    if (isStale || pc?.signalingState !== "have-local-offer") return this.log("answer_ignored", {});
    await pc.setRemoteDescription({ type: "answer", sdp: payload.sdp });
  }

  setTrack(source, track) {
    if (source === "screen") return this.#setScreen(track);
    return this.#senders[source]?.sender
      .replaceTrack(track)
      .catch((error) => this.log("replace_track_failed", { error: error.name }));
  }

  async restart() {
    if (!this.pc?.remoteDescription || !(await this.renewIceServers())) return;
    this.log("ice_restart", {});
    this.pc.restartIce();
  }

  #setScreen(track) {
    const there = this.#senders.screen;
    if (!this.pc || (there?.sender.track ?? null) === track) return;
    if (there) {
      there.sender.replaceTrack(track);
      there.direction = track ? "sendonly" : "inactive";
    } else {
      this.#senders.screen = this.pc.addTransceiver(track, { direction: "sendonly" });
    }
  }

  /** Never while an answer is awaited: the browser asks for a negotiation only where none is under way. */
  async #offer(pc) {
    try {
      await pc.setLocalDescription();
      if (pc !== this.pc) return;
      this.#negotiation += 1;
      const tracks = Object.entries(this.#senders)
        .filter(([, { mid, direction }]) => mid !== null && direction === "sendonly")
        .map(([source, { mid }]) => ({ mid, source }));
      this.send("rtc.offer", { negotiation: this.#negotiation, sdp: pc.localDescription.sdp, tracks });
    } catch (error) {
      this.log("offer_failed", { error: error.message });
    }
  }
}

class Subscribing extends Half {
  #tracks = new Map(); // mid → {participant_id, track_id, source}
  #shown = [];
  #told = new Map(); // track id → the wish that the server has
  #telling = null;
  #fingerprint = null;

  constructor(options, changed) {
    super("subscribe", options, changed);
  }

  close() {
    clearTimeout(this.#telling);
    super.close();
  }

  /** Ask for an offer. It comes when there is something to receive. */
  async begin() {
    this.#forget();
    this.send("rtc.subscribe", { fresh: true });
  }

  async receive(type, payload) {
    if (type === "rtc.restart") return this.begin();
    if (type !== "rtc.offer") return;
    const fingerprint = fingerprintOf(payload.sdp);
    if (!this.pc || (this.#fingerprint && fingerprint !== this.#fingerprint)) {
      this.#forget();
      if (!(await this.build())) return;
    }
    const { pc } = this;
    await pc.setRemoteDescription({ type: "offer", sdp: payload.sdp });
    await pc.setLocalDescription();
    if (pc !== this.pc) return;
    this.#fingerprint = fingerprint;
    this.#tracks = new Map((payload.tracks ?? []).map((one) => [one.mid, one]));
    this.send("rtc.answer", { negotiation: payload.negotiation, sdp: pc.localDescription.sdp });
    this.changed();
    this.#tellWishes();
  }

  /** Told when it has held for a moment: while a window is resized, heights change all the time. */
  show(shown) {
    this.#shown = shown;
    this.#telling ??= setTimeout(() => this.#tellWishes(), WISH_MS);
  }

  #tellWishes() {
    clearTimeout(this.#telling);
    this.#telling = null;
    if (!this.pc) return;
    const wishes = {};
    for (const { participant_id, track_id, source, kind } of this.#tracks.values()) {
      const one = this.#shown.find((seen) => seen.participantId === participant_id && seen.source === source);
      if (kind !== "video" || !track_id || !one) continue;
      const wish = this.#wish(source, one.height);
      if (this.#told.get(track_id) === JSON.stringify(wish)) continue;
      this.#told.set(track_id, JSON.stringify(wish));
      wishes[track_id] = wish;
    }
    const entries = Object.entries(wishes);
    for (let at = 0; at < entries.length; at += WISHES_AT_ONCE)
      this.send("rtc.subscribe", { tracks: Object.fromEntries(entries.slice(at, at + WISHES_AT_ONCE)) });
  }

  /** The layer that is at least as high as what is shown, by its height; null for the largest. */
  #wish(source, height) {
    if (height === 0) return { paused: true };
    const fitting = source === "camera" && this.options.layers.find((layer) => layer.max_height >= height);
    return { paused: false, max_height: fitting ? fitting.max_height : null };
  }

  async restart() {
    if (!this.pc || !(await this.renewIceServers())) return;
    this.log("ice_restart", {});
    this.send("rtc.restart", {});
  }

  /** What comes of one participant: `{source, track, receiver}` each. */
  tracksOf(participantId) {
    return (this.pc?.getTransceivers() ?? []).flatMap(({ mid, receiver, currentDirection }) => {
      const told = this.#tracks.get(mid);
      const comes = told?.participant_id === participantId && /recv/.test(currentDirection ?? "");
      return comes ? [{ source: told.source, track: receiver.track, receiver }] : [];
    });
  }

  #forget() {
    this.discard();
    this.#tracks.clear();
    this.#told.clear();
    this.#fingerprint = null;
  }
}
