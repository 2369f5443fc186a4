from app.core.jobs.states import TRANSITIONS, may_become


def test_every_state_that_can_be_reached_has_transitions_of_its_own() -> None:
    assert set().union(*TRANSITIONS.values()) == set(TRANSITIONS)


def test_what_is_done_stays_done_and_what_failed_can_be_queued_again() -> None:
    assert not any(may_become("done", state) for state in TRANSITIONS)
    assert may_become("failed", "queued")
    assert not may_become("queued", "done")
