// The REST contract of one meeting, as much of it as a Call uses, within the page: so that a test says when what arrives.
window.FakeMeeting = class {
  constructor({ mode = "p2p" } = {}) {
    this.mode = mode;
    this.sfuId = "sfu";
    this.configVersion = 1;
    this.participants = new Map();
    this.inboxes = new Map(); // participant id → {messages, wake}
    this.requests = [];
    this.iceExpiresAt = null;
    this.away = null; // the ParleyError that every request is answered with
    this.aheadMs = 0; // of the server's clock
  }

  get config() {
    return {
      mode: this.mode,
      config_version: this.configVersion,
      sfu_participant_id: this.mode === "p2p" ? null : this.sfuId,
      ice_servers: [],
      ice_expires_at: this.iceExpiresAt,
      limits: { batch: 50 },
      poll: { wait_default_s: 25 },
    };
  }

  enter(id, more = {}) {
    const at = new Date(this.participants.size * 1000).toISOString();
    const state = { muted: true, camera: false, screen: false, hand: false };
    const participant = {
      id,
      kind: "user",
      display_name: id,
      state: "joined",
      epoch: 1,
      joined_at: at,
      ...state,
      ...more,
    };
    this.participants.set(id, participant);
    this.inboxes.set(id, { messages: [], wake: () => {} });
    this.tell("participant.joined", { participant }, id);
    return participant;
  }

  /** Put a message into everybody's inbox, but that of `except`. */
  tell(type, payload, except = null) {
    for (const id of this.inboxes.keys()) if (id !== except) this.deliver(id, type, payload);
  }

  deliver(id, type, payload, from = null) {
    const inbox = this.inboxes.get(id);
    if (!inbox) return;
    const seq = inbox.messages.length + 1;
    inbox.messages.push({ seq, event_id: null, type, from, payload: structuredClone(payload), meeting_id: "m" });
    inbox.wake();
  }

  /** Nobody is answered from now on; parked polls are cut. */
  async goAway() {
    const { ParleyError } = await import("/web/parley-client.js");
    this.away = ParleyError.network(new TypeError("Failed to fetch"));
    for (const { cut } of this.inboxes.values()) cut?.(this.away);
  }

  /** The client of a person: what a ParleyClient would do. */
  client(id) {
    const answer = async (method, path, body, query, signal) => {
      if (this.away) throw this.away;
      if (path === "/rtc/inbox") return this.#poll(query, signal);
      this.requests.push(`${method} ${path}`);
      if (path.endsWith("/join")) {
        const participant = this.enter(id);
        return { participant, participants: [...this.participants.values()], meeting: { id: "m" }, rtc: this.config };
      }
      if (path.endsWith("/rtc/config")) return this.config;
      if (path.endsWith("/rtc/signals")) return this.#signal(body);
      if (path.endsWith("/participants")) return [...this.participants.values()];
      return { id: "m" };
    };
    return Object.assign(new EventTarget(), {
      serverNow: () => Date.now() + this.aheadMs,
      get: (path, { query, signal } = {}) => answer("GET", path, undefined, query, signal),
      all: (path) => answer("GET", path),
      post: (path, body) => answer("POST", path, body),
      patch: (path, body) => answer("PATCH", path, body),
    });
  }

  #signal({ from, messages }) {
    const { epoch } = this.participants.get(from);
    for (const { to, type, payload } of messages) this.deliver(to, type, payload, { participant_id: from, epoch });
    return { items: [] };
  }

  async #poll({ participant_id, after, wait }, signal) {
    const inbox = this.inboxes.get(participant_id);
    inbox.polls = (inbox.polls ?? 0) + 1;
    const news = () => inbox.messages.filter(({ seq }) => seq > (after ?? 0));
    if (wait > 0 && after !== null && news().length === 0) {
      await new Promise((resolve, reject) => {
        inbox.wake = resolve;
        inbox.cut = reject;
        signal.addEventListener("abort", () => reject(new DOMException("Aborted", "AbortError")));
      });
    }
    const head_seq = inbox.messages.length;
    return { messages: news(), head_seq, acked_seq: 0, next_poll_ms: 0, superseded: false, ended: null };
  }
};

/** A meeting in which everybody of `names` has joined, with the camera and microphone of the fake device. */
window.gather = async (meeting, ...names) => {
  const { Call } = await import("/web/call/call.js");
  const { LocalMedia } = await import("/web/call/media.js");
  const calls = {};
  for (const name of names) {
    const media = new LocalMedia();
    await media.openBoth();
    const log = [];
    const call = new Call(meeting.client(name), { id: "m" }, media, {
      device: name,
      log: (event, data) => log.push({ event, ...data }),
    });
    call.entries = log;
    calls[name] = call;
    await call.join();
  }
  return calls;
};

window.until = async (look, what) => {
  const deadline = performance.now() + 90_000; // a machine may stand still for a while
  while (performance.now() < deadline) {
    if (look()) return;
    await new Promise((resolve) => requestAnimationFrame(() => resolve()));
  }
  throw new Error(`never: ${what}`);
};

window.seeEachOther = (one, other) =>
  until(
    () =>
      [
        [one, other],
        [other, one],
      ].every(([from, to]) => from.view(to.self.id).state === "connected" && from.view(to.self.id).camera),
    "they see each other",
  );
