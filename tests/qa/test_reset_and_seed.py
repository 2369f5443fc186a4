from typing import Any

import pytest
from flask.testing import FlaskClient

from app import create_app
from app.core.flask_app import ParleyApp
from app.core.settings import Settings, SettingsError, load_settings
from tests.support.people import Person, ok, problem
from tests.support.world import document


def post(client: FlaskClient, path: str, body: Any) -> Any:
    return client.post(f"/api/v1/qa{path}", json=body)


def test_it_is_filled_and_emptied(client: FlaskClient, app: ParleyApp, anna: Person) -> None:
    seeded = ok(post(client, "/seed", {}))
    body = {"email": seeded["people"][0]["email"], "password": seeded["password"]}
    signed_in = Person(app, "", "", ok(client.post("/api/v1/auth/login", json=body)))
    assert len(ok(signed_in.get("/meetings"))["items"]) > 5
    post(client, "/clock", {"advance_s": 60})
    post(client, "/faults", {"kind": "drop_poll"})
    assert ok(post(client, "/reset", {}))["rows"] > 100
    problem(signed_in.get("/meetings"), 401, "session_ended")
    problem(anna.get("/meetings"), 401, "session_ended")
    assert ok(client.get("/api/v1/qa/clock"))["offset_s"] == 0
    assert ok(client.get("/api/v1/qa/faults"))["items"] == []
    assert ok(post(client, "/seed", {}))["password"] == seeded["password"]


def test_a_page_of_another_origin_cannot_empty_it_by_a_plain_form(client: FlaskClient) -> None:
    problem(client.post("/api/v1/qa/reset"), 415, "unsupported_media_type")
    problem(client.post("/api/v1/qa/reset", data="{}", content_type="text/plain"), 415, "unsupported_media_type")


def test_the_explorer_shows_what_testers_may_do_in_this_profile_alone(client: FlaskClient) -> None:
    def shown(paths: dict[str, Any]) -> list[str]:
        return [path for path in paths if "/qa/" in path]

    here = ok(client.get("/openapi.json"))["paths"]
    assert len(shown(here)) == 5
    for path in shown(here):
        for operation in here[path].values():
            assert isinstance(operation, list) or operation["summary"]
    assert shown(document()["paths"]) == []


@pytest.mark.parametrize("profile", ["embedded", "production"])
def test_no_other_profile_has_any_of_it(settings: Settings, empty_database: None, profile: str) -> None:
    app = create_app(settings.model_copy(update={"profile": profile}))
    for path in ("reset", "seed", "clock", "faults"):
        problem(app.test_client().post(f"/api/v1/qa/{path}", json={}), 404, "not_found")
    app.runtime.close()


def test_a_database_with_accounts_of_another_profile_is_not_touched(settings: Settings, empty_database: None) -> None:
    usual = create_app(settings.model_copy(update={"profile": "embedded"}))
    body = {"email": "anna@example.org", "password": "correct horse battery", "display_name": "Anna"}
    ok(usual.test_client().post("/api/v1/auth/register", json=body), 201)
    with pytest.raises(SettingsError, match="PROFILE: qa needs a database of its own"):
        create_app(settings)
    usual.runtime.close()


def test_a_database_that_was_made_for_it_is_known_again(settings: Settings, app: ParleyApp, anna: Person) -> None:
    create_app(settings).runtime.close()
    ok(anna.get("/auth/me"))


def test_it_stays_on_this_machine_unless_that_is_said(tmp_path: Any) -> None:
    given: dict[str, Any] = {"profile": "qa", "storage_dir": tmp_path, "_env_file": None}
    with pytest.raises(SettingsError, match="HOST: the QA profile stays on this machine"):
        load_settings(host="0.0.0.0", **given)
    load_settings(host="0.0.0.0", qa_beyond_this_machine=True, **given)
