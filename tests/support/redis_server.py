"""The Redis to try things on: the one at TEST_REDIS_URL, or else at the standard port on loopback."""

import os

import pytest


def redis_url() -> str:
    """Its address. Skips the test where there is none."""
    import redis

    url = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/0")
    try:
        with redis.Redis.from_url(url, socket_connect_timeout=30) as client:
            client.ping()
    except redis.RedisError as error:
        reason = f"Redis cannot be used here: {type(error).__name__}: {error}"
        if os.environ.get("REQUIRE_ALL") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return url
