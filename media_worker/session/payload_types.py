"""One payload type for each codec in a meeting, so that a packet's is written once for all subscribers.

Within one bundle a payload type means one thing (RFC 9143 §9.1), and subscribers get everybody's tracks in one. So
codecs that differ get different payload types, whatever their publishers call them. As far as possible those are kept.
"""

from dataclasses import dataclass, field

from media_worker.session.description import Codec

# Dynamic ones, then those that RFC 5761 §4 leaves free below.
_FREE = [*range(96, 128), *range(35, 64)]
_CodecKey = tuple[str, int, int, str]


@dataclass
class PayloadTypes:
    """What has a payload type keeps it as long as the meeting is here: a subscriber may not see it change."""

    _codecs: dict[_CodecKey, int] = field(default_factory=dict)
    _repairs: dict[int, int] = field(default_factory=dict)  # a codec's → its retransmission's
    _used: set[int] = field(default_factory=set)

    def of(self, codec: Codec) -> int | None:
        """None when there are none left."""
        key = (codec.name.lower(), codec.clock_rate, codec.channels, codec.parameters)
        if key not in self._codecs and (free := self._free(codec.payload_type)) is not None:
            self._codecs[key] = free
        return self._codecs.get(key)

    def repairing(self, payload_type: int, wish: int) -> int | None:
        """The payload type of retransmissions of `payload_type`; None when there are none left."""
        if payload_type not in self._repairs and (free := self._free(wish)) is not None:
            self._repairs[payload_type] = free
        return self._repairs.get(payload_type)

    def _free(self, wish: int) -> int | None:
        given = next((one for one in (wish, *_FREE) if one not in self._used and not 64 <= one < 96), None)
        if given is not None:
            self._used.add(given)
        return given
