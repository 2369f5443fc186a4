"""What one meeting has to say to Parley, in order, sent as fast as Parley takes it.

Nothing waits for Parley's answer while packets pass: what is said is queued, and a task of its own sends it. Signals
keep their order; of reports only the newest of each participant counts. Reports go a moment later: who is just
connecting waits for signals, and no one for a list.
"""

import asyncio
import secrets
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

import structlog

from media_worker.errors import PlacementGone, RecipientGone

MAX_BATCH = 50  # messages of one request
_REPORTS_AFTER_S = 0.1  # since the first of those that go together
_MAX_WAITING = 5000  # messages while Parley is away; then its lease has long run out, and the meeting is elsewhere

log = structlog.get_logger()


class Parley(Protocol):
    """The part of the API client that a meeting speaks through. Both wait while Parley is away."""

    async def signal(
        self, meeting_id: str, epoch: int, sfu_participant_id: str, messages: list[dict[str, Any]]
    ) -> None:
        """Raises `PlacementGone` or `RecipientGone`."""
        ...

    async def report(
        self,
        meeting_id: str,
        epoch: int,
        *,
        tracks: list[dict[str, Any]] | None = None,
        speakers: list[dict[str, Any]] | None = None,
        stats: list[dict[str, Any]] | None = None,
    ) -> None:
        """Raises `PlacementGone`."""
        ...


class Outbox:
    """`on_gone` is told when the meeting is elsewhere, `on_left` of a participant who isn't there any more."""

    def __init__(
        self,
        parley: Parley,
        meeting_id: str,
        epoch: int,
        sfu_participant_id: str,
        *,
        on_gone: Callable[[], None],
        on_left: Callable[[str], None],
    ) -> None:
        self._parley = parley
        self._meeting_id, self._epoch, self._sfu_participant_id = meeting_id, epoch, sfu_participant_id
        self._on_gone, self._on_left = on_gone, on_left
        self._signals: list[dict[str, Any]] = []
        self._tracks: dict[str, list[dict[str, Any]]] = {}
        self._speakers: list[dict[str, Any]] | None = None
        self._stats: list[dict[str, Any]] | None = None
        self._ref = secrets.token_hex(6)  # a meeting that is placed here again says other things
        self._count = 0
        self._something = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def signal(self, to: str, type_: str, payload: dict[str, Any]) -> None:
        if len(self._signals) >= _MAX_WAITING:
            self._signals.pop(0)
        self._count += 1
        message = {"to": to, "type": type_, "payload": payload, "client_ref": f"{self._ref}-{self._count}"}
        self._signals.append(message)
        self._wake()

    def report_tracks(self, participant_id: str, tracks: list[dict[str, Any]]) -> None:
        """All that the participant publishes now."""
        self._tracks[participant_id] = tracks
        self._wake()

    def report_speakers(self, speakers: list[dict[str, Any]]) -> None:
        self._speakers = speakers
        self._wake()

    def report_stats(self, stats: list[dict[str, Any]]) -> None:
        """How all tracks do."""
        self._stats = stats
        self._wake()

    def close(self) -> None:
        """Say nothing more."""
        if self._task is not None:
            self._task.cancel()

    def _wake(self) -> None:
        self._something.set()
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        due: float | None = None  # when reports go, by the loop's clock
        clock = asyncio.get_running_loop().time
        try:
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout_at(due):
                        await self._something.wait()
                self._something.clear()
                while self._signals:
                    await self._send_signals()
                if due is None and (self._tracks or self._speakers is not None or self._stats is not None):
                    due = clock() + _REPORTS_AFTER_S
                elif due is not None and clock() >= due:
                    due = None
                    await self._send_reports()
        except PlacementGone:
            self._on_gone()
        except Exception:  # whatever it is, the meeting must not go on unheard
            log.exception("outbox_failed", meeting_id=self._meeting_id)
            self._on_gone()

    async def _send_signals(self) -> None:
        batch, self._signals = self._signals[:MAX_BATCH], self._signals[MAX_BATCH:]
        while batch:
            try:
                await self._parley.signal(self._meeting_id, self._epoch, self._sfu_participant_id, batch)
                return
            except RecipientGone as gone:
                batch = [message for message in batch if message["to"] != gone.participant_id]
                self._on_left(gone.participant_id)

    async def _send_reports(self) -> None:
        tracks, self._tracks = self._tracks, {}
        speakers, self._speakers = self._speakers, None
        stats, self._stats = self._stats, None
        if tracks:
            listed = [{"participant_id": who, "tracks": theirs} for who, theirs in tracks.items()]
            await self._parley.report(self._meeting_id, self._epoch, tracks=listed)
        if speakers is not None:
            await self._parley.report(self._meeting_id, self._epoch, speakers=speakers)
        if stats is not None:
            await self._parley.report(self._meeting_id, self._epoch, stats=stats)
