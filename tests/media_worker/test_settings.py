import re
import subprocess
import sys
from pathlib import Path

import pytest

from media_worker.settings import Settings, SettingsError, load_settings

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _no_dotenv(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MEDIA_PORT", "70000"),
        ("MEDIA_HOST", "localhost"),
        ("MEDIA_ADDRESSES", "192.0.2.1, example"),
        ("MEDIA_ENGINE", "fast"),
        ("MEDIA_CAPACITY", "0"),
    ],
)
def test_a_wrong_setting_stops_the_start_and_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=f"^{name}: "):
        load_settings()


def test_a_worker_without_a_name_is_called_by_its_machine_and_port(monkeypatch: pytest.MonkeyPatch) -> None:
    assert re.fullmatch(r".+/4000", load_settings().name(4000))
    monkeypatch.setenv("MEDIA_WORKER_NAME", "north/1")
    assert load_settings().name(4000) == "north/1"


def test_addresses_stand_with_commas_between(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDIA_ADDRESSES", "192.0.2.1, 2001:db8::1,")
    assert load_settings().media_addresses == ("192.0.2.1", "2001:db8::1")


def test_the_key_is_in_no_text_of_the_settings() -> None:
    assert "parley_sk_1" not in repr(load_settings(media_service_key="parley_sk_1"))


def test_the_program_ends_with_the_settings_that_are_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDIA_PORT", "x")
    monkeypatch.setenv("MEDIA_ENGINE", "y")
    command = [sys.executable, "-m", "media_worker"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert [line.split(":")[0] for line in done.stderr.splitlines()] == ["MEDIA_ENGINE", "MEDIA_PORT"]
