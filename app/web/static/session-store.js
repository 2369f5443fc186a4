// Where the browser keeps the session: in sessionStorage, so that two windows hold two people, or for those who want to
// stay signed in where all of its windows find it. A guest's session has a place of its own, in its window alone: opening
// a link to a meeting signs nobody out.

import { SharedValue } from "./shared-value.js";

const KEY = "parley.session";
const LOCK = "parley.session.";
const PATIENCE_MS = 1500; // a page that is being reloaded gives its lock back well within this
const TURN_MS = 15_000; // longer than the client lets a refresh take

export class SessionStore {
  /** Set before signing in: outlive this window, and be shared by all of this browser's. */
  stay = false;
  #key;
  #shared;

  /** @param {string|null} code of the meeting that a guest's session is for; null: a user's */
  constructor(code = null) {
    this.#key = code ? `${KEY}.guest.${code}` : KEY;
    this.#shared = code ? NOT_SHARED : new SharedValue("session");
  }

  async load() {
    return ofThisWindow(this.#key) ?? (await this.#shared.read());
  }

  async save(session) {
    const stays = this.stay || (await this.#shared.read())?.session_id === session.session_id;
    if (stays && (await this.#shared.write(session))) return;
    sessionStorage.setItem(this.#key, JSON.stringify(session));
    holdForThisWindow(session.session_id);
  }

  /** @param {string|null} sessionId leave alone what another window has put there since */
  async clear(sessionId = null) {
    const gone = await this.load();
    if (sessionId && gone?.session_id !== sessionId) return;
    sessionStorage.removeItem(this.#key);
    if ((await this.#shared.read())?.session_id === gone?.session_id) await this.#shared.remove();
    this.stay = false;
  }

  /**
   * One window at a time renews a shared session: using a refresh token twice may end it. A window that was halted while
   * it had its turn must not halt the others for ever.
   */
  async exclusive(work) {
    if (!navigator.locks) return work();
    const waiting = new AbortController();
    const timer = setTimeout(() => waiting.abort(), TURN_MS);
    let begun = false;
    const begin = () => {
      begun = true;
      clearTimeout(timer);
      return work();
    };
    try {
      return await navigator.locks.request("parley.refresh", { signal: waiting.signal }, begin);
    } catch (error) {
      if (begun) throw error;
      return work();
    }
  }

  /**
   * "Duplicate tab" copies sessionStorage. Two windows that renew one session by turns would end it, so the copy gives way.
   * @returns {Promise<boolean>} whether this window was such a copy
   */
  async yieldIfCopied() {
    const session = ofThisWindow(this.#key);
    if (!session || (await holdForThisWindow(session.session_id))) return false;
    sessionStorage.removeItem(this.#key);
    return true;
  }
}

const NOT_SHARED = { read: async () => null, write: async () => false, remove: async () => {} };

function ofThisWindow(key) {
  try {
    return JSON.parse(sessionStorage.getItem(key));
  } catch {
    return null;
  }
}

const held = new Set();

/** Keep a lock for as long as this window lives. @returns {Promise<boolean>} false: another window has it */
function holdForThisWindow(sessionId) {
  if (!navigator.locks || held.has(sessionId)) return Promise.resolve(true);
  return new Promise((resolve) => {
    navigator.locks
      .request(LOCK + sessionId, { signal: AbortSignal.timeout(PATIENCE_MS) }, () => {
        held.add(sessionId);
        resolve(true);
        return new Promise(() => {});
      })
      .catch(() => resolve(false));
  });
}
