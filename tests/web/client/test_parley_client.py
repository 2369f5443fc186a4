import pytest
from playwright.sync_api import Page

pytestmark = pytest.mark.browser


def run(page: Page, script: str) -> object:
    return page.evaluate(f"async () => {{ {script} }}")


def test_many_requests_with_an_old_token_are_served_by_one_refresh(blank: Page) -> None:
    script = """
      const { ParleyClient } = await import("/web/parley-client.js");
      const server = scriptedServer(tokens("old", 1000), tokens("new"), { body: 1 }, { body: 2 }, { body: 3 });
      const client = new ParleyClient({ fetch: server.fetch });
      await client.login({});
      const answers = await Promise.all([client.get("/a"), client.get("/b"), client.get("/c")]);
      return [answers, server.calls.map((call) => [call.path, call.headers.Authorization ?? null])];"""
    assert run(blank, script) == [
        [1, 2, 3],
        [
            ["/api/v1/auth/login", None],
            ["/api/v1/auth/refresh", None],
            ["/api/v1/a", "Bearer access-new"],
            ["/api/v1/b", "Bearer access-new"],
            ["/api/v1/c", "Bearer access-new"],
        ],
    ]


def test_a_refused_token_is_renewed_and_the_request_repeated(blank: Page) -> None:
    script = """
      const { client, calls } = await signedIn(problem(401, "token_expired"), tokens("2"), { body: "yes" });
      const answer = await client.get("/me");
      return [answer, calls.map((call) => call.body?.refresh_token ?? call.headers.Authorization)];"""
    assert run(blank, script) == ["yes", ["Bearer access-1", "refresh-1", "Bearer access-2"]]


def test_an_ended_session_is_told_and_forgotten(blank: Page) -> None:
    script = """
      const { client, calls } = await signedIn(problem(401, "token_expired"), problem(401, "session_ended"));
      const told = [];
      client.onSignedOut = (code) => told.push(code);
      const error = await client.get("/me").catch((problem) => problem);
      return [error.code, told, client.user, await client.resume()];"""
    assert run(blank, script) == ["session_ended", ["session_ended"], None, None]


def test_a_session_is_not_given_up_because_the_server_is_out_of_reach(blank: Page) -> None:
    script = """
      const saved = { refresh_token: "refresh-0", session_id: "s" };
      const { ParleyClient } = await import("/web/parley-client.js");
      const store = { load: () => saved, save: () => {}, clear: () => { store.cleared = true; } };
      const client = new ParleyClient({ fetch: scriptedServer("offline").fetch, store });
      const error = await client.resume().catch((problem) => problem);
      return [error.code, error.status, store.cleared ?? false];"""
    assert run(blank, script) == ["network_error", 0, False]


def test_lifetimes_are_counted_by_the_servers_clock(blank: Page) -> None:
    script = """
      const { ParleyClient } = await import("/web/parley-client.js");
      const hour = 3_600_000;
      const late = tokens("1", -hour + 900_000);
      late.headers = { Date: new Date(Date.now() - hour).toUTCString() };
      const server = scriptedServer(late, { body: 1 });
      const client = new ParleyClient({ fetch: server.fetch });
      await client.login({});
      await client.get("/a");
      return server.calls.map((call) => call.path);"""
    assert run(blank, script) == ["/api/v1/auth/login", "/api/v1/a"]


def test_a_lost_answer_is_asked_for_again_with_the_same_key(blank: Page) -> None:
    script = """
      const { client, calls } = await signedIn("offline", problem(503, "unavailable"), { body: { id: "m" } });
      const meeting = await client.post("/meetings", { title: "Stand-up" });
      return [meeting, calls.map((call) => call.headers["Idempotency-Key"])];"""
    answer = run(blank, script)
    assert isinstance(answer, list)
    meeting, keys = answer
    assert meeting == {"id": "m"}
    assert len(keys) == 3
    assert len(set(keys)) == 1


def test_a_change_carries_its_version_and_is_not_repeated_blindly(blank: Page) -> None:
    script = """
      const { client, calls } = await signedIn("offline");
      const error = await client.patch("/meetings/m", { title: "New" }, { version: 3 }).catch((problem) => problem);
      return [error.code, calls.map((call) => call.headers["If-Match"])];"""
    assert run(blank, script) == ["network_error", ['"3"']]


def test_problem_documents_become_errors_with_all_that_they_say(blank: Page) -> None:
    script = """
      const fields = [{ location: "body", field: "title", message: "Too long." }];
      const more = { errors: fields, request_id: "r1", extra: 1 };
      const { client } = await signedIn(problem(422, "validation_failed", more));
      const error = await client.post("/meetings", {}).catch((problem) => problem);
      const { name, code, status, detail, errors, requestId } = error;
      return [name, code, status, detail, errors[0].field, requestId, error.problem.extra];"""
    expected = ["ParleyError", "validation_failed", 422, "validation_failed", "title", "r1", 1]
    assert run(blank, script) == expected


def test_an_error_page_of_a_proxy_is_an_error_as_well(blank: Page) -> None:
    script = """
      const { ParleyClient } = await import("/web/parley-client.js");
      const fetch = async () => new Response("<h1>Bad gateway</h1>", { status: 502 });
      const error = await new ParleyClient({ fetch }).login({}).catch((problem) => problem);
      return [error.code, error.status];"""
    assert run(blank, script) == ["unexpected_answer", 502]


def test_every_page_of_a_list_is_read(blank: Page) -> None:
    script = """
      const { client, calls } = await signedIn(
        { body: { items: [1, 2], next_cursor: "c1" } }, { body: { items: [3], next_cursor: null } });
      return [await client.all("/meetings", { state: "live" }), calls.map((call) => call.query)];"""
    assert run(blank, script) == [
        [1, 2, 3],
        [{"limit": "200", "state": "live"}, {"limit": "200", "state": "live", "cursor": "c1"}],
    ]


def test_the_log_hears_of_requests_but_of_nothing_secret(blank: Page) -> None:
    script = """
      const { ParleyClient } = await import("/web/parley-client.js");
      const told = [];
      const server = scriptedServer(tokens("secret"), { body: {}, headers: { "X-Request-ID": "r1" } });
      const client = new ParleyClient({ fetch: server.fetch, onRequest: (request) => told.push(request) });
      await client.login({ email: "ada@example.org", password: "a secret password" });
      await client.post("/meetings", { title: "Private" });
      return [JSON.stringify(told), told.map((one) => [one.method, one.path, one.status, one.requestId ?? null])];"""
    answer = run(blank, script)
    assert isinstance(answer, list)
    text, told = answer
    assert told == [["POST", "/api/v1/auth/login", 200, None], ["POST", "/api/v1/meetings", 200, "r1"]]
    assert "secret" not in text
    assert "Private" not in text
