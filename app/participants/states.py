"""The life of a participant. `left` is final: who comes back is a new participant."""

TRANSITIONS: dict[str, frozenset[str]] = {
    "waiting": frozenset({"joined", "left"}),
    "joined": frozenset({"reconnecting", "left"}),
    "reconnecting": frozenset({"joined", "left"}),
    "left": frozenset(),
}

IN_THE_ROOM = ("joined", "reconnecting")
THERE = ("waiting", *IN_THE_ROOM)


def may_become(state: str, new: str) -> bool:
    return new in TRANSITIONS[state]
