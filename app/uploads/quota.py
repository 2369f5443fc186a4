"""What a user has in the store of files, and how much that may be.

Booked on a user are the files that they sent, whether something refers to them yet or not, and the recordings of the
meetings that they own. A track of a recording is booked with the recording, not with whoever sends it: what is being
recorded is never cut off, and its uploads are never refused for this.
"""

from typing import Any, Protocol

from sqlalchemy import func, select

from app.core import errors
from app.core.runtime import Work
from app.uploads.models import Upload
from app.uploads.purposes import PURPOSES


class RecordedBytes(Protocol):
    """`recordings` knows it."""

    def of_user(self, work: Work, user_id: str) -> dict[str, int]:
        """`{tracks_bytes, films_bytes, exports_bytes}` of the meetings that they own."""
        ...

    def close(self) -> None: ...


def storage_of(work: Work, user_id: str) -> dict[str, Any]:
    """As `StorageOut` takes it."""
    parts = work.driver(RecordedBytes).of_user(work, user_id) | {"files_bytes": _files_of(work, user_id)}
    return parts | {"used_bytes": sum(parts.values()), "quota_bytes": work.settings.storage_quota_bytes or None}


def check(work: Work, user_id: str, more: int = 0) -> None:
    """Before something is begun that needs `more` bytes; 0: nobody knows how many.

    :raises QuotaReached: with the extras `used_bytes` and `quota_bytes`.
    """
    quota = work.settings.storage_quota_bytes
    if not quota:
        return
    used = storage_of(work, user_id)["used_bytes"]
    if used + max(more, 1) > quota:
        raise errors.QuotaReached(
            f"{used:,} of {quota:,} bytes are used; delete recordings, exports or files.",
            used_bytes=used,
            quota_bytes=quota,
        )


def is_booked(purpose: str) -> bool:
    """Whether such an upload is its sender's."""
    return PURPOSES[purpose].folder != "recordings"


def _files_of(work: Work, user_id: str) -> int:
    booked = [purpose for purpose in PURPOSES if is_booked(purpose)]
    theirs = Upload.user_id == user_id, Upload.purpose.in_(booked)
    return int(work.scalar(select(func.coalesce(func.sum(Upload.size), 0)).where(*theirs)) or 0)
