from app.accounts.events import EmailVerified, UserErased
from app.core.runtime import Work
from app.invitations import series, service
from app.meetings.events import MeetingUpdated, OccurrencesMade, SeriesBegun, SeriesChanged, SeriesSplit


def attach_invitations(work: Work, event: EmailVerified) -> None:
    service.attach(work, event.user_id, event.email)


def forget_invitee(work: Work, event: UserErased) -> None:
    service.forget(work, event.user_id)


def ask_again_after_move(work: Work, event: MeetingUpdated) -> None:
    if event.moved:
        service.ask_again_after_move(work, event.meeting_id)


def begin_series(work: Work, event: SeriesBegun) -> None:
    series.begin(work, event.meeting_id, event.series_id)


def admit_to_occurrences(work: Work, event: OccurrencesMade) -> None:
    series.admit_to(work, event.series_id, event.meeting_ids)


def split_with_series(work: Work, event: SeriesSplit) -> None:
    series.split(work, event.series_id, event.new_series_id)


def ask_again_after_series_moved(work: Work, event: SeriesChanged) -> None:
    if event.moved:
        series.ask_again(work, event.series_id)
