from hypothesis import given
from hypothesis import strategies as st

from media_worker.sfu.allocation import Wish, allocate

CAMERA = (100.0, 300.0, 900.0)


def test_everybody_is_small_before_anybody_is_large() -> None:
    assert allocate([Wish(CAMERA)] * 3, 350.0) == [0, 0, 0]


def test_who_is_most_important_gets_larger_first() -> None:
    assert allocate([Wish(CAMERA), Wish(CAMERA), Wish(CAMERA)], 900.0) == [1, 1, 0]
    assert allocate([Wish(CAMERA), Wish(CAMERA), Wish(CAMERA)], 1_300.0) == [2, 0, 0]


def test_where_even_the_small_ones_do_not_fit_the_least_important_go_without() -> None:
    assert allocate([Wish(CAMERA, 0)] * 3, 250.0) == [0, 0, -1]


def test_to_go_up_takes_more_room_than_to_stay() -> None:
    assert allocate([Wish(CAMERA, 0)], 310.0) == [0]
    assert allocate([Wish(CAMERA, 1)], 310.0) == [1]
    assert allocate([Wish(CAMERA, -1)], 105.0) == [-1]
    assert allocate([Wish(CAMERA, 0)], 105.0) == [0]


WISHES = st.lists(
    st.builds(Wish, st.lists(st.floats(1, 1000), min_size=1, max_size=3).map(sorted), st.integers(-1, 0)),
    max_size=8,
)


@given(WISHES, st.floats(0, 5000))
def test_no_more_is_given_than_there_is(wishes: list[Wish], room: float) -> None:
    chosen = allocate(wishes, room)
    assert sum(wish.rates[layer] for wish, layer in zip(wishes, chosen, strict=True) if layer >= 0) <= room * 1.0001
