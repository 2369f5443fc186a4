"""Stands in for the composer: notes what it is given, and makes small files at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from app.recordings.composing.plan import Chapter, Composition, Plan


class StandIn:
    """Fails as often as it has `failures`, and then works."""

    def __init__(self) -> None:
        self.plans: list[Plan] = []
        self.contents: list[list[bytes]] = []
        self.failures: list[Exception] = []
        self.film = b"a film"
        self.while_composing: Callable[[], object] = lambda: None

    def __call__(self, plan: Plan, folder: Path, progress: Callable[[float], None]) -> Composition:
        self.plans.append(plan)
        self.contents.append([track.path.read_bytes() for track in plan.tracks])
        self.while_composing()
        if self.failures:
            raise self.failures.pop(0)
        progress(0.5)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / ("recording.m4a" if plan.audio_only else "recording.mp4")
        path.write_bytes(self.film)
        (folder / "poster.jpg").write_bytes(b"\xff\xd8\xff a poster")
        waveform = {"version": 1, "duration_s": plan.duration_s, "interval_s": 0.1, "peaks": [0.5]}
        (folder / "waveform.json").write_text(json.dumps(waveform))
        return Composition(
            path=path,
            content_type="audio/mp4" if plan.audio_only else "video/mp4",
            poster=folder / "poster.jpg",
            waveform=folder / "waveform.json",
            chapters=[Chapter(0.0, "Start")],
            duration_s=plan.duration_s,
            bytes=len(self.film),
            width=1280,
            height=720,
            warnings=[],
        )
