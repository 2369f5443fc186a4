"""A whole Parley on a free port: every process of the Procfile, on a storage folder of its own."""

import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

ROOT = Path(__file__).parents[2]
START_S = 120  # far beyond what it takes; a machine that runs many tests at once is slow
STOP_S = 60
# Nobody is counted out because the machine stood still; a test that is about it says so (`count_as`).
RECONNECTING_S, LEFT_S = 300, 600


class Server:
    """`with Server(folder) as server:`; settings are given by name, as in the environment."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        # Nothing of the developer's own environment or .env may count here; what is empty falls back to the default.
        inherited = {name: os.environ[name] for name in ("HOME", "LANG", "TZ") if name in os.environ}
        self.environment = {
            **inherited,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "WEB_PORT": str(self.port),
            "STORAGE_DIR": str(folder),
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "PUBLIC_URL": self.url,
            "PROFILE": "embedded",
            "PRESENCE_GRACE_S": "0",
            "PRESENCE_RECONNECTING_S": str(RECONNECTING_S),
            "PRESENCE_LEFT_S": str(LEFT_S),
            "MEDIA_WORKERS": "0",  # whoever wants a media server says so; the others are peer to peer
            "MEDIA_ADDRESSES": "127.0.0.1",
            **settings,
        }
        self._processes: dict[str, subprocess.Popen[bytes]] = {}  # by their names in the Procfile

    def __enter__(self) -> Self:
        self._run("-m", "flask", "--app", "wsgi:app", "db", "upgrade")
        for name in _commands():
            self._start(name)
        self._wait_until_ready()
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes.values():
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
        for process in self._processes.values():
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)

    def end(self, name: str, by: signal.Signals) -> None:
        """End a process of the Procfile: SIGKILL is a crash, SIGTERM a new version that is being put in place."""
        process = self._processes.pop(name)
        os.killpg(process.pid, by)
        process.wait(STOP_S)

    def tell(self, name: str, what: signal.Signals) -> None:
        """SIGSTOP: it hangs, and its connections with it; SIGCONT: it goes on."""
        os.killpg(self._processes[name].pid, what)

    def start_again(self, name: str) -> None:
        self._start(name)
        self._wait_until_ready()

    def count_as(self, state: str, participant_id: str) -> None:
        """Have a participant who is silent be counted as `reconnecting` or as `left`, as if the time for it were over.

        Returns when that has happened. A last beat of theirs may come meanwhile, so it is made old again and again.
        """
        silent_s = {"reconnecting": RECONNECTING_S, "left": LEFT_S}[state] + 60
        give_up_at = time.monotonic() + START_S
        while self._counted_as(participant_id, silent_s) != state:
            assert time.monotonic() < give_up_at, f"they were never counted as {state}"
            time.sleep(0.1)

    def _counted_as(self, participant_id: str, silent_s: float) -> str:
        """The state of a participant, who is made to have been silent for so long."""
        now = datetime.now(UTC).replace(tzinfo=None)
        with closing(sqlite3.connect(self.folder / "meetings.db", timeout=START_S)) as database, database:
            silent = (str(now - timedelta(seconds=silent_s)), participant_id)
            database.execute("UPDATE inboxes SET last_seen_at = ? WHERE owner_id = ?", silent)
            database.execute("UPDATE processes SET started_at = ? WHERE role = 'api'", (str(now - timedelta(hours=1)),))
            query = "SELECT state FROM meeting_participants WHERE id = ?"
            return str(database.execute(query, (participant_id,)).fetchone()[0])

    def make_older(self, meeting_id: str, by_s: float) -> None:
        """A meeting began so much earlier, and half a second later the recording of it that runs: nobody has to wait
        for it to be long.
        """
        with closing(sqlite3.connect(self.folder / "meetings.db", timeout=START_S)) as database, database:
            begun = "strftime('%Y-%m-%d %H:%M:%f', (SELECT started_at FROM meetings WHERE id = ?), ?)"
            for table, column, moved in (("meetings", "id", -by_s), ("recordings", "meeting_id", 0.5)):
                values = (meeting_id, f"{moved} seconds", meeting_id)
                database.execute(f"UPDATE {table} SET started_at = {begun} WHERE {column} = ?", values)

    def have_failed(self, call_id: str, stage: str, why: str) -> None:
        """That stage of a call's notes has failed, and they with it."""
        with closing(sqlite3.connect(self.folder / "meetings.db", timeout=START_S)) as database, database:
            [(notes_id,)] = database.execute("SELECT id FROM ai_notes WHERE call_id = ?", (call_id,))
            failed = "SET state = 'failed', error = ?, error_code = 'not_analysed'"
            database.execute(f"UPDATE ai_notes {failed}, analysis = NULL WHERE id = ?", (why, notes_id))
            of_stage = "WHERE notes_id = ? AND name = ?"
            database.execute(f"UPDATE notes_stages {failed}, attempts = 4 {of_stage}", (why, notes_id, stage))

    def logs(self) -> str:
        return "\n".join(file.read_text(errors="replace") for file in sorted(self.folder.glob("*.log")))

    def mailed_link(self, to: str) -> str | None:
        """The address in the latest mail to somebody; without a mail server, mails stand in the log."""
        links = re.findall(rf'"to": "{re.escape(to)}".*?({re.escape(self.url)}/#[^\\\s]+)', self.logs())
        return links[-1] if links else None

    def told_by(self, *command: str) -> str:
        """What `flask …` prints."""
        return self._run("-m", "flask", "--app", "wsgi:app", *command).strip()

    def _run(self, *command: str) -> str:
        done = subprocess.run(
            [sys.executable, *command],
            cwd=ROOT,
            env=self.environment,
            check=True,
            capture_output=True,
            timeout=START_S,
            text=True,
        )
        return done.stdout

    def _start(self, name: str) -> None:
        command = _commands()[name]
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                ["/bin/sh", "-c", command],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a group of its own, to be stopped as a whole
            )
        self._processes[name] = process

    def _wait_until_ready(self) -> None:
        give_up_at = time.monotonic() + START_S
        while time.monotonic() < give_up_at:
            if any(process.poll() is not None for process in self._processes.values()):
                break
            try:
                with urllib.request.urlopen(f"{self.url}/health/ready", timeout=2):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)  # between two looks, not for luck
        logs = self.logs()
        self.__exit__()
        raise AssertionError(f"The server did not come up.\n{logs[-4000:]}")


def _commands() -> dict[str, str]:
    return dict(re.findall(r"^(\w+): (.+)$", (ROOT / "Procfile").read_text(), re.M))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
