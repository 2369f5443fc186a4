"""Providers, as Parley asks them: where they are reached, their keys, and who a code stands for.

Nothing is asked at the start, and never within a transaction. What a provider publishes is kept for a while; one that
does not answer is left alone for some seconds, and the requests that need it are 503 at once. So a provider that hangs
holds few threads, and not for long.
"""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import structlog

from app.accounts.oidc import id_tokens
from app.accounts.oidc.id_tokens import Proven
from app.core import errors
from app.core.settings import Settings
from app.core.sign_in_providers import OidcProvider, is_secure

KNOWN_S = 3600.0  # for which what a provider publishes is believed
KEYS_AGAIN_S = 60.0  # at least between two looks for a key that was not there
LEFT_ALONE_S = 10.0  # after a failure
CONNECT_S, ANSWER_S = 3.05, 5.0
LONGEST_ANSWER = 1_048_576  # bytes
PROVIDER_FAILED = "a sign-in provider failed"

log = structlog.get_logger()


class Provider:
    """One of OIDC_PROVIDERS. Safe to share between threads."""

    def __init__(self, name: str, setting: OidcProvider, places: threading.BoundedSemaphore) -> None:
        self.name = name
        self.setting = setting
        self._places = places
        self._asking = threading.Lock()
        self._metadata: dict[str, Any] | None = None
        self._metadata_until = self._keys_until = self._keys_asked_at = self._failed_until = 0.0
        self._keys: Any = None

    # The way of a browser, and of an app that brings a code

    def authorization_url(self, *, redirect_uri: str, state: str, nonce: str, code_verifier: str) -> str:
        """Where the browser goes. :raises ProviderUnavailable:"""
        metadata = self._read_metadata()
        with self._session(self.setting.client_id, self.setting.client_secret, redirect_uri) as session:
            url, _ = session.create_authorization_url(
                metadata["authorization_endpoint"], state=state, nonce=nonce, code_verifier=code_verifier
            )
        return str(url)

    def redeem(self, *, code: str, code_verifier: str, redirect_uri: str, nonce: str, now: datetime) -> Proven:
        """Who stands behind a code that the provider gave to `redirect_uri`.

        :raises ProofNotValid: :raises ProviderUnavailable:
        """
        client_id, secret = self._client_of(redirect_uri)
        metadata = self._read_metadata()
        with self._session(client_id, secret, redirect_uri) as session:
            tokens = self._fetch_token(session, metadata, code, code_verifier, redirect_uri)
        id_token, access_token = tokens.get("id_token"), tokens.get("access_token")
        if not isinstance(id_token, str):
            raise errors.ProofNotValid("The provider gave no ID token.")
        checked = self._check(id_token, frozenset({client_id}), nonce, now, access_token)
        claims = checked.claims
        if claims.get("email") is None and isinstance(access_token, str):
            claims = {**claims, **self._userinfo(metadata, access_token, claims["sub"])}
        return self._proven(claims)

    # The way of an app whose phone gives it an ID token

    def believe(self, id_token: str, nonce: str, now: datetime) -> tuple[Proven, datetime]:
        """Whom an ID token proves, and until when. :raises ProofNotValid: :raises ProviderUnavailable:"""
        checked = self._check(id_token, self.setting.client_ids, nonce, now, None)
        return self._proven(checked.claims), checked.expires_at

    def issuer(self) -> str:
        """:raises ProviderUnavailable:"""
        return str(self._read_metadata()["issuer"])

    def _client_of(self, redirect_uri: str) -> tuple[str, Any]:
        """As whom a code is redeemed: an app may be known to the provider by an id of its own."""
        for app in self.setting.apps:
            if redirect_uri in app.redirect_uris:
                return (app.client_id, app.client_secret) if app.client_id else self._itself
        return self._itself

    @property
    def _itself(self) -> tuple[str, Any]:
        return self.setting.client_id, self.setting.client_secret

    def may_redirect_to(self, redirect_uri: str) -> bool:
        """Whether an app of ours gets codes there; the whole address counts (RFC 9700 §2.1)."""
        return any(redirect_uri in app.redirect_uris for app in self.setting.apps)

    def _check(
        self, token: str, client_ids: frozenset[str], nonce: str, now: datetime, access_token: Any
    ) -> id_tokens.Checked:
        issuer = self.issuer()
        issuers = {issuer, issuer.removeprefix("https://")} if self.name == "google" else {issuer}  # it writes both
        expected: dict[str, Any] = {"issuers": issuers, "client_ids": client_ids, "nonce": nonce, "now": now}
        expected["access_token"] = access_token if isinstance(access_token, str) else None
        try:
            return id_tokens.check(token, self._read_keys(), **expected)
        except id_tokens.UnknownKey:
            pass
        try:
            return id_tokens.check(token, self._read_keys(again=True), **expected)
        except id_tokens.UnknownKey:
            raise errors.ProofNotValid("The ID token is signed with a key that the provider does not have.") from None

    def _proven(self, claims: dict[str, Any]) -> Proven:
        def text(name: str, most: int) -> str | None:
            value = claims.get(name)
            return value.strip()[:most] or None if isinstance(value, str) else None

        whole = " ".join(filter(None, (text("given_name", 50), text("family_name", 50))))
        return Proven(
            provider=self.name,
            issuer=self.issuer(),
            subject=claims["sub"],
            email=text("email", 320),
            email_verified=claims.get("email_verified") in (True, "true"),  # Cognito's userinfo says it as text
            name=text("name", 100) or whole or text("preferred_username", 100),
            locale=text("locale", 35),
        )

    # What is asked of the provider

    def _read_metadata(self) -> dict[str, Any]:
        if self._metadata is None or time.monotonic() > self._metadata_until:
            with self._one_asks("discovery"):
                if self._metadata is None or time.monotonic() > self._metadata_until:
                    self._metadata = self._checked_metadata(self._get_json(self.setting.discovery_url))
                    self._metadata_until = time.monotonic() + KNOWN_S
        metadata: dict[str, Any] = self._metadata
        return metadata

    def _read_keys(self, *, again: bool = False) -> Any:
        metadata = self._read_metadata()
        outdated = self._keys is None or time.monotonic() > self._keys_until
        if outdated or (again and time.monotonic() > self._keys_asked_at + KEYS_AGAIN_S):
            with self._one_asks("keys"):
                self._keys = _key_set(self._get_json(metadata["jwks_uri"]))
                self._keys_asked_at = time.monotonic()
                self._keys_until = self._keys_asked_at + KNOWN_S
        return self._keys

    def _fetch_token(
        self, session: Any, metadata: dict[str, Any], code: str, code_verifier: str, redirect_uri: str
    ) -> dict[str, Any]:
        from authlib.integrations.base_client import OAuthError

        ways = metadata.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        if session.client_secret and "client_secret_basic" not in ways and "client_secret_post" in ways:
            session.token_endpoint_auth_method = "client_secret_post"  # noqa: S105
        with self._asks("token"):
            try:
                return dict(
                    session.fetch_token(
                        metadata["token_endpoint"],
                        grant_type="authorization_code",
                        code=code,
                        code_verifier=code_verifier,
                        redirect_uri=redirect_uri,
                        allow_redirects=False,
                    )
                )
            except OAuthError as error:
                if error.error in ("invalid_client", "unauthorized_client"):  # whoever signs in can't help it
                    log.error(PROVIDER_FAILED, provider=self.name, asked="token", error=error.error)
                    raise errors.ProviderUnavailable("The provider does not take this server's client_id.") from None
                raise errors.ProofNotValid(f"The provider refused the code: {str(error.error)[:60]}.") from None

    def _userinfo(self, metadata: dict[str, Any], access_token: str, subject: str) -> dict[str, Any]:
        """Core 1.0 §5.3: what some providers leave out of ID tokens. What is about somebody else is not read."""
        url = metadata.get("userinfo_endpoint")
        if not isinstance(url, str) or not is_secure(url):
            return {}
        with self._asks("userinfo"):
            told = self._get_json(url, {"Authorization": f"Bearer {access_token}"})
        if told.get("sub") != subject:
            return {}
        return {name: told[name] for name in ("email", "email_verified", "name", "locale") if name in told}

    @contextmanager
    def _one_asks(self, what: str) -> Iterator[None]:
        """One asks for what all need; whoever comes meanwhile waits for that, and not for long."""
        if not self._asking.acquire(timeout=CONNECT_S + ANSWER_S):
            raise errors.ProviderUnavailable(headers={"Retry-After": "5"})
        try:
            with self._asks(what):
                yield
        finally:
            self._asking.release()

    @contextmanager
    def _asks(self, what: str) -> Iterator[None]:
        """Around every request to the provider. :raises ProviderUnavailable:"""
        from requests import ConnectionError, RequestException, Timeout

        left_alone_s = self._failed_until - time.monotonic()
        if left_alone_s > 0:
            raise errors.ProviderUnavailable(headers={"Retry-After": str(max(1, round(left_alone_s)))})
        if not self._places.acquire(timeout=CONNECT_S):
            raise errors.ProviderUnavailable("Too many are signing in with providers; try again.")
        try:
            yield
        except (RequestException, ValueError) as error:
            # A code that a provider stumbles over is one person's; nobody else is made to wait for that.
            if isinstance(error, ConnectionError | Timeout) or what in ("discovery", "keys"):
                self._failed_until = time.monotonic() + LEFT_ALONE_S
            log.warning(PROVIDER_FAILED, provider=self.name, asked=what, error=type(error).__name__)
            retry = {"Retry-After": str(round(LEFT_ALONE_S))}
            raise errors.ProviderUnavailable(headers=retry) from None
        finally:
            self._places.release()

    def _get_json(self, url: str, headers: dict[str, str] | None = None) -> dict[str, Any]:
        """:raises RequestException: :raises ValueError: it is no JSON object, or far too long."""
        import requests

        timeout = (CONNECT_S, ANSWER_S)
        with requests.get(url, headers=headers, timeout=timeout, allow_redirects=False, stream=True) as response:
            response.raise_for_status()
            body = response.raw.read(LONGEST_ANSWER + 1, decode_content=True)
        if response.status_code != 200 or len(body) > LONGEST_ANSWER:
            raise ValueError("no answer that can be read")
        return _json_object(body)

    def _session(self, client_id: str, secret: Any, redirect_uri: str) -> Any:
        from authlib.integrations.requests_client import OAuth2Session

        return OAuth2Session(
            client_id=client_id,
            client_secret=secret.get_secret_value() if secret else None,
            scope=self.setting.scopes,
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
            default_timeout=(CONNECT_S, ANSWER_S),
        )

    def _checked_metadata(self, metadata: dict[str, Any]) -> dict[str, Any]:
        """Discovery 1.0 §4.3: the issuer is whom we asked, and nothing secret goes over an open line.

        :raises ValueError:
        """
        if metadata.get("issuer") != self.setting.issuer_in_address:
            raise ValueError("issuer")
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            if not isinstance(metadata.get(name), str) or not is_secure(metadata[name]):
                raise ValueError(name)
        return metadata


