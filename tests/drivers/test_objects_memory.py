from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest

from app.core.objects.base import ObjectStore, StoreFull
from app.core.objects.memory import MemoryObjectStore
from tests.drivers.objects_suite import ObjectStoreSuite, put


class TestMemoryObjectStore(ObjectStoreSuite):
    def make_store(self, tmp_path: Path) -> ObjectStore:
        return MemoryObjectStore(capacity_bytes=24_000_000)

    def fill(self, store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
        put(store, "ballast", b"x" * 23_500_000)


def test_replacing_an_object_needs_room_for_the_new_one_alone() -> None:
    store = MemoryObjectStore(capacity_bytes=10)
    put(store, "a", b"12345678")
    put(store, "a", b"87654321")
    with pytest.raises(StoreFull, match="at most 10 bytes"):
        put(store, "b", b"123")


def test_a_source_without_an_end_meets_the_capacity() -> None:
    class Endless(BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return b"x" * 1000

    with pytest.raises(StoreFull):
        MemoryObjectStore(capacity_bytes=100_000).put_file("a", Endless(), "text/plain")


def test_a_full_memory_store_is_not_usable() -> None:
    store = MemoryObjectStore(capacity_bytes=3)
    put(store, "a", b"123")
    with pytest.raises(StoreFull):
        store.usable()
