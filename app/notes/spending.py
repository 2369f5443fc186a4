"""What providers cost: a row for each call of one, booked on whoever owns what it is for, and a budget for a month.

A call is booked before it is made, at its price or at what it is thought to cost, so that two at once don't both fit
into what is left of the budget. Minutes of transcription are counted by the same rows, so that one that costs nothing
has a row as well: they may have a limit of their own, for one account and for all together. One that failed is not
booked. The booking of one that a kill broke off passes to the next run of its stage, or is released if there is none:
whether its provider bills it, nobody here knows.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, delete, func, select

from app.accounts.models import User
from app.core import errors, gates
from app.core.ids import new_id
from app.core.pagination import paginate
from app.core.runtime import Work
from app.notes.models import Spending, Stage
from app.notes.stages.run import Final, Run
from app.notes.states import STAGES_OPEN


@dataclass
class Bill:
    """What the caller learns of it while it is made."""

    cost_usd: float | None
    model: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None


@contextmanager
def paid(run: Run, provider: str, price: float | None, seconds: float | None = None) -> Iterator[Bill]:
    """Around a call of a provider. What costs nothing is not booked, unless it transcribes.

    :param price: in USD, as it is known before; None: nobody has said.
    :param seconds: of sound that is transcribed; None: nothing is.
    :raises TranscriptionLimitReached: before, too.
    :raises BudgetReached: before anything was spent. :raises Final: there is a budget, and nobody has said the price.
    """
    bill = Bill(price)
    if price == 0.0 and seconds is None:
        yield bill
        return
    if price is None and run.runtime.settings.notes_budget_usd:
        raise Final(f"What {provider} costs is not set, so that no budget can be kept.", "price_unknown")
    spending_id = _book(run, provider, price, seconds)
    try:
        yield bill
    except Exception:
        with run.runtime.writing() as work:
            booked = work.get(Spending, spending_id)
            if booked is not None:
                work.delete(booked)
        raise
    with run.runtime.writing() as work:
        booked = work.get(Spending, spending_id)
        if booked is None:  # another run has taken its place meanwhile, and this one cost as well
            booked = _booked(work, run, provider, price, seconds)
            work.add(booked)
        booked.cost_usd, booked.model, booked.open_stage_id = bill.cost_usd, bill.model, None
        booked.input_tokens, booked.output_tokens = bill.input_tokens, bill.output_tokens


def _book(run: Run, provider: str, price: float | None, seconds: float | None) -> str:
    with run.runtime.writing() as work:
        account_id = run.subject.account_id
        work.get(User, account_id, with_for_update={"key_share": True})  # one call after the other is let through
        work.execute(delete(Spending).where(Spending.open_stage_id == run.stage.id))  # of a run that was broken off
        if price != 0.0:
            check(work, account_id, price or 0.0)
        if seconds is not None:
            check_minutes(work, account_id, seconds)
        booked = _booked(work, run, provider, price, seconds)
        work.add(booked)
        return booked.id


def _booked(work: Work, run: Run, provider: str, price: float | None, seconds: float | None) -> Spending:
    return Spending(
        id=new_id(),
        user_id=run.subject.account_id,
        month=month_of(work),
        meeting_id=run.notes.meeting_id,
        call_id=run.notes.call_id,
        notes_id=run.notes.id,
        stage=run.stage.name,
        open_stage_id=run.stage.id,
        provider=provider,
        seconds=seconds,
        cost_usd=price,
        spent_at=work.now(),
    )


def release(work: Work) -> None:
    """Delete what is booked for stages that nobody is at any more: they were broken off for good, or deleted."""
    at_work = select(Stage.id).where(Stage.state.in_(STAGES_OPEN))
    is_open = Spending.open_stage_id.is_not(None), Spending.open_stage_id.not_in(at_work)
    work.execute(delete(Spending).where(*is_open))


def book_vectors(work: Work, account_id: str, provider: str, bill: Bill) -> None:
    """Of what can be found: texts of many meetings at once, so that they are booked on their owner alone."""
    work.add(
        Spending(
            id=new_id(),
            user_id=account_id,
            month=month_of(work),
            stage="embed",
            provider=provider,
            model=bill.model,
            input_tokens=bill.input_tokens,
            cost_usd=bill.cost_usd,
            spent_at=work.now(),
        )
    )


def check(work: Work, account_id: str, more_usd: float = 0.0) -> None:
    """:raises BudgetReached: with the extras `spent_usd` and `budget_usd`."""
    budget = work.settings.notes_budget_usd
    if not budget:
        return
    spent = spent_in(work, account_id, month_of(work))
    if spent >= budget or spent + more_usd > budget:
        raise errors.BudgetReached(
            f"{spent:.2f} of {budget:.2f} USD are spent this month.", spent_usd=round(spent, 6), budget_usd=budget
        )


def check_minutes(work: Work, account_id: str, more_s: float = 0.0) -> None:
    """Before so many more seconds are transcribed; 0: nobody knows how many.

    :raises TranscriptionLimitReached: with the extras `used_min`, `limit_min` and `scope`: `account` or `all`.
    """
    of_account, of_all = work.settings.transcription_month_min, work.settings.transcription_month_total_min
    if of_account:
        used = minutes_in(work, month_of(work), Spending.user_id == account_id)
        _check_minutes(used, more_s, of_account, "account")
    if of_all:
        if more_s:
            gates.hold(work, "transcription")
        _check_minutes(minutes_in(work, month_of(work)), more_s, of_all, "all")


def _check_minutes(used: float, more_s: float, most: float, scope: str) -> None:
    if used >= most or used + more_s / 60 > most:
        whose = " of all accounts" if scope == "all" else ""
        told = f"{used:.1f} of {most:g} minutes{whose} are used this month."
        raise errors.TranscriptionLimitReached(told, used_min=round(used, 2), limit_min=most, scope=scope)


def minutes_in(work: Work, month: str, *whose: ColumnElement[bool]) -> float:
    """How many minutes of sound were transcribed in a month, and are being."""
    counted = Spending.month == month, Spending.stage == "transcribe"
    seconds = work.scalar(select(func.coalesce(func.sum(Spending.seconds), 0.0)).where(*counted, *whose))
    return float(seconds or 0.0) / 60


def minutes_of(work: Work, account_id: str) -> float:
    """This month's of one account."""
    return minutes_in(work, month_of(work), Spending.user_id == account_id)


def spent_in(work: Work, account_id: str, month: str) -> float:
    theirs = Spending.user_id == account_id, Spending.month == month
    return float(work.scalar(select(func.coalesce(func.sum(Spending.cost_usd), 0.0)).where(*theirs)) or 0.0)


def month_of(work: Work) -> str:
    return work.now().strftime("%Y-%m")


def page(work: Work, account_id: str, *, month: str | None, limit: int, cursor: str | None) -> dict[str, Any]:
    """As `SpendingPage` takes it, the newest first."""
    month = month or month_of(work)
    theirs = select(Spending).where(Spending.user_id == account_id, Spending.month == month)
    listed = paginate(work, theirs, (Spending.id,), limit=limit, cursor=cursor, descending=True)
    spent = round(spent_in(work, account_id, month), 6)
    return listed | {"month": month, "spent_usd": spent, "budget_usd": work.settings.notes_budget_usd or None}
