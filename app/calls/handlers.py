from app.accounts.events import UserErased
from app.calls import service
from app.core.runtime import Work


def delete_with_account(work: Work, event: UserErased) -> None:
    service.erase_all_of(work, event.user_id)
