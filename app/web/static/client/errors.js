// What went wrong, in the words of the API: every problem document (RFC 9457) becomes a ParleyError.

export class ParleyError extends Error {
  /**
   * @param {object} problem a problem document; `code` is stable, `detail` is for people
   * @param {number|null} retryAfterMs what the server asked for by Retry-After
   */
  constructor(problem, retryAfterMs = null) {
    super(problem.detail || problem.title || problem.code);
    this.name = "ParleyError";
    this.code = problem.code;
    this.status = problem.status;
    this.detail = problem.detail || problem.title || "";
    this.errors = problem.errors ?? [];
    this.requestId = problem.request_id ?? null;
    this.problem = problem; // extras, such as participant_id of already_joined
    this.retryAfterMs = retryAfterMs;
  }

  /** The same request may succeed later. */
  get passing() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }

  static async from(response) {
    let problem = {};
    try {
      problem = await response.json();
    } catch {
      // A proxy's page, not the API's.
    }
    return new ParleyError(
      {
        ...problem,
        code: problem.code ?? "unexpected_answer",
        status: response.status,
        detail: problem.detail ?? `The server answered ${response.status}.`,
      },
      retryAfterMs(response.headers.get("Retry-After")),
    );
  }

  static network(cause) {
    const error = new ParleyError({ code: "network_error", status: 0, detail: "The server can't be reached." });
    error.cause = cause;
    return error;
  }
}

/** Retry-After is a number of seconds or a date (RFC 9110 §10.2.3). */
function retryAfterMs(value) {
  if (!value) return null;
  const seconds = Number(value);
  const ms = Number.isNaN(seconds) ? Date.parse(value) - Date.now() : seconds * 1000;
  return Number.isNaN(ms) ? null : Math.max(0, ms);
}
