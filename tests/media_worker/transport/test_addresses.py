import pytest

from media_worker.transport import addresses
from media_worker.transport.addresses import advertised


def test_what_is_configured_is_told_and_nothing_else() -> None:
    assert advertised("0.0.0.0", ("192.0.2.1", "192.0.2.2")) == ["192.0.2.1", "192.0.2.2"]


def test_a_socket_on_one_address_is_reached_there() -> None:
    assert advertised("192.0.2.7", ()) == ["192.0.2.7"]
    assert advertised("::1", ()) == ["::1"]


@pytest.mark.parametrize(("host", "loopback"), [("0.0.0.0", "127.0.0.1"), ("::", "::1")])
def test_a_socket_on_all_is_reached_at_the_machines_own_with_loopback_last(
    monkeypatch: pytest.MonkeyPatch, host: str, loopback: str
) -> None:
    monkeypatch.setattr(addresses, "get_host_addresses", lambda *, use_ipv4, use_ipv6: ["10.0.0.5"])
    assert advertised(host, ()) == ["10.0.0.5", loopback]


def test_the_machines_addresses_can_be_found_out() -> None:
    assert advertised("0.0.0.0", ())[-1] == "127.0.0.1"
