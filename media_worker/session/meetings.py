"""All meetings of a worker: what Parley places here, and the clock that they go by."""

import asyncio
import os
import time
from typing import Any

import structlog

from media_worker.recording.recordings import Recordings
from media_worker.session import figures
from media_worker.session.meeting import Meeting
from media_worker.session.outbox import Parley
from media_worker.sfu.counts import Counts
from media_worker.transport.connection import Port

_TICK_S = 0.02  # between a packet's loss and the request for it, at most
_ARRIVALS_EVERY = 3  # ticks: 60 ms, of which Chromium's bandwidth estimation likes no more than 100
_LOOK_EVERY = 50  # ticks

log = structlog.get_logger()


class Meetings:
    """What the API client calls. None of its methods raises: a message that can't be used is logged."""

    def __init__(self, port: Port, capacity: int, recordings: Recordings | None = None) -> None:
        """Without `recordings` none are made."""
        self._port = port
        self._recordings = recordings
        self._counts = Counts()
        self._capacity = capacity
        self.open: dict[str, Meeting] = {}  # by meeting id
        self._parley: Parley | None = None
        self._ticking: asyncio.Task[None] | None = None
        self._before = (time.monotonic(), time.process_time(), 0, 0)  # as `load` saw it last: time, CPU, bytes in, out

    def start(self, parley: Parley) -> None:
        """Begin to work, in the running event loop."""
        self._parley = parley
        self._port.mux.start()
        self._ticking = asyncio.get_running_loop().create_task(self._tick())
        if self._recordings is not None:
            self._recordings.start()

    async def stop(self) -> None:
        """Say goodbye to every client, and free the port."""
        if self._ticking is not None:
            self._ticking.cancel()
        await self.on_lost()
        if self._recordings is not None:
            await self._recordings.stop()
        for _ in range(10):  # goodbyes are tasks of their own
            await asyncio.sleep(0)
        self._port.mux.close()

    # What the API client tells ------------------------------------------------------------------------------------

    async def on_message(self, message: dict[str, Any]) -> None:
        """A message of the worker's inbox. They come in order, and may come twice."""
        try:
            self._receive(message)
        except Exception:  # one message must not stop those of other meetings
            log.exception("message_failed", type=message.get("type"), meeting_id=message.get("meeting_id"))

    def _receive(self, message: dict[str, Any]) -> None:
        type_, payload = message.get("type"), message.get("payload") or {}
        if type_ == "media.place":
            self._place(payload)
        elif type_ == "media.release":
            there = self.open.get(str(message.get("meeting_id")))
            if there is not None and there.epoch <= int(payload.get("epoch") or 0):
                self._release(there, str(payload.get("reason")))
        elif there := self.open.get(str(message.get("meeting_id"))):
            there.receive(message)

    async def on_placements(self, placements: list[dict[str, Any]]) -> None:
        """All that is placed here. What isn't in it is no more."""
        placed = {str(placement["meeting"]["id"]) for placement in placements}
        for meeting in list(self.open.values()):
            if meeting.id not in placed:
                self._release(meeting, "not_placed")
        for placement in placements:
            self._place(placement)

    async def on_lost(self) -> None:
        """Nothing is placed here any more."""
        for meeting in list(self.open.values()):
            self._release(meeting, "worker_gone")

    def load(self) -> dict[str, Any]:
        """What Parley is told with every renewal. Load is what is scarcer: one core, since the last time, or places."""
        traffic = self._port.mux.traffic()
        now, before = (time.monotonic(), time.process_time(), traffic.bytes_in, traffic.bytes_out), self._before
        self._before = now
        elapsed = max(now[0] - before[0], 0.001)
        cpu = (now[1] - before[1]) / elapsed
        people = [who for meeting in self.open.values() for who in meeting.participants.values()]
        connected = sum(who.has_connections for who in people)
        mux = self._port.mux
        return {
            "load": round(max(cpu, connected / self._capacity), 3),
            "participants": connected,
            "tracks": sum(len(who.publishing.tracks) for who in people),
            "stats": {
                "cpu": round(cpu, 3),
                "bitrate_in": round((now[2] - before[2]) * 8 / elapsed),
                "bitrate_out": round((now[3] - before[3]) * 8 / elapsed),
                "bytes_in": traffic.bytes_in,
                "bytes_out": traffic.bytes_out,
                "packets_in": traffic.packets_in,
                "packets_out": traffic.packets_out,
                "meetings": len(self.open),
                "connections": len(mux),
                **figures.of_worker(people, self._counts, mux.clock()),
                "dropped_unknown": mux.dropped.unknown,
                "dropped_unsigned": mux.dropped.unsigned,
                "dropped_malformed": mux.dropped.malformed,
                "pid": os.getpid(),
            },
        }

    # ----------------------------------------------------------------------------------------------------------------

    def _place(self, placement: dict[str, Any]) -> None:
        if self._parley is None:
            return
        meeting_id, epoch = str(placement["meeting"]["id"]), int(placement["epoch"])
        there = self.open.get(meeting_id)
        if there is not None:
            if there.epoch >= epoch:
                return
            self._release(there, "placed_anew")
        self.open[meeting_id] = Meeting(self._port, self._parley, placement, self._gone, self._recordings, self._counts)
        log.info("meeting_placed", meeting_id=meeting_id, epoch=epoch)

    def _gone(self, meeting: Meeting) -> None:
        self._release(meeting, "placement_gone")

    def _release(self, meeting: Meeting, reason: str) -> None:
        if self.open.get(meeting.id) is meeting:
            del self.open[meeting.id]
        meeting.close()
        log.info("meeting_released", meeting_id=meeting.id, epoch=meeting.epoch, reason=reason)

    async def _tick(self) -> None:
        ticks = 0
        while True:
            await asyncio.sleep(_TICK_S)
            ticks += 1
            now = self._port.mux.clock()
            for meeting in list(self.open.values()):
                try:
                    self._work(meeting, ticks, now)
                except Exception:  # one meeting must not stop the others
                    log.exception("tick_failed", meeting_id=meeting.id)

    def _work(self, meeting: Meeting, ticks: int, now: float) -> None:
        meeting.tick(now)
        if ticks % _ARRIVALS_EVERY == 0:
            for participant in meeting.participants.values():
                participant.report_arrivals()
        if ticks % _LOOK_EVERY == 0:
            meeting.look_after(now)
