"""How many recordings may run at a time: in the meetings of one owner, and in all."""

from sqlalchemy import func, select

from app.accounts.models import User
from app.core import errors, gates
from app.core.jobs import backlog
from app.core.runtime import Work
from app.meetings.models import Meeting
from app.recordings import states
from app.recordings.models import Recording


def check(work: Work, owner_id: str) -> None:
    """Before another begins. Until the commit no other does that counts for the same: two at once don't both pass.

    :raises TooManyRecordings: with the extras `running` and `most`. :raises Overloaded: of all, or jobs are behind.
    """
    backlog.check(work)
    most, most_of_all = work.settings.recordings_running_max, work.settings.recordings_running_total_max
    if most:
        work.get(User, owner_id, with_for_update={"key_share": True})
        running = running_of(work, owner_id)
        if running >= most:
            told = f"{running} recordings of {most} run; stop one of them."
            raise errors.TooManyRecordings(told, running=running, most=most)
    if most_of_all:
        gates.hold(work, "recordings")
        running = work.scalar(select(func.count()).where(Recording.state.in_(states.RUNNING))) or 0
        if running >= most_of_all:
            raise backlog.overloaded(work, "recordings_running", running, most_of_all)


def running_of(work: Work, owner_id: str) -> int:
    """How many run in the meetings that they own."""
    theirs = select(func.count()).select_from(Recording).join(Meeting, Meeting.id == Recording.meeting_id)
    return work.scalar(theirs.where(Meeting.owner_id == owner_id, Recording.state.in_(states.RUNNING))) or 0
