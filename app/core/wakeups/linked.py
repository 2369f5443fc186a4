"""The hubs of several processes, linked: what is woken in one is woken in all.

A rung says how to send topics and how to hear those of others. Hearing is a thread of its own. It begins with the
first ticket, so after any fork, and never in a process where nobody polls. When its connection is lost, it connects
anew and then wakes everybody once: whose nudges were lost meanwhile, nobody knows.
"""

import os
import secrets
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing, suppress

import structlog

from app.core.wakeups.base import WakeupsUnusable, topic_of
from app.core.wakeups.hub import Hub

log = structlog.get_logger()

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0
# After a send that failed, this long nobody tries: a server that does not answer would hold up every request.
SILENCE_S = 2.0
STOP_S = 2.0  # how long `close` waits for a connection that is just being made


class LinkedHub(Hub, ABC):
    def __init__(self) -> None:
        super().__init__()
        self._made_as = secrets.token_hex(8).encode()
        self._starting = threading.Lock()
        self._listener: threading.Thread | None = None
        self._listens_in = 0  # process id: a child of a fork has no listener until it starts its own
        self._stopping = threading.Event()
        self._silent_until = 0.0
        self._deaf = ""  # why nothing is heard
        self._mute = ""  # why nothing is said

    @abstractmethod
    def _hear(self) -> Generator[Sequence[str], None, None]:
        """Listen: yields nothing once every nudge that others send is heard, and then the nudges of each message.

        Messages that are not for us have none; what comes over the wire is garbage until shown otherwise. Raises when
        the connection is lost or can't be made; lets go of it when it is closed.
        """

    @abstractmethod
    def _interrupt(self) -> None:
        """Have `_hear` yield."""

    @abstractmethod
    def _send(self, nudges: Sequence[str]) -> None:
        """Nudge the other processes; from any thread. Raises what is in the way."""

    def ticket(self, topic: str) -> int:
        if self._listens_in != os.getpid() and not self.closed:
            self._start_to_listen()
        return super().ticket(topic)

    def wake(self, nudges: Iterable[str]) -> None:
        nudges = list(nudges)
        super().wake(nudges)
        if not nudges or time.monotonic() < self._silent_until:
            return
        try:
            self._send(nudges)
        except Exception as error:
            self._silent_until = time.monotonic() + SILENCE_S
            if not self._mute:
                log.warning("wake-ups are not sent to other processes", error=type(error).__name__)
            self._mute = type(error).__name__
        else:
            self._mute = ""

    def usable(self) -> None:
        if self._deaf:
            raise WakeupsUnusable(f"Nudges of other processes are not heard ({self._deaf}).")
        if self._mute:
            raise WakeupsUnusable(f"Other processes are not nudged ({self._mute}).")

    def close(self) -> None:
        """Hear no more. What is woken from now on still goes out: requests in hand may take some seconds to end."""
        super().close()
        self._stopping.set()
        with self._starting:
            listener = self._listener if self._listens_in == os.getpid() else None
        if listener is not None and listener.is_alive():
            with suppress(Exception):
                self._interrupt()
            listener.join(STOP_S)

    def _packed(self, nudges: Iterable[str], most_bytes: int) -> Iterator[bytes]:
        """Messages of at most `most_bytes`: a line that names the sender, and then a line for each nudge.

        One that fits into no message, or would be two lines, goes without its news; if its topic is like that, it stays
        within this process.
        """
        head = self._sender_line()
        lines, size = [head], len(head)
        for nudge in nudges:
            line = nudge.encode(errors="replace")
            if len(head) + 1 + len(line) > most_bytes or b"\n" in line:
                line = topic_of(nudge).encode(errors="replace")
                if len(head) + 1 + len(line) > most_bytes or b"\n" in line:
                    continue
            if size + 1 + len(line) > most_bytes:
                yield b"\n".join(lines)
                lines, size = [head], len(head)
            lines.append(line)
            size += 1 + len(line)
        if len(lines) > 1:
            yield b"\n".join(lines)

    def _unpacked(self, message: bytes) -> Sequence[str]:
        """The nudges of a message from another process; none of garbage, or of one's own: those are awake already."""
        head, *lines = message.split(b"\n")
        return () if head == self._sender_line() else [line.decode(errors="replace") for line in lines]

    def _sender_line(self) -> bytes:
        return b"%s-%d" % (self._made_as, os.getpid())  # two children of a fork are made as one

    def _start_to_listen(self) -> None:
        with self._starting:
            if self._listens_in != os.getpid() and not self.closed:
                self._deaf = "not connected yet"
                self._listener = threading.Thread(target=self._listen, name="wakeups", daemon=True)
                self._listens_in = os.getpid()
                self._listener.start()

    def _listen(self) -> None:
        pause_s = FIRST_PAUSE_S
        while not self._stopping.is_set():
            try:
                with closing(self._hear()) as nudges:
                    next(nudges)
                    self.wake_all()
                    self._deaf = self._mute = ""
                    self._silent_until, pause_s = 0.0, FIRST_PAUSE_S
                    while not self._stopping.is_set():
                        super().wake(next(nudges))
            except Exception as error:
                if not self._stopping.is_set():
                    self._deaf = type(error).__name__
                    log.warning("wake-ups of other processes are not heard", error=self._deaf, again_in_s=pause_s)
            self._stopping.wait(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
