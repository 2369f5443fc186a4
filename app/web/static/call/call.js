/**
 * A call in a meeting: who is there, a link to each of them, and the inbox that everything comes through.
 *
 *   p2p   a mesh. Whoever comes later offers; the earlier one of two is polite.
 *   sfu   one link, to the media server, with two connections.
 *   mock  the same; but the server is played by the application, answers, and moves no packet.
 *
 * Events: `change` (people, links, tracks, state), `message` (every inbox message, in `detail`), `over` (see `reason`).
 */

import { backoffMs, sleep } from "../client/backoff.js";
import { Stopwatch } from "../client/stopwatch.js";
import { Inbox, ParleyError, SignalSender } from "../parley-client.js";
import { PeerLink } from "./peer-link.js";
import { SfuLink } from "./sfu-link.js";
import { StatsTelling } from "./stats-telling.js";
import { describeSignal } from "./describe.js";

const ICE_SPARE_MS = 60_000; // credentials are asked for anew this long before they expire
const HANDLING_TRIES = 5; // of one message; meanwhile no poll tells that we are here

export class Call extends EventTarget {
  #client;
  #inbox = null;
  #signals = null;
  #log;
  #seen;
  #told = {};
  #telling = Promise.resolve();
  #heard; // since the newest answer
  #silentMs = 0; // between the two newest
  #stats = null;
  #doubted = new Set(); // links whose way through the network may be gone

  constructor(client, meeting, media, { device, seen, ai = {}, log = () => {} }) {
    super();
    this.#client = client;
    this.#log = log;
    this.#seen = seen;
    this.meeting = meeting;
    this.media = media;
    this.device = device;
    this.ai = ai; // what the person says at joining about transcripts and notes; what is left out is as before
    this.self = null;
    this.rtc = null;
    this.people = new Map(); // participant id → participant, ourselves among them, without the SFU
    this.links = new Map(); // participant id → PeerLink; with a media server, its SfuLink only
    this.state = "joining"; // waiting | live | over
    this.waitingFor = null; // start | host | admission
    this.reason = null; // why it is over
    this.online = true; // whether the server answers
    this.trouble = null; // the ParleyError that says why not
    this.#heard = new Stopwatch();
  }

  /** For how long the server has not heard us, at the most; now, or until it answered last. */
  get awayMs() {
    return Math.max(this.#heard.ms, this.#silentMs);
  }

  get others() {
    return [...this.people.values()].filter((one) => one.id !== this.self?.id);
  }

  /** Those in the room, ourselves among them. */
  get present() {
    return [...this.people.values()].filter((one) => one.state !== "waiting");
  }

  /** Those at the door, in the order in which they came; only hosts learn of them. */
  get waiting() {
    return [...this.people.values()].filter((one) => one.state === "waiting" && one.id !== this.self?.id);
  }

  get isHost() {
    return this.self?.role === "owner" || this.self?.role === "co_host";
  }

  /** @param {"share_screen" | "chat" | "record"} what */
  may(what) {
    return this.isHost || this.meeting.permissions?.[what] !== "hosts";
  }

  get mode() {
    return this.rtc?.mode ?? null;
  }

  /** What is shown of somebody: their tracks, and how the connection is. */
  view(participantId) {
    if (this.mode === "mock") return { audio: null, camera: null, screen: null, state: "mock" };
    const nothing = { audio: null, camera: null, screen: null, state: "connecting" };
    if (this.mode !== "sfu") {
      const link = this.links.get(participantId);
      return link ? { ...link.remote, state: link.state } : nothing;
    }
    if (!this.rtc.sfu_participant_id) return { ...nothing, state: "reconnecting" }; // its worker is gone; another comes
    return this.#server?.view(participantId) ?? nothing;
  }

  /** How high, in device pixels, pictures of others are shown: a media server sends no larger ones. */
  show(shown) {
    this.#server?.show?.(shown);
  }

  /** How loud somebody is at present, 0..1. */
  level(participantId) {
    return (this.mode === "p2p" ? this.links.get(participantId)?.level : this.#server?.level(participantId)) ?? 0;
  }

  /** Those that there are at the moment, for their statistics. */
  get connections() {
    return [...this.links.values()].flatMap((link) => link.connections);
  }

  get #server() {
    return this.links.get(this.rtc?.sfu_participant_id);
  }

  // Coming and going -------------------------------------------------------------------------------------------

  async join() {
    const { stay, replaced } = await this.#enter();
    this.self = this.#told = stay.participant;
    this.meeting = stay.meeting;
    this.rtc = stay.rtc;
    this.waitingFor = stay.waiting_for ?? null;
    for (const one of stay.participants) this.#note(one);
    this.#note(stay.participant);
    this.#signals = new SignalSender(this.#client, this.meeting.id, {
      from: () => this.self.id,
      batch: this.rtc.limits?.batch,
      onRefused: (error, to) => this.#log("signal_refused", { code: error.code, to }),
    });
    this.media.addEventListener("change", this.#onMedia);
    this.#client.addEventListener("wake", this.#onWake);
    this.state = this.self.state === "waiting" ? "waiting" : "live";
    if (this.state === "live") await this.#connect(replaced);
    this.#listen();
    this.#tellOwnState();
    this.#stats = new StatsTelling(this, this.#client, this.#log);
    this.#stats.begin();
    this.#changed();
  }

