from typing import NamedTuple


class MeetingCreated(NamedTuple):
    meeting_id: str


class MeetingUpdated(NamedTuple):
    meeting_id: str
    moved: bool  # it is to come, at another time than before
    in_calendar: bool  # calendars show it otherwise than before


class MeetingStarted(NamedTuple):
    meeting_id: str
    by_user_id: str


class MeetingEnded(NamedTuple):
    meeting_id: str
    reason: str  # ended | empty | erased


class MeetingCancelled(NamedTuple):
    meeting_id: str
    with_series: bool = False  # and others with it


class MeetingErased(NamedTuple):
    """Its row and all that belongs to it go in this transaction."""

    meeting_id: str


class OccurrencesMade(NamedTuple):
    """Meetings of a series, to which whoever is asked to the series belongs."""

    series_id: str
    meeting_ids: list[str]


class SeriesBegun(NamedTuple):
    """A meeting repeats from now on: it is the first occurrence, and the only one so far."""

    meeting_id: str
    series_id: str


class SeriesSplit(NamedTuple):
    """From one of its occurrences on, a series goes on as another one; those occurrences belong to that already."""

    series_id: str
    new_series_id: str


class SeriesChanged(NamedTuple):
    series_id: str
    meeting_id: str  # the occurrence by which it was changed
    moved: bool  # its occurrences to come are at other times than before
    in_calendar: bool


class SeriesCancelled(NamedTuple):
    """All of it that was to come."""

    series_id: str
    meeting_id: str
