from app.accounts.events import EmailVerified, UserErased
from app.core.runtime import Work
from app.invitations import service
from app.meetings.events import MeetingUpdated


def attach_invitations(work: Work, event: EmailVerified) -> None:
    service.attach(work, event.user_id, event.email)


def forget_invitee(work: Work, event: UserErased) -> None:
    service.forget(work, event.user_id)


def ask_again_after_move(work: Work, event: MeetingUpdated) -> None:
    if event.moved:
        service.ask_again_after_move(work, event.meeting_id)
