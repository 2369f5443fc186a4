"""What every object store must do: a rung's test class inherits this and makes the store."""

from __future__ import annotations

import hashlib
import threading
import uuid
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import urllib3

from app.core.objects.base import (
    CHUNK_BYTES,
    MAX_KEY_LENGTH,
    MAX_SEGMENT_LENGTH,
    SMALLEST_PART_BYTES,
    InvalidKey,
    ObjectInfo,
    ObjectNotFound,
    ObjectStore,
    PartInfo,
    PartReceiver,
    PartsRefused,
    StoreFull,
    UploadNotFound,
)

KEY = "recordings/m1/r1/composite.mp4"


# Objects that come in parts


LARGE_PART = bytes(range(256)) * (SMALLEST_PART_BYTES // 256)


class PartsSuite:
    """What every store does with objects that come in parts; `ObjectStoreSuite` has it."""

    def test_parts_that_came_in_any_order_make_one_object(self, store: ObjectStore) -> None:
        store_id = begin(store)
        for number, content in ((3, b"end"), (1, LARGE_PART), (2, LARGE_PART)):
            send(store, store_id, number, content)
        arrived = store.parts(KEY, store_id)
        assert [(part.number, part.size) for part in arrived] == [(1, len(LARGE_PART)), (2, len(LARGE_PART)), (3, 3)]
        with pytest.raises(ObjectNotFound):
            store.stat(KEY)
        info = store.finish_upload(KEY, store_id, arrived)
        whole = LARGE_PART * 2 + b"end"
        assert (info.size, info.sha256) == (len(whole), hashlib.sha256(whole).hexdigest())
        assert store.stat(KEY) == info
        assert info.content_type == "video/mp4"
        with store.open(KEY, len(whole) - 5) as stream:
            assert stream.read() == whole[-5:]
        with pytest.raises(UploadNotFound):
            store.finish_upload(KEY, store_id, arrived)

    def test_a_part_that_is_sent_again_takes_the_place_of_the_first(self, store: ObjectStore) -> None:
        store_id = begin(store)
        send(store, store_id, 1, b"first")
        (first,) = store.parts(KEY, store_id)
        send(store, store_id, 1, b"other")
        with pytest.raises(PartsRefused):
            store.finish_upload(KEY, store_id, [first])
        store.finish_upload(KEY, store_id, store.parts(KEY, store_id))
        assert read(store, KEY) == b"other"

    def test_a_part_that_is_too_small_or_missing_is_refused_and_the_others_stay(self, store: ObjectStore) -> None:
        store_id = begin(store)
        send(store, store_id, 1, b"too small")
        send(store, store_id, 2, b"end")
        arrived = store.parts(KEY, store_id)
        with pytest.raises(PartsRefused):
            store.finish_upload(KEY, store_id, arrived)
        with pytest.raises(PartsRefused):
            store.finish_upload(KEY, store_id, [*arrived, PartInfo(3, 3, "never-sent")])
        assert store.parts(KEY, store_id) == arrived
        assert keys(store) == []

    def test_what_was_aborted_or_is_swept_leaves_nothing(self, store: ObjectStore) -> None:
        aborted, swept = begin(store), begin(store)
        for store_id in (aborted, swept):
            send(store, store_id, 1, b"abc")
        store.sweep_uploads(datetime.now(UTC) - timedelta(hours=1))
        assert len(store.parts(KEY, swept)) == 1
        store.abort_upload(KEY, aborted)
        store.abort_upload(KEY, aborted)
        store.sweep_uploads(datetime.now(UTC) + timedelta(hours=1))
        for store_id in (aborted, swept):
            with pytest.raises(UploadNotFound):
                store.parts(KEY, store_id)
        assert keys(store) == []


class ObjectStoreSuite(PartsSuite):
    def make_store(self, tmp_path: Path) -> ObjectStore:
        raise NotImplementedError

    def fill(self, store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
        """From here on, there is no room for a megabyte."""
        raise NotImplementedError

    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[ObjectStore]:
        with closing(self.make_store(tmp_path)) as store:
            yield store

    def test_what_was_put_is_read_back_byte_for_byte(self, store: ObjectStore) -> None:
        content = bytes(range(256)) * 5000  # several chunks, and not a whole number of them
        put(store, KEY, content)
        assert read(store, KEY) == content

    def test_a_put_tells_size_checksum_and_type_and_stat_tells_the_same(self, store: ObjectStore) -> None:
        before = datetime.now(UTC)
        info = store.put_file(KEY, BytesIO(b"abc"), "video/mp4")
        assert (info.key, info.size, info.content_type) == (KEY, 3, "video/mp4")
        assert info.sha256 == hashlib.sha256(b"abc").hexdigest()
        assert abs(info.modified_at - before) < timedelta(minutes=1)
        assert info.modified_at.utcoffset() == timedelta(0)
        assert store.stat(KEY) == info

    def test_a_file_is_put_by_its_path_and_stays_there(self, store: ObjectStore, tmp_path: Path) -> None:
        source = tmp_path / "source.bin"
        source.write_bytes(b"from a file")
        store.put_file(KEY, source, "application/octet-stream")
        assert read(store, KEY) == b"from a file"
        assert source.read_bytes() == b"from a file"

    def test_a_path_that_does_not_exist_is_the_callers_error(self, store: ObjectStore, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError):
            store.put_file(KEY, tmp_path / "missing", "text/plain")
        assert keys(store) == []

    def test_a_stream_is_read_from_where_it_stands_and_left_open(self, store: ObjectStore) -> None:
        stream = BytesIO(b"skipped kept")
        stream.seek(8)
        store.put_file(KEY, stream, "text/plain")
        assert read(store, KEY) == b"kept"
        assert not stream.closed

    def test_a_stream_that_gives_a_byte_at_a_time_is_read_to_its_end(self, store: ObjectStore) -> None:
        store.put_file(KEY, Trickle(b"drop by drop"), "text/plain")
        assert read(store, KEY) == b"drop by drop"

    def test_an_empty_object_is_an_object(self, store: ObjectStore) -> None:
        assert put(store, KEY, b"").size == 0
        assert read(store, KEY) == b""
        assert keys(store) == [KEY]

    def test_a_second_put_replaces_content_and_type(self, store: ObjectStore) -> None:
        store.put_file(KEY, BytesIO(b"a longer first version"), "text/plain")
        second = store.put_file(KEY, BytesIO(b"second"), "video/mp4")
        assert read(store, KEY) == b"second"
        assert store.stat(KEY) == second
        assert keys(store) == [KEY]

    @pytest.mark.parametrize(
        ("start", "length", "expected"),
        [
            (0, None, b"0123456789"),
            (0, 4, b"0123"),
            (3, 4, b"3456"),
            (7, None, b"789"),
            (7, 100, b"789"),
            (9, 1, b"9"),
            (10, None, b""),
            (99, 5, b""),
            (4, 0, b""),
        ],
    )
    def test_a_range_is_read_as_asked_and_ends_with_the_object(
        self, store: ObjectStore, start: int, length: int | None, expected: bytes
    ) -> None:
        put(store, KEY, b"0123456789")
        with store.open(KEY, start, length) as stream:
            assert stream.read() == expected

    def test_a_range_over_many_chunks_can_be_read_in_pieces(self, store: ObjectStore) -> None:
        content = bytes(i * 7 % 251 for i in range(3 * CHUNK_BYTES))
        put(store, KEY, content)
        pieces = []
        with store.open(KEY, 1000, 2 * CHUNK_BYTES + 1) as stream:
            while piece := stream.read(4099):
                pieces.append(piece)
        assert b"".join(pieces) == content[1000 : 1000 + 2 * CHUNK_BYTES + 1]

    @pytest.mark.parametrize(("start", "length"), [(-1, None), (0, -1)])
    def test_a_negative_range_is_refused(self, store: ObjectStore, start: int, length: int | None) -> None:
        put(store, KEY, b"abc")
        with pytest.raises(ValueError, match="can't be negative"):
            store.open(KEY, start, length)

    def test_an_open_stream_keeps_the_content_it_was_opened_on(self, store: ObjectStore) -> None:
        put(store, KEY, b"first")
        with store.open(KEY) as kept_by_replacing, store.open(KEY) as kept_by_deleting:
            put(store, KEY, b"second")
            assert kept_by_replacing.read() == b"first"
            store.delete(KEY)
            assert kept_by_deleting.read() == b"first"

    def test_what_does_not_exist_is_not_found_at_once(self, store: ObjectStore) -> None:
        with pytest.raises(ObjectNotFound, match=r"no object under 'recordings/m1/r1/composite\.mp4'"):
            store.open(KEY)
        with pytest.raises(ObjectNotFound):
            store.stat(KEY)

    def test_a_folder_of_keys_is_no_object(self, store: ObjectStore) -> None:
        put(store, KEY, b"abc")
        store.delete("recordings/m1")
        for not_a_key in ("recordings/m1", f"{KEY}/deeper"):
            with pytest.raises(ObjectNotFound):
                store.open(not_a_key)
            with pytest.raises(ObjectNotFound):
                store.stat(not_a_key)
            store.delete(not_a_key)
        assert read(store, KEY) == b"abc"

    def test_a_deleted_object_is_gone_and_deleting_again_is_fine(self, store: ObjectStore) -> None:
        put(store, KEY, b"abc")
        store.delete(KEY)
        store.delete(KEY)
        with pytest.raises(ObjectNotFound):
            store.stat(KEY)
        assert keys(store) == []

    @pytest.mark.parametrize(("first", "second"), [("a", "a/b"), ("a/b", "a"), ("a/b/c", "a"), ("a", "a/b/c")])
    def test_no_key_is_a_folder_of_another(self, store: ObjectStore, first: str, second: str) -> None:
        put(store, first, b"first")
        with pytest.raises(InvalidKey, match="folder"):
            put(store, second, b"second")
        assert keys(store) == [first]
        assert read(store, first) == b"first"

    def test_a_folder_that_lost_its_last_object_frees_its_name(self, store: ObjectStore) -> None:
        put(store, "a/b/c", b"first")
        store.delete("a/b/c")
        put(store, "a", b"second")
        assert keys(store) == ["a"]

    def test_a_list_is_in_the_order_of_keys(self, store: ObjectStore) -> None:
        written = ["b", "a/b/c", "a.txt", "a-b", "a/b.c", "aa/z", "a/B", "a.txt_"]
        for key in written:
            put(store, key, key.encode())
        assert keys(store) == sorted(written)
        assert [info.size for info in store.list()] == [len(key) for key in sorted(written)]

    @pytest.mark.parametrize(
        ("prefix", "expected"),
        [
            ("m/1", ["m/1/a", "m/1/b", "m/10/a"]),
            ("m/1/", ["m/1/a", "m/1/b"]),
            ("m/1/b", ["m/1/b"]),
            ("m", ["m/1/a", "m/1/b", "m/10/a", "m/2/a"]),
            ("m/1/a/", []),
            ("n/", []),
        ],
    )
    def test_a_prefix_is_a_string_and_not_a_folder(self, store: ObjectStore, prefix: str, expected: list[str]) -> None:
        for key in ("m/1/a", "m/1/b", "m/10/a", "m/2/a"):
            put(store, key, b"x")
        assert keys(store, prefix) == expected

    def test_an_empty_store_lists_nothing(self, store: ObjectStore) -> None:
        assert keys(store) == []

    @pytest.mark.parametrize(
        "key",
        [
            "",
            "/etc/passwd",
            "/",
            "a/",
            "a//b",
            "..",
            "../secret",
            "a/../../secret",
            "a/..",
            "./a",
            "a/./b",
            ".hidden",
            "a/.incoming/b",
            "a\\b",
            "..\\secret",
            "C:/secret",
            "a\0b",
            "a\nb",
            "a\n",
            "a b",
            "a%2fb",
            "ä",
            "a*",
            "x" * (MAX_SEGMENT_LENGTH + 1),
            "x/" * (MAX_KEY_LENGTH // 2) + "x",
        ],
    )
    def test_a_key_that_plays_tricks_is_refused_everywhere(self, store: ObjectStore, key: str) -> None:
        source = BytesIO(b"abc")
        with pytest.raises(InvalidKey, match="can't be a key"):
            store.put_file(key, source, "text/plain")
        assert source.tell() == 0
        for use in (store.open, store.stat, store.delete):
            with pytest.raises(InvalidKey):
                use(key)
        assert keys(store) == []

    @pytest.mark.parametrize("prefix", ["/", "../", "a/../", "..", "a//", ".", "a\\", "a/\0"])
    def test_a_prefix_that_plays_tricks_is_refused(self, store: ObjectStore, prefix: str) -> None:
        with pytest.raises(InvalidKey):
            store.list(prefix)

    @pytest.mark.parametrize(
        "key", ["x" * MAX_SEGMENT_LENGTH, "x/" * (MAX_KEY_LENGTH // 2 - 1) + "xx", "-a/_b/C.d-e_f..g"]
    )
    def test_a_key_at_the_limits_is_fine(self, store: ObjectStore, key: str) -> None:
        put(store, key, b"abc")
        assert read(store, key) == b"abc"
        assert keys(store) == [key]

    def test_a_source_that_fails_half_way_changes_nothing(self, store: ObjectStore) -> None:
        put(store, KEY, b"as it was")
        for key in (KEY, "recordings/m1/r1/other.mp4"):
            with pytest.raises(ConnectionResetError):
                store.put_file(key, Failing(b"x" * (2 * CHUNK_BYTES)), "text/plain")
        assert keys(store) == [KEY]
        assert read(store, KEY) == b"as it was"

    def test_a_full_store_says_so_and_keeps_what_it_has(
        self, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        info = put(store, KEY, b"as it was")
        self.fill(store, monkeypatch)
        for key in (KEY, "new"):
            with pytest.raises(StoreFull):
                put(store, key, b"x" * 1_000_000)
        monkeypatch.undo()
        assert [found.key for found in store.list("recordings/")] == [KEY]
        assert store.stat(KEY) == info
        with pytest.raises(ObjectNotFound):
            store.stat("new")

    def test_a_copy_is_an_object_of_its_own_and_repeating_it_changes_nothing(self, store: ObjectStore) -> None:
        store.put_file("uploads/u1", BytesIO(b"a track"), "audio/webm")
        put(store, KEY, b"what was there")
        info = store.copy("uploads/u1", KEY)
        assert (info.key, info.size, info.content_type) == (KEY, 7, "audio/webm")
        assert info.sha256 == hashlib.sha256(b"a track").hexdigest()
        assert store.copy("uploads/u1", KEY).sha256 == store.stat(KEY).sha256 == info.sha256
        put(store, "uploads/u1", b"another")
        assert read(store, KEY) == b"a track"
        store.delete("uploads/u1")
        assert (keys(store), read(store, KEY)) == ([KEY], b"a track")

    def test_a_copy_of_nothing_changes_nothing(self, store: ObjectStore) -> None:
        put(store, KEY, b"as it was")
        with pytest.raises(ObjectNotFound):
            store.copy("uploads/u1", KEY)
        with pytest.raises(InvalidKey):
            store.copy(KEY, f"{KEY}/within")
        assert (keys(store), read(store, KEY)) == ([KEY], b"as it was")

    def test_what_came_in_parts_can_be_copied(self, store: ObjectStore) -> None:
        store_id = begin(store)
        for number, content in ((1, LARGE_PART), (2, b"end")):
            send(store, store_id, number, content)
        whole = store.finish_upload(KEY, store_id, store.parts(KEY, store_id))
        copied = store.copy(KEY, "elsewhere/c1")
        assert (copied.size, copied.sha256) == (whole.size, whole.sha256)
        assert store.stat("elsewhere/c1").sha256 == whole.sha256

    def test_readers_see_whole_objects_while_writers_replace_them(self, store: ObjectStore) -> None:
        versions = {hashlib.sha256(content).hexdigest() for content in VERSIONS}
        put(store, KEY, VERSIONS[0])
        done = threading.Event()
        failures: list[str] = []

        def look() -> None:
            while not done.is_set():
                if hashlib.sha256(read(store, KEY)).hexdigest() not in versions:
                    failures.append("half an object was read")
                info = store.stat(KEY)
                if info.sha256 not in versions or info.size != len(VERSIONS[0]):
                    failures.append(f"a checksum of nothing: {info}")

        readers = [threading.Thread(target=look) for _ in range(2)]
        writers = [
            threading.Thread(target=lambda content=content: [put(store, KEY, content) for _ in range(10)])
            for content in VERSIONS
        ]
        for thread in readers + writers:
            thread.start()
        for thread in writers:
            thread.join()
        done.set()
        for thread in readers:
            thread.join()
        assert failures == []
        assert hashlib.sha256(read(store, KEY)).hexdigest() == store.stat(KEY).sha256

    def test_puts_and_deletes_in_one_folder_do_not_hurt_each_other(self, store: ObjectStore) -> None:
        failures: list[BaseException] = []

        def come_and_go(name: str) -> None:
            try:
                for _ in range(20):
                    put(store, f"shared/folder/{name}", b"abc")
                    store.delete(f"shared/folder/{name}")
                put(store, f"shared/folder/{name}", b"here to stay")
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=come_and_go, args=(name,)) for name in "abcd"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        assert keys(store) == [f"shared/folder/{name}" for name in "abcd"]

    def test_a_good_store_is_usable_and_stays_empty(self, store: ObjectStore) -> None:
        store.usable()
        assert keys(store) == []

    def test_closing_twice_is_fine(self, store: ObjectStore) -> None:
        store.close()
        store.close()


VERSIONS = [bytes([letter]) * (CHUNK_BYTES + 1000) for letter in b"AB"]


class Trickle(BytesIO):
    """A stream that gives less than it is asked for, as sockets do."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(1)


class Failing(BytesIO):
    """A stream that breaks after its content, as an upload does when the phone loses its network."""

    def read(self, size: int | None = -1, /) -> bytes:
        if chunk := super().read(size):
            return chunk
        raise ConnectionResetError("the phone went into a tunnel")


def put(store: ObjectStore, key: str, content: bytes) -> ObjectInfo:
    return store.put_file(key, BytesIO(content), "application/octet-stream")


def read(store: ObjectStore, key: str) -> bytes:
    with store.open(key) as stream:
        return stream.read()


def keys(store: ObjectStore, prefix: str = "") -> list[str]:
    return [info.key for info in store.list(prefix)]


def begin(store: ObjectStore) -> str:
    return store.begin_upload(KEY, "video/mp4", str(uuid.uuid4()))


def send(store: ObjectStore, store_id: str, number: int, content: bytes) -> None:
    expires_at = datetime.now(UTC) + timedelta(minutes=5)
    put_part(store, store.part_url(KEY, store_id, number, len(content), expires_at), content)


def put_part(store: ObjectStore, url: str, content: bytes) -> None:
    """PUT to a signed address: as a client does it, or as the app does where the address is its own."""
    if not isinstance(store, PartReceiver):
        answer = urllib3.request("PUT", url, body=content, retries=False)
        assert answer.status == 200, answer.data
        return
    *_, upload_id, _, number = urlsplit(url).path.split("/")
    writer = store.receive_part(upload_id, int(number), len(content))
    try:
        writer.write(content)
        writer.finish()
    finally:
        writer.discard()
