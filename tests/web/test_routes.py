import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from app.web import routes

STATIC = Path(routes.__file__).parent / "static"
PAGES = ["/", "/sign-in", "/register", "/account", "/meetings/0194b2f0-0000-7000-8000-000000000000"]
PAGES += [f"{PAGES[-1]}/room", "/recordings", "/shared", "/search", "/calls", "/calls/x", "/webhooks", "/webhooks/x"]


@pytest.mark.parametrize("address", PAGES)
def test_every_address_of_the_client_serves_the_shell(client: FlaskClient, address: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 200
    assert answer.mimetype == "text/html"
    assert '<script type="module" src="/web/app.js">' in answer.text


@pytest.mark.parametrize("address", ["/", "/web/app.js", "/web/parley.css"])
def test_pages_allow_nothing_inline_and_nothing_from_elsewhere(client: FlaskClient, address: str) -> None:
    policy = client.get(address).headers["Content-Security-Policy"]
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert directives["default-src"] == "'none'"
    assert directives["script-src"] == directives["style-src"] == directives["connect-src"] == "'self'"
    assert directives["frame-ancestors"] == "'none'"
    assert directives["media-src"] == "'self' blob:"
    assert "unsafe" not in policy


def test_the_shell_has_no_inline_script_or_style(client: FlaskClient) -> None:
    shell = client.get("/").text
    assert re.findall(r"<script(?![^>]*\bsrc=)", shell) == []
    assert re.findall(r"<style|\sstyle=|\son[a-z]+=", shell) == []


@pytest.mark.parametrize("address", ["/", "/web/app.js"])
def test_an_unchanged_file_is_not_sent_again(client: FlaskClient, address: str) -> None:
    first = client.get(address)
    assert first.headers["Cache-Control"] == "no-cache"
    again = client.get(address, headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304
    assert again.data == b""
    assert again.headers["Content-Security-Policy"]


def test_modules_are_served_as_javascript(client: FlaskClient) -> None:
    # With nosniff a browser runs nothing else.
    for file in STATIC.rglob("*.js"):
        answer = client.get(f"/web/{file.relative_to(STATIC)}")
        assert answer.mimetype == "text/javascript", file
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_every_import_of_a_module_exists() -> None:
    for file in STATIC.rglob("*.js"):
        for name in re.findall(r"""(?:from|import\()\s*["'](\.[^"']+)["']""", file.read_text()):
            assert (file.parent / name).is_file(), f"{file.relative_to(STATIC)} imports {name}"


def test_data_never_goes_into_the_page_as_html() -> None:
    markup = re.compile(r"\b(innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|eval\()")
    for file in STATIC.rglob("*.js"):
        assert not markup.search(file.read_text()), file.relative_to(STATIC)


def test_nothing_is_loaded_from_another_host() -> None:
    for file in (*STATIC.rglob("*.js"), *STATIC.rglob("*.css")):
        if "vendor" in file.parts:
            continue  # comments name the standards
        addresses = re.findall(r"""["'(](?:https?:)?//([a-z0-9.]+)""", file.read_text())
        assert set(addresses) <= {"www.w3.org", "meet.example.org"}, file.relative_to(STATIC)


def test_pages_say_nothing_about_who_asks(client: FlaskClient) -> None:
    answer = client.get("/meetings/x")
    assert "Set-Cookie" not in answer.headers
    assert answer.headers["Referrer-Policy"] == "no-referrer"
