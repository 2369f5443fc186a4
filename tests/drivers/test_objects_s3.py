"""The S3 rung against a server that enforces signatures, expiry and CORS."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import urllib3

from app.core.objects.base import ObjectNotFound, ObjectStore, StoreUnusable
from app.core.objects.s3 import S3ObjectStore
from tests.drivers.objects_suite import KEY, ObjectStoreSuite, put, put_part, read
from tests.support.ceph import REGION, S3Server, shared_s3_server

PAGE = "https://meet.example.org"


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with shared_s3_server() as server:
        yield server


def store_on(server: S3Server, bucket: str = "", **options: Any) -> S3ObjectStore:
    given: dict[str, Any] = {
        "endpoint": server.endpoint,
        "public_endpoint": "",
        "region": REGION,
        "access_key": server.access_key,
        "secret_key": server.secret_key,
        "bucket": bucket or f"b-{uuid.uuid4()}",
        "buckets": {},
        "origins": [PAGE],
        "abandoned_after": timedelta(days=3),
        "expire": {},
    }
    return S3ObjectStore(**{**given, **options})


class TestS3ObjectStore(ObjectStoreSuite):
    @pytest.fixture(autouse=True)
    def _server(self, server: S3Server) -> None:
        self.server = server

    def make_store(self, tmp_path: Path) -> ObjectStore:
        self.bucket = f"b-{uuid.uuid4()}"
        return store_on(self.server, self.bucket)

    def fill(self, store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
        put(store, "ballast", b"x")  # the bucket has to be there
        self.server.admin("quota", "set", "--quota-scope=bucket", f"--bucket={self.bucket}", "--max-size=900000")
        self.server.admin("quota", "enable", "--quota-scope=bucket", f"--bucket={self.bucket}")


def test_a_signed_address_is_good_for_one_part_and_no_longer_than_it_says(server: S3Server) -> None:
    store = store_on(server)
    store_id = store.begin_upload(KEY, "video/mp4", str(uuid.uuid4()))
    url = store.part_url(KEY, store_id, 1, 3, datetime.now(UTC) + timedelta(minutes=1))
    put_part(store, url, b"abc")
    assert refused(url.replace("partNumber=1", "partNumber=2")) == "SignatureDoesNotMatch"
    assert refused(url.replace("X-Amz-Expires=59", "X-Amz-Expires=599")) == "SignatureDoesNotMatch"
    past = store._signer.get_presigned_url(
        "PUT", store._bucket, KEY, timedelta(seconds=1), request_date=datetime.now(UTC) - timedelta(minutes=5)
    )
    assert refused(past) in ("AccessDenied", "RequestTimeTooSkewed")


def refused(url: str) -> str:
    answer = urllib3.request("PUT", url, body=b"abc", retries=False)
    assert answer.status == 403
    return answer.data.decode().partition("<Code>")[2].partition("</Code>")[0]


def test_a_page_may_send_parts_and_read_their_etags(server: S3Server) -> None:
    store = store_on(server)
    store_id = store.begin_upload(KEY, "video/mp4", str(uuid.uuid4()))
    url = store.part_url(KEY, store_id, 1, 3, datetime.now(UTC) + timedelta(minutes=1))
    asks = {"Origin": PAGE, "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "content-type"}
    allowed = urllib3.request("OPTIONS", url, headers=asks)
    assert (allowed.status, allowed.headers["Access-Control-Allow-Origin"]) == (200, PAGE)
    sent = urllib3.request("PUT", url, body=b"abc", headers={"Origin": PAGE})
    assert "ETag" in sent.headers["Access-Control-Expose-Headers"]
    assert urllib3.request("OPTIONS", url, headers={**asks, "Origin": "https://evil.example"}).status == 403


def test_a_signed_download_has_the_name_that_it_is_to_be_saved_under(server: S3Server) -> None:
    store = store_on(server)
    put(store, KEY, b"a film")
    named = 'attachment; filename="Weekly review.mp4"'
    url = store.download_url(KEY, content_type="video/mp4", disposition=named, expires_in_s=60)
    answer = urllib3.request("GET", url, headers={"Range": "bytes=2-"})
    assert (answer.status, answer.data, answer.headers["Content-Disposition"]) == (206, b"film", named)


def test_a_bucket_is_made_with_a_rule_that_ends_abandoned_uploads(server: S3Server) -> None:
    store = store_on(server)
    store.usable()
    rules = store._client.get_bucket_lifecycle(store._bucket)
    assert rules is not None
    assert [rule.abort_incomplete_multipart_upload.days_after_initiation for rule in rules.rules] == [3]  # type: ignore[union-attr]


def test_a_bucket_has_a_rule_that_deletes_what_was_kept_long_enough_as_long_as_that_is_wanted(server: S3Server) -> None:
    store = store_on(server, expire={"recordings/": timedelta(days=30, hours=1), "chat/": timedelta(days=2)})
    store.usable()
    assert expiring(store) == {"recordings/": 31, "chat/": 2}
    elsewhere = {"chat": f"chat-{uuid.uuid4()}"}
    again = store_on(server, store._bucket, buckets=elsewhere, expire={"chat/": timedelta(days=2)})
    again.usable()
    assert expiring(again) == {}  # chats are in another bucket now, and recordings are kept


def expiring(store: S3ObjectStore) -> dict[str, int]:
    """Days by prefix."""
    found = store._client.get_bucket_lifecycle(store._bucket)
    assert found is not None
    rules = [(rule.rule_filter, rule.expiration) for rule in found.rules if rule.expiration is not None]
    return {str(where.prefix): int(expiration.days or 0) for where, expiration in rules if where is not None}


def test_kinds_may_have_buckets_of_their_own(server: S3Server) -> None:
    apart = f"chat-{uuid.uuid4()}"
    store = store_on(server, buckets={"chat": apart})
    put(store, "chat/1", b"a")
    put(store, "recordings/1", b"b")
    assert [info.key for info in store_on(server, apart).list()] == ["chat/1"]
    assert [info.key for info in store.list()] == ["chat/1", "recordings/1"]


def test_a_checksum_that_no_tag_knows_is_made_from_the_content(server: S3Server) -> None:
    store = store_on(server)
    info = put(store, KEY, b"abc")
    store._client.delete_object_tags(store._bucket, KEY)
    assert store.stat(KEY).sha256 == info.sha256


@pytest.mark.parametrize(
    "wrong", [{"secret_key": "wrong"}, {"access_key": "nobody"}, {"endpoint": "http://127.0.0.1:9"}]
)
def test_wrong_keys_and_a_server_that_is_away_make_it_unusable(server: S3Server, wrong: dict[str, Any]) -> None:
    store = store_on(server, **wrong)
    for action in (store.usable, lambda: put(store, KEY, b"abc"), lambda: read(store, KEY)):
        with pytest.raises((StoreUnusable, ObjectNotFound)) as raised:
            action()
        assert server.secret_key not in str(raised.value)
    with pytest.raises(StoreUnusable):
        store.usable()
