"""The soak: load, faults, a calm at the end, and the checks."""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.durability.device import Device, enter_a_meeting, history_of
from tests.durability.history import violations
from tests.soak import checks
from tests.soak.house import FAULTS, House, house
from tests.soak.people import KINDS, Acknowledged, Person
from tests.soak.processes import Held, held
from tests.support.waiting import eventually

IN_A_MEETING = 10  # of those who talk
SENDS_EVERY_S = (2.0, 6.0)
FAULT_EVERY_S = (2.0, 12.0)
CALM, LEAST_CALM_S = 0.2, 30.0  # of the whole time, at the end: load without faults, in which nothing may grow
LOOK_EVERY_S = 3.0
CAUGHT_UP_WITHIN_S = 120.0

# How much more the processes of a kind may hold in the last third of the calm than in the one before. Allocators keep
# what they once had, and pools fill up; what leaks goes on growing with every request.
MORE_FILES = 24
MORE_THREADS = 12
MORE_MEMORY_MB = 60.0
MB_OF_A_THREAD = 12.0  # which a pool had left unused: an arena of its own, a connection, what its first job imports

Say = Callable[[str], None]


@dataclass
class Report:
    wrong: list[str] = field(default_factory=list)
    figures: dict[str, object] = field(default_factory=dict)


def soak(folder: Path, minutes: float, participants: int, seed: str, say: Say) -> Report:
    """Run for `minutes`, with `participants` who poll all the time; what was seen."""
    chance, report = random.Random(seed), Report()
    with house(folder) as here:
        say(f"everything runs; {participants} participants come in")
        load = Load(here, participants)
        try:
            began = time.monotonic()
            ends = began + minutes * 60
            _break_things(here, load, chance, ends - max(LEAST_CALM_S, CALM * minutes * 60), say)
            say("no more faults")
            third_s = (ends - time.monotonic()) / 3
            _least(here, load, third_s, say)  # who was killed last fills its pools and caches again
            before, after = _least(here, load, third_s, say), _least(here, load, third_s, say)
            say("everybody falls silent")
            report.wrong += load.fall_silent(here, say)
        finally:
            load.stop()
        report.wrong += load.told()
        say("what was begun is finished")
        report.wrong += checks.unsettled(here, say)
        say("what was acknowledged is looked for")
        report.wrong += checks.broken(here) + checks.lost(here, load.noted)
        wrong, events, doubled = checks.events_lost(here)
        report.wrong += wrong + checks.left_behind(here) + _grown(before, after)
        report.wrong += [f"complaint: {line}" for line in here.parley.complaints()]
        load.ended.set()
        report.figures = {
            "minutes": round((time.monotonic() - began) / 60, 1),
            "participants who polled": participants,
            **{f"kills: {name}": number for name, number in sorted(here.faults.items())},
            **load.figures(),
            "events that reached the broker": events,
            "of them, more than once": doubled,
            **{
                f"held in the second and the last third of the calm: {kind}": f"{before[kind]}; {after[kind]}"
                for kind in after
            },
        }
    return report


class Load:
    def __init__(self, here: House, participants: int) -> None:
        port = here.parley.port
        self.noted, self.ended = Acknowledged(), threading.Event()
        self._refusals: list[str] = []
        self.talking: list[list[Device]] = []  # by meeting
        for number in range(0, participants, IN_A_MEETING):
            size = min(IN_A_MEETING, participants - number)
            self.talking.append(enter_a_meeting(port, size, 100 * number, f"talker{number}-", SENDS_EVERY_S))
        self.devices = [device for devices in self.talking for device in devices]
        for device in self.devices:
            device.start()
        self.people: list[Person] = [
            kind(port, f"{kind.__name__.lower()}{number}", self.noted, self._refusals, self.ended)
            for kind, many in KINDS
            for number in range(many)
        ]

    def __str__(self) -> str:
        return ", ".join(f"{number} {what}" for what, number in self.figures().items())

    def figures(self) -> dict[str, int]:
        return {
            "signals acknowledged": sum(len(device.sender.sent) for device in self.devices),
            "chat messages acknowledged": sum(len(messages) for messages in self.noted.chat.values()),
            "joins and leaves": len(self.noted.left),
            "recordings": len(self.noted.recordings),
            "calls": len(self.noted.calls),
        }

    def fall_silent(self, here: House, say: Say) -> list[str]:
        for person in self.people:
            person.quiet.set()
        for device in self.devices:
            device.fall_silent()
        say("those who talk have said everything")
        stuck = [f"never answered: {type(person).__name__}" for person in self.people if not person.join(120)]
        say("the others have done what they began")
        for devices in self.talking:
            devices[0].say_last_words()
        mine = "','".join(device.participant_id for device in self.devices)  # the others do not poll
        behind = {"": f"SELECT count(*) FROM inboxes WHERE acked_seq < head_seq AND owner_id IN ('{mine}')"}
        try:
            eventually(lambda: not checks.counted(here.parley, behind), "everybody to catch up", CAUGHT_UP_WITHIN_S)
        except AssertionError:
            stuck.append(f"inboxes that nobody caught up with: {checks.counted(here.parley, behind)['']}")
        here.api.terminate()  # which answers every poll, and so says what it has of their acknowledgements
        for device in self.devices:
            device.stop()
        for device in self.devices:
            device.join()
        here.api.start()
        return stuck

    def stop(self) -> None:
        for device in self.devices:
            device.stop()

    def told(self) -> list[str]:
        """What those who talked were promised and did not get."""
        wrong = [f"refused: {refusal}" for refusal in self._refusals]
        wrong += [person.failed for person in self.people if person.failed]
        for devices in self.talking:
            wrong += violations(history_of(devices), may_lag=True)
        return wrong


def _break_things(here: House, load: Load, chance: random.Random, until: float, say: Say) -> None:
    bag: list[str] = []  # of everything once, so that a short soak leaves nothing out
    while time.monotonic() < until:
        time.sleep(min(chance.uniform(*FAULT_EVERY_S), max(0.0, until - time.monotonic())))
        bag = bag or chance.sample(FAULTS, len(FAULTS))
        name = bag.pop()
        here.break_something(name, chance)
        say(f"killed: {name}; {load}")


def _least(here: House, load: Load, for_s: float, say: Say) -> dict[str, Held]:
    """The least that was held meanwhile: what is needed for a moment, such as by a composition, is not counted."""
    until, found = time.monotonic() + for_s, dict[str, Held]()
    while not found or time.monotonic() < until:
        time.sleep(min(LOOK_EVERY_S, for_s))
        now = held(here)
        found = {kind: now[kind].least(found.get(kind, now[kind])) for kind in now}
    say(f"calm; {load}")
    return found


def _grown(before: dict[str, Held], after: dict[str, Held]) -> list[str]:
    def more_mb(kind: str) -> float:
        return MORE_MEMORY_MB + MB_OF_A_THREAD * max(0, after[kind].threads - before[kind].threads)

    return [
        f"grows: {kind} held {before[kind]}, and then {now}"
        for kind, now in after.items()
        if now.files > before[kind].files + MORE_FILES
        or now.threads > before[kind].threads + MORE_THREADS
        or now.memory_mb > before[kind].memory_mb + more_mb(kind)
    ]
