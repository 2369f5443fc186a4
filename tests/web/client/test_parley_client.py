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
      const paths = [];
      for (const aheadMs of [-5 * hour, 5 * hour]) {
        const server = scriptedServer(tokens("1", 900_000, aheadMs), { body: 1 });
        const client = new ParleyClient({ fetch: server.fetch });
        await client.login({});
        await client.get("/a");
        paths.push(server.calls.map((call) => call.path));
      }
      return paths;"""
    assert run(blank, script) == [["/api/v1/auth/login", "/api/v1/a"]] * 2


def test_without_the_servers_time_a_token_is_used_until_it_is_refused(blank: Page) -> None:
    """Pages of another origin don't get to see the header."""
    script = """
      const { ParleyClient } = await import("/web/parley-client.js");
      const late = { body: tokens("1", -3_600_000).body };
      const server = scriptedServer(late, { body: 1 }, problem(401, "token_expired"), tokens("2"), { body: 2 });
      const client = new ParleyClient({ fetch: server.fetch });
      await client.login({});
      const answers = [await client.get("/a"), await client.get("/b")];
      return [answers, server.calls.map((call) => call.path.slice(7))];"""
    assert run(blank, script) == [[1, 2], ["/auth/login", "/a", "/b", "/auth/refresh", "/b"]]


def test_a_clock_that_is_set_does_not_make_a_token_live_longer(still: Page) -> None:
    run(
        still,
        """
        const { client, calls } = await signedIn(tokens("2"), { body: 1 });
        Object.assign(window, { client, calls });""",
    )
    still.clock.run_for(880_000)
    still.clock.set_system_time(0)
    assert still.evaluate("client.get('/a')") == 1
    assert still.evaluate("calls.map((call) => call.path)") == ["/api/v1/auth/refresh", "/api/v1/a"]


def test_after_a_sleep_the_token_is_renewed_before_it_is_refused(still: Page) -> None:
    run(
        still,
        """
        const { client, calls } = await signedIn(tokens("2"), { body: 1 });
        Object.assign(window, { client, calls });""",
    )
    still.clock.fast_forward(8 * 3_600_000)
    assert still.evaluate("client.get('/a')") == 1
    assert still.evaluate("calls.map((call) => call.path)") == ["/api/v1/auth/refresh", "/api/v1/a"]


def test_a_refresh_whose_answer_was_lost_is_asked_for_again_with_the_same_token(blank: Page) -> None:
    script = """
      const { client, calls } = await signedIn(problem(401, "token_expired"), "offline", tokens("2"), { body: "yes" });
      const answer = await client.get("/me");
      return [answer, calls.map((call) => call.body?.refresh_token ?? call.headers.Authorization)];"""
    assert run(blank, script) == ["yes", ["Bearer access-1", "refresh-1", "refresh-1", "Bearer access-2"]]


@pytest.mark.parametrize(
    "answer", ["page(200, '<h1>Hotel</h1>')", "page(401, 'Proxy')", "{ body: {} }", "{ text: '' }"]
)
def test_nobody_is_signed_out_by_what_answers_in_the_servers_place(blank: Page, answer: str) -> None:
    script = f"""
      const {{ ParleyClient }} = await import("/web/parley-client.js");
      const saved = {{ refresh_token: "refresh-0", session_id: "s" }};
      const told = [];
      const store = {{ load: () => saved, save: () => {{}}, clear: () => told.push("cleared") }};
      const client = new ParleyClient({{ fetch: scriptedServer({answer}, tokens("1")).fetch, store }});
      client.onSignedOut = (code) => told.push(code);
      const error = await client.resume().catch((problem) => problem);
      const user = await client.resume();
      return [error.code, error.passing, told, user.display_name];"""
    assert run(blank, script) == ["unexpected_answer", True, [], "Ada"]


def test_a_sign_in_page_is_not_taken_for_a_recording(blank: Page) -> None:
    script = """
      const { client } = await signedIn(page(200, "<h1>Hotel</h1>"));
      const error = await client.file("/recordings/r/download", { tries: 1 }).catch((problem) => problem);
      return error.code;"""
    assert run(blank, script) == "unexpected_answer"


def test_a_request_without_an_answer_is_given_up_and_repeated(still: Page) -> None:
    script = """
      const { client, calls } = await signedIn("silent", { body: { id: "m" } });
      Object.assign(window, { calls, answer: client.post("/meetings", {}) });"""
    run(still, script)
    still.clock.run_for(19_000)
    assert still.evaluate("calls.length") == 1
    still.clock.run_for(2_000)
    assert still.evaluate("() => answer") == {"id": "m"}
    assert still.evaluate("new Set(calls.map((call) => call.headers['Idempotency-Key'])).size") == 1


