import importlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core.jobs.reload import CodeWatch


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A module that is loaded."""
    path = tmp_path / "loaded_for_a_test.py"
    path.write_text("answer = 41")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.import_module(path.stem)
    yield path
    del sys.modules[path.stem]


def save(path: Path, text: str, modified_at: float) -> None:
    path.write_text(text)
    os.utime(path, (modified_at, modified_at))


def test_code_that_is_as_it_was_has_not_changed(code: Path) -> None:
    watch = CodeWatch(code.parent)
    assert not watch.changed()
    assert not watch.changed()


def test_code_that_was_saved_again_has_changed(code: Path) -> None:
    watch = CodeWatch(code.parent)
    assert not watch.changed()
    save(code, "answer = 42", 1_000)
    assert watch.changed()


def test_code_that_is_half_saved_has_not_changed_yet(code: Path) -> None:
    watch = CodeWatch(code.parent)
    assert not watch.changed()
    save(code, "answer = (", 1_000)
    assert not watch.changed()
    code.unlink()
    assert not watch.changed()
    save(code, "answer = 42", 2_000)
    assert watch.changed()


def test_code_elsewhere_does_not_count(code: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    watch = CodeWatch(tmp_path_factory.mktemp("elsewhere"))
    assert not watch.changed()
    save(code, "answer = 42", 1_000)
    assert not watch.changed()
