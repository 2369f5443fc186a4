import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.core.inserts import insert_all_unless_there, insert_unless_there
from app.core.runtime import Runtime
from app.events.models import EventHead


def test_a_row_that_is_there_stays_as_it_is_and_the_transaction_goes_on(runtime: Runtime) -> None:
    with runtime.writing() as work:
        insert_unless_there(work, EventHead, meeting_id="m", seq=1)
        insert_unless_there(work, EventHead, meeting_id="m", seq=2)
        insert_unless_there(work, EventHead, meeting_id="n", seq=3)
    with runtime.reading() as work:
        heads = work.scalars(select(EventHead).order_by(EventHead.meeting_id))
        assert [(head.meeting_id, head.seq) for head in heads] == [("m", 1), ("n", 3)]


def test_of_many_rows_those_that_are_there_stay_as_they_are(runtime: Runtime) -> None:
    with runtime.writing() as work:
        insert_unless_there(work, EventHead, meeting_id="m", seq=1)
        insert_all_unless_there(work, EventHead, [{"meeting_id": name, "seq": 2} for name in ("l", "m", "n")])
        insert_all_unless_there(work, EventHead, [])
    with runtime.reading() as work:
        heads = work.scalars(select(EventHead).order_by(EventHead.meeting_id))
        assert [(head.meeting_id, head.seq) for head in heads] == [("l", 2), ("m", 1), ("n", 2)]


def test_a_row_that_is_wrong_is_refused(runtime: Runtime) -> None:
    with pytest.raises(IntegrityError), runtime.writing() as work:
        insert_unless_there(work, EventHead, meeting_id="m", seq=None)
