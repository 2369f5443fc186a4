from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest

from app.core.objects.base import InvalidKey, ObjectNotFound, ObjectStore, StoreFull, StoreUnusable
from app.core.objects.disk import DiskObjectStore
from tests.drivers.objects_suite import KEY, ObjectStoreSuite, keys, put, read


class TestDiskObjectStore(ObjectStoreSuite):
    def make_store(self, tmp_path: Path) -> ObjectStore:
        return DiskObjectStore(tmp_path / "objects")

    def fill(self, store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "fsync", failing_with(errno.ENOSPC))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "objects"


def test_an_object_is_a_plain_file_under_its_key(root: Path) -> None:
    put(DiskObjectStore(root), KEY, b"a film")
    assert (root / KEY).read_bytes() == b"a film"


def test_another_process_finds_what_was_put(root: Path) -> None:
    info = DiskObjectStore(root).put_file(KEY, BytesIO(b"abc"), "video/mp4")
    assert DiskObjectStore(root).stat(KEY) == info


def test_nothing_but_the_object_and_its_card_is_left_in_the_folder(root: Path) -> None:
    put(DiskObjectStore(root), KEY, b"abc")
    assert files(root) == ["recordings/m1/r1/.composite.mp4.json", KEY]


def test_deleting_the_last_object_removes_its_folders(root: Path) -> None:
    store = DiskObjectStore(root)
    put(store, KEY, b"abc")
    store.delete(KEY)
    assert sorted(path.name for path in root.rglob("*")) == [".incoming"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("call", ["fsync", "replace", "mkdir"])
def test_wherever_the_room_ends_nothing_is_left_behind(
    root: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int
) -> None:
    store = DiskObjectStore(root)
    store.usable()
    monkeypatch.setattr(os, call, failing_with(number))
    with pytest.raises(StoreFull, match="no room left"):
        put(store, KEY, b"abc")
    monkeypatch.undo()
    assert files(root) == []


def test_no_room_for_the_object_after_its_card_leaves_no_card(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = DiskObjectStore(root)
    replace = os.replace

    def full_for_objects(source: str, target: str) -> None:
        if not str(target).endswith(".json"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        replace(source, target)

    monkeypatch.setattr(os, "replace", full_for_objects)
    with pytest.raises(StoreFull):
        put(store, KEY, b"abc")
    assert files(root) == []


def test_a_refused_key_leaves_no_card(root: Path) -> None:
    store = DiskObjectStore(root)
    put(store, "a/b", b"abc")
    for key in ("a", "a/b/c"):
        with pytest.raises(InvalidKey):
            put(store, key, b"abc")
    assert files(root) == ["a/.b.json", "a/b"]


def test_a_real_write_that_is_cut_short_leaves_nothing_behind(root: Path) -> None:
    put(DiskObjectStore(root), KEY, b"as it was")
    cut = subprocess.run([sys.executable, "-c", CUT_SHORT, str(root)], check=True, capture_output=True)
    assert cut.stdout == b"StoreFull"
    assert keys(DiskObjectStore(root)) == [KEY]
    assert list((root / ".incoming").iterdir()) == []


# A limit on the size of files makes a write fail half-way, without being root and a disk to fill.
CUT_SHORT = """
import io, resource, signal, sys
from pathlib import Path
from app.core.objects.base import StoreFull
from app.core.objects.disk import DiskObjectStore

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
try:
    DiskObjectStore(Path(sys.argv[1])).put_file("new", io.BytesIO(bytes(1_000_000)), "text/plain")
except StoreFull:
    sys.stdout.write("StoreFull")
"""


def test_other_errors_of_the_disk_are_not_called_full(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = DiskObjectStore(root)
    monkeypatch.setattr(os, "fsync", failing_with(errno.EIO))
    with pytest.raises(StoreUnusable):
        put(store, KEY, b"abc")
    monkeypatch.undo()
    assert files(root) == []


def test_a_folder_that_can_not_be_made_is_not_usable(tmp_path: Path) -> None:
    (tmp_path / "objects").write_text("a file is in the way")
    store = DiskObjectStore(tmp_path / "objects")
    with pytest.raises(StoreUnusable):
        store.usable()
    with pytest.raises(StoreUnusable):
        put(store, KEY, b"abc")


def test_making_a_store_makes_no_folder(root: Path) -> None:
    DiskObjectStore(root)
    assert not root.exists()


def test_a_writer_killed_half_way_leaves_the_old_object(root: Path) -> None:
    store = DiskObjectStore(root)
    info = put(store, KEY, b"as it was")
    killed = subprocess.run([sys.executable, "-c", KILLED_HALF_WAY, str(root), KEY], check=False)
    assert killed.returncode == -9
    assert len(list((root / ".incoming").iterdir())) == 1
    assert list(store.list()) == [info]
    assert read(store, KEY) == b"as it was"


KILLED_HALF_WAY = """
import io, os, signal, sys
from pathlib import Path
from app.core.objects.disk import DiskObjectStore

class Killing(io.BytesIO):
    def read(self, size=-1):
        return super().read(size) or os.kill(os.getpid(), signal.SIGKILL)

DiskObjectStore(Path(sys.argv[1])).put_file(sys.argv[2], Killing(bytes(1_000_000)), "text/plain")
"""


def test_what_a_killed_writer_left_is_swept_a_day_later(root: Path) -> None:
    incoming = root / ".incoming"
    incoming.mkdir(parents=True)
    (incoming / "abandoned").write_bytes(b"half")
    (incoming / "being-written").write_bytes(b"half")
    two_days_ago = time.time() - 2 * 24 * 3600
    os.utime(incoming / "abandoned", (two_days_ago, two_days_ago))
    DiskObjectStore(root)
    assert [path.name for path in incoming.iterdir()] == ["being-written"]


@pytest.mark.parametrize("damage", ["missing", "empty", "of another version", "not a card"])
def test_a_card_that_does_not_fit_is_made_again_from_the_file(root: Path, damage: str) -> None:
    store = DiskObjectStore(root)
    info = put(store, "a.mp4", b"abc")
    card = root / ".a.mp4.json"
    good = card.read_text()
    match damage:
        case "missing":
            card.unlink()
        case "empty":
            card.write_text("")
        case "of another version":
            card.write_text(good.replace(info.sha256, "0" * 64).replace('"size": 3', '"size": 4'))
        case "not a card":
            card.write_text("[1]")
    assert store.stat("a.mp4").sha256 == info.sha256
    assert store.stat("a.mp4").size == 3
    if damage == "of another version":  # the crash between the two renames of a second put
        assert store.stat("a.mp4").content_type == "application/octet-stream"
    else:
        assert store.stat("a.mp4").content_type == "video/mp4"  # guessed from the name
    assert '"size": 3' in card.read_text()


def test_files_put_there_by_hand_are_found_if_their_names_are_keys(root: Path) -> None:
    (root / "recordings").mkdir(parents=True)
    (root / "recordings/by-hand.webm").write_bytes(b"abc")
    (root / "recordings/no key.webm").write_bytes(b"abc")
    (root / ".DS_Store").write_bytes(b"abc")
    found = list(DiskObjectStore(root).list())
    assert [(info.key, info.content_type) for info in found] == [("recordings/by-hand.webm", "video/webm")]


def test_a_card_is_never_an_object(root: Path) -> None:
    store = DiskObjectStore(root)
    put(store, "a", b"abc")
    with pytest.raises(InvalidKey):
        store.open(".a.json")
    put(store, "a.json", b"another")
    store.delete("a.json")
    assert read(store, "a") == b"abc"


def test_a_stat_of_a_read_only_folder_works_without_a_card(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = DiskObjectStore(root)
    info = put(store, "a", b"abc")
    (root / ".a.json").unlink()
    monkeypatch.setattr(os, "replace", failing_with(errno.EROFS))
    assert store.stat("a").sha256 == info.sha256


def test_memory_does_not_grow_with_the_object(root: Path, tmp_path: Path) -> None:
    source = tmp_path / "large"
    with source.open("wb") as file:
        file.truncate(32_000_000)
    store = DiskObjectStore(root)
    tracemalloc.start()
    try:
        store.put_file(KEY, source, "video/mp4")
        with store.open(KEY, 1, 31_000_000) as stream:
            while stream.read(65536):
                pass
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()


def test_a_lost_object_is_not_found_though_its_card_is_there(root: Path) -> None:
    store = DiskObjectStore(root)
    put(store, KEY, b"abc")
    (root / KEY).unlink()
    with pytest.raises(ObjectNotFound):
        store.stat(KEY)
    assert keys(store) == []


def failing_with(number: int) -> Callable[..., None]:
    def fail(*args: object, **kwargs: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


def files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())
