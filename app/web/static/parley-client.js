/**
 * Parley's client: plain fetch, no DOM, no dependency. It holds the session, repeats what may be repeated, and turns
 * every refusal into a ParleyError. The API answers the rest: see /docs of the server.
 *
 *   const parley = new ParleyClient({ baseUrl: "https://meet.example.org/api/v1" });
 *   await parley.login({ email, password });
 *   const meeting = await parley.post("/meetings", { title: "Stand-up" });
 *   for await (const message of new Inbox(parley)) console.log(message.type, message.payload);
 *
 * The access token stays in memory. The refresh token goes to `store` ({load(), save(session), clear(sessionId)}, and
 * exclusive(work) where several windows share a store); each refresh replaces it. One whose answer was lost may be used
 * again for a short while; used twice otherwise it ends the session.
 *
 * No clock of the device is compared with the server's. Call `wake` when the device or its network comes back
 * (`wakeWithDevice(client)` does in a page); inboxes and senders that were made with this client hear of it.
 */

import { backoffMs, randomId, sleep } from "./client/backoff.js";
import { ParleyError } from "./client/errors.js";
import { Stopwatch } from "./client/stopwatch.js";

export { ParleyError } from "./client/errors.js";
export { Inbox, RecentIds } from "./client/inbox.js";
export { SignalSender } from "./client/signals.js";
export { wakeWithDevice } from "./client/waking.js";

const REFRESH_BEFORE_MS = 30_000; // longer than a request takes, shorter than any sensible token lives
const ANSWER_MS = 20_000; // a request that got no answer by then has gone into a connection that is dead
const REFRESH_MS = 10_000; // well within the time for which the server lets a lost answer be asked for again
const TRIES = 3;
const LONGEST_PATIENCE_MS = 5_000; // a person waits for this request: rather fail than obey a long Retry-After
const ABOUT_THE_TOKEN = ["token_expired", "token_invalid", "token_missing"];

export class ParleyClient extends EventTarget {
  #store;
  #fetch;
  #access = null; // {token, livesMs, since}; livesMs Infinity: nobody has told, so its refusal will
  #refreshing = null;
  #inFlight = new Set(); // what gives each request up
  #server = null; // {at, since}: its time, by the newest answer

  constructor({ baseUrl = "/api/v1", store = memoryStore(), fetch, onRequest = () => {} } = {}) {
    super();
    this.baseUrl = baseUrl.replace(/\/$/, "");
    this.#store = store;
    this.#fetch = fetch ?? ((...args) => globalThis.fetch(...args));
    this.onRequest = onRequest; // ({method, path, status, ms, code, requestId}) for a log; never sees tokens or bodies
    this.onSignedOut = () => {}; // (code) when the session has ended, by whomever
    this.user = null;
    this.sessionId = null;
  }

  // The session ------------------------------------------------------------------------------------------------

  register(account) {
    return this.#enter("/auth/register", account);
  }

  login(credentials) {
    return this.#enter("/auth/login", credentials);
  }

  /**
   * Come to a meeting as a guest: this client has a session that is good for that meeting alone.
   * @param {{code: string, display_name: string}} entry
   * @returns {Promise<object>} the meeting, as a guest sees it
   */
  async joinByCode(entry) {
    const since = new Stopwatch();
    const answer = await this.#once("POST", "/meetings/join-by-code", { body: entry });
    await this.#take({ ...answer, body: answer.body?.tokens }, since);
    return answer.body.meeting;
  }

  /** Sign in with what came back from a sign-in provider: {code, code_verifier}. */
  exchange(provider, proof) {
    return this.#enter(`/auth/oidc/${encodeURIComponent(provider)}/exchange`, proof);
  }

