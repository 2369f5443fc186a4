"""The production rung: any store that speaks S3.

A checksum of the whole is not among the things that every S3 server keeps of an object that came in parts. So it is a
tag of the object, beside the ETag that it was true of; where the two don't fit, or a server has no tags, it is made
again from the content, as the disk rung does with its cards.

Buckets are made at their first use, with the rules that uploads from browsers need (CORS), and those that end abandoned
uploads and, where that is wanted, delete what was kept long enough. Servers that refuse such rules, or have them
elsewhere, are taken as they are.
"""

from __future__ import annotations

import base64
import hashlib
import heapq
import io
import math
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

import structlog
import urllib3
from minio import Minio
from minio.commonconfig import ENABLED, REPLACE, CopySource, Filter, Tags
from minio.datatypes import Part
from minio.error import MinioException, S3Error
from minio.lifecycleconfig import AbortIncompleteMultipartUpload, Expiration, LifecycleConfig, Rule

from app.core.objects.base import (
    CHUNK_BYTES,
    InvalidKey,
    ObjectInfo,
    ObjectNotFound,
    ObjectStoreError,
    PartInfo,
    PartsRefused,
    StoreFull,
    StoreUnusable,
    UploadNotFound,
    check_key,
    check_parts,
    check_prefix,
    check_range,
    opened,
)

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

log = structlog.get_logger()

