"""Emptying and filling a Parley that is only there for tests."""

from typing import Any

from sqlalchemy import select

from app.accounts import revocations
from app.accounts.events import SessionEnded
from app.accounts.models import UserSession
from app.core.runtime import Runtime
from app.demo import service as demo
from app.demo.story import PEOPLE
from app.qa.database_mark import require_mark
from app.qa.state import QaState, State


def reset(runtime: Runtime) -> dict[str, int]:
    """Delete every row and file, put the clock right and disarm the faults."""
    require_mark(runtime)  # whatever was put into its place since the start
    with runtime.reading() as work:
        sessions = work.execute(select(UserSession.id, UserSession.user_id).where(UserSession.ended_at.is_(None))).all()
    rows, objects = demo.reset(runtime)
    with runtime.writing() as work:  # so that nobody's poll is answered from memory any more
        for session in sessions:
            revocations.tell(work, SessionEnded(session.id, session.user_id))

    def forget(kept: State) -> None:
        kept.offset_s, kept.faults = 0.0, []

    state: QaState = runtime.drivers[QaState]
    state.change(forget)
    return {"rows": rows, "objects": objects}


def seed(runtime: Runtime) -> dict[str, Any]:
    """The demo's people and meetings, as far as they are not there yet."""
    seeded = demo.seed(runtime, lambda _line: None)
    return {
        "password": seeded.password,
        "people": [{"email": person.email, "display_name": person.name} for person in PEOPLE],
        "meetings_made": seeded.meetings,
        "trouble": seeded.trouble,
    }
