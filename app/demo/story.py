"""Who is in the demo and what they have to discuss. Times are counted from the day on which it is made."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Europe/Berlin")


@dataclass(frozen=True)
class Person:
    name: str
    email: str


@dataclass(frozen=True)
class Stay:
    """Minutes since the meeting's start."""

    joined: int
    left: int
    device: str = "laptop"


@dataclass(frozen=True)
class Guest:
    """Who is asked, by e-mail, what they answer, and when they were there.

    A proposal is `proposes_days` later, at the same time of day.
    """

    email: str
    answer: str = "accepted"  # pending | accepted | rejected | proposed | revoked
    stays: tuple[Stay, ...] = ()
    proposes_days: int = 0
    note: str = ""


@dataclass(frozen=True)
class Line:
    """What somebody, by e-mail, writes in the chat, in minutes since the meeting's start; `liked` by whom with what."""

    minute: int
    email: str
    text: str
    liked: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Plan:
    """A meeting. `day` counts working days from today; None: it has no start and can be joined at once.

    A past one was held or cancelled. `recorded` says from which minute to which. `repeats` is a rule (RFC 5545) that
    makes it the first of a series. `lobby` says who waits at its door.
    """

    title: str
    description: str
    owner: str
    guests: tuple[Guest, ...]
    day: int | None
    at: time = time(10)
    duration_min: int = 30
    stays: tuple[Stay, ...] = ()  # of the owner
    cancelled: bool = False
    recorded: tuple[int, int] | None = None
    e2ee: bool = False
    message: str = ""
    repeats: str | None = None
    lobby: str = "off"
    chat: tuple[Line, ...] = ()

    def starts_at(self, today: date) -> datetime | None:
        return None if self.day is None else datetime.combine(working_day(today, self.day), self.at, ZONE)


def working_day(today: date, days: int) -> date:
    """The working day `days` after `today`, or before it if negative; never `today` itself."""
    day, step = today, timedelta(days=1 if days > 0 else -1)
    for _ in range(abs(days)):
        day += step
        while day.weekday() >= 5:
            day += step
    return day


ANNA = "anna.berg@example.org"
TOMAS = "tomas.rivera@example.org"
MEI = "mei.lin@example.org"
JONAS = "jonas.weber@example.org"
PRIYA = "priya.nair@example.org"
OLU = "olu.adeyemi@example.org"
NO_ACCOUNT = "sam.keller@example.org"

PEOPLE = (
    Person("Anna Berg", ANNA),
    Person("Tomás Rivera", TOMAS),
    Person("Mei Lin", MEI),
    Person("Jonas Weber", JONAS),
    Person("Priya Nair", PRIYA),
    Person("Olu Adeyemi", OLU),
)

PLANS = (
    Plan(
        "Kick-off: spring release",
        "What goes in, what stays out, and who looks after what.",
        ANNA,
        (
            Guest(TOMAS, stays=(Stay(0, 44),)),
            Guest(MEI, stays=(Stay(1, 45),)),
            Guest(JONAS, stays=(Stay(11, 45, "phone"),)),
            Guest(OLU, stays=(Stay(0, 31),)),
            Guest(PRIYA, "rejected"),
        ),
        day=-12,
        at=time(10),
        duration_min=45,
        stays=(Stay(0, 45),),
        message="First round. Please read the outline before.",
    ),
    Plan(
        "Design review: booking flow",
        "Three screens, one decision each.",
        MEI,
        (
            Guest(ANNA, stays=(Stay(0, 27),)),
            Guest(TOMAS, stays=(Stay(2, 27),)),
            Guest(OLU),  # said yes and did not come
        ),
        day=-6,
        at=time(14),
        stays=(Stay(0, 27),),
    ),
    Plan(
        "Interview: support engineer",
        "",
        PRIYA,
        (Guest(ANNA), Guest(JONAS, "pending")),
        day=-3,
        at=time(16),
        duration_min=60,
        cancelled=True,
    ),
    Plan(
        "Weekly review",
        "What we did, what we learned, what is next.",
        ANNA,
        (
            Guest(MEI, stays=(Stay(0, 29),)),
            Guest(TOMAS, stays=(Stay(0, 9, "phone"), Stay(9, 29))),
            Guest(JONAS, stays=(Stay(0, 29),)),
        ),
        day=-1,
        at=time(9, 30),
        stays=(Stay(0, 30),),
        recorded=(0, 28),
        chat=(
            Line(2, TOMAS, "Good morning! The figures are on the second page.", ((ANNA, "👍"),)),
            Line(12, MEI, "Here are the three screens: https://example.org/booking"),
            Line(27, ANNA, "Thank you all. Same time next week.", ((MEI, "🎉"), (JONAS, "🎉"))),
        ),
    ),
    Plan(
        "Stand-up",
        "",
        ANNA,
        (Guest(TOMAS), Guest(MEI), Guest(JONAS, "pending"), Guest(PRIYA), Guest(OLU, "rejected")),
        day=1,
        at=time(9, 15),
        duration_min=15,
    ),
    Plan(
        "Budget for the next quarter",
        "The figures come the evening before.",
        JONAS,
        (Guest(ANNA, "pending"), Guest(PRIYA)),
        day=2,
        at=time(15),
        duration_min=60,
        message="I would like to close this in one go.",
    ),
    Plan(
        "Pairing: offline mode",
        "",
        TOMAS,
        (Guest(MEI), Guest(PRIYA, "rejected"), Guest(JONAS, "revoked")),
        day=3,
        at=time(11),
        duration_min=90,
    ),
    Plan(
        "One to one",
        "Just the two of us; end-to-end encrypted.",
        ANNA,
        (Guest(MEI),),
        day=4,
        at=time(16, 30),
        e2ee=True,
    ),
    Plan(
        "Planning round",
        "What each of us takes on this week.",
        MEI,
        (Guest(ANNA), Guest(TOMAS), Guest(OLU, "pending")),
        day=5,
        at=time(10),
        duration_min=45,
        repeats="FREQ=WEEKLY;COUNT=8",
    ),
    Plan(
        "Roadmap workshop",
        "Bring one thing that we should stop doing.",
        ANNA,
        (
            Guest(OLU, "proposed", proposes_days=1, note="I am on a train that morning. A day later?"),
            Guest(MEI),
            Guest(PRIYA, "pending"),
            Guest(NO_ACCOUNT, "pending"),
        ),
        day=6,
        at=time(9),
        duration_min=120,
    ),
    Plan(
        "Open office",
        "No appointment: come in whenever you like. Guests from outside wait a moment at the door.",
        OLU,
        (Guest(ANNA), Guest(TOMAS, "pending")),
        day=None,
        lobby="guests",
    ),
)
