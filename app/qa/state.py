"""How far the clock is off, and which faults are armed: a small file that all processes of a Parley share.

It is looked at whenever it matters (one `stat`, some microseconds), so that a change holds everywhere at once, within
requests that have begun too; a database could not be asked from everywhere, and is what a reset empties.
"""

import fcntl
import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from app.core.ids import new_id

Result = TypeVar("Result")


@dataclass
class Fault:
    """`times` it will still happen, until `expires_at` (seconds since 1970, of the real clock). None: to anybody."""

    kind: str
    times: int
    expires_at: float
    delay_ms: int = 0
    user_id: str | None = None
    meeting_id: str | None = None
    participant_id: str | None = None
    upload_id: str | None = None
    happened: int = 0
    id: str = field(default_factory=new_id)

    @property
    def is_armed(self) -> bool:
        return self.times > 0 and datetime.now(UTC).timestamp() < self.expires_at


@dataclass
class State:
    offset_s: float = 0.0
    faults: list[Fault] = field(default_factory=list)


class QaState:
    """The file. Safe to share between threads and processes."""

    def __init__(self, storage_dir: Path) -> None:
        self._path = storage_dir / "run" / "qa.json"
        self._seen: tuple[int, int] | None = None
        self._state = State()

    def read(self) -> State:
        """What holds now; not to be changed."""
        try:
            there = os.stat(self._path)
        except FileNotFoundError:
            self._seen, self._state = None, State()
            return self._state
        seen = (there.st_ino, there.st_mtime_ns)  # each change is another file
        if seen != self._seen:
            self._state, self._seen = self._load(), seen
        return self._state

    def change(self, action: Callable[[State], Result]) -> Result:
        """Run `action` on what holds now, one at a time, and keep what it makes of it."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with open(self._path.with_suffix(".lock"), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            state = self._load()
            result = action(state)
            draft = self._path.with_suffix(f".{os.getpid()}.draft")
            draft.write_text(json.dumps(asdict(state)))
            os.replace(draft, self._path)
        return result

    def close(self) -> None:
        """A driver's end; nothing is held."""

    def _load(self) -> State:
        try:
            kept = json.loads(self._path.read_text())
            known = {one.name for one in fields(Fault)}
            faults = [Fault(**{name: fault[name] for name in fault if name in known}) for fault in kept["faults"]]
            return State(float(kept["offset_s"]), faults)
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return State()
