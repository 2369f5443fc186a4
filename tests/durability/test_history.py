"""The judge of the durability tests finds what it is there to find."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.durability.history import History, Received, Reply, Sent, violations


def signal(seq: int, number: int, sender: str = "anna") -> Received:
    return Received(seq, f"{sender}-{number}", f"event-{seq}", "rtc.candidate", sender, number)


def update(seq: int, muted: bool) -> Received:
    return Received(seq, f"update-{seq}", f"event-{seq}", "participant.updated", subject="anna", muted=muted)


def good() -> History:
    """Anna has sent Ben three signals and muted herself; the second reply was lost and came again."""
    return History(
        sent=[Sent("anna", "ben", number, f"anna-{number}") for number in (1, 2, 3)],
        replies={
            "ben": [
                Reply(None, (signal(1, 1),), head_seq=1, acked_seq=0),
                Reply(1, (signal(2, 2), signal(3, 3)), head_seq=3, acked_seq=1),
                Reply(1, (signal(2, 2), signal(3, 3), update(5, True)), head_seq=5, acked_seq=1),
                # Two polls at once: the older one was begun before the newer one acknowledged, and read after it.
                Reply(5, (), head_seq=5, acked_seq=5, ack=5, knowing=3, rivalry=1),
                Reply(5, (), head_seq=5, acked_seq=1, knowing=3, rivalry=1, superseded=True),
                Reply(5, (), head_seq=5, acked_seq=5),
            ]
        },
        muted={"anna": True},
    )


def test_a_history_in_which_everything_was_kept_has_no_violation() -> None:
    assert violations(good()) == []


def drop(history: History) -> None:
    _change(history, lambda reply: replace(reply, messages=tuple(m for m in reply.messages if m.number != 3)))


def double(history: History) -> None:
    again = replace(signal(6, 3), id="anna-3")
    _append(history, Reply(5, (again,), head_seq=6, acked_seq=5), Reply(6, (), head_seq=6, acked_seq=6))


def reorder(history: History) -> None:
    turned = {2: replace(signal(2, 3), id="anna-3"), 3: replace(signal(3, 2), id="anna-2")}
    _change(history, lambda reply: replace(reply, messages=tuple(turned.get(m.seq, m) for m in reply.messages)))


def number_backwards(history: History) -> None:
    _change(history, lambda reply: replace(reply, messages=reply.messages[::-1]))


def leave_a_gap(history: History) -> None:
    _append(history, Reply(5, (replace(signal(9, 4), type="rtc.restart"),), 9, 5), Reply(9, (), 9, 9))
    history.sent.append(Sent("anna", "ben", 4, "anna-4"))


def deliver_again_after_the_acknowledgement(history: History) -> None:
    _append(history, Reply(None, (update(5, True),), head_seq=5, acked_seq=5))


def deliver_what_is_being_acknowledged(history: History) -> None:
    _append(history, Reply(None, (update(5, True),), head_seq=5, acked_seq=5, ack=5, knowing=0))


def answer_an_acknowledgement_without_keeping_it(history: History) -> None:
    _change(history, lambda reply: replace(reply, acked_seq=4 if reply.ack else reply.acked_seq))


def ignore_the_cursor(history: History) -> None:
    _change(history, lambda reply: replace(reply, after=3 if reply.after == 1 else reply.after))


def forget_an_acknowledgement(history: History) -> None:
    _append(history, Reply(5, (), head_seq=5, acked_seq=3))


def forget_a_message(history: History) -> None:
    _append(history, Reply(5, (), head_seq=4, acked_seq=5))


def stop_early(history: History) -> None:
    del history.replies["ben"][3:]


def invent(history: History) -> None:
    history.sent.pop()


def answer_with_another_id(history: History) -> None:
    history.sent[0] = replace(history.sent[0], id="another")


def change_a_repeat(history: History) -> None:
    reply = history.replies["ben"][1]
    history.replies["ben"][1] = replace(reply, messages=(replace(signal(2, 2), number=7), *reply.messages[1:]))


def supersede(history: History) -> None:
    _append(history, Reply(5, (), head_seq=5, acked_seq=5, superseded=True))


def supersede_both(history: History) -> None:
    _change(history, lambda reply: replace(reply, superseded=reply.rivalry > 0))


def give_messages_to_a_superseded_poll(history: History) -> None:
    _change(history, lambda reply: replace(reply, messages=(update(5, True),) if reply.superseded else reply.messages))


def evict(history: History) -> None:
    left = Received(6, "left", "event-6", "participant.left", subject="anna")
    _append(history, Reply(5, (left,), 6, 5), Reply(6, (), 6, 6))


def close_the_inbox(history: History) -> None:
    _append(history, Reply(5, (), head_seq=5, acked_seq=5, ended="timed_out"))


def keep_an_old_state(history: History) -> None:
    history.muted["anna"] = False


def refuse(history: History) -> None:
    history.refusals.append("POST /rtc/signals 500")


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (drop, "lost: 3 of anna"),
        (double, "doubled: [3] of anna"),
        (reorder, "reordered: 2 of anna"),
        (number_backwards, "out of order"),
        (leave_a_gap, "a gap that nothing explains: seq 9 after 5"),
        (deliver_again_after_the_acknowledgement, "acknowledgement was confirmed: seq 5"),
        (deliver_what_is_being_acknowledged, "by the poll that acknowledged it: seq 5"),
        (answer_an_acknowledgement_without_keeping_it, "answered and not kept: 5, acked 4"),
        (ignore_the_cursor, "not behind the cursor"),
        (forget_an_acknowledgement, "went back"),
        (forget_a_message, "went back"),
        (stop_early, "not caught up: acked 1 of 5"),
        (invent, "never acknowledged to anna like this: 3"),
        (answer_with_another_id, "never acknowledged to anna like this: 1"),
        (change_a_repeat, "repeated differently"),
        (supersede, "a newer one took over"),
        (supersede_both, "both of two polls"),
        (give_messages_to_a_superseded_poll, "told to stop was given messages"),
        (evict, "was told that anna left"),
        (close_the_inbox, "its inbox ended: timed_out"),
        (keep_an_old_state, "does not know the latest of anna"),
        (refuse, "refused: POST /rtc/signals 500"),
    ],
)
def test_a_broken_promise_is_found(spoil: Callable[[History], None], told: str) -> None:
    history = good()
    spoil(history)
    assert told in "\n".join(violations(history))


def test_what_is_acknowledged_may_be_told_late_but_not_lost() -> None:
    history = good()
    forget_an_acknowledgement(history)
    assert violations(history, may_lag=True) == []
    deliver_again_after_the_acknowledgement(history)
    assert len(violations(history, may_lag=True)) == 1


def _change(history: History, change: Callable[[Reply], Reply]) -> None:
    history.replies["ben"] = [change(reply) for reply in history.replies["ben"]]


def _append(history: History, *replies: Reply) -> None:
    history.replies["ben"] += replies
