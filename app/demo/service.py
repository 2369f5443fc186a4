"""Making the demo as its people would have made it: through the services of every feature, with the clock put back."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import delete, select

from app.accounts import service as accounts
from app.accounts.models import User
from app.accounts.passwords import PasswordHasher
from app.chat import service as chat
from app.core.actor import Actor
from app.core.clock import ManualClock
from app.core.db import Base
from app.core.ids import CODE_LETTERS, new_id
from app.core.jobs.inline import InlineJobs
from app.core.objects.base import ObjectStore
from app.core.runtime import Runtime, Work
from app.core.secret_files import keep_secret
from app.core.settings import Settings
from app.demo.story import PEOPLE, PLANS, ZONE, Guest, Line, Plan, Stay, working_day
from app.invitations import service as invitations
from app.invitations.models import Invitation
from app.meetings import series
from app.meetings import service as meetings
from app.meetings.models import Meeting
from app.notes import service as notes
from app.notes.models import Notes
from app.participants import joining
from app.participants import service as participants
from app.recordings import service as recordings
from app.recordings.models import Recording

REGISTERED_BEFORE = timedelta(days=40)
PLANNED_DAYS = 2  # working days before a past meeting; those to come were planned yesterday
NOTES_AFTER = timedelta(minutes=2)

Tell = Callable[[str], None]


@dataclass
class Seeded:
    """What was made, and what was there already. `password` is None if people were there who have another one."""

    password: str | None
    people: int = 0
    meetings: int = 0
    there: int = 0
    trouble: list[str] = field(default_factory=list)


def demo_password(settings: Settings) -> str:
    """The password that the demo's people share: another one in every installation, and the same each time."""
    digest = hashlib.sha256(keep_secret(settings.storage_dir, "demo_password").encode()).digest()
    letters = "".join(CODE_LETTERS[byte % len(CODE_LETTERS)] for byte in digest[:12])
    return f"{letters[:4]}-{letters[4:8]}-{letters[8:]}"


def seed(runtime: Runtime, tell: Tell) -> Seeded:
    """Make what is not there yet. Each meeting comes whole or not at all; `tell` gets a line for each step."""
    now = runtime.clock.now()
    clock = ManualClock(now - REGISTERED_BEFORE)
    return _Seeding(replace(runtime, clock=clock, jobs=InlineJobs()), clock, now, tell).run()