CONNECT_S, READ_S = 5.0, 60.0
PUT_PART_BYTES = 8 * 1024 * 1024  # held in memory while a file is put
RULE, EXPIRY = "parley-abandoned-uploads", "parley-expiry"
_CHANGED_MEANWHILE = 10  # times that an object may be replaced while its checksum is made
_LONGEST_URL_S = 7 * 24 * 3600  # S3's limit
_GONE = ("NoSuchKey", "NoSuchBucket", "NoSuchObject")
_BAD_PARTS = ("EntityTooSmall", "InvalidPart", "InvalidPartOrder")
_FULL = ("QuotaExceeded", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded", "EntityTooLarge")


class S3ObjectStore:
    """An ObjectStore in buckets of an S3 server.

    :param endpoint: such as `https://s3.example.org`; `public_endpoint`: where clients reach the same, or empty.
    :param buckets: by the first segment of keys; all others are in `bucket`.
    :param origins: of web pages that may send parts and read objects.
    :param expire: by the beginning of keys, such as `chat/`: after how long the server deletes objects by itself.
    """

    def __init__(
        self,
        *,
        endpoint: str,
        public_endpoint: str,
        region: str,
        access_key: str,
        secret_key: str,
        bucket: str,
        buckets: Mapping[str, str],
        origins: Sequence[str],
        abandoned_after: timedelta,
        expire: Mapping[str, timedelta],
    ) -> None:
        self._http = urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=CONNECT_S, read=READ_S),
            maxsize=16,
            retries=urllib3.Retry(total=2, backoff_factor=0.2, status_forcelist=[500, 502, 503, 504]),
        )
        self._client = _client(endpoint, access_key, secret_key, region, self._http)
        # It only signs: the host is part of what is signed.
        self._signer = _client(public_endpoint or endpoint, access_key, secret_key, region, self._http)
        self._bucket = bucket
        self._buckets = dict(buckets)
        self._origins = list(origins)
        self._abandoned_after = abandoned_after
        self._expire = dict(expire)
        self._lock = threading.Lock()
        self._made: set[str] = set()

    def put_file(self, key: str, source: Path | BinaryIO, content_type: str) -> ObjectInfo:
        check_key(key)
        with opened(source) as stream, _own_errors(key):
            self._check_folders(key)
            hashing: Any = _Hashing(stream)
            bucket = self._made_bucket(key)
            put = self._client.put_object(
                bucket, key, hashing, -1, content_type, part_size=PUT_PART_BYTES, num_parallel_uploads=1
            )
            sha256: str = hashing.digest.hexdigest()
            self._note_checksum(key, str(put.etag), sha256)
            info = self.stat(key)
        if info.sha256 == sha256:
            return info
        return ObjectInfo(key, hashing.size, sha256, content_type, info.modified_at)  # replaced already

    def copy(self, source: str, key: str) -> ObjectInfo:
        info = self.stat(source)
        check_key(key)
        with _own_errors(source):
            self._check_folders(key)
            copied = self._client.copy_object(
                self._made_bucket(key),
                key,
                CopySource(self._bucket_of(source), source),
                metadata={"Content-Type": info.content_type},
                metadata_directive=REPLACE,
            )
            self._note_checksum(key, str(copied.etag), info.sha256)
            return self.stat(key)

    def open(self, key: str, start: int = 0, length: int | None = None) -> BinaryIO:
        check_key(key)
        check_range(start, length)
        if length == 0:
            self.stat(key)
            return io.BytesIO()
        with _own_errors(key):
            try:
                response = self._client.get_object(self._bucket_of(key), key, start, length or 0)
            except S3Error as error:
                if error.code == "InvalidRange":
                    return io.BytesIO()
                raise
        return io.BufferedReader(_Body(response), CHUNK_BYTES)

    def stat(self, key: str) -> ObjectInfo:
        check_key(key)
        bucket = self._bucket_of(key)
        with _own_errors(key):
            for _ in range(_CHANGED_MEANWHILE):
                found = self._client.stat_object(bucket, key)
                etag = str(found.etag)
                sha256 = self._noted_checksum(key, etag)
                if sha256 is None:
                    sha256 = self._read_checksum(key, etag)
                    if sha256 is None:
                        continue
                    self._note_checksum(key, etag, sha256)
                    found = self._client.stat_object(bucket, key)  # to some servers a new tag is a change
                    if str(found.etag) != etag:
                        continue
                modified_at = (found.last_modified or datetime.now(UTC)).astimezone(UTC)
                content_type = found.content_type or "application/octet-stream"
                return ObjectInfo(key, int(found.size or 0), sha256, content_type, modified_at)
        raise StoreUnusable("an object is replaced all the time")

    def delete(self, key: str) -> None:
        check_key(key)
        with _own_errors(key), suppress(ObjectNotFound):
            self._client.remove_object(self._bucket_of(key), key)

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        check_prefix(prefix)
        return self._walk(prefix)

    def begin_upload(self, key: str, content_type: str, upload_id: str) -> str:
        check_key(key)
        with _own_errors(key):
            headers: Any = {"Content-Type": content_type}
            return self._client._create_multipart_upload(self._made_bucket(key), key, headers)

    def part_url(self, key: str, store_id: str, number: int, size: int, expires_at: datetime) -> str:
        named: Any = {"partNumber": str(number), "uploadId": store_id}
        return self._signer.get_presigned_url(
            "PUT", self._bucket_of(key), key, _until(expires_at), extra_query_params=named
        )

    def parts(self, key: str, store_id: str) -> Sequence[PartInfo]:
        check_key(key)
        found: list[PartInfo] = []
        marker: str | None = None
        with _own_errors(key), _of_upload():
            while True:
                page = self._client._list_parts(self._bucket_of(key), key, store_id, 1000, marker)
                found += [PartInfo(part.part_number, int(part.size or 0), part.etag) for part in page.parts]
                if not page.is_truncated or not page.parts:
                    return found
                marker = str(page.parts[-1].part_number)

    def finish_upload(self, key: str, store_id: str, parts: Sequence[PartInfo]) -> ObjectInfo:
        check_parts(parts, self.parts(key, store_id))
        with _own_errors(key), _of_upload():
            named = [Part(part.number, part.etag) for part in parts]
            self._client._complete_multipart_upload(self._bucket_of(key), key, store_id, named)
        return self.stat(key)

    def abort_upload(self, key: str, store_id: str) -> None:
        check_key(key)
        with _own_errors(key), suppress(UploadNotFound, ObjectNotFound), _own_errors(key):
            self._client._abort_multipart_upload(self._bucket_of(key), key, store_id)

    def sweep_uploads(self, before: datetime) -> None:
        for bucket in self._all_buckets():
            with suppress(ObjectNotFound), _own_errors(bucket):
                for upload in self._client._list_multipart_uploads(bucket).uploads:
                    if upload.initiated_time is not None and upload.initiated_time < before:
                        with suppress(UploadNotFound), _own_errors(bucket):
                            self._client._abort_multipart_upload(bucket, upload.object_name, upload.upload_id or "")

    def download_url(self, key: str, *, content_type: str, disposition: str, expires_in_s: int) -> str:
        headers: Any = {"response-content-type": content_type, "response-content-disposition": disposition}
        expires = timedelta(seconds=min(expires_in_s, _LONGEST_URL_S))
        return self._signer.get_presigned_url("GET", self._bucket_of(key), key, expires, response_headers=headers)

    def usable(self) -> None:
        with _own_errors(""):
            for bucket in self._all_buckets():
                self._make(bucket)
                if not self._client.bucket_exists(bucket):
                    raise StoreUnusable(f"the bucket {bucket} is gone")

    def close(self) -> None:
        self._http.clear()

    # Buckets

    def _bucket_of(self, key: str) -> str:
        return self._buckets.get(key.partition("/")[0], self._bucket)

    def _all_buckets(self) -> Sequence[str]:
        return sorted({self._bucket, *self._buckets.values()})

    def _made_bucket(self, key: str) -> str:
        bucket = self._bucket_of(key)
        self._make(bucket)
        return bucket

    def _make(self, bucket: str) -> None:
        """See to it, once for each process, that the bucket is there with its rules."""
        with self._lock:
            if bucket in self._made:
                return
            if not self._client.bucket_exists(bucket):
                try:
                    self._client.make_bucket(bucket)
                except S3Error as error:
                    if error.code not in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
                        raise
                log.info("bucket is made", bucket=bucket)
            for what, rule in (("CORS", self._let_pages_in), ("lifecycle", self._clear_up)):
                try:
                    rule(bucket)
                except MinioException as error:
                    reason = error.code if isinstance(error, S3Error) else type(error).__name__
                    log.warning("bucket is used without a rule", bucket=bucket, rule=what, reason=reason)
            self._made.add(bucket)

    def _let_pages_in(self, bucket: str) -> None:
        """minio's package has no call: https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketCors.html"""
        origins = "".join(f"<AllowedOrigin>{escape(origin)}</AllowedOrigin>" for origin in self._origins)
        rule = (
            f"<CORSRule>{origins}<AllowedMethod>PUT</AllowedMethod><AllowedMethod>GET</AllowedMethod>"
            "<AllowedMethod>HEAD</AllowedMethod><AllowedHeader>*</AllowedHeader><ExposeHeader>ETag</ExposeHeader>"
            "<ExposeHeader>Content-Range</ExposeHeader><MaxAgeSeconds>7200</MaxAgeSeconds></CORSRule>"
        )
        body = f"<CORSConfiguration>{rule}</CORSConfiguration>".encode()
        md5 = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
        self._client._execute("PUT", bucket, body=body, headers={"Content-MD5": md5}, query_params={"cors": ""})

    def _clear_up(self, bucket: str) -> None:
        """Rules beside those that somebody else has made; ours that are not wanted any more go."""
        found = self._client.get_bucket_lifecycle(bucket)
        rules = [rule for rule in (found.rules if found else []) if not str(rule.rule_id).startswith((RULE, EXPIRY))]
        ending = AbortIncompleteMultipartUpload(days_after_initiation=_whole_days(self._abandoned_after))
        rules.append(Rule(ENABLED, Filter(prefix=""), RULE, abort_incomplete_multipart_upload=ending))
        for prefix, after in self._expire.items():
            if self._bucket_of(prefix) == bucket:
                name = f"{EXPIRY}-{prefix.rstrip('/')}"
                rules.append(Rule(ENABLED, Filter(prefix=prefix), name, expiration=Expiration(days=_whole_days(after))))
        self._client.set_bucket_lifecycle(bucket, LifecycleConfig(rules))

    def _walk(self, prefix: str) -> Iterator[ObjectInfo]:
        kind, slash, _ = prefix.partition("/")
        buckets = [self._buckets.get(kind, self._bucket)] if slash else self._all_buckets()
        for key in heapq.merge(*(self._keys(bucket, prefix) for bucket in buckets)):
            try:
                yield self.stat(key)
            except (ObjectNotFound, InvalidKey):  # gone since, or put there by somebody else
                continue

    def _keys(self, bucket: str, prefix: str) -> Iterator[str]:
        with suppress(ObjectNotFound), _own_errors(prefix):
            for found in self._client.list_objects(bucket, prefix=prefix, recursive=True):
                yield str(found.object_name)

    def _check_folders(self, key: str) -> None:
        """S3 can hold `a` beside `a/b`, and a file system can't: what works here has to work there."""
        bucket = self._made_bucket(key)
        within = next(iter(self._client.list_objects(bucket, prefix=f"{key}/", recursive=True)), None)
        above = ["/".join(key.split("/")[:depth]) for depth in range(1, key.count("/") + 1)]
        if within is not None or any(self._is_there(bucket, folder) for folder in above):
            raise InvalidKey(key, "it is a folder of another key, or another is one of it")

    def _is_there(self, bucket: str, key: str) -> bool:
        try:
            self._client.stat_object(bucket, key)
        except S3Error as error:
            if error.code in _GONE:
                return False
            raise
        return True

    # Checksums

    def _noted_checksum(self, key: str, etag: str) -> str | None:
        try:
            tags: Any = self._client.get_object_tags(self._bucket_of(key), key) or {}
        except S3Error as error:
            if error.code in _GONE:
                raise
            return None
        return tags.get("sha256") if tags.get("of") == etag else None

    def _note_checksum(self, key: str, etag: str, sha256: str) -> None:
        tags: Any = Tags.new_object_tags()
        tags.update({"sha256": sha256, "of": etag})
        with suppress(S3Error):  # only a kept copy: there are servers without tags
            self._client.set_object_tags(self._bucket_of(key), key, tags)

    def _read_checksum(self, key: str, etag: str) -> str | None:
        """None: the object was replaced meanwhile."""
        try:
            same: Any = {"If-Match": etag}
            response = self._client.get_object(self._bucket_of(key), key, request_headers=same)
        except S3Error as error:
            if error.code == "PreconditionFailed":
                return None
            raise
        digest = hashlib.sha256()
        with closing(_Body(response)) as body:
            while chunk := body.read(CHUNK_BYTES):
                digest.update(chunk)
        return digest.hexdigest()


