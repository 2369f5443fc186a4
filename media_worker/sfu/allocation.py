"""Which layer of which video a subscriber gets, of what its path carries.

In three steps, so that anybody can say why a picture is as it is:

1. Sound comes first; it is never left out.
2. Every video gets its smallest layer, the most important first. Who gets none is at the end of the order.
3. In the same order, each gets larger as far as it is wanted and there is room.

Screens are the most important, then what is shown the largest, then who spoke last. To go up takes more room than to
stay, so that nobody goes up and down all the time.
"""

from collections.abc import Sequence
from dataclasses import dataclass

_SPARE = 0.15  # of the new layer's bitrate, to go up


@dataclass(frozen=True)
class Wish:
    """One video. `rates` are those of its layers that come and are not too large, the smallest first; never empty."""

    rates: Sequence[float]
    now: int = -1  # the layer that it has; -1: none


def allocate(wishes: Sequence[Wish], room: float) -> list[int]:
    """The layer of each, -1 for none. `wishes` are in their order of importance, `room` is what sound leaves."""
    chosen = []
    for wish in wishes:
        cost = wish.rates[0] * (1 + (_SPARE if wish.now < 0 else 0))
        chosen.append(0 if cost <= room else -1)
        room -= wish.rates[0] if cost <= room else 0
    for number, wish in enumerate(wishes):
        if chosen[number] < 0:
            continue
        for layer in range(len(wish.rates) - 1, 0, -1):
            more = wish.rates[layer] - wish.rates[0]
            if more + (wish.rates[layer] * _SPARE if layer > wish.now else 0) <= room:
                chosen[number] = layer
                room -= more
                break
    return chosen