  /** Take up the session in the store, if there is one. @returns {Promise<object|null>} the user */
  async resume() {
    if (!(await this.#store.load())) return null;
    try {
      await this.#refresh();
    } catch (error) {
      if (error.status !== 401 || error.foreign) throw error;
    }
    return this.user;
  }

  async logout() {
    try {
      await this.post("/auth/logout", undefined, { tries: 1 });
    } catch (error) {
      if (error.status !== 401) throw error;
    } finally {
      await this.#forget();
    }
  }

  /** What time it is for the server, in ms since 1970, as its answers have told. */
  serverNow() {
    return this.#server ? this.#server.at + this.#server.since.ms : Date.now();
  }

  /**
   * There is reason to try again at once. Whoever waits hears of it by the event `wake`, which has the reason.
   * @param {"slept" | "network" | "seen"} reason but for `seen`, whatever is under way has gone into dead connections
   */
  wake(reason) {
    if (reason !== "seen") for (const giveUp of this.#inFlight) giveUp.abort();
    this.dispatchEvent(Object.assign(new Event("wake"), { reason }));
  }

  async #enter(path, body) {
    const since = new Stopwatch();
    await this.#take(await this.#once("POST", path, { body }), since);
    return this.user;
  }

  async #take({ body: tokens, serverTime, status }, since) {
    if (!tokens?.access_token) throw ParleyError.foreign({ status });
    // Its life is counted from before it was asked for, by the server's clock: a device's may be off by hours.
    const livesMs = Date.parse(tokens.access_expires_at) - (serverTime ?? NaN);
    this.#access = { token: tokens.access_token, livesMs: livesMs > 0 ? livesMs : Infinity, since };
    this.user = tokens.user;
    this.sessionId = tokens.session_id;
    await this.#store.save({ session_id: tokens.session_id, refresh_token: tokens.refresh_token });
  }

  async #forget(sessionId = this.sessionId) {
    this.#access = null;
    this.user = null;
    this.sessionId = null;
    await this.#store.clear(sessionId);
  }

