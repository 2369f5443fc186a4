"""The death of a media worker, as a crash would bring it."""

import os
import signal
import socket
from pathlib import Path

from sqlalchemy import select

from app.core import errors
from app.core.runtime import Work
from app.media.models import MediaWorker
from app.media.workers import placed_on


def kill_worker(work: Work, meeting_id: str | None) -> None:
    """End a media worker of this machine with SIGKILL: that of a meeting, or else the one that has most of them.

    :raises NoMediaWorker: there is none on this machine that has renewed its lease yet.
    """
    there = work.scalars(select(MediaWorker).where(MediaWorker.gone_at.is_(None))).all()
    meetings = {worker.id: {sfu.meeting_id for sfu in placed_on(work, worker.id)} for worker in there}
    own = [
        worker for worker in there if _runs_here(worker) and (meeting_id is None or meeting_id in meetings[worker.id])
    ]
    if not own:
        raise errors.NoMediaWorker("No media worker of this machine can be killed.")
    os.kill(max(own, key=lambda worker: len(meetings[worker.id])).stats["pid"], signal.SIGKILL)


def _runs_here(worker: MediaWorker) -> bool:
    """Whether the process id that it told is that of a media worker on this machine. (Linux alone can say.)"""
    pid = worker.stats.get("pid")
    if not isinstance(pid, int) or not worker.name.startswith(f"{socket.gethostname()}/"):
        return False
    try:
        return b"media_worker" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
