import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from app.signaling.ice_servers import IceServers, build_ice_servers

STUN = ["stun:stun.example.org:3478"]
TURN = [
    "turn:turn.example.org:3478?transport=udp",
    "turn:turn.example.org:3478?transport=tcp",
    "turns:turn.example.org:5349?transport=tcp",
]
PARTICIPANT = "0193a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"


def build(**changes: Any) -> IceServers:
    arguments = {
        "stun_urls": STUN,
        "turn_urls": TURN,
        "turn_secret": "north-wind-42",
        "ttl_s": 3600,
        "participant_id": PARTICIPANT,
        "now": datetime(2026, 11, 20, 9, 30, 15, 987_654, tzinfo=UTC),
    }
    return build_ice_servers(**(arguments | changes))


def test_a_turn_credential_is_the_one_that_openssl_computes() -> None:
    # printf %s "$username" | openssl dgst -sha1 -hmac north-wind-42 -binary | base64
    assert build() == (
        [
            {"urls": STUN},
            {
                "urls": TURN,
                "username": f"1795170615:{PARTICIPANT}",
                "credential": "s3hEysnTcJ+r59bNNEQTpzhCExw=",
            },
        ],
        datetime(2026, 11, 20, 10, 30, 15, tzinfo=UTC),
    )


def test_the_turn_server_can_derive_the_password_from_the_user_name() -> None:
    turn = build(turn_secret="größer").servers[1]
    digest = hmac.digest("größer".encode(), turn["username"].encode(), hashlib.sha1)
    assert base64.b64decode(turn["credential"]) == digest


def test_the_expiry_is_the_same_moment_whatever_the_time_zone_of_now() -> None:
    tokyo = datetime(2026, 11, 20, 18, 30, 15, tzinfo=timezone(timedelta(hours=9)))
    assert build(now=tokyo) == build()


def test_participants_get_different_credentials() -> None:
    one, other = build(), build(participant_id="0193a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5c")
    assert one.servers[1]["credential"] != other.servers[1]["credential"]


def test_without_turn_nothing_expires_and_no_secret_is_needed() -> None:
    assert build(turn_urls=[], turn_secret="") == ([{"urls": STUN}], None)


def test_without_any_server_the_list_is_empty() -> None:
    assert build(stun_urls=[], turn_urls=[]) == ([], None)


def test_turn_alone_is_possible() -> None:
    assert [server["urls"] for server in build(stun_urls=[]).servers] == [TURN]


def test_turn_without_a_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="TURN URLs need the secret"):
        build(turn_secret="")


def test_a_time_without_a_zone_is_refused() -> None:
    # Taken as local time it would shift the expiry by the server's offset.
    with pytest.raises(ValueError, match="time zone"):
        build(now=datetime(2026, 11, 20, 9, 30, 15))
