from app.accounts.events import ServiceAdmitted, SessionEnded, SessionStarted
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


def open_worker_inbox(work: Work, event: ServiceAdmitted) -> None:
    """One for each program, whichever of its keys it uses."""
    if service.inbox_of(work, "worker", event.user_id) is None:
        address = {
            "participant_id": None,
            "user_id": event.user_id,
            "display_name": event.display_name,
            "kind": "worker",
        }
        service.open_inbox(work, "worker", event.user_id, address=address, user_id=event.user_id)


def close_session_inbox(work: Work, event: SessionEnded) -> None:
    service.close_inbox(work, "session", event.session_id, "session_ended")
