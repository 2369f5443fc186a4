"""Doing things at the same time, and finding out whether somebody waits for somebody else at the database."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from sqlalchemy import text
from werkzeug.test import TestResponse

from app.core import retries
from app.core.db import Database

LONGEST_S = 60.0


def at_once(*actions: Callable[[], Any]) -> list[Any]:
    """What each of `actions` returns; all begin together, each in a thread. Raises what one of them raises."""
    results: list[Any] = [None] * len(actions)
    failures: list[BaseException] = []
    start = threading.Barrier(len(actions))

    def run(index: int) -> None:
        try:
            start.wait(LONGEST_S)
            results[index] = actions[index]()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(index,), daemon=True) for index in range(len(actions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONGEST_S)
        assert not thread.is_alive(), "somebody waits for ever"
    if failures:
        raise failures[0]
    return results


def statuses(answers: Sequence[TestResponse]) -> dict[int, int]:
    """How many answers had which status."""
    return dict(Counter(answer.status_code for answer in answers))


def waiting_for_locks(database: Database) -> int:
    """How many transactions wait for a lock in this database."""
    query = {
        "postgresql": "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'",
        "mysql": "SELECT count(*) FROM information_schema.innodb_trx t JOIN information_schema.processlist p"
        " ON p.id = t.trx_mysql_thread_id WHERE p.db = database() AND t.trx_state = 'LOCK WAIT'",
    }
    query["mariadb"] = query["mysql"]
    if database.writer.dialect.name != "postgresql":
        time.sleep(0.15)  # InnoDB shows a copy, and makes a new one only when nobody has asked for 100 ms
    with database.reader.connect() as connection:
        return int(connection.execute(text(query[database.writer.dialect.name])).scalar_one())


class LostRaces:
    """Counts how often something was run again."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        really = retries.is_lost_race

        def watch(error: BaseException) -> bool:
            lost = really(error)
            self.count += lost
            return lost

        monkeypatch.setattr(retries, "is_lost_race", watch)