  async #signedOut(code, sessionId) {
    await this.#forget(sessionId);
    this.onSignedOut(code);
  }

  /** Renew the tokens; however many ask, there is one request at a time. */
  #refresh() {
    this.#refreshing ??= this.#renew().finally(() => {
      this.#refreshing = null;
    });
    return this.#refreshing;
  }

  async #renew() {
    const exclusive = this.#store.exclusive ?? ((work) => work());
    await exclusive.call(this.#store, async () => {
      const saved = await this.#store.load(); // within the lock: another window may have renewed it just now
      const gone = !saved || (this.sessionId && saved.session_id !== this.sessionId);
      if (gone && this.user) await this.#signedOut("session_ended", this.sessionId);
      if (gone) throw new ParleyError({ code: "session_ended", status: 401, detail: "You are signed out." });
      const body = { refresh_token: saved.refresh_token };
      const since = new Stopwatch();
      try {
        await this.#take(await this.#once("POST", "/auth/refresh", { body, timeoutMs: REFRESH_MS }), since);
      } catch (error) {
        if (error.status === 401 && !error.foreign) await this.#signedOut(error.code, saved.session_id);
        throw error;
      }
    });
  }

  async #token() {
    const leftMs = () => (this.#access ? this.#access.livesMs - this.#access.since.ms : 0);
    if (leftMs() < REFRESH_BEFORE_MS) {
      try {
        await this.#refresh();
      } catch (error) {
        // A token that is still good is used while the server is out of reach.
        if ((error.status === 401 && !error.foreign) || leftMs() <= 0) throw error;
      }
    }
    return this.#access.token;
  }

  // Requests ---------------------------------------------------------------------------------------------------

  get(path, options = {}) {
    return this.request("GET", path, options);
  }

  /** A POST carries an Idempotency-Key, so that it may be repeated when its answer was lost; null where it repeats safely. */
  post(path, body, { idempotencyKey = randomId(), ...options } = {}) {
    const headers = idempotencyKey ? { "Idempotency-Key": idempotencyKey } : {};
    return this.request("POST", path, { ...options, body, headers });
  }

  /**
   * `version` of what was read goes into If-Match: 412 `version_mismatch` tells that somebody else was faster. It is tried
   * once, since after a lost answer the version would be wrong.
   */
  patch(path, body, { version, ...options } = {}) {
    if (version === undefined) return this.request("PATCH", path, { ...options, body });
    return this.request("PATCH", path, { tries: 1, ...options, body, headers: { "If-Match": `"${version}"` } });
  }

  delete(path, options = {}) {
    return this.request("DELETE", path, options);
  }

  /** Every item of a list, page after page. */
  async all(path, query = {}) {
    const items = [];
    let cursor = null;
    do {
      const page = await this.get(path, { query: { limit: 200, ...query, cursor } });
      items.push(...page.items);
      cursor = page.next_cursor;
    } while (cursor);
    return items;
  }

  /** The bytes of a file. @returns {Promise<Blob>} */
  file(path, options = {}) {
    return this.request("GET", path, { ...options, as: "blob" });
  }

  /**
   * @param {object} options body, query, headers, signal, as ("json" | "blob"), keepalive, open (it needs no session),
   *   timeoutMs, and tries: how often it is tried when the network or the server fails in passing
   * @throws {ParleyError} status 0 and code network_error when there was no answer
   */
  async request(method, path, { tries = TRIES, ...options } = {}) {
    for (let failures = 0; ; failures += 1) {
      try {
        return (await this.#authorised(method, path, options)).body;
      } catch (error) {
        const wait = Math.max(error.retryAfterMs ?? 0, backoffMs(failures));
        const again = error instanceof ParleyError && error.passing && wait <= LONGEST_PATIENCE_MS;
        if (!again || failures + 1 >= tries || options.signal?.aborted) throw error;
        await sleep(wait, options.signal);
      }
    }
  }

  async #authorised(method, path, { open = false, ...options }) {
    if (open) return this.#once(method, path, options);
    let token = null;
    try {
      token = await this.#token();
      return await this.#once(method, path, { ...options, token });
    } catch (error) {
      if (error.code === "session_ended" && this.user) await this.#signedOut(error.code);
      const refused = token && error.status === 401 && ABOUT_THE_TOKEN.includes(error.code);
      if (!refused) throw error;
      if (this.#access?.token === token) {
        this.#access.livesMs = 0;
        await this.#refresh(); // else it was renewed while this request was under way
      }
      return this.#once(method, path, { ...options, token: this.#access?.token });
    }
  }

  async #once(method, path, { body, query, headers = {}, signal, token, as = "json", keepalive = false, timeoutMs }) {
    const url = this.#url(path, query);
    const since = new Stopwatch();
    const told = { method, path: url.slice(0, 300), status: 0 };
    const giveUp = new AbortController();
    const stop = () => giveUp.abort();
    if (signal?.aborted) stop();
    signal?.addEventListener("abort", stop, { once: true });
    const timer = setTimeout(stop, timeoutMs ?? ANSWER_MS);
    this.#inFlight.add(giveUp);
    try {
      const response = await this.#fetch(url, {
        method,
        signal: giveUp.signal,
        keepalive,
        cache: "no-store",
        credentials: path === "/auth/login" ? "same-origin" : "omit", // by a cookie the server knows this device again
        headers: {
          Accept: as === "json" ? "application/json, application/problem+json" : "*/*",
          ...(body === undefined ? {} : { "Content-Type": "application/json" }),
          ...(token ? { Authorization: `Bearer ${token}` } : {}),
          ...headers,
        },
        body: body === undefined ? undefined : JSON.stringify(body),
      });
      told.status = response.status;
      told.requestId = response.headers.get("X-Request-ID");
      if (!response.ok) throw await ParleyError.from(response);
      const serverTime = Date.parse(response.headers.get("Date") ?? "") || null;
      if (as === "blob") clearTimeout(timer); // a large file takes its time
      const content = await contentOf(response, as);
      if (serverTime) this.#server = { at: serverTime, since: new Stopwatch() };
      return { body: content, serverTime, status: response.status };
    } catch (error) {
      if (signal?.aborted) throw new DOMException("The request was given up.", "AbortError");
      const known = error instanceof ParleyError ? error : ParleyError.network(error);
      told.code = known.code;
      throw known;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
      this.#inFlight.delete(giveUp);
      told.ms = Math.round(since.steadyMs);
      this.onRequest(told);
    }
  }

  #url(path, query) {
    const given = Object.entries(query ?? {}).filter(
      ([, value]) => value !== null && value !== undefined && value !== "",
    );
    const search =
      given.length > 0 ? `?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}` : "";
    return this.baseUrl + path + search;
  }
}

/** @throws {ParleyError} it is a page, which the API has none of */
async function contentOf(response, as) {
  const isPage = /^text\/html\b/.test(response.headers.get("Content-Type") ?? "");
  if (isPage) throw ParleyError.foreign(response);
  if (as === "blob") return response.blob();
  const text = await response.text(); // empty where there is nothing to say, as with 204
  try {
    return text ? JSON.parse(text) : null;
  } catch {
    throw ParleyError.foreign(response);
  }
}

function memoryStore() {
  let saved = null;
  return {
    load: () => saved,
    save: (session) => {
      saved = session;
    },
    clear: () => {
      saved = null;
    },
  };
}
