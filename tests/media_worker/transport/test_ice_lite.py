import pytest
from aioice import stun
from hypothesis import given
from hypothesis import strategies as st

from media_worker.transport.ice_lite import Credentials, IceLite, parse_check
from tests.media_worker.transport.wire import check

HOME, ROAD = ("192.0.2.1", 1000), ("198.51.100.7", 2000)


def answered(ice: IceLite, message: stun.Message, source: tuple[str, int], now: float = 0.0) -> stun.Message | None:
    parsed = parse_check(bytes(message))
    assert parsed is not None
    reply = ice.answer(parsed, source, now)
    return None if reply is None else stun.parse_message(reply)


def test_a_signed_check_is_answered_with_the_address_it_came_from() -> None:
    ice = IceLite()
    message = check(ice.credentials)
    reply = answered(ice, message, HOME, now=5.0)
    assert reply is not None
    assert (reply.message_class, reply.transaction_id) == (stun.Class.RESPONSE, message.transaction_id)
    assert reply.attributes["XOR-MAPPED-ADDRESS"] == HOME
    assert reply.check_message_integrity(ice.credentials.password.encode())
    assert "FINGERPRINT" in reply.attributes
    assert (ice.selected, ice.last_check_at) == (HOME, 5.0)


def test_a_check_with_another_password_changes_nothing() -> None:
    ice = IceLite()
    assert answered(ice, check(ice.credentials._replace(password="x" * 32)), HOME) is None
    assert (ice.selected, list(ice.valid), ice.last_check_at) == (None, [], None)


def test_the_newest_nomination_counts() -> None:
    ice = IceLite()
    answered(ice, check(ice.credentials), HOME)
    answered(ice, check(ice.credentials, nominate=False), ROAD)
    assert (ice.selected, list(ice.valid)) == (HOME, [HOME, ROAD])
    answered(ice, check(ice.credentials), ROAD)
    assert ice.selected == ROAD


def test_a_client_that_thinks_it_is_controlled_is_told_otherwise() -> None:
    ice = IceLite()
    reply = answered(ice, check(ice.credentials, ICE_CONTROLLED=9), HOME)
    assert reply is not None
    assert reply.attributes["ERROR-CODE"][0] == 487
    assert ice.selected is None


def test_old_credentials_hold_until_the_new_ones_are_used() -> None:
    ice = IceLite()
    old = ice.credentials
    ice.restart()
    assert answered(ice, check(old), HOME) is not None
    assert answered(ice, check(ice.credentials), ROAD) is not None
    assert answered(ice, check(old), HOME) is None


def test_a_client_with_a_thousand_addresses_keeps_a_few() -> None:
    ice = IceLite()
    answered(ice, check(ice.credentials), HOME)
    for port in range(1000):
        answered(ice, check(ice.credentials, nominate=False), ("192.0.2.9", port))
    assert len(ice.valid) <= 17
    assert ice.selected == HOME


def test_credentials_are_as_long_as_they_have_to_be_and_never_the_same() -> None:
    made = [Credentials.new() for _ in range(100)]
    assert len({one.ufrag for one in made}) == len({one.password for one in made}) == 100
    assert all(len(one.ufrag) >= 4 and len(one.password) >= 22 for one in made)


@given(st.binary(max_size=120))
def test_whatever_comes_is_a_check_or_none(data: bytes) -> None:
    parse_check(data)


@given(st.integers(0, 200), st.integers(0, 255), st.integers(0, 200))
def test_a_check_that_is_damaged_is_never_believed(place: int, value: int, length: int) -> None:
    ice = IceLite(Credentials("abcdefgh", "p" * 24))
    whole = bytearray(bytes(check(ice.credentials)))
    damaged = bytearray(whole)
    damaged[place % (len(whole) - 8)] = value  # the fingerprint after it is no part of what is signed
    for datagram in (damaged, whole[:length]):
        parsed = parse_check(bytes(datagram))
        if datagram != whole and parsed is not None:
            ice.answer(parsed, HOME, 0.0)
            assert ice.selected is None


@pytest.mark.parametrize("kind", [stun.Class.RESPONSE, stun.Class.INDICATION, stun.Class.ERROR])
def test_what_is_no_request_is_no_check(kind: stun.Class) -> None:
    message = check(Credentials.new())
    message.message_class = kind
    message.add_message_integrity(b"p")
    assert parse_check(bytes(message)) is None
