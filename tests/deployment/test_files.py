"""Dockerfile and compose.yaml fit what they are made of."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from app.core.settings import Settings
from media_worker.settings import Settings as WorkerSettings
from tests.deployment.files import ROOT, compose, copied, environments, filled, stages, variables

TARGETS = ("api", "jobs", "media")


def test_every_target_runs_as_somebody_who_is_not_root() -> None:
    for target in TARGETS:
        users = [one.text for one in stages()[target] if one.name == "USER"]
        assert users == ["parley"], target


def test_services_are_built_from_targets_that_there_are() -> None:
    built = {service["build"]["target"] for service in compose()["services"].values() if "build" in service}
    assert built == set(TARGETS)


@pytest.mark.parametrize(("service", "environment"), list(environments()))
def test_what_a_service_is_told_are_settings(service: str, environment: dict[str, str]) -> None:
    known = WorkerSettings.model_fields if service == "media" else Settings.model_fields
    assert [name for name in environment if name.lower() not in known] == []


def test_every_variable_of_env_is_explained() -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    unexplained = [name for name in variables() if not re.search(rf"^ *{name}=", page, re.MULTILINE)]
    assert unexplained == []


def test_a_secret_has_no_value_that_works_by_itself() -> None:
    optional = [name for name, is_needed in variables().items() if not is_needed]
    assert optional == ["WORKERS", "MEDIA_SERVICE_KEY"]
    with pytest.raises(KeyError, match="JWT_SECRET"):
        filled("${JWT_SECRET:?}", {})


def test_what_the_api_is_made_of_is_all_that_it_needs(tmp_path: Path) -> None:
    folder = copied(stages()["api"], tmp_path / "parley")
    data = {"STORAGE_DIR": str(tmp_path / "data")}
    _run(folder, "import asgi, wsgi, app.serving.__main__, app.core.jobs.runner", **data)
    _run(folder, "import celery_app", **data, CELERY_BROKER_URL="memory://")


def test_what_a_media_worker_is_made_of_is_all_that_it_needs(tmp_path: Path) -> None:
    folder = copied(stages()["media"], tmp_path / "parley")
    names = [path.stem for path in (folder / "media_worker").glob("*.py") if path.stem != "__main__"]
    _run(folder, f"import {', '.join(f'media_worker.{name}' for name in names if name != '__init__')}")


def test_a_media_workers_packages_are_those_that_it_imports() -> None:
    [line] = [one.text for one in stages()["media-packages"] if "grep" in one.text]
    named = set(re.search(r"\^\(([^)]*)\)", line)[1].split("|"))  # type: ignore[index]
    of_module = packages_distributions()
    imported = {
        of_module[module][0].lower().replace("_", "-")
        for path in (ROOT / "media_worker").rglob("*.py")
        for module in _imports(path)
        if module in of_module
    }
    # aiortc's encoders come with av, and pydantic with pydantic-settings.
    assert imported - {"pydantic"} == named - {"av"}


def _imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


def _run(folder: Path, program: str, **environment: str) -> None:
    told = subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        env={"PATH": "/usr/bin", "PYTHONPATH": str(folder), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr[-2000:]
