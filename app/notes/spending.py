"""What providers cost: a row for each call of one, booked on whoever owns what it is for, and a budget for a month.

A call whose price is known is booked before it is made, so that two at once don't both fit into what is left of the
budget; one that a kill broke off stays booked, as it may have been billed. One that failed is not.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from app.accounts.models import User
from app.core import errors
from app.core.ids import new_id
from app.core.pagination import paginate
from app.core.runtime import Work
from app.notes.models import Spending
from app.notes.stages.run import Final, Run

FREE = ("mock", "local")  # analysts on this machine


@dataclass
class Bill:
    """What the caller learns of it while it is made."""

    cost_usd: float | None
    model: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None


@contextmanager
def paid(run: Run, provider: str, price: float | None, seconds: float | None = None) -> Iterator[Bill]:
    """Around a call of a provider. What costs nothing is not booked.

    :param price: in USD; None: it is known afterwards, if at all.
    :raises BudgetReached: before anything was spent. :raises Final: there is a budget, and nobody can say what a
        transcription costs.
    """
    bill = Bill(price)
    if price == 0.0:
        yield bill
        return
    if price is None and seconds is not None and run.runtime.settings.notes_budget_usd:
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
        if booked is not None:
            booked.cost_usd, booked.model = bill.cost_usd, bill.model
            booked.input_tokens, booked.output_tokens = bill.input_tokens, bill.output_tokens


def _book(run: Run, provider: str, price: float | None, seconds: float | None) -> str:
    with run.runtime.writing() as work:
        account_id = run.subject.account_id
        work.get(User, account_id, with_for_update={"key_share": True})  # one call after the other is let through
        check(work, account_id, price or 0.0)
        booked = Spending(
            id=new_id(),
            user_id=account_id,
            month=month_of(work),
            meeting_id=run.notes.meeting_id,
            call_id=run.notes.call_id,
            notes_id=run.notes.id,
            stage=run.stage.name,
            provider=provider,
            seconds=seconds,
            cost_usd=price,
            spent_at=work.now(),
        )
        work.add(booked)
        return booked.id


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
