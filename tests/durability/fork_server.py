"""`python -m app.serving`, or `flask jobs run`, again and again, without the second that imports take each time.

`start` on its input starts one, in a fork of this process, and answers with its process id; `wait` answers with its
status once it has ended. Threads, connections and the event loop are made in the fork, as in a process of its own. At
the end of its input it kills what is left.
"""

import os
import signal
import sys

import a2wsgi  # noqa: F401 – imported by the server when it starts, like the others without a use here

import asgi  # noqa: F401
from app import create_app
from app.core.jobs.leased import LeasedJobs
from app.core.jobs.runner import Runner
from app.serving.__main__ import main


def serve_commands() -> bool:
    """True in a fork, which is to serve; False at the end."""
    child = 0
    for command in sys.stdin:
        if command == "start\n":
            child = os.fork()
            if child == 0:
                return True
            print(child, flush=True)
        elif command == "wait\n":
            print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
            child = 0
    if child:
        os.kill(child, signal.SIGKILL)
    return False


def run_jobs() -> None:
    """With short leases, so that what dies with its process is soon taken over."""
    runtime = create_app().runtime
    runtime.jobs = LeasedJobs(lease_s=2.0)
    Runner(runtime).run()


if __name__ == "__main__" and serve_commands():
    sys.stdout = sys.stderr  # the commands' answers have it for themselves
    {"api": main, "jobs": run_jobs}[sys.argv[1]]()