class _Seeding:
    """`runtime` runs jobs at once, and by a `clock` that is put to when things happened."""

    def __init__(self, runtime: Runtime, clock: ManualClock, now: datetime, tell: Tell) -> None:
        self._runtime, self._clock, self._now, self._tell = runtime, clock, now, tell
        self._people: dict[str, Actor] = {}

    def run(self) -> Seeded:
        password = demo_password(self._runtime.settings)
        seeded = Seeded(password)
        for person in PEOPLE:
            known = self._find(person.email)
            if known is None:
                with self._runtime.writing() as work:
                    known = accounts.create(
                        work, email=person.email, display_name=person.name, role="user", password=password
                    )
                seeded.people += 1
                self._tell(f"person   {person.name} <{person.email}>")
            elif not self._runtime.drivers[PasswordHasher].verify(known.password_hash, password):
                seeded.password = None
            self._people[person.email] = Actor(known.id, new_id(), known.display_name, "user")
        for plan in PLANS:
            meeting_id = self._find_meeting(plan)
            if meeting_id is None:
                meeting_id = self._make(plan)
                seeded.meetings += 1
            else:
                seeded.there += 1
            if plan.recorded:
                seeded.trouble += self._see_to_notes(plan, meeting_id)
        return seeded

    def _find(self, email: str) -> User | None:
        with self._runtime.reading() as work:
            return accounts.find_by_email(work, email)

    def _find_meeting(self, plan: Plan) -> str | None:
        owner = self._people[plan.owner]
        with self._runtime.reading() as work:
            found = select(Meeting.id).where(Meeting.owner_id == owner.user_id, Meeting.title == plan.title)
            return work.scalars(found).first()

    def _make(self, plan: Plan) -> str:
        """All of it in one unit of work: the sweeps of a running jobs process never see people who have been silent
        since the past.
        """
        starts_at = plan.starts_at(self._now.astimezone(ZONE).date())
        is_past = plan.day is not None and plan.day < 0
        planned_at = self._now - timedelta(days=1)
        if starts_at and is_past:
            planned_at = datetime.combine(working_day(starts_at.date(), -PLANNED_DAYS), starts_at.timetz())
        with self._runtime.writing() as work:
            self._at(planned_at)
            meeting = self._plan(work, plan, starts_at, "mock" if plan.recorded else "p2p" if is_past else None)
            self._ask_guests(work, plan, meeting, planned_at)
            if plan.cancelled:
                self._at(planned_at + timedelta(days=1))
                meetings.cancel(work, meeting)
            elif starts_at and is_past:
                self._hold(work, plan, meeting, starts_at)
            state, number = meeting.state, 1 + len(plan.guests)
        when = f"{starts_at:%a %d %b %H:%M}" if starts_at else "at any time"
        self._tell(f"meeting  {plan.title}: {state}, {when}, {number} people")
        if plan.recorded:
            self._tell(f"file     {plan.title}: from the mock recorder")
        return meeting.id

    def _plan(self, work: Work, plan: Plan, starts_at: datetime | None, media_mode: str | None) -> Meeting:
        create = partial(series.create, recurrence=plan.repeats) if plan.repeats else meetings.create
        made = create(
            work,
            self._people[plan.owner],
            title=plan.title,
            description=plan.description,
            starts_at=starts_at,
            duration_min=plan.duration_min if starts_at else None,
            time_zone=ZONE.key,
            media_mode=media_mode or work.settings.media_mode_of_new_meetings,
            record_automatically=False,
            max_participants=None,
            e2ee=plan.e2ee,
            lobby=plan.lobby,
            metadata={},
        )
        return made.meeting

    def _ask_guests(self, work: Work, plan: Plan, meeting: Meeting, planned_at: datetime) -> None:
        asked = [{"email": guest.email} for guest in plan.guests]
        made = invitations.invite(work, self._people[plan.owner], meeting, asked, plan.message)
        for number, (guest, one) in enumerate(zip(plan.guests, made, strict=True), start=1):
            self._at(planned_at + timedelta(minutes=47 * number))
            _answer(work, meeting, guest, work.get_one(Invitation, one["id"]))

    def _hold(self, work: Work, plan: Plan, meeting: Meeting, starts_at: datetime) -> None:
        """Comings, goings and the recording, in the order in which they happened."""
        steps: list[tuple[int, int, Callable[[], Any]]] = []

        def plan_stay(email: str, stay: Stay) -> None:
            there: list[Any] = []

            def come() -> None:
                joined = joining.join(
                    work,
                    self._people[email],
                    meeting.id,
                    device=stay.device,
                    display_name=None,
                    replaces=None,
                    force=False,
                )
                there.append(joined["participant"])

            steps.append((stay.joined, len(steps), come))
            steps.append((stay.left, len(steps), lambda: participants.leave(work, there[0])))

        for stay in plan.stays:
            plan_stay(plan.owner, stay)
        for guest in plan.guests:
            for stay in guest.stays:
                plan_stay(guest.email, stay)
        if plan.recorded:
            owner_id = self._people[plan.owner].user_id

            def record() -> None:
                recordings.start(work, meeting.id, owner_id, mode="composite", audio_only=False)

            steps.append((plan.recorded[0], len(steps), record))
            steps.append((plan.recorded[1], len(steps), lambda: recordings.stop_running(work, meeting.id)))
        for line in plan.chat:
            steps.append((line.minute, len(steps), partial(self._write, work, meeting.id, line)))
        for minute, _, happen in sorted(steps, key=lambda step: step[:2]):
            self._at(starts_at + timedelta(minutes=minute))
            happen()
        meetings.end(work, meeting)

    def _write(self, work: Work, meeting_id: str, line: Line) -> None:
        message = chat.send(work, self._people[line.email], meeting_id, text=line.text, upload_id=None, client_ref=None)
        for email, emoji in line.liked:
            chat.react(work, self._people[email], message["id"], emoji)

    def _see_to_notes(self, plan: Plan, meeting_id: str) -> list[str]:
        """Notes of a recorded meeting, if it has none; what went wrong with them or with the recording."""
        with self._runtime.reading() as work:
            there = work.scalars(select(Notes.id).where(Notes.meeting_id == meeting_id)).first()
            ended_at = meetings.get(work, meeting_id).ended_at
        if there is None and ended_at is not None:
            self._at(ended_at + NOTES_AFTER)
            with self._runtime.writing() as work:
                notes.ask(work, meeting_id)
            self._tell(f"notes    {plan.title}: canned, from the mock provider")
        with self._runtime.reading() as work:
            newest = notes.newest(work, notes.of_meeting(meeting_id))
            recording = work.scalars(select(Recording).where(Recording.meeting_id == meeting_id)).first()
        trouble = []
        if recording is not None and recording.state != "ready":
            trouble.append(f"The recording of {plan.title} is {recording.state}: {recording.error}")
        if newest.state != "ready":
            trouble.append(f"The notes of {plan.title} are {newest.state}: {newest.error}")
        return trouble

    def _at(self, moment: datetime) -> None:
        self._clock.advance(seconds=(moment - self._clock.now()).total_seconds())


def _answer(work: Work, meeting: Meeting, guest: Guest, invitation: Invitation) -> None:
    match guest.answer:
        case "accepted":
            invitations.accept(work, invitation)
        case "rejected":
            invitations.reject(work, invitation)
        case "revoked":
            invitations.revoke(work, invitation)
        case "proposed" if meeting.starts_at:
            later = meeting.starts_at + timedelta(days=guest.proposes_days)
            invitations.propose(work, invitation, starts_at=later, duration_min=None, note=guest.note)


def reset(runtime: Runtime) -> tuple[int, int]:
    """Empty every table and the object store: how many rows and objects that was."""
    rows = 0
    with runtime.writing() as work:
        for table in reversed(Base.metadata.sorted_tables):
            rows += work.execute(delete(table)).rowcount  # type: ignore[attr-defined]
    store: ObjectStore = runtime.drivers[ObjectStore]
    objects = list(store.list())
    for info in objects:
        store.delete(info.key)
    return rows, len(objects)
