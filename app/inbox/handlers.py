from app.accounts.events import SessionEnded, SessionStarted, UserErased, UserRenamed
from app.accounts.service import NAME_OF_ERASED
from app.core.runtime import Work
from app.inbox import service
from app.inbox.service import Message
from app.uploads import service as uploads
from app.uploads.events import UploadChanged
from app.uploads.schemas import UploadOut


def open_session_inbox(work: Work, event: SessionStarted) -> None:
    user_id, kind = event.user_id, "session"
    address = {"participant_id": None, "user_id": user_id, "display_name": event.display_name, "kind": kind}
    service.open_inbox(work, kind, event.session_id, address=address, user_id=user_id)


def rename_inboxes(work: Work, event: UserRenamed) -> None:
    """What arrives at their sessions is addressed by the name that they have now; a stay keeps its own."""
    service.rename(work, event.user_id, event.display_name, kind="session")


def forget_name(work: Work, event: UserErased) -> None:
    service.rename(work, event.user_id, NAME_OF_ERASED)


def close_session_inbox(work: Work, event: SessionEnded) -> None:
    service.close_inbox(work, "session", event.session_id, "session_ended")


def tell_of_upload(work: Work, event: UploadChanged) -> None:
    """Its sender, on every device: whichever of them waits for it."""
    payload = {"upload": UploadOut().dump(uploads.view(uploads.get(work, event.upload_id)))}
    inboxes = service.open_inboxes_of(work, [event.user_id])
    service.deliver(work, Message("upload.state", payload, subject=f"upload:{event.upload_id}"), inboxes)
