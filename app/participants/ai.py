"""What may be done with what a person says: whether it is transcribed, and whether that is analysed. It belongs to the
person, so every stay of theirs in a meeting has the same; their last word counts for all of it.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy import select

from app.accounts.models import User
from app.core.runtime import Work
from app.participants.models import Participant


def wishes_of(work: Work, user_id: str, meeting_id: str) -> dict[str, bool]:
    """As they were there last, else as their account says."""
    there = select(Participant.ai_transcribe, Participant.ai_analyse).where(
        Participant.meeting_id == meeting_id, Participant.user_id == user_id
    )
    account = select(User.ai_transcribe, User.ai_analyse).where(User.id == user_id)
    found = work.execute(there.order_by(Participant.id.desc()).limit(1)).first() or work.execute(account).one()
    return {"transcribe": found.ai_transcribe, "analyse": found.ai_analyse}


def change(work: Work, user_id: str, meeting_id: str, wishes: Mapping[str, bool]) -> Sequence[Participant]:
    """Set it for every stay of theirs. Returns those for which it is new."""
    query = select(Participant).where(Participant.meeting_id == meeting_id, Participant.user_id == user_id)
    changed = [one for one in work.scalars(query.order_by(Participant.id)) if one.ai != wishes]
    for stay in changed:
        stay.ai_transcribe, stay.ai_analyse = wishes["transcribe"], wishes["analyse"]
    work.flush()
    return changed