class Providers:
    """All of OIDC_PROVIDERS; a driver."""

    def __init__(self, settings: Settings) -> None:
        places = threading.BoundedSemaphore(max(1, settings.web_threads // 4))  # the other threads stay free
        self._by_name = {name: Provider(name, one, places) for name, one in settings.oidc_providers.items()}

    def get(self, name: str) -> Provider:
        """:raises NotFound:"""
        if name not in self._by_name:
            raise errors.NotFound("There is no such sign-in provider.")
        return self._by_name[name]

    def all(self) -> list[Provider]:
        return list(self._by_name.values())

    def close(self) -> None:
        """Nothing is held."""


def _json_object(body: bytes) -> dict[str, Any]:
    found = json.loads(body)
    if not isinstance(found, dict):
        raise ValueError("no JSON object")
    return found


def _key_set(published: dict[str, Any]) -> Any:
    """The keys that sign, of those that a provider publishes; kinds that we don't know are passed over.

    :raises ValueError: there is none.
    """
    from joserfc.errors import JoseError
    from joserfc.jwk import JWKRegistry, KeySet

    keys = []
    listed = published.get("keys")
    for one in listed if isinstance(listed, list) else []:
        if not isinstance(one, dict) or one.get("kty") == "oct" or one.get("use", "sig") != "sig":
            continue
        try:
            keys.append(JWKRegistry.import_key(one))
        except (JoseError, ValueError, TypeError, KeyError):
            continue
    if not keys:
        raise ValueError("no keys")
    return KeySet(keys)
