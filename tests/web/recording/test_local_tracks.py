"""What a browser records of its person: kept, sent part by part, gone on with after a crash, or given up."""

from typing import Any

import pytest
from playwright.sync_api import Page, Route

pytestmark = pytest.mark.browser

# A server with parts of 10 bytes. `asked`: what it was asked, "METHOD path"; `refuse[path]`: problems, each told once.
HELPERS = """
const { TrackStore } = await import("/web/recording/store.js");
const { Sending } = await import("/web/recording/sending.js");
const { ParleyError } = await import("/web/client/errors.js");
const store = new TrackStore();
const asked = (window.asked ??= []);
const refuse = (window.refuse ??= {});
let begun = 0;
const answers = (method, path, body) => {
  if (path === "/rtc/clock") return { now: new Date().toISOString() };
  if (path.endsWith("/tracks")) {
    begun += 1;
    return { track: { id: `t${begun}` }, upload: { id: `u${begun}`, part_size: 10 } };
  }
  if (path.endsWith("/parts")) {
    const [number] = body.numbers;
    return { parts: [{ number, url: `/api/v1${path}/${number}?size=${body.last_size ?? 10}` }] };
  }
  return { state: refuse.states?.shift() ?? "uploaded" };
};
const ask = async (method, path, body) => {
  const parts = body?.numbers ? ` ${body.numbers} ${body.last_size ?? ""}` : "";
  if (path !== "/rtc/clock") asked.push(`${method} ${path}${parts}`);
  const problem = refuse[path.split("/").at(-1)]?.shift();
  if (problem) throw new ParleyError({ status: 409, code: problem.code ?? problem, ...problem });
  return answers(method, path, body);
};
const client = {
  baseUrl: "/api/v1",
  user: { id: "ada" },
  get: (path) => ask("GET", path),
  post: (path, body) => ask("POST", path, body),
  addEventListener() {},
  removeEventListener() {},
};
const of = { kind: "audio", source: "microphone", mime: "audio/webm" };
const about = { userId: "ada", recordingId: "r", participantId: "p", ...of };
const add = (id, more = {}) => store.add({ id, ...about, startedMs: 1000, lastMs: 1000, endedMs: null, ...more });
const append = (id, number, text) => store.append(id, number, new Blob([text]), 3000 + number);
const send = async (id) => {
  const became = await new Sending(client, store, await store.track(id), {}).run();
  return became instanceof Error ? became.code : became;
};
"""


def run(page: Page, script: str) -> Any:
    return page.evaluate(f"async () => {{ {HELPERS} {script} }}")


@pytest.fixture
def page(blank: Page) -> Page:
    """The parts that it has put are in `puts`: number and content."""
    puts: list[tuple[str, str]] = []

    def put(route: Route) -> None:
        puts.append((route.request.url.split("/")[-1], route.request.post_data or ""))
        route.fulfill(status=200, body="{}")

    blank.route("**/api/v1/uploads/*/parts/*", put)
    blank.puts = puts  # type: ignore[attr-defined]
    return blank


def test_whole_parts_leave_while_it_grows_and_the_rest_when_it_has_ended(page: Page) -> None:
    assert run(page, """await add("a"); await append("a", 0, "0123456789abcde"); return send("a");""") == "grows"
    assert page.puts == [("1?size=10", "0123456789")]  # type: ignore[attr-defined]
    page.reload()  # what is in the store outlives that
    ended = """await append("a", 1, "fghijklmnopq"); await store.change("a", { endedMs: 61000 }); return send("a");"""
    assert run(page, ended) == "sent"
    assert page.puts[1:] == [("2?size=10", "abcdefghij"), ("3?size=7", "klmnopq")]  # type: ignore[attr-defined]
    assert page.evaluate("asked") == [
        "POST /uploads/u1/parts 2 ",
        "POST /uploads/u1/parts 3 7",
        "POST /recordings/r/tracks/t1/finish",
    ]
    assert run(page, """return [await store.tracksOf("ada"), (await store.content("a")).size]""") == [[], 0]


def test_parts_that_did_not_arrive_are_sent_again_and_a_file_that_came_wrong_is_begun_anew(page: Page) -> None:
    script = """
      await add("a", { endedMs: 2000 });
      await append("a", 0, "0123456789ab");
      refuse.finish = ["parts_missing", null, { code: "recording_state_conflict", state: "lost" }];
      refuse.states = ["spooled"];
      return [await send("a"), await send("a"), await send("a")];"""
    assert run(page, script) == ["grows", "grows", "sent"]
    begun = [line for line in page.evaluate("asked") if line.endswith("/tracks")]
    assert len(begun) == 2
    assert len(page.puts) == 6  # type: ignore[attr-defined]


def test_what_the_server_takes_no_more_is_given_up_and_what_only_fails_now_is_kept(page: Page) -> None:
    script = """
      await add("late", { endedMs: 2000 });
      refuse.tracks = ["track_too_late", "storage_full"];
      const late = await send("late");
      await add("full", { endedMs: 2000 });
      const full = await send("full").catch((error) => error.code);
      return [late, full, (await store.tracksOf("ada")).map((track) => track.id)];"""
    assert run(page, script) == ["track_too_late", "storage_full", ["full"]]


