from sqlalchemy import delete, select

from app.accounts.events import SessionEnded, UserErased
from app.core.runtime import Work
from app.meetings import series, service
from app.meetings.models import Meeting, MeetingPerson


def cancel_meetings_of_erased_user(work: Work, event: UserErased) -> None:
    """Nobody is left to hold them: what is to come is cancelled, what is live ends, what is over stays."""
    series.end_of_owner(work, event.user_id)
    own = select(Meeting.id).where(Meeting.owner_id == event.user_id).order_by(Meeting.id)
    for meeting_id in work.scalars(own).all():
        meeting = service.hold(work, meeting_id)
        if meeting.state == "scheduled":
            service.cancel(work, meeting)
        elif meeting.state == "live":
            service.end(work, meeting)


def forget_guest(work: Work, event: SessionEnded) -> None:
    """A guest is something to their meeting for as long as their one session lives."""
    theirs = (MeetingPerson.user_id == event.user_id, MeetingPerson.relation == "guest")
    work.execute(delete(MeetingPerson).where(*theirs))
