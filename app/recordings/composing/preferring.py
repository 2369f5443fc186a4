"""What participants recorded themselves goes before what reached a server of the same device, as far as it goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from app.recordings.composing.plan import TrackFile
from app.recordings.composing.probe import FROZEN_AFTER_S, Span, Unreadable, joined, probe


def preferred(tracks: Sequence[TrackFile]) -> list[TrackFile]:
    """The same, what came over the network being mute wherever its participant's own file of that device has something.

    So a file that is whole replaces the other, one that was cut off or has a hole is helped out, and nobody is heard
    twice. One that can't be read replaces nothing.
    """
    own: dict[tuple[str, str, str], list[Span]] = {}
    for track in tracks:
        if track.is_local:
            own.setdefault(_device(track), []).extend(_spans(track))
    return [
        replace(track, mutes=joined([*track.mutes, *own[_device(track)]]))
        if not track.is_local and _device(track) in own
        else track
        for track in tracks
    ]


def _device(track: TrackFile) -> tuple[str, str, str]:
    return track.participant_id, track.source, track.kind


def _spans(track: TrackFile) -> list[Span]:
    try:
        spans = probe(track).spans
    except Unreadable:
        return []
    # A picture stays for a while where no other follows; there, that which came over the network moves.
    stays = FROZEN_AFTER_S if track.kind == "video" and track.source != "screen" else 0.0
    return [(start, until - stays) for start, until in spans if until - stays > start]
