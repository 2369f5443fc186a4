"""All of Parley's processes and the servers that they need, each of which can be killed and started again."""

import random
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.durability.processes import Forked, ForkServer, Jobs, Parley, SeveralApis, Worker, group_of
from tests.support.databases import MigratedDatabase
from tests.support.own_servers import OwnPostgresql, OwnRabbitMq, OwnServer

QUEUE = "soak.events"
FAULTS = (
    "one process of the API",
    "the API",
    "the jobs process",
    "the media worker",
    "the database",
    "the broker",
)


@dataclass
class House:
    parley: Parley
    database: OwnPostgresql
    broker: OwnRabbitMq
    api: SeveralApis
    jobs: Jobs
    worker: Worker
    faults: dict[str, int] = field(default_factory=dict)
    faulted_at: list[float] = field(default_factory=list)  # by time.monotonic()

    def break_something(self, name: str, chance: random.Random) -> None:
        """Kill one of FAULTS, and have it back a moment later."""
        self.faults[name] = self.faults.get(name, 0) + 1
        self.faulted_at.append(time.monotonic())
        if name == "one process of the API":
            self.api.kill_one(chance.randrange(2))
            self.api.wait_until_complete()
            return
        killed: dict[str, Forked | OwnServer] = {
            "the API": self.api,
            "the jobs process": self.jobs,
            "the media worker": self.worker,
            "the database": self.database,
            "the broker": self.broker,
        }
        killed[name].kill()
        time.sleep(chance.uniform(0, 2))
        killed[name].start()

    def processes(self) -> dict[str, list[int]]:
        """Ids, by kind."""
        forked = {"API": self.api, "jobs": self.jobs, "media worker": self.worker}
        return {kind: group_of(one.pid) for kind, one in forked.items()}


@contextmanager
def house(folder: Path) -> Iterator[House]:
    """Everything runs within, on PostgreSQL and RabbitMQ of its own."""
    with ExitStack() as stack:
        database, broker = stack.enter_context(OwnPostgresql()), stack.enter_context(OwnRabbitMq())
        MigratedDatabase(database.url, folder / "migrations").empty()
        forks = ForkServer(folder / "forks.log")
        stack.callback(forks.close)
        parley = Parley(
            forks,
            folder,
            DATABASE_URL=database.url,
            EVENTS_BROKER_URL=broker.url,
            EVENTS_EXCHANGE="soak",
            EVENTS_QUEUE=QUEUE,
            ACCESS_TOKEN_MIN="300",
            TRANSCRIBER="mock",
            ANALYST="mock",
        )
        parley.expects_outages = True
        # A run that has lost its lease while the database was away finds that the next one has tidied up after it.
        parley.may_tell = ('"task": "recordings.produce"', "graceful shutdown exceeded")
        api, jobs = stack.enter_context(SeveralApis(parley)), stack.enter_context(Jobs(parley))
        worker = stack.enter_context(Worker(parley))
        yield House(parley, database, broker, api, jobs, worker)
