from sqlalchemy import select

from app.accounts.events import UserErased
from app.core.runtime import Work
from app.webhooks import service
from app.webhooks.models import Webhook


def delete_with_account(work: Work, event: UserErased) -> None:
    service.remove(work, work.scalars(select(Webhook.id).where(Webhook.user_id == event.user_id)).all())
