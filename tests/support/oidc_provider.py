"""OpenID providers to sign in with: a real one, in a process of its own, and one whose tokens a test makes itself."""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests
from joserfc import jwt
from joserfc.jwk import RSAKey

from app.core.sign_in_providers import WELL_KNOWN, OidcProvider, read_providers

START_S = 60
ANSWER_S = 20


def providers(**given: dict[str, Any]) -> dict[str, OidcProvider]:
    """What OIDC_PROVIDERS would be read as."""
    return {name: OidcProvider.model_validate(one) for name, one in read_providers(given).items()}


@dataclass
class RealProvider:
    """`oidc-provider-mock`; whoever is sent there is signed in as somebody without being asked."""

    url: str

    def know(self, subject: str, **claims: Any) -> None:
        requests.put(f"{self.url}/users/{subject}", json=claims, timeout=ANSWER_S).raise_for_status()

    def sign_in(self, url: str, subject: str) -> str:
        """Press the button at `url`, as `subject`; where the browser is sent then."""
        answer = requests.post(url, data={"sub": subject}, allow_redirects=False, timeout=ANSWER_S)
        assert answer.status_code == 302, answer.text
        return answer.headers["Location"]

    def refuse(self, url: str) -> str:
        answer = requests.post(url, data={"action": "deny"}, allow_redirects=False, timeout=ANSWER_S)
        return answer.headers["Location"]


@contextmanager
def real_provider() -> Iterator[RealProvider]:
    if importlib.util.find_spec("oidc_provider_mock") is None:
        pytest.skip("oidc-provider-mock is not installed")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port)]
    environment = {**os.environ, "AUTHLIB_INSECURE_TRANSPORT": "1"}  # it has no certificate
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    provider = RealProvider(f"http://127.0.0.1:{port}")
    try:
        _wait_for(provider, process)
        yield provider
    finally:
        process.terminate()
        process.wait(START_S)


def _wait_for(provider: RealProvider, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            requests.get(provider.url + WELL_KNOWN, timeout=ANSWER_S)
            return
        except requests.ConnectionError:
            time.sleep(0.05)  # between two looks, not for luck
    raise AssertionError("oidc-provider-mock did not come up")


@dataclass
class OwnProvider:
    """Publishes keys; its tokens are made by `token`, right ones and wrong ones."""

    url: str
    key: RSAKey
    published: list[RSAKey] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)  # paths, in their order
    fails: bool = False

    def token(self, now: datetime, *, key: Any = None, header: dict[str, Any] | None = None, **claims: Any) -> str:
        at = int(now.timestamp())
        said = {"iss": self.url, "sub": "olga", "aud": "parley", "nonce": "n", "iat": at, "exp": at + 300}
        said |= {"email": "olga@example.org", "email_verified": True, **claims}
        said = {name: value for name, value in said.items() if value is not None}
        key = key or self.key
        return jwt.encode({"alg": "RS256", "kid": key.kid, **(header or {})}, said, key)

    def answer(self, path: str) -> Any:
        if path == WELL_KNOWN:
            return {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/keys",
            }
        return {"keys": [{"kty": "new"}, *(key.as_dict(private=False, use="sig") for key in self.published)]}


@contextmanager
def own_provider() -> Iterator[OwnProvider]:
    provider = OwnProvider("", RSAKey.generate_key(2048, auto_kid=True))
    provider.published.append(provider.key)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            provider.asked.append(self.path)
            self.send_response(500 if provider.fails else 200)
            self.end_headers()
            self.wfile.write(json.dumps(provider.answer(self.path)).encode())

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield provider
    server.shutdown()
    server.server_close()