def _whole_days(time: timedelta) -> int:
    return math.ceil(time / timedelta(days=1))


class _Hashing:
    """A stream that is read once, and what was read of it."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.digest = hashlib.sha256()
        self.size = 0

    def read(self, size: int = -1) -> bytes:
        chunk = self._stream.read(size)
        self.digest.update(chunk)
        self.size += len(chunk)
        return chunk


class _Body(io.RawIOBase):
    """What an answer brings; its connection goes back at the end, or is closed."""

    def __init__(self, response: Any) -> None:
        self._response = response

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer)
        with _own_errors(""):
            chunk: bytes = self._response.read(len(view))
        view[: len(chunk)] = chunk
        return len(chunk)

    def close(self) -> None:
        if not self.closed:
            self._response.close()
            self._response.release_conn()
        super().close()


def _client(endpoint: str, access_key: str, secret_key: str, region: str, http: urllib3.PoolManager) -> Minio:
    parts = urlsplit(endpoint)
    return Minio(parts.netloc, access_key, secret_key, secure=parts.scheme == "https", region=region, http_client=http)


def _until(expires_at: datetime) -> timedelta:
    left_s = (expires_at - datetime.now(UTC)).total_seconds()
    return timedelta(seconds=max(1, min(int(left_s), _LONGEST_URL_S)))


@contextmanager
def _of_upload() -> Iterator[None]:
    """Some servers (Ceph) say of an upload that is over that there is no such key."""
    try:
        yield
    except S3Error as error:
        if error.code in _GONE:
            raise UploadNotFound("no such upload") from None
        raise


@contextmanager
def _own_errors(key: str) -> Iterator[None]:
    """S3's errors as those of the family; the source's own pass."""
    try:
        yield
    except ObjectStoreError:
        raise
    except S3Error as error:
        if error.code in _GONE:
            raise ObjectNotFound(key) from None
        if error.code == "NoSuchUpload":
            raise UploadNotFound("no such upload") from None
        if error.code in _BAD_PARTS:
            raise PartsRefused(str(error.code)) from None
        if error.code in _FULL:
            raise StoreFull(f"no room left: {error.code}") from error
        raise StoreUnusable(f"the store answers {error.code}") from error
    except (MinioException, urllib3.exceptions.HTTPError) as error:
        raise StoreUnusable(f"the store does not answer ({type(error).__name__})") from error
