"""The shape of OIDC_PROVIDERS: whose word counts when somebody signs in with an account elsewhere."""

import json
import re
from typing import Any, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

WELL_KNOWN = "/.well-known/openid-configuration"  # OpenID Connect Discovery 1.0 §4
LONGEST_NAME = 32
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")

# Providers whose address everybody knows.
PRESETS: dict[str, dict[str, str]] = {
    "google": {"label": "Google", "discovery_url": "https://accounts.google.com" + WELL_KNOWN},
}


class OidcApp(BaseModel):
    """A mobile app that speaks to the provider itself. Without a `client_id` it is known there as Parley is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    client_id: str = ""
    client_secret: SecretStr | None = None
    redirect_uris: tuple[str, ...] = ()


class OidcProvider(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    client_id: str = Field(min_length=1)
    client_secret: SecretStr | None = None  # None: a public client, which has PKCE alone
    discovery_url: str
    label: str
    scopes: str = "openid email profile"
    apps: tuple[OidcApp, ...] = ()

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if not is_secure(self.discovery_url) or not self.discovery_url.endswith(WELL_KNOWN):
            raise ValueError(f"discovery_url must be the provider's address, with https:// (and {WELL_KNOWN})")
        if "openid" not in self.scopes.split():
            raise ValueError("scopes must have `openid` among them")
        if any(app.client_secret and not app.client_id for app in self.apps):
            raise ValueError("an app's client_secret needs its client_id")
        return self

    @property
    def issuer_in_address(self) -> str:
        """Discovery 1.0 §4.3: the issuer is the address without its well-known end."""
        return self.discovery_url.removesuffix(WELL_KNOWN)

    @property
    def client_ids(self) -> frozenset[str]:
        """Whom an ID token may be for."""
        return frozenset({self.client_id, *(app.client_id for app in self.apps if app.client_id)})


def is_secure(url: str) -> bool:
    """Whether nobody on the way reads along: https, or this very machine."""
    parts = urlsplit(url)
    return bool(parts.hostname) and (
        parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    )


def read_providers(value: Any) -> Any:
    """The JSON text of the setting, with the presets filled in; what is wrong otherwise, pydantic says.

    :raises ValueError: it is no JSON object, or a name can't stand in an address. It quotes nothing: there are secrets.
    """
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            raise ValueError('must be JSON such as {"google": {"client_id": "…", "client_secret": "…"}}') from None
    if not isinstance(value, dict):
        raise ValueError("must be a JSON object: a name, and what belongs to it, for each provider")
    read: dict[str, Any] = {}
    for name, given in value.items():
        if not _NAME.fullmatch(name) or len(name) > LONGEST_NAME:
            raise ValueError("a provider's name has small letters, digits, - and _, and stands in addresses")
        if isinstance(given, dict):
            given = {"label": name.capitalize(), **PRESETS.get(name, {}), **given}
            address = given.get("discovery_url")
            if isinstance(address, str) and address and not address.endswith(WELL_KNOWN):
                given["discovery_url"] = address.rstrip("/") + WELL_KNOWN
        read[name] = given
    return read
