"""Meetings that can be recorded, and recordings that were."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.core.clock import ManualClock
from app.core.objects.base import ObjectInfo, ObjectStore
from app.core.runtime import Runtime
from tests.support.people import Call, Person, ok, start_call

RAN_S = 20


@pytest.fixture
def call(anna: Person, ben: Person) -> Call:
    """Anna's meeting in mock mode, live, with Ben in it."""
    return start_call(anna, ben, media_mode="mock")


@pytest.fixture
def record(call: Call, clock: ManualClock) -> Callable[..., dict[str, Any]]:
    """`record()` makes a recording of the call that ran for 20 s and is ready."""

    def record(**fields: Any) -> dict[str, Any]:
        recording = ok(call.owner.post(f"/meetings/{call.meeting['id']}/recordings", fields), 201)
        clock.advance(seconds=RAN_S)
        ok(call.owner.post(f"/recordings/{recording['id']}/stop"), 202)
        read: dict[str, Any] = ok(call.owner.get(f"/recordings/{recording['id']}"))
        return read

    return record


@pytest.fixture
def objects(runtime: Runtime) -> Callable[[], list[ObjectInfo]]:
    """What the object store holds now."""
    store: ObjectStore = runtime.drivers[ObjectStore]
    return lambda: list(store.list())


@pytest.fixture
def spool(runtime: Runtime) -> Callable[[], list[Path]]:
    """What work in progress has left on the disk."""
    folder = runtime.settings.storage_dir / "spool"
    return lambda: list(folder.iterdir()) if folder.is_dir() else []
