from media_worker.sfu.keyframes import KeyFrameRequests


def test_many_who_ask_at_once_are_one_request() -> None:
    requests = KeyFrameRequests()
    for _ in range(10):
        requests.request()
    assert [requests.due(now) for now in (0.0, 0.02, 0.4)] == [True, False, False]


def test_it_is_asked_again_when_none_comes_and_not_when_one_came() -> None:
    requests = KeyFrameRequests()
    requests.request()
    assert [requests.due(now) for now in (0.0, 0.9, 1.1)] == [True, False, True]
    requests.arrived()
    assert not requests.due(5.0)


def test_it_is_given_up_where_key_frames_cannot_be_recognised() -> None:
    requests = KeyFrameRequests()
    requests.request()
    assert sum(requests.due(float(now)) for now in range(100)) == 5
