"""Running again what lost a race at the database.

Of transactions that wait for each other in a circle a database undoes one, and asks for it anew. The same helps whoever
wanted to insert a row that somebody else inserted meanwhile, or to change one that was changed: run again, it finds
that and answers accordingly. So the whole unit of work is run again: nothing of it was kept, its wake-ups and jobs
included, and what it does outside of the database has the same effect when it is repeated.
"""

import random
import time
from collections.abc import Callable
from itertools import count
from typing import TypeVar

import structlog

from app.core.database_errors import is_lost_race

log = structlog.get_logger()

Result = TypeVar("Result")

MOST_TRIES = 6
LONGEST_S = 12.0  # no try begins later; with LOCK_WAIT_S of core/db.py about as long as SQLite waits for its lock
FIRST_PAUSE_S = 0.01  # twice as long after every try, and spread: else two that met meet again


def retried(action: Callable[[], Result]) -> Result:
    """What `action` returns, or raises when it has lost too often. It opens its own units of work."""
    began = time.monotonic()
    for attempt in count(1):
        try:
            return action()
        except Exception as error:
            if not is_lost_race(error) or attempt == MOST_TRIES or time.monotonic() - began > LONGEST_S:
                raise
            log.info("unit of work is run again", attempt=attempt, error=type(error).__name__)
        time.sleep(random.uniform(0.5, 1) * FIRST_PAUSE_S * 2**attempt)  # noqa: S311 – no secret
    raise AssertionError("unreachable")
