"""With WORKERS above 1 there is a supervisor, which starts anew whoever dies. Nobody does that for itself."""

import multiprocessing
import os
import signal
import threading


def end_with_supervisor() -> None:
    """Have this process end, parked polls answered, once the one that started it has died, however that came.

    Else it would go on serving the port that the next start needs. Does nothing in a process that nobody supervises.
    """
    supervisor = multiprocessing.parent_process()
    if supervisor is None:
        return

    def follow() -> None:
        supervisor.join()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=follow, name="end-with-supervisor", daemon=True).start()
