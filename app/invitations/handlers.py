from app.accounts.events import EmailVerified
from app.core.runtime import Work
from app.invitations import service


def attach_invitations(work: Work, event: EmailVerified) -> None:
    service.attach(work, event.user_id, event.email)
