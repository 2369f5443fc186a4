"""Whether TURN servers give relays is asked of a real one, set up as docs/operations.md says."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from app.health import turn
from app.signaling.ice_servers import IceServer, build_ice_servers
from tests.support.turn_server import TurnServer, require_coturn

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TurnServer]:
    require_coturn()
    with TurnServer(tmp_path_factory.mktemp("turn")) as server:
        yield server


def told(server: TurnServer, *urls: str, secret: str = "") -> list[IceServer]:
    return build_ice_servers(
        stun_urls=(),
        turn_urls=urls,
        turn_secret=secret or server.secret,
        ttl_s=60,
        participant_id="health",
        now=datetime.now(UTC),
    ).servers


def test_a_server_that_gives_relays_by_udp_and_tcp_is_usable(server: TurnServer) -> None:
    udp, tcp, _ = server.urls
    turn.check(told(server, udp, tcp))


def test_another_secret_than_the_servers_is_told_and_not_shown(server: TurnServer) -> None:
    with pytest.raises(turn.TurnUnusable, match=r"gives no relay.*401") as failed:
        turn.check(told(server, server.urls[0], secret="another-secret"))
    assert "another-secret" not in str(failed.value)


def test_a_certificate_that_nobody_trusts_is_told(server: TurnServer) -> None:
    with pytest.raises(turn.TurnUnusable, match=r"is not reached.*certificate"):
        turn.check(told(server, server.urls[2]))


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("turn:turn.example.org", ("turn.example.org", 3478, "udp", False)),
        ("turn:192.0.2.1:443?transport=tcp", ("192.0.2.1", 443, "tcp", False)),
        ("turns:turn.example.org", ("turn.example.org", 5349, "tcp", True)),
        ("turn:[2001:db8::1]:3478", ("2001:db8::1", 3478, "udp", False)),
    ],
)
def test_an_address_is_read_as_rfc_7065_has_it(url: str, place: tuple[str, int, str, bool]) -> None:
    assert turn._read(url)[1:] == place
