"""Gates that one transaction at a time passes: for limits on all that there is, for which no row stands."""

from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, exact
from app.core.inserts import insert_unless_there
from app.core.runtime import Work


class Gate(Base):
    __tablename__ = "gates"

    name: Mapped[str] = mapped_column(exact(32), primary_key=True)


def hold(work: Work, name: str) -> None:
    """Let nobody else through until the commit, so that two who count at once can't both find the last place free.

    Whoever locks rows as well locks them before.
    """
    if work.runtime.database.is_sqlite:
        return  # one writes at a time anyway
    if work.get(Gate, name, with_for_update=True) is None:
        insert_unless_there(work, Gate, name=name)
        work.get(Gate, name, with_for_update=True, populate_existing=True)
