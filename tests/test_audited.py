"""Every operation of hosts and admins that changes something leaves a line, and no line is left without the act."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from app import access, audited
from app.core.audit import AuditLine
from app.core.clock import ManualClock
from tests.conftest import NOW
from tests.support.world import World, built_world, operations
from tests.test_access import _ask, key_of

# What this world refuses to whoever may do it: its meeting is live, nobody proposes or waits, no job waits, and
# it has no notes that could be gone on with.
NOT_HERE = {
    "DELETE /meetings/{meeting_id}",
    "POST /invitations/{invitation_id}/proposal/accept",
    "POST /invitations/{invitation_id}/proposal/decline",
    "POST /meetings/{meeting_id}/cancel",
    "POST /meetings/{meeting_id}/notes/retry",
    "PATCH /meetings/{meeting_id}/transcript",
    "POST /participants/{participant_id}/deny",
    "POST /admin/jobs/{job_id}/cancel",
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, migrated_database: Any) -> Iterator[World]:
    with built_world(tmp_path_factory.mktemp("audited"), migrated_database, ManualClock(NOW)) as built:
        yield built


def lines(world: World) -> list[AuditLine]:
    with world.app.runtime.reading() as work:
        return list(work.scalars(select(AuditLine).order_by(AuditLine.id)))


def test_each_leaves_one_line_where_it_is_done_and_none_where_it_is_refused(world: World) -> None:
    there = {key_of(method, path): (method, path, operation) for method, path, operation in operations()}
    silent, refused = [], set()
    for operation, action in audited.ACTIONS.items():
        actor = "admin" if "admin" in {str(who) for who in access.RULES[operation]} else "owner"
        world.restore()
        before = len(lines(world))
        answer = _ask(world, actor, *there[operation])
        written = lines(world)[before:]
        if answer.status_code >= 400:
            refused.add(operation)
            wrong = written != []
        else:
            found = [(line.action, line.actor_id) for line in written]
            wrong = found != [(action, world.people[actor].user_id)] or written[0].request_id is None
            wrong = wrong or ("{meeting_id}" in operation and written[0].meeting_id != world.meeting["id"])
        if wrong:
            silent.append(f"{operation}: {answer.status_code}, {[line.action for line in written]}")
    assert silent == []
    assert refused == NOT_HERE


def test_a_refused_stranger_leaves_none(world: World) -> None:
    world.restore()
    before = len(lines(world))
    assert world.people["another user"].post(f"/meetings/{world.meeting['id']}/end").status_code == 404
    assert world.people["accepted"].post(f"/meetings/{world.meeting['id']}/end").status_code == 403
    assert len(lines(world)) == before


def test_one_that_is_missing_in_the_table_stops_the_start(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(audited.ACTIONS, "POST /participants/{participant_id}/ban")
    told = re.escape("nothing is written down of ['POST /participants/{participant_id}/ban']")
    with pytest.raises(RuntimeError, match=told):
        audited.write_down(world.app)


def test_one_that_is_no_operation_stops_the_start(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(audited.ACTIONS, "POST /meetings/{meeting_id}/explode", "meeting.explode")
    with pytest.raises(RuntimeError, match=re.escape("no operation for ['POST /meetings/{meeting_id}/explode']")):
        audited.write_down(world.app)
