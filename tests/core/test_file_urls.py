"""Signed addresses of files: good at every process that has the secret, and nowhere else."""

from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest

from app.core import errors
from app.core.file_urls import MAIN, FileUrls
from app.core.flask_app import ParleyApp
from app.core.runtime import Runtime
from app.core.settings import load_settings
from app.wiring import build


def signed(runtime: Runtime) -> str:
    with runtime.reading() as work:
        return runtime.drivers[FileUrls].sign(work, "recordings/r1", MAIN)


def check(url: str, runtime: Runtime, later: timedelta = timedelta(0)) -> None:
    address = urlsplit(url)
    query = dict(parse_qsl(address.query))
    now = runtime.clock.now() + later
    runtime.drivers[FileUrls].check(address.path, query["of"], int(query["expires"]), query["signature"], now)


def on_another_machine(app: ParleyApp, **settings: str) -> Runtime:
    """With a folder of its own, which it shares with nobody."""
    folder = app.runtime.settings.storage_dir / "another"
    told = {"jwt_secret": "s" * 40, **settings}
    return build(load_settings(_env_file=None, storage_dir=folder, **told), app.runtime.clock)


def test_an_address_that_one_machine_signed_is_good_at_another(app: ParleyApp) -> None:
    one, other = on_another_machine(app), on_another_machine(app)
    check(signed(one), other)
    assert not (one.settings.storage_dir / "secrets").exists()


def test_it_is_good_while_its_secret_is_named_as_a_former_one(app: ParleyApp) -> None:
    url = signed(on_another_machine(app))
    check(url, on_another_machine(app, jwt_secret="t" * 40, jwt_secrets_former="s" * 40))
    with pytest.raises(errors.UrlNotSigned):
        check(url, on_another_machine(app, jwt_secret="t" * 40))


def test_it_expires(app: ParleyApp) -> None:
    runtime = on_another_machine(app)
    url = signed(runtime)
    check(url, runtime, timedelta(hours=5))
    with pytest.raises(errors.UrlExpired):
        check(url, runtime, timedelta(hours=7))
