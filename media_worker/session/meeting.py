"""One meeting as its worker knows it: who is there, what they publish, who speaks."""

from collections.abc import Callable
from typing import Any

import structlog

from media_worker.recording.recorder import Recorder
from media_worker.recording.recordings import Recordings
from media_worker.session import figures
from media_worker.session.data_relay import DataRelay
from media_worker.session.negotiation import Listed
from media_worker.session.outbox import Outbox, Parley
from media_worker.session.participant import Participant
from media_worker.session.payload_types import PayloadTypes
from media_worker.session.publishing import Published
from media_worker.sfu.counts import Counts
from media_worker.sfu.speakers import Speakers
from media_worker.sfu.track import Track
from media_worker.transport.connection import Port

_SPEAKERS_EVERY_S = 1.0
_FIGURES_EVERY_S = 5.0
_REMEMBERED_SPEAKERS = 20  # more than fit a screen

log = structlog.get_logger()


class Meeting:
    """A placement: the same meeting placed again, with another epoch, is another one of these."""

    def __init__(
        self,
        port: Port,
        parley: Parley,
        placement: dict[str, Any],
        on_gone: Callable[["Meeting"], None],
        recordings: Recordings | None = None,
        counts: Counts | None = None,
    ) -> None:
        """`placement` is the payload of `media.place`. `on_gone` is told when Parley says that it is not ours."""
        self.port = port
        self.id = str(placement["meeting"]["id"])
        self.epoch = int(placement["epoch"])
        self.counts = counts or Counts()
        self.payload_types = PayloadTypes()
        self.data = DataRelay()
        self.participants: dict[str, Participant] = {}
        self._speakers = Speakers()
        self._told_speakers: list[str] = []
        self.loudest: list[str] = []
        self._speakers_at = 0.0
        self._figures_at = 0.0
        self._outbox = Outbox(
            parley,
            self.id,
            self.epoch,
            str(placement["sfu_participant_id"]),
            on_gone=lambda: on_gone(self),
            on_left=self._left,
        )
        self._recordings = recordings
        self._recorders: dict[str, Recorder] = {}
        for participant in placement.get("participants", ()):
            self._known(participant)
        for recording in placement.get("recordings", ()):
            self._record(recording.get("id"), recording)

    # What Parley tells --------------------------------------------------------------------------------------------

    def receive(self, message: dict[str, Any]) -> None:
        """A message of the worker's inbox about this meeting."""
        type_, payload = str(message.get("type")), message.get("payload") or {}
        if type_ in ("participant.joined", "participant.updated"):
            self._known(payload.get("participant") or {})
        elif type_ == "participant.left":
            self._left(str((payload.get("participant") or {}).get("id")))
        elif type_ == "participant.mute":
            for participant_id in payload.get("participant_ids", ()):
                if there := self.participants.get(str(participant_id)):
                    there.publishing.mute(True)
        elif type_ == "recording.start":
            self._record(payload.get("recording_id"), payload)
        elif type_ == "recording.stop":
            self._end_recording(str(payload.get("recording_id")))
        elif type_.startswith("rtc."):
            self._signalled(type_, message.get("from") or {}, payload)

    def _known(self, rest: dict[str, Any]) -> None:
        participant_id = str(rest.get("id"))
        if rest.get("kind", "user") == "sfu" or not rest.get("id"):
            return
        if rest.get("state") in ("left", "waiting"):
            self._left(participant_id)
            return
        there = self.participants.get(participant_id)
        if there is None:
            there = self.participants[participant_id] = Participant(self, participant_id, int(rest.get("epoch") or 0))
        if not there.update(rest):
            self._start_over(there)

    def _signalled(self, type_: str, sender: dict[str, Any], payload: dict[str, Any]) -> None:
        there = self.participants.get(str(sender.get("participant_id")))
        epoch = int(sender.get("epoch") or 0)
        if there is None or epoch < there.epoch:
            return
        if epoch > there.epoch:
            there.epoch = epoch
            self._start_over(there)
        if not there.subscribing.has_asked:
            there.subscribing.offer_tracks(self.tracks_for(there.id))
        there.receive(type_, payload)

    def _start_over(self, participant: Participant) -> None:
        """Another device is in the participant's place: nothing of the old one's holds."""
        participant.close()
        self.published(participant.id)

    def _left(self, participant_id: str) -> None:
        gone = self.participants.pop(participant_id, None)
        if gone is not None:
            gone.close()
            self._speakers.forget(participant_id)
            self._offer_everybody(but=participant_id)
            self._follow_tracks()

    # What participants do -----------------------------------------------------------------------------------------

    def signal(self, to: str, type_: str, payload: dict[str, Any]) -> None:
        self._outbox.signal(to, type_, payload)

    def published(self, participant_id: str) -> None:
        there = self.participants.get(participant_id)
        if there is not None:
            self._outbox.report_tracks(participant_id, [one.report for one in there.publishing.tracks.values()])
            self._offer_everybody(but=participant_id)
            self._follow_tracks()

    def listed_by_others(self, participant_id: str) -> list[Listed]:
        others = [one for one in self.participants.values() if one.id != participant_id]
        return [one.publishing.listed for one in others if one.subscribing.has_asked]

    def heard(self, track: Track, level_dbov: int, now: float) -> None:
        if track.source == "microphone":
            self._speakers.heard(track.participant_id, level_dbov, now)

    def _offer_everybody(self, *, but: str) -> None:
        for participant in self.participants.values():
            if participant.id != but:
                participant.subscribing.offer_tracks(self.tracks_for(participant.id))

    def tracks_for(self, participant_id: str) -> list[Published]:
        return [
            published
            for other in self.participants.values()
            if other.id != participant_id
            for published in other.publishing.tracks.values()
        ]

    # Recordings ---------------------------------------------------------------------------------------------------

    def _record(self, recording_id: object, asked: dict[str, Any]) -> None:
        if self._recordings is None or not recording_id or str(recording_id) in self._recorders:
            return
        audio_only = bool(asked.get("audio_only"))
        recorder = self._recordings.record(self.id, self.epoch, str(recording_id), audio_only=audio_only)
        if recorder is not None:
            self._recorders[recorder.id] = recorder
            self._follow_tracks()

    def _end_recording(self, recording_id: str) -> None:
        recorder = self._recorders.pop(recording_id, None)
        if recorder is not None and self._recordings is not None:
            self._recordings.end(recorder)

    def _follow_tracks(self) -> None:
        for recorder in self._recorders.values():
            recorder.follow(published.whole for published in self.tracks_for(""))

    # Time ---------------------------------------------------------------------------------------------------------

    def tick(self, now: float) -> None:
        for participant in self.participants.values():
            participant.tick(now)
        for recorder in list(self._recorders.values()):
            recorder.tick()
            if recorder.failure:
                self._end_recording(recorder.id)
        if now - self._speakers_at >= _SPEAKERS_EVERY_S:
            self._speakers_at = now
            self._tell_speakers(now)
        if now - self._figures_at >= _FIGURES_EVERY_S:
            self._figures_at = now
            if told := figures.of_tracks(self.participants.values()):
                self._outbox.report_stats(told)

    def _tell_speakers(self, now: float) -> None:
        speaking = self._speakers.current(now)
        names = [who for who, _ in speaking]
        self.loudest = (names + [who for who in self.loudest if who not in names])[:_REMEMBERED_SPEAKERS]
        if [who for who, _ in speaking] != self._told_speakers:
            self._told_speakers = [who for who, _ in speaking]
            self._outbox.report_speakers([{"participant_id": who, "level": level} for who, level in speaking])

    def look_after(self, now: float) -> None:
        for participant in list(self.participants.values()):
            participant.look_after(now)

    def close(self) -> None:
        """Free everything, and say nothing more."""
        self._outbox.close()
        for recording_id in list(self._recorders):
            self._end_recording(recording_id)
        for participant in self.participants.values():
            participant.close()
        self.participants.clear()
