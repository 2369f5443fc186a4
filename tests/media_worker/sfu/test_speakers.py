from media_worker.sfu.speakers import MAX_SPEAKERS, Speakers


def test_who_is_loud_speaks_and_the_loudest_stands_first() -> None:
    speakers = Speakers()
    for who, level in (("anna", 30), ("bert", 20), ("cleo", 90)):
        speakers.heard(who, level, 0.0)
    assert [who for who, _ in speakers.current(0.5)] == ["bert", "anna"]
    assert speakers.current(0.5)[0][1] == 0.1  # -20 dB


def test_a_click_does_not_make_a_speaker() -> None:
    speakers = Speakers()
    speakers.heard("anna", 100, 0.0)
    speakers.heard("anna", 10, 0.02)
    assert speakers.current(0.03) == []


def test_who_sends_nothing_any_more_is_silent() -> None:
    speakers = Speakers()
    speakers.heard("anna", 20, 0.0)
    assert speakers.current(2.0) == []


def test_no_more_are_told_than_anybody_can_follow() -> None:
    speakers = Speakers()
    for number in range(20):
        speakers.heard(str(number), 20, 0.0)
    assert len(speakers.current(0.1)) == MAX_SPEAKERS