  /** After a crash or a reload this device may still be there: take its place, so that others see one person. */
  async #enter() {
    const path = `/meetings/${this.meeting.id}/join`;
    try {
      return { stay: await this.#client.post(path, { device: this.device, ai: this.ai }), replaced: false };
    } catch (error) {
      if (error.code !== "already_joined") throw error;
      const body = { device: this.device, ai: this.ai, replaces: error.problem.participant_id };
      return { stay: await this.#client.post(path, body), replaced: true };
    }
  }

  async leave() {
    this.#finish("left");
    try {
      await this.#client.post(`/participants/${this.self.id}/leave`, undefined, { idempotencyKey: null });
    } catch (error) {
      if (!error.passing) throw error; // otherwise the server finds out by itself, since nobody polls any more
    }
  }

  /** The page is going away: tell the server without waiting for its answer. */
  leaveAtOnce() {
    if (!this.self || this.state === "over") return;
    const options = { keepalive: true, tries: 1, idempotencyKey: null };
    this.#client.post(`/participants/${this.self.id}/leave`, undefined, options).catch(() => {});
    this.#finish("left");
  }

  #finish(reason) {
    if (this.state === "over") return;
    this.state = "over";
    this.reason = reason;
    this.#inbox?.stop(reason);
    this.#stats?.end();
    this.#signals?.close();
    this.#hangUp();
    this.media.removeEventListener("change", this.#onMedia);
    this.#client.removeEventListener("wake", this.#onWake);
    this.dispatchEvent(new Event("over"));
  }

  // The inbox --------------------------------------------------------------------------------------------------

  async #listen() {
    this.#inbox = new Inbox(this.#client, {
      participantId: this.self.id,
      waitS: this.rtc.poll?.wait_default_s,
      seen: this.#seen,
      onConnection: (online, error) => this.#onConnection(online, error),
    });
    for await (const message of this.#inbox) {
      await this.#handleSurely(message);
      this.dispatchEvent(new CustomEvent("message", { detail: message }));
    }
    this.#log("inbox_ended", this.#inbox.ended);
    this.#finish(this.#inbox.ended.reason);
  }

  #onConnection(online, error) {
    if (online) {
      this.#silentMs = this.#heard.ms;
      this.#heard = new Stopwatch();
      this.#restartDoubted();
    }
    if (online === this.online) return;
    this.online = online;
    this.trouble = error;
    this.#log("server", { online, code: error?.code });
    if (online) {
      this.#signals.wake();
      this.#tellOwnState();
    }
    this.#changed();
  }

  /** What a message asks for may need the server once more, which may be away just then. */
  async #handleSurely(message) {
    for (let failures = 0; ; failures += 1) {
      try {
        return await this.#handle(message);
      } catch (error) {
        const again = error instanceof ParleyError && error.passing && failures + 1 < HANDLING_TRIES;
        // One message that can't be handled must not stop those behind it.
        if (!again) return this.#log("message_failed", { type: message.type, error: error.message });
        await sleep(Math.max(error.retryAfterMs ?? 0, backoffMs(failures)));
        if (this.state === "over") return;
      }
    }
  }

  async #handle({ type, from, payload }) {
    if (type.startsWith("rtc.") && type !== "rtc.track") return this.#onSignal(type, from, payload);
    switch (type) {
      case "participant.joined":
      case "participant.waiting":
      case "participant.updated":
        return this.#onParticipant(payload.participant);
      case "participant.left":
        return this.#onLeft(payload.participant);
      case "meeting.started":
      case "meeting.updated":
      case "meeting.ended":
        this.meeting = { ...this.meeting, ...payload.meeting };
        return this.#changed();
      case "participant.mute":
        return this.#onMute(payload.participant_ids);
      case "lobby.updated":
        this.waitingFor = payload.waiting_for;
        return this.#changed();
      case "media.moved":
        this.#hangUp();
        await this.#readConfig();
        await this.#connect(false);
        return this.#changed();
      case "inbox.reset":
        return this.#readAgain();
    }
  }

  async #onSignal(type, from, payload) {
    this.#log("signal_in", { from: from.participant_id, ...describeSignal(type, payload) });
    const known = this.people.get(from.participant_id);
    if (known && from.epoch < known.epoch) return; // sent before that device was replaced
    if (known && from.epoch > known.epoch) await this.#onParticipant({ ...known, epoch: from.epoch });
    let link = this.links.get(from.participant_id);
    if (!link && known && this.mode === "p2p") link = await this.#link(known, false);
    await link?.receive(type, payload);
  }

  async #onParticipant(participant) {
    const before = this.people.get(participant.id);
    this.#note(participant);
    if (participant.id === this.self.id) {
      const wasHost = this.isHost;
      this.self = participant;
      if (this.state === "waiting" && participant.state === "joined") await this.#admitted();
      else if (this.isHost !== wasHost) await this.#readAgain(); // hosts see who waits, others don't
    } else if (this.state === "live" && this.mode === "p2p" && isHere(participant)) {
      const replaced = before && participant.epoch > before.epoch;
      if (replaced) this.#unlink(participant.id);
      if (!this.links.has(participant.id)) await this.#link(participant, false); // whoever comes later offers
    }
    this.#changed();
  }

  /** A host has muted people, maybe us. Nobody else can do it for us, and nobody can unmute us. */
  #onMute(participantIds) {
    for (const id of participantIds) {
      const known = this.people.get(id);
      if (known) this.#note({ ...known, muted: true });
    }
    if (participantIds.includes(this.self.id)) {
      this.self = { ...this.self, muted: true };
      this.media.setMuted(true);
    }
    this.#changed();
  }

  #onLeft(participant) {
    if (participant.id === this.self.id) {
      if (participant.epoch >= this.self.epoch) this.#finish(participant.left_reason ?? "left");
      return;
    }
    this.people.delete(participant.id);
    this.#unlink(participant.id);
    this.#changed();
  }

  async #admitted() {
    this.state = "live";
    try {
      await this.#readAgain();
    } catch (error) {
      this.state = "waiting";
      throw error;
    }
  }

  /** The state over REST: after `inbox.reset`, and when the door is opened. */
  async #readAgain() {
    const [meeting, participants] = await Promise.all([
      this.#client.get(`/meetings/${this.meeting.id}`),
      this.#client.all(`/meetings/${this.meeting.id}/participants`),
      this.#readConfig(),
    ]);
    this.meeting = meeting;
    const here = participants.filter((one) => isHere(one) || one.state === "waiting");
    const gone = [...this.people.keys()].filter((id) => !here.some((one) => one.id === id));
    for (const id of gone) {
      this.people.delete(id);
      this.#unlink(id);
    }
    for (const one of here) {
      if (one.epoch > (this.people.get(one.id)?.epoch ?? one.epoch)) this.#unlink(one.id);
      this.#note(one);
    }
    this.self = this.people.get(this.self.id) ?? this.self;
    if (this.state === "live") await this.#connect(false);
    this.#changed();
  }

  async #readConfig() {
    const before = this.rtc.config_version;
    this.rtc = await this.#client.get(`/meetings/${this.meeting.id}/rtc/config`);
    if (this.rtc.config_version !== before) this.#hangUp(); // media has moved, even if nobody has told yet
  }

  #note(participant) {
    if (participant.kind === "user") this.people.set(participant.id, participant);
  }

  // Links ------------------------------------------------------------------------------------------------------

  /** A link to everybody who has none. @param {boolean} replaced we took our own place, so the offers are ours */
  async #connect(replaced) {
    if (this.mode === "sfu" || this.mode === "mock") {
      const sfu = this.rtc.sfu_participant_id;
      if (sfu && !this.links.has(sfu)) await this.#linkServer(sfu);
    } else if (this.mode === "p2p") {
      for (const other of this.others) {
        if (isHere(other) && !this.links.has(other.id))
          await this.#link(other, replaced || cameLater(this.self, other));
      }
    }
  }

  async #link(other, offers) {
    const link = new PeerLink({
      polite: !cameLater(this.self, other),
      offers,
      dropUnsent: () => this.#signals.forget(other.id),
      ...this.#linkOptions(other.id),
    });
    return this.#begin(other.id, link);
  }

  async #linkServer(id) {
    const layers = this.rtc.simulcast ?? [];
    return this.#begin(id, new SfuLink({ watched: this.mode === "sfu", layers, ...this.#linkOptions(id) }));
  }

  #linkOptions(id) {
    return {
      tracks: this.media,
      iceServers: () => this.#iceServers(),
      lost: () => this.#onLost(this.links.get(id)),
      reachable: () => this.online,
      send: (type, payload) => {
        this.#log("signal_out", { to: id, ...describeSignal(type, payload) });
        this.#signals.send(id, type, payload);
      },
      log: (event, data) => this.#log(event, { peer: id, ...data }),
    };
  }

  async #begin(id, link) {
    this.links.set(id, link);
    link.addEventListener("change", () => this.#changed());
    await link.start();
    return link;
  }

  #unlink(participantId) {
    const link = this.links.get(participantId);
    if (!link) return;
    link.close();
    this.links.delete(participantId);
    this.#doubted.delete(link);
    this.#signals?.forget(participantId);
  }

  #hangUp() {
    for (const id of [...this.links.keys()]) this.#unlink(id);
  }

  // Another network -------------------------------------------------------------------------------------------------

  // The inbox polls at once, or as soon as it can. Its answer tells that there is a network, with addresses to gather.

  #onWake = ({ reason }) => {
    if (reason === "seen" || this.mode === "mock") return;
    for (const link of this.links.values()) this.#doubted.add(link);
  };

  /** Somebody's network has changed. If it is ours, nobody may have told, and the poll hangs as well. */
  #onLost(link) {
    if (!link) return;
    if (this.#doubted.size === 0) this.#inbox?.wake("network");
    this.#doubted.add(link);
  }

  #restartDoubted() {
    const links = [...this.#doubted];
    this.#doubted.clear();
    for (const link of links) link.restart();
  }

  async #iceServers() {
    const expires = this.rtc.ice_expires_at && Date.parse(this.rtc.ice_expires_at);
    if (expires && expires - ICE_SPARE_MS < this.#client.serverNow()) {
      // The old ones may still find a way; a connection is not given up because the server is away.
      await this.#readConfig().catch((error) => this.#log("ice_servers_not_renewed", { code: error.code }));
    }
    return this.rtc.ice_servers;
  }

  // Ourselves --------------------------------------------------------------------------------------------------

  #onMedia = () => {
    for (const link of this.links.values()) {
      for (const source of ["microphone", "camera", "screen"]) link.setTrack(source, this.media[source]);
    }
    this.#tellOwnState();
    this.#changed();
  };

  /** Raise or lower our hand. */
  async setHand(hand) {
    this.self = { ...this.self, ...(await this.#client.patch(`/participants/${this.self.id}`, { hand })) };
    this.#note(this.self);
    this.#changed();
  }

  /** Tell the others what we send, if they know otherwise; one request at a time, so that the last one told is true. */
  #tellOwnState() {
    this.#telling = this.#telling.then(async () => {
      const { microphone, camera, screen, muted } = this.media;
      const now = { muted: muted || !microphone, camera: Boolean(camera), screen: Boolean(screen) };
      const news = Object.fromEntries(Object.entries(now).filter(([name, value]) => this.#told[name] !== value));
      if (Object.keys(news).length === 0 || this.state === "over") return;
      this.self = { ...this.self, ...now };
      this.#note(this.self);
      this.#changed();
      try {
        await this.#client.patch(`/participants/${this.self.id}`, news);
        this.#told = now;
      } catch (error) {
        this.#log("own_state_not_told", { code: error.code });
      }
    });
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}

function isHere(participant) {
  return participant.state === "joined" || participant.state === "reconnecting";
}

/** Both sides must come to the same answer, so it rests on nothing but what the server told both. */
function cameLater(one, other) {
  return `${one.joined_at} ${one.id}` > `${other.joined_at} ${other.id}`;
}
