from typing import Any

import marshmallow as ma
from marshmallow import fields

from app.accounts.oidc.id_tokens import LONGEST_TOKEN
from app.accounts.passwords import LONGEST
from app.accounts.schemas import device_field
from app.core.api import Schema, Timestamp, id_field
from app.core.pagination import page_of
from app.core.sign_in_providers import LONGEST_NAME

_CHALLENGE = ma.validate.Regexp(r"^[A-Za-z0-9_-]{43}\Z", error="Not a code_challenge of method S256 (RFC 7636 §4.2).")
_VERIFIER = ma.validate.Regexp(r"^[A-Za-z0-9._~-]{43,128}\Z", error="Not a code_verifier (RFC 7636 §4.1).")
CODE_EXAMPLE = {"code": "kA9…", "code_verifier": "dBjftJeZ4CVP-mBY1q6d9a1cC0nTkq-0Zz6kXk8sV4w"}


class ProviderOut(Schema):
    name = fields.String(required=True, metadata={"description": "As it stands in addresses.", "example": "google"})
    label = fields.String(required=True, metadata={"description": "For a button.", "example": "Google"})


class StartQuery(Schema):
    code_challenge = fields.String(
        required=True,
        validate=_CHALLENGE,
        metadata={
            "description": "SHA-256 of the `code_verifier` that you keep for the exchange, in base64url.",
            "example": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        },
    )
    return_to = fields.String(
        load_default="/",
        validate=ma.validate.Length(1, 500),
        metadata={"description": "An address here, from its `/` on, or one of `OIDC_RETURN_URIS`."},
    )


class CallbackQuery(Schema):
    """Providers add fields of their own, such as `session_state` and `scope`."""

    class Meta:
        unknown = ma.EXCLUDE

    state = fields.String(load_default="", validate=ma.validate.Length(max=200))
    code = fields.String(load_default=None, validate=ma.validate.Length(max=4096))
    error = fields.String(load_default=None, validate=ma.validate.Length(max=200))
    iss = fields.String(load_default=None, validate=ma.validate.Length(max=500))


class _ProofIn(Schema):
    """Three shapes: a code of ours; a code of the provider's with where it was sent; an ID token."""

    code = fields.String(load_default=None, validate=ma.validate.Length(1, 4096))
    code_verifier = fields.String(load_default=None, validate=_VERIFIER)
    redirect_uri = fields.String(
        load_default=None,
        validate=ma.validate.Length(1, 500),
        metadata={"description": "Of your app, if the provider sent the code there."},
    )
    nonce = fields.String(load_default=None, validate=ma.validate.Length(1, 500))
    id_token = fields.String(load_default=None, validate=ma.validate.Length(1, LONGEST_TOKEN))

    @ma.validates_schema
    def _is_one_of_three(self, data: dict[str, Any], **_: Any) -> None:
        given = {name for name in ("code", "code_verifier", "redirect_uri", "nonce", "id_token") if data[name]}
        if given not in (
            {"code", "code_verifier"},
            {"code", "code_verifier", "redirect_uri", "nonce"},
            {"id_token", "nonce"},
        ):
            raise ma.ValidationError(
                "Send `code` and `code_verifier`; or these with `redirect_uri` and `nonce`; or `id_token` and `nonce`."
            )


class ExchangeIn(_ProofIn):
    device = device_field()


class ConnectIn(_ProofIn):
    provider = fields.String(
        required=True, validate=ma.validate.Length(1, LONGEST_NAME), metadata={"example": "google"}
    )
    password = fields.String(
        load_default=None,
        validate=ma.validate.Length(1, LONGEST),
        metadata={"format": "password", "description": "Of the account here, if it has one."},
    )


class IdentityOut(Schema):
    id = id_field(required=True)
    provider = fields.String(required=True, metadata={"example": "google"})
    email = fields.String(required=True, allow_none=True, metadata={"example": "anna@example.com"})
    created_at = Timestamp(required=True)
    last_used_at = Timestamp(required=True)


ProvidersPage = page_of(ProviderOut)
IdentitiesPage = page_of(IdentityOut)
