/**
 * Parley's client: plain fetch, no DOM, no dependency. It holds the session, repeats what may be repeated, and turns
 * every refusal into a ParleyError. The API answers the rest: see /docs of the server.
 *
 *   const parley = new ParleyClient({ baseUrl: "https://meet.example.org/api/v1" });
 *   await parley.login({ email, password });
 *   const meeting = await parley.post("/meetings", { title: "Stand-up" });
 *   for await (const message of new Inbox(parley)) console.log(message.type, message.payload);
 *
 * The access token stays in memory. The refresh token goes to `store` ({load(), save(session), clear()}, and
 * exclusive(work) where several windows share a store); each refresh replaces it, and using one twice ends the session.
 */

import { backoffMs, randomId, sleep } from "./client/backoff.js";
import { ParleyError } from "./client/errors.js";

export { ParleyError } from "./client/errors.js";
export { Inbox, RecentIds } from "./client/inbox.js";
export { SignalSender } from "./client/signals.js";

const REFRESH_BEFORE_MS = 30_000; // longer than a request takes, shorter than any sensible token lives
const TRIES = 3;
const LONGEST_PATIENCE_MS = 5_000; // a person waits for this request: rather fail than obey a long Retry-After

export class ParleyClient {
  #store;
  #fetch;
  #access = null; // {token, expiresAt} by this device's clock, in ms
  #refreshing = null;

  constructor({ baseUrl = "/api/v1", store = memoryStore(), fetch, onRequest = () => {} } = {}) {
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

  /** Take up the session in the store, if there is one. @returns {Promise<object|null>} the user */
  async resume() {
    if (!(await this.#store.load())) return null;
    try {
      await this.#refresh();
    } catch (error) {
      if (error.status !== 401) throw error;
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

  async #enter(path, body) {
    await this.#take(await this.#once("POST", path, { body }));
    return this.user;
  }

  async #take({ body: tokens, serverTime }) {
    // Lifetimes are counted by the server's clock, since a device's may be off by hours.
    const livesMs = Date.parse(tokens.access_expires_at) - serverTime;
    this.#access = { token: tokens.access_token, expiresAt: Date.now() + livesMs };
    this.user = tokens.user;
    this.sessionId = tokens.session_id;
    await this.#store.save({ session_id: tokens.session_id, refresh_token: tokens.refresh_token });
  }

  async #forget() {
    this.#access = null;
    this.user = null;
    this.sessionId = null;
    await this.#store.clear();
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
      if (!saved) throw new ParleyError({ code: "session_ended", status: 401, detail: "You are signed out." });
      try {
        await this.#take(await this.#once("POST", "/auth/refresh", { body: { refresh_token: saved.refresh_token } }));
      } catch (error) {
        if (error.status === 401) {
          await this.#forget();
          this.onSignedOut(error.code);
        }
        throw error;
      }
    });
  }

  async #token() {
    if (!this.#access || Date.now() > this.#access.expiresAt - REFRESH_BEFORE_MS) {
      try {
        await this.#refresh();
      } catch (error) {
        // A token that is still good is used while the server is out of reach.
        if (error.status === 401 || !this.#access || Date.now() >= this.#access.expiresAt) throw error;
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
   *   and tries: how often it is tried when the network or the server fails in passing
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
    try {
      return await this.#once(method, path, { ...options, token: await this.#token() });
    } catch (error) {
      if (error.status !== 401 || error.code === "session_ended") {
        if (error.code === "session_ended" && this.user) {
          await this.#forget();
          this.onSignedOut(error.code);
        }
        throw error;
      }
      await this.#refresh();
      return this.#once(method, path, { ...options, token: this.#access.token });
    }
  }

  async #once(method, path, { body, query, headers = {}, signal, token, as = "json", keepalive = false }) {
    const url = this.#url(path, query);
    const began = performance.now();
    const told = { method, path: url.slice(0, 300), status: 0 };
    try {
      const response = await this.#fetch(url, {
        method,
        signal,
        keepalive,
        cache: "no-store",
        credentials: "omit",
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
      const serverTime = Date.parse(response.headers.get("Date") ?? "") || Date.now();
      if (as === "blob") return { body: await response.blob(), serverTime };
      const text = await response.text(); // empty where there is nothing to say, as with 204
      return { body: text ? JSON.parse(text) : null, serverTime };
    } catch (error) {
      if (error.name === "AbortError") throw error;
      const known = error instanceof ParleyError ? error : ParleyError.network(error);
      told.code = known.code;
      throw known;
    } finally {
      told.ms = Math.round(performance.now() - began);
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
