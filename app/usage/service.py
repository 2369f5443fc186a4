from typing import Any

from app.core.runtime import Work
from app.notes import spending
from app.recordings import limits
from app.uploads import quota
from app.uploads import service as uploads


def of_user(work: Work, user_id: str) -> dict[str, Any]:
    """As `MyUsageOut` takes it."""
    settings, month = work.settings, spending.month_of(work)
    open_count, open_bytes = uploads.open_of(work, user_id)
    return {
        "storage_bytes": _use(quota.storage_of(work, user_id)["used_bytes"], settings.storage_quota_bytes),
        "open_uploads": _use(open_count, settings.uploads_open_max),
        "open_uploads_bytes": _use(open_bytes, settings.uploads_open_max_bytes),
        "running_recordings": _use(limits.running_of(work, user_id), settings.recordings_running_max),
        "month": month,
        "transcription_min": _use(round(spending.minutes_of(work, user_id), 2), settings.transcription_month_min),
        "notes_usd": _use(round(spending.spent_in(work, user_id, month), 6), settings.notes_budget_usd),
    }


def _use(used: float, most: float) -> dict[str, Any]:
    return {"used": used, "limit": most or None}
