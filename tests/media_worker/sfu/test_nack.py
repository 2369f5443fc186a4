from media_worker.sfu.nack import MissingPackets


def test_what_is_missing_is_asked_for_until_it_comes() -> None:
    missing = MissingPackets()
    for sequence in (1, 4):
        missing.arrived(sequence, 0.0)
    assert missing.due(0.0) == [2, 3]
    assert missing.due(0.05) == []
    missing.arrived(2, 0.06)
    assert missing.due(0.11) == [3]


def test_it_is_given_up_after_some_times() -> None:
    missing = MissingPackets()
    missing.arrived(1, 0.0)
    missing.arrived(3, 0.0)
    asked = sum(bool(missing.due(second)) for second in range(100))
    assert asked == 8
    assert len(missing) == 0


def test_an_outage_needs_a_key_frame_and_no_thousand_requests() -> None:
    missing = MissingPackets()
    missing.arrived(1, 0.0)
    assert missing.arrived(30_000, 0.0)
    assert missing.due(1.0) == []
