from app.accounts.events import SessionEnded, SessionStarted
from app.core.runtime import Work
from app.inbox import service


def open_session_inbox(work: Work, event: SessionStarted) -> None:
    address = {
        "participant_id": None,
        "user_id": event.user_id,
        "display_name": event.display_name,
        "kind": "session",
    }
    service.open_inbox(work, "session", event.session_id, address=address, user_id=event.user_id)


def close_session_inbox(work: Work, event: SessionEnded) -> None:
    service.close_inbox(work, "session", event.session_id, "session_ended")
