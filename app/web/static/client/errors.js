// What went wrong, in the words of the API: every problem document (RFC 9457) becomes a ParleyError.

const LONGEST_RETRY_AFTER_MS = 3_600_000; // a timer of more than 24 days fires at once

export class ParleyError extends Error {
  /**
   * @param {object} problem a problem document; `code` is stable, `detail` is for people
   * @param {object} options
   * @param {number|null} options.retryAfterMs what the server asked for by Retry-After
   * @param {boolean} options.foreign it is not the API that says so, but something on the way to it
   */
  constructor(problem, { retryAfterMs = null, foreign = false, cause } = {}) {
    super(problem.detail || problem.title || problem.code, { cause });
    this.name = "ParleyError";
    this.code = problem.code;
    this.status = problem.status;
    this.detail = problem.detail || problem.title || "";
    this.errors = problem.errors ?? [];
    this.requestId = problem.request_id ?? null;
    this.problem = problem; // extras, such as participant_id of already_joined
    this.retryAfterMs = retryAfterMs;
    this.foreign = foreign;
  }

  /** The same request may succeed later. What a proxy or a network's sign-in page says is not the API's last word. */
  get passing() {
    const { status } = this;
    return this.foreign || status === 0 || status === 429 || status >= 500 || this.code === "idempotency_key_running";
  }

  static async from(response) {
    const retryAfterMs = retryAfter(response.headers);
    const problem = await response.json().catch(() => null);
    const ours = typeof problem?.code === "string" && problem.status === response.status;
    return ours ? new ParleyError(problem, { retryAfterMs }) : ParleyError.foreign(response, { retryAfterMs });
  }

  /** Something answered that isn't the API: a proxy, or the sign-in page of a hotel's network, even with 200. */
  static foreign({ status }, more = {}) {
    const detail = `Something on the way to the server answered in its place (${status}).`;
    return new ParleyError({ code: "unexpected_answer", status, detail }, { ...more, foreign: true });
  }

  static network(cause) {
    return new ParleyError({ code: "network_error", status: 0, detail: "The server can't be reached." }, { cause });
  }
}

/** Retry-After is a number of seconds or a date (RFC 9110 §10.2.3), which is one of the server's clock. */
function retryAfter(headers) {
  const value = headers.get("Retry-After");
  if (!value) return null;
  const seconds = Number(value);
  const now = Date.parse(headers.get("Date") ?? "") || Date.now();
  const ms = Number.isNaN(seconds) ? Date.parse(value) - now : seconds * 1000;
  return Number.isNaN(ms) ? null : Math.min(Math.max(0, ms), LONGEST_RETRY_AFTER_MS);
}
