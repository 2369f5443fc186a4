"""A clock that goes on as every clock does, from where a tester has put it."""

from datetime import UTC, datetime, timedelta

from app.core import errors
from app.qa.state import QaState

FURTHEST = timedelta(days=366 * 5)  # from the real time; beyond, some certificate or database will not follow


class MovableClock:
    def __init__(self, state: QaState) -> None:
        self._state = state

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self._state.read().offset_s)


def move(state: QaState, *, advance_s: float | None, now: datetime | None) -> None:
    """By so much, or to there; with neither, back to the real time.

    :raises ValidationFailed: too far.
    """

    def offset(before_s: float) -> float:
        if advance_s is not None:
            return before_s + advance_s
        return 0.0 if now is None else (now - datetime.now(UTC)).total_seconds()

    wanted_s = offset(state.read().offset_s)
    if abs(wanted_s) > FURTHEST.total_seconds():
        field = "now" if advance_s is None else "advance_s"
        message = f"Further than {FURTHEST.days} days from the real time."
        raise errors.ValidationFailed(errors=[{"location": "body", "field": field, "message": message}])
    state.change(lambda kept: setattr(kept, "offset_s", offset(kept.offset_s)))
