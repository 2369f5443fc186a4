"""Settings that are missing or wrong stop the start, with a line for each that begins with its name."""

from pathlib import Path

import pytest

from app import create_app
from app.core.sealing import Sealer
from app.core.settings import SettingsError, load_settings

SECRET = "s" * 32


def test_production_does_not_start_without_its_secrets() -> None:
    missing = "JWT_SECRET: must be set in the production profile; DATA_SECRET: must be set in the production profile"
    with pytest.raises(SettingsError, match=f"^{missing}$"):
        load_settings(_env_file=None, profile="production")


def test_an_empty_secret_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JWT_SECRET", "")
    with pytest.raises(SettingsError, match=r"^JWT_SECRET: "):
        load_settings(_env_file=None, profile="production")


def test_a_short_secret_is_refused_and_not_told() -> None:
    with pytest.raises(SettingsError, match=r"^JWT_SECRET: must have 32 characters at least$"):
        load_settings(_env_file=None, profile="production", jwt_secret="top-secret!")


def test_production_is_not_debugged() -> None:
    with pytest.raises(SettingsError, match=r"^DEBUG: must be off in the production profile$"):
        load_settings(_env_file=None, profile="production", jwt_secret=SECRET, data_secret=SECRET, debug=True)


def test_production_keeps_no_secret_of_its_own_making(tmp_path: Path) -> None:
    secrets = {"jwt_secret": SECRET, "data_secret": SECRET}
    app = create_app(load_settings(_env_file=None, profile="production", **secrets, storage_dir=tmp_path))
    app.runtime.drivers[Sealer].seal("anything", "text")
    app.runtime.close()
    assert app.config["JWT_SECRET_KEY"] == SECRET
    assert not any((tmp_path / "secrets" / name).exists() for name in secrets)


def test_turn_servers_need_the_secret_that_is_shared_with_them() -> None:
    with pytest.raises(SettingsError, match=r"^TURN_SECRET: must be set when TURN_URLS is$"):
        load_settings(_env_file=None, turn_urls="turn:turn.example.org:3478")


def test_a_store_of_files_needs_its_keys_and_kinds_that_exist() -> None:
    with pytest.raises(SettingsError, match=r"^S3_ACCESS_KEY, S3_SECRET_KEY: must be set with S3_ENDPOINT$"):
        load_settings(s3_endpoint="https://s3.example.org", _env_file=None)
    with pytest.raises(SettingsError, match=r"^S3_BUCKETS: 'films=x' must be "):
        load_settings(s3_buckets="films=x", _env_file=None)


def test_a_broker_needs_an_address_and_the_table_of_jobs() -> None:
    with pytest.raises(SettingsError, match=r"^CELERY_BROKER_URL: must be an address such as amqp://"):
        load_settings(celery_broker_url="rabbit.example.org", _env_file=None)
    with pytest.raises(SettingsError, match=r"^CELERY_BROKER_URL: Celery workers need JOBS to be leased$"):
        load_settings(celery_broker_url="redis://127.0.0.1", jobs="inline", _env_file=None)


def test_every_wrong_setting_has_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"PORT": "0", "LOG_LEVEL": "loud", "STUN_URLS": "http://stun", "PUBLIC_URL": "meet"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as told:
        load_settings(_env_file=None)
    assert {line.partition(":")[0] for line in str(told.value).splitlines()} == {
        "PORT",
        "LOG_LEVEL",
        "STUN_URLS",
        "PUBLIC_URL",
    }


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / ".env"
    file.write_text("PORT=9001\nCORS_ORIGINS=https://a.example, https://b.example\n")
    monkeypatch.setenv("PORT", "9002")
    settings = load_settings(_env_file=file)
    assert (settings.port, settings.cors_origins) == (9002, ("https://a.example", "https://b.example"))