def test_nothing_recorded_is_given_up_at_the_server_too(page: Page) -> None:
    assert run(page, """await add("a", { endedMs: 1000 }); return send("a");""") == "sent"
    assert page.evaluate("asked.at(-1)") == "POST /recordings/r/tracks/t1/give-up"


def test_what_nobody_records_into_any_more_has_ended_and_others_tracks_are_left_alone(page: Page) -> None:
    script = """
      const { Unsent } = await import("/web/recording/unsent.js");
      await add("left");
      await append("left", 0, "0123");
      await add("hers", { userId: "eve" });
      const unsent = new Unsent(client, store);
      unsent.start();
      while ((await store.tracksOf("ada")).length > 0) await settle();
      unsent.stop();
      return (await store.tracksOf("eve")).length;"""
    assert run(page, script) == 1
    assert page.puts == [("1?size=4", "0123")]  # type: ignore[attr-defined]


def test_a_full_disk_ends_the_recording_and_keeps_what_there_was(page: Page) -> None:
    script = """
      const { TrackRecording } = await import("/web/recording/track-recording.js");
      const canvas = document.createElement("canvas");
      const pen = canvas.getContext("2d");
      setInterval(() => pen.fillRect(Math.random() * 300, 0, 1, 1), 20);
      const keep = store.append.bind(store);
      let kept = 0;
      store.append = (...chunk) => {
        kept += 1;
        return kept > 1 ? Promise.reject(new DOMException("full", "QuotaExceededError")) : keep(...chunk);
      };
      const [track] = canvas.captureStream(20).getTracks();
      return new Promise((resolve) => {
        const told = async (error) => {
          while ((await store.track("a")).endedMs === null) await settle();
          resolve([error.name, (await store.content("a")).size > 0]);
        };
        new TrackRecording(store, track, { id: "a", userId: "ada", recordingId: "r" }, told).start();
      });"""
    assert run(page, script) == ["QuotaExceededError", True]


def test_each_device_that_is_switched_on_is_a_file_of_its_own_and_a_no_ends_them_all(page: Page) -> None:
    script = """
      const { LocalRecorder } = await import("/web/recording/local-recorder.js");
      const drawn = () => {
        const canvas = document.createElement("canvas");
        setInterval(() => canvas.getContext("2d").fillRect(Math.random() * 300, 0, 1, 1), 20);
        return canvas.captureStream(20).getTracks()[0];
      };
      const target = (more) => Object.assign(new EventTarget(), more);
      const media = target({ microphone: null, camera: drawn(), screen: null });
      const call = target({ media, state: "live", self: { id: "p" } });
      const recorder = target({ current: { id: "r", state: "recording", local_tracks: true }, consents: false });
      const unsent = { store, userId: "ada", look() {}, expect() {} };
      new LocalRecorder(call, recorder, unsent, (error) => { throw error; });
      const seen = async () => (await store.tracksOf("ada")).map(({ source, endedMs }) => [source, endedMs !== null]);
      const until = async (wanted) => {
        while (JSON.stringify(await seen()) !== JSON.stringify(wanted)) await settle();
      };
      const change = (what, more) => Object.assign(what, more).dispatchEvent(new Event("change"));
      await settle();
      const before = await seen();
      change(recorder, { consents: true });
      await until([["camera", false]]);
      change(media, { camera: drawn() });
      await until([["camera", true], ["camera", false]]);
      change(media, { screen: drawn() });
      await until([["camera", true], ["camera", false], ["screen", false]]);
      media.screen.stop();
      change(media, { screen: null, muted: true });
      await until([["camera", true], ["camera", false], ["screen", true]]);
      change(media, { camera: null });
      change(media, { camera: drawn() });
      change(media, { camera: null }); // before it has begun
      await until([["camera", true], ["camera", true], ["screen", true]]);
      change(media, { camera: drawn() });
      await until([["camera", true], ["camera", true], ["screen", true], ["camera", false]]);
      change(recorder, { consents: false });
      await until([["camera", true], ["camera", true], ["screen", true], ["camera", true]]);
      return before;"""
    assert run(page, script) == []


def test_the_quickest_answer_tells_the_servers_clock_and_a_safari_records_mp4(page: Page) -> None:
    script = """
      const { measureClock } = await import("/web/recording/server-clock.js");
      const { typeFor } = await import("/web/recording/track-recording.js");
      const delays = [100, 8, 60, 40, 30, 20];
      let now = 5000;
      const get = async () => {
        const delay = delays.shift();
        now += delay / 2;
        const answer = { now: `1970-01-01T00:00:0${((now + 1250.25) / 1000).toFixed(6)}Z` };
        now += delay / 2;
        return answer;
      };
      const clock = await measureClock({ get }, () => now);
      const safari = ["video", "audio"].map((kind) => typeFor(kind, (type) => /mp4/.test(type)));
      return [clock.offsetMs, clock.uncertaintyMs, ...safari];"""
    offset_ms, uncertainty_ms, video, audio = run(page, script)
    assert offset_ms == pytest.approx(1250.25, abs=0.01)
    assert (uncertainty_ms, video, audio) == (4, "video/mp4;codecs=avc1.42E01F", "audio/mp4")
