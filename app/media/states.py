"""A media worker's life. `leaving`: its meetings move as soon as another has room. `gone` is final: what comes back
registers anew.
"""

TRANSITIONS: dict[str, frozenset[str]] = {
    "active": frozenset({"draining", "leaving", "gone"}),
    "draining": frozenset({"leaving", "gone"}),
    "leaving": frozenset({"gone"}),
    "gone": frozenset(),
}


def may_become(state: str, new: str) -> bool:
    return new in TRANSITIONS[state]
