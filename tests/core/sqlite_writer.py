"""A process of Parley that writes as much as it can: `python -m tests.core.sqlite_writer STORAGE_DIR INBOX_ID NAME`.

Threads deliver messages, as requests do, while others enqueue and work off jobs. Whatever goes wrong ends it with 1.
"""

import sys
from functools import partial
from pathlib import Path

from app import wiring
from app.core.jobs.leased import LeasedJobs
from app.core.runtime import Runtime
from app.core.settings import load_settings
from app.inbox import service as inbox
from tests.support.races import at_once

PROCESSES = 3
THREADS = 3  # of each process; one more works off jobs
WRITES = 60  # of each thread


def deliver(runtime: Runtime, inbox_id: str, name: str) -> None:
    for n in range(WRITES):
        with runtime.writing() as work:
            inbox.deliver(work, inbox.Message("test", {"by": name, "n": n}), [inbox_id])


def work_off(runtime: Runtime, jobs: LeasedJobs) -> None:
    for n in range(WRITES):
        with runtime.writing() as work:
            jobs.enqueue(work, "nothing", {"n": n})
        jobs.run_one(runtime)


def main() -> None:
    folder, inbox_id, name = sys.argv[1:]
    runtime = wiring.build(load_settings(storage_dir=Path(folder), inbox_max_unacked=100_000, _env_file=None))
    runtime.tasks.add("nothing", lambda _runtime, _payload: None)
    jobs = LeasedJobs()
    deliveries = [partial(deliver, runtime, inbox_id, f"{name}.{thread}") for thread in range(THREADS)]
    at_once(*deliveries, partial(work_off, runtime, jobs))
    jobs.run_due(runtime)
    runtime.close()


if __name__ == "__main__":
    main()
