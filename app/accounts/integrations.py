"""What people entrust to us for other services, by name: written by `join` and `PATCH /auth/me`, shown to nobody."""

from collections.abc import Mapping, Sequence

from sqlalchemy import delete, select
from sqlalchemy.orm.attributes import flag_modified

from app.accounts.models import Integration, User
from app.core import errors
from app.core.runtime import Work
from app.core.sealing import Sealer


def change(work: Work, user_id: str, given: Mapping[str, str | None]) -> None:
    """Keep each of `given` in the place of what had its name; None forgets one. The account's version counts it.

    :raises ValidationFailed: they would be more than INTEGRATIONS_MAX.
    """
    if not given:
        return
    user = work.get_one(User, user_id, with_for_update=True)
    there = {one.name: one for one in of_user(work, user_id)}
    kept = (there.keys() | given.keys()) - {name for name, value in given.items() if value is None}
    most = work.settings.integrations_max
    if len(kept) > max(most, len(there)):
        message = f"At most {most} integrations."
        raise errors.ValidationFailed(errors=[{"location": "body", "field": "integrations", "message": message}])
    sealer, now = work.driver(Sealer), work.now()
    is_changed = False
    for name, value in given.items():
        if value is not None:
            sealed = sealer.seal(purpose(user_id, name), value)
            work.merge(Integration(user_id=user_id, name=name, sealed=sealed, set_at=now))
            is_changed = True
        elif name in there:
            work.delete(there[name])
            is_changed = True
    if is_changed:
        flag_modified(user, "locale")  # nothing of its row changes but `version`
        work.flush()


def of_user(work: Work, user_id: str) -> Sequence[Integration]:
    """By name."""
    return work.scalars(select(Integration).where(Integration.user_id == user_id).order_by(Integration.name)).all()


def secrets_of(work: Work, user_id: str) -> dict[str, str]:
    """What is kept, by name, for those who speak to the other services.

    :raises Unsealable: DATA_SECRET is not the one that it was sealed with.
    """
    sealer = work.driver(Sealer)
    return {one.name: sealer.unseal(purpose(user_id, one.name), one.sealed) for one in of_user(work, user_id)}


def forget(work: Work, user_ids: Sequence[str]) -> None:
    work.execute(delete(Integration).where(Integration.user_id.in_(user_ids)))


def purpose(user_id: str, name: str) -> str:
    """What an integration is sealed for."""
    return f"integration of {user_id}: {name}"
