// A server that plays a script: each request takes the next reply. A reply is {status, body, headers}, "offline" (the
// request fails) or "silent" (no answer until the request is aborted). With the script at its end it is silent.
window.scriptedServer = (...replies) => {
  const calls = [];
  const fetch = (url, { method, headers, body, signal }) => {
    const { pathname, searchParams } = new URL(url, location.origin);
    const query = Object.fromEntries(searchParams);
    calls.push({ method, path: pathname, query, headers, body: body && JSON.parse(body) });
    const reply = replies.shift() ?? "silent";
    if (reply === "offline") return Promise.reject(new TypeError("Failed to fetch"));
    if (reply === "silent") {
      return new Promise((_, reject) => {
        const abort = () => reject(new DOMException("Aborted", "AbortError"));
        if (signal?.aborted) abort();
        signal?.addEventListener("abort", abort);
      });
    }
    const content = reply.text ?? (reply.body === undefined ? null : JSON.stringify(reply.body));
    return Promise.resolve(new Response(content, { status: reply.status ?? 200, headers: reply.headers }));
  };
  return { fetch, calls };
};

window.problem = (status, code, more = {}, headers = {}) => ({
  status,
  headers,
  body: { status, code, detail: code, ...more },
});

/** By the clock of a server that is so many ms ahead of this device's. */
window.tokens = (name = "1", livesMs = 900_000, aheadMs = 0) => ({
  headers: { Date: new Date(Date.now() + aheadMs).toUTCString() },
  body: {
    user: { id: "u", display_name: "Ada" },
    session_id: "s",
    access_token: `access-${name}`,
    access_expires_at: new Date(Date.now() + aheadMs + livesMs).toISOString(),
    refresh_token: `refresh-${name}`,
  },
});

window.page = (status, text) => ({ status, text, headers: { "Content-Type": "text/html; charset=utf-8" } });

/** A client that has signed in at a server with `replies` to come, and that server's calls from then on. */
window.signedIn = async (...replies) => {
  const { ParleyClient } = await import("/web/parley-client.js");
  const server = scriptedServer(tokens(), ...replies);
  const client = new ParleyClient({ fetch: server.fetch });
  await client.login({ email: "ada@example.org", password: "a long password" });
  server.calls.length = 0;
  return { client, calls: server.calls };
};

/** Let everything that can run without a timer run. */
window.settle = () => new Promise((resolve) => setTimeout(resolve, 20));
