"""Secrets that an embedded Parley makes at its first start."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from app import create_app
from app.core.secret_files import keep_secret
from app.core.settings import SHORTEST_SECRET, load_settings


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_secret_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    secret = keep_secret(tmp_path, "jwt_secret")
    assert len(secret) >= SHORTEST_SECRET
    assert keep_secret(tmp_path, "jwt_secret") == secret
    assert (mode(tmp_path / "secrets"), mode(tmp_path / "secrets" / "jwt_secret")) == (0o700, 0o600)


def test_every_installation_has_another_and_so_has_every_name(tmp_path: Path) -> None:
    places = [(tmp_path / "one", "jwt_secret"), (tmp_path / "two", "jwt_secret"), (tmp_path / "one", "other")]
    assert len({keep_secret(*place) for place in places}) == len(places)


def test_those_who_start_at_once_agree_on_one_and_leave_nothing_else(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        made = set(threads.map(lambda _: keep_secret(tmp_path, "jwt_secret"), range(32)))
    assert len(made) == 1
    assert [path.name for path in (tmp_path / "secrets").iterdir()] == ["jwt_secret"]


def test_tokens_are_signed_with_it_after_a_restart_too(tmp_path: Path) -> None:
    keys = set()
    for _ in range(2):
        app = create_app(load_settings(_env_file=None, storage_dir=tmp_path, log_level="ERROR"))
        app.runtime.close()
        keys.add(app.config["JWT_SECRET_KEY"])
    assert keys == {(tmp_path / "secrets" / "jwt_secret").read_text()}
