// Where the browser keeps the session: in sessionStorage, so that two windows hold two people, or in localStorage for
// those who want to stay signed in.

const KEY = "parley.session";
const LOCK = "parley.session.";
const PATIENCE_MS = 1500; // a page that is being reloaded gives its lock back well within this

export class SessionStore {
  /** Set before signing in: outlive this window, and be shared by all of this browser's. */
  stay = false;

  load() {
    return read(sessionStorage) ?? read(localStorage);
  }

  save(session) {
    const stays = this.stay || read(localStorage)?.session_id === session.session_id;
    (stays ? localStorage : sessionStorage).setItem(KEY, JSON.stringify(session));
    if (!stays) holdForThisWindow(session.session_id);
  }

  clear() {
    const gone = this.load();
    sessionStorage.removeItem(KEY);
    if (read(localStorage)?.session_id === gone?.session_id) localStorage.removeItem(KEY);
    this.stay = false;
  }

  /** One window at a time renews a shared session: using a refresh token twice would end it. */
  exclusive(work) {
    return navigator.locks ? navigator.locks.request("parley.refresh", work) : work();
  }

  /**
   * "Duplicate tab" copies sessionStorage. Two windows that renew one session by turns would end it, so the copy gives way.
   * @returns {Promise<boolean>} whether this window was such a copy
   */
  async yieldIfCopied() {
    const session = read(sessionStorage);
    if (!session || (await holdForThisWindow(session.session_id))) return false;
    sessionStorage.removeItem(KEY);
    return true;
  }
}

function read(storage) {
  try {
    return JSON.parse(storage.getItem(KEY));
  } catch {
    return null;
  }
}

let held = null;

/** Keep a lock for as long as this window lives. @returns {Promise<boolean>} false: another window has it */
function holdForThisWindow(sessionId) {
  if (!navigator.locks || held === sessionId) return Promise.resolve(true);
  return new Promise((resolve) => {
    navigator.locks
      .request(LOCK + sessionId, { signal: AbortSignal.timeout(PATIENCE_MS) }, () => {
        held = sessionId;
        resolve(true);
        return new Promise(() => {});
      })
      .catch(() => resolve(false));
  });
}