def test_a_refresh_without_an_answer_is_given_up_while_it_still_may_be_repeated(still: Page) -> None:
    script = """
      const { client, calls } = await signedIn(problem(401, "token_expired"), "silent", tokens("2"), { body: "yes" });
      Object.assign(window, { calls, answer: client.get("/a") });"""
    run(still, script)
    still.clock.run_for(11_000)
    assert still.evaluate("() => answer") == "yes"
    assert (
        still.evaluate("calls.filter((call) => call.body).map((call) => call.body.refresh_token)") == ["refresh-1"] * 2
    )


@pytest.mark.parametrize("reason", ["slept", "network"])
def test_when_the_device_or_its_network_comes_back_what_was_under_way_is_repeated_at_once(
    blank: Page, reason: str
) -> None:
    script = f"""
      const {{ client, calls }} = await signedIn("silent", {{ body: {{ id: "m" }} }});
      const answer = client.post("/meetings", {{}});
      await settle();
      client.wake("{reason}");
      return [await answer, new Set(calls.map((call) => call.headers["Idempotency-Key"])).size];"""
    assert run(blank, script) == [{"id": "m"}, 1]


def test_a_repeat_that_meets_the_first_request_still_running_waits_for_its_answer(blank: Page) -> None:
    script = """
      const { client } = await signedIn("offline", problem(409, "idempotency_key_running"), { body: { id: "m" } });
      return client.post("/meetings", {});"""
    assert run(blank, script) == {"id": "m"}


def test_a_token_that_was_renewed_meanwhile_is_not_renewed_again(blank: Page) -> None:
    script = """
      const { ParleyClient } = await import("/web/parley-client.js");
      let late;
      const refused = () => new Response(JSON.stringify(problem(401, "token_expired").body), { status: 401 });
      const paths = [];
      const fetch = async (url, { headers }) => {
        paths.push(url.slice(7));
        if (url.includes("/auth/")) return Response.json(tokens(paths.length === 1 ? "1" : "2").body);
        if (headers.Authorization === "Bearer access-2") return Response.json("yes");
        if (url.endsWith("/late")) await new Promise((resolve) => { late = resolve; });
        return refused();
      };
      const client = new ParleyClient({ fetch });
      await client.login({});
      const slow = client.get("/late");
      await settle();
      const fast = await client.get("/a");
      late();
      return [fast, await slow, paths.filter((path) => path === "/auth/refresh").length];"""
    assert run(blank, script) == ["yes", "yes", 1]


def test_a_wrong_password_has_nothing_to_do_with_the_token(blank: Page) -> None:
    script = """
      const { client, calls } = await signedIn(problem(401, "bad_credentials"));
      const error = await client.request("DELETE", "/auth/me", { body: { password: "?" } }).catch((one) => one);
      return [error.code, calls.length, client.user.display_name];"""
    assert run(blank, script) == ["bad_credentials", 1, "Ada"]


def test_a_window_whose_store_holds_another_session_meanwhile_is_signed_out_and_leaves_it_there(blank: Page) -> None:
    script = """
      const { ParleyClient } = await import("/web/parley-client.js");
      let saved = null;
      const store = {
        load: () => saved,
        save: (session) => { saved = session; },
        clear: (id) => { if (!id || saved.session_id === id) saved = null; },
      };
      const server = scriptedServer(tokens("1"), problem(401, "token_expired"));
      const client = new ParleyClient({ fetch: server.fetch, store });
      const told = [];
      client.onSignedOut = (code) => told.push(code);
      await client.login({});
      saved = { session_id: "of another person", refresh_token: "theirs" };
      const error = await client.get("/a").catch((problem) => problem);
      return [error.code, told, client.user, saved.refresh_token, server.calls.length];"""
    assert run(blank, script) == ["session_ended", ["session_ended"], None, "theirs", 2]


@pytest.mark.parametrize("value", ["'120'", "new Date(Date.now() + hour + 120_000).toUTCString()"])
def test_retry_after_is_a_number_of_seconds_or_a_date_of_the_servers_clock(blank: Page, value: str) -> None:
    script = f"""
      const hour = 3_600_000;
      const headers = {{ "Retry-After": {value}, Date: new Date(Date.now() + hour).toUTCString() }};
      const {{ client }} = await signedIn(problem(503, "unavailable", {{}}, headers));
      const error = await client.get("/a").catch((problem) => problem);
      return error.retryAfterMs;"""
    assert run(blank, script) == pytest.approx(120_000, abs=1_000)


def test_the_servers_time_is_known_from_its_answers(blank: Page) -> None:
    script = """
      const { ParleyClient } = await import("/web/parley-client.js");
      const client = new ParleyClient({ fetch: scriptedServer(tokens("1", 900_000, 7_200_000)).fetch });
      await client.login({});
      return client.serverNow() - Date.now();"""
    assert run(blank, script) == pytest.approx(7_200_000, abs=2_000)


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
