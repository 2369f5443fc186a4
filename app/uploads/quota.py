"""What a user has in the store of files, and how much that may be.

Booked on a user are the files that they sent, whether something refers to them yet or not, and the recordings of the
meetings that they own. A track of a recording is booked with the recording, not with whoever sends it: what is being
recorded is never cut off, and its uploads are never refused for this.

Who begins something holds their own row, and the gate of all where there is a limit on all, until the commit: two at
once don't both find the last bytes free.
"""

from typing import Any, Protocol

from sqlalchemy import ColumnElement, func, select

from app.accounts.models import User
from app.core import errors, gates
from app.core.runtime import Work
from app.uploads.models import Upload
from app.uploads.purposes import PURPOSES


class RecordedBytes(Protocol):
    """`recordings` knows it."""

    def of_user(self, work: Work, user_id: str) -> dict[str, int]:
        """`{tracks_bytes, films_bytes, exports_bytes}` of the meetings that they own."""
        ...

    def in_all(self, work: Work) -> int:
        """The bytes of all that there are."""
        ...

    def close(self) -> None: ...


def storage_of(work: Work, user_id: str) -> dict[str, Any]:
    """As `StorageOut` takes it."""
    parts = work.driver(RecordedBytes).of_user(work, user_id) | {"files_bytes": _files_of(work, user_id)}
    return parts | {"used_bytes": sum(parts.values()), "quota_bytes": work.settings.storage_quota_bytes or None}


def check(work: Work, user_id: str, more: int = 0) -> None:
    """Before something is begun that needs `more` bytes; 0: nobody knows how many.

    :raises QuotaReached: with the extras `used_bytes` and `quota_bytes`. :raises StorageFull: with the same, of all.
    """
    quota, quota_of_all = work.settings.storage_quota_bytes, work.settings.storage_total_bytes
    if quota:
        work.get(User, user_id, with_for_update={"key_share": True})
        used = storage_of(work, user_id)["used_bytes"]
        if used + max(more, 1) > quota:
            told = f"{used:,} of {quota:,} bytes are used; delete recordings, exports or files."
            raise errors.QuotaReached(told, used_bytes=used, quota_bytes=quota)
    if quota_of_all:
        gates.hold(work, "storage")
        used = work.driver(RecordedBytes).in_all(work) + _bytes(work)
        if used + max(more, 1) > quota_of_all:
            told = f"{used:,} of {quota_of_all:,} bytes are used by all together."
            raise errors.StorageFull(told, used_bytes=used, quota_bytes=quota_of_all)


def is_booked(purpose: str) -> bool:
    """Whether such an upload is its sender's."""
    return PURPOSES[purpose].folder != "recordings"


def _files_of(work: Work, user_id: str) -> int:
    return _bytes(work, Upload.user_id == user_id)


def _bytes(work: Work, *which: ColumnElement[bool]) -> int:
    booked = Upload.purpose.in_([purpose for purpose in PURPOSES if is_booked(purpose)])
    return int(work.scalar(select(func.coalesce(func.sum(Upload.size), 0)).where(booked, *which)) or 0)
