from media_worker.recording.reorder import WAIT_S, Received, Reorder


def packet(sequence: int, at: float = 0.0) -> Received:
    return Received(sequence, 0, False, b"", at)


def numbers(ready: list[tuple[Received, bool]]) -> list[tuple[int, bool]]:
    return [(one.sequence, follows) for one, follows in ready]


def test_packets_in_order_pass_at_once() -> None:
    reorder = Reorder()
    assert [numbers(reorder.add(packet(n))) for n in (7, 8, 9)] == [[(7, True)], [(8, True)], [(9, True)]]


def test_what_is_missing_is_waited_for() -> None:
    reorder = Reorder()
    reorder.add(packet(7))
    assert reorder.add(packet(9, at=1.0)) == []
    assert reorder.due(1.0 + WAIT_S / 2) == []
    assert numbers(reorder.add(packet(8, at=1.5))) == [(8, True), (9, True)]
    assert reorder.lost == 0


def test_what_never_comes_is_a_hole_that_is_counted() -> None:
    reorder = Reorder()
    reorder.add(packet(7))
    for n in (10, 11, 14):
        assert reorder.add(packet(n, at=1.0)) == []
    assert numbers(reorder.due(1.0 + WAIT_S)) == [(10, False), (11, True), (14, False)]
    assert reorder.lost == 4


def test_what_comes_after_its_hole_was_given_up_is_late() -> None:
    reorder = Reorder()
    reorder.add(packet(7))
    reorder.add(packet(9, at=1.0))
    reorder.due(1.0 + WAIT_S)
    assert reorder.add(packet(8, at=3.0)) == []
    assert numbers(reorder.add(packet(10, at=3.0))) == [(10, True)]


def test_the_rest_comes_at_the_end_whatever_is_missing() -> None:
    reorder = Reorder()
    reorder.add(packet(1))
    reorder.add(packet(3))
    reorder.add(packet(5))
    assert numbers(reorder.rest()) == [(3, False), (5, False)]


def test_a_flood_behind_a_hole_does_not_wait_for_ever_in_memory() -> None:
    reorder = Reorder()
    reorder.add(packet(0))
    passed = sum(len(reorder.add(packet(n))) for n in range(2, 10_000))
    assert passed > 5000
