"""All the canned meetings, and which one a meeting gets."""

from __future__ import annotations

from random import Random

from app.notes.canned import as_usual, went_badly, went_well
from app.notes.canned.script import Script
from app.notes.shapes import Transcript

SCRIPTS: tuple[Script, ...] = (*as_usual.SCRIPTS, *went_well.SCRIPTS, *went_badly.SCRIPTS)


def script_for(meeting_id: str) -> Script:
    """The same for a meeting each time and everywhere: Random doesn't seed itself by Python's salted hash."""
    return Random(f"script of {meeting_id}").choice(SCRIPTS)  # noqa: S311 – picks a play, not a key


def script_of(transcript: Transcript) -> Script | None:
    """The script that the mock transcriber spoke, None for a transcript of another provider."""
    if transcript["provider"] != "mock":
        return None
    return next((script for script in SCRIPTS if script.model == transcript["model"]), None)
