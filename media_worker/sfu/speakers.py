"""Who speaks, by the levels that publishers write into their packets (RFC 6464)."""

from dataclasses import dataclass, field

_LOUD_DBOV = 45  # levels are in -dBov: 0 is the loudest, 127 silence; speech is 15 to 35, a quiet room 60
_SMOOTHING = 0.1  # of each packet: about 200 ms at 50 packets a second
_FORGOTTEN_AFTER_S = 1.0  # without a packet, as with discontinuous transmission
MAX_SPEAKERS = 5


@dataclass(slots=True)
class _Voice:
    level: float
    heard_at: float


@dataclass
class Speakers:
    """Levels of one meeting's participants."""

    _voices: dict[str, _Voice] = field(default_factory=dict)

    def heard(self, participant_id: str, level_dbov: int, now: float) -> None:
        voice = self._voices.get(participant_id)
        if voice is None:
            self._voices[participant_id] = _Voice(float(level_dbov), now)
            return
        voice.level += (level_dbov - voice.level) * _SMOOTHING
        voice.heard_at = now

    def forget(self, participant_id: str) -> None:
        self._voices.pop(participant_id, None)

    def current(self, now: float) -> list[tuple[str, float]]:
        """Participants who speak now, the loudest first, each with a level of 0..1."""
        for participant_id, voice in list(self._voices.items()):
            if now - voice.heard_at > _FORGOTTEN_AFTER_S:
                del self._voices[participant_id]
        loud = [(voice.level, who) for who, voice in self._voices.items() if voice.level <= _LOUD_DBOV]
        return [(who, round(10 ** (-level / 20), 3)) for level, who in sorted(loud)[:MAX_SPEAKERS]]
