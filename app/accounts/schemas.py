import re
import unicodedata
from typing import Any

import marshmallow as ma
from marshmallow import fields

from app.accounts import passwords
from app.accounts.emails import normalise_email
from app.core.api import Boolean, Schema, Text, Timestamp, id_field, text_field
from app.core.pagination import PageQuery, page_of

LONGEST_EMAIL = 254  # RFC 5321 §4.5.3.1.3, less its angle brackets
LONGEST_TOKEN = 2_048


class EmailAddress(fields.String):
    """An e-mail address, loaded in its normalised form."""

    def __init__(self, **kwargs: Any) -> None:
        metadata = {"format": "email", "example": "anna@example.com", **kwargs.pop("metadata", {})}
        super().__init__(metadata=metadata, **kwargs)

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        if len(text) > LONGEST_EMAIL:
            raise ma.ValidationError(f"Longer than {LONGEST_EMAIL} characters.")
        try:
            return normalise_email(text)
        except ValueError as error:
            raise ma.ValidationError(str(error)) from None


class PersonalName(Text):
    """One line that can be seen: names stand in lists, notices and mails."""

    def __init__(self, description: str | None = None, **kwargs: Any) -> None:
        told = {"description": description} if description else {}
        metadata = {"minLength": 1, "example": "Anna Berg", **told}
        super().__init__(validate=ma.validate.Length(1, 100), metadata=metadata, **kwargs)

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> str:
        name = " ".join(super()._deserialize(value, attr, data, **kwargs).split())
        if name and not any(unicodedata.category(letter)[0] in "LNPS" for letter in name):
            raise ma.ValidationError("Has nothing that can be seen.")
        return name


def _password_field(**kwargs: Any) -> fields.String:
    """A password to be set. It is taken as it is, blanks included."""
    length = ma.validate.Length(passwords.SHORTEST, passwords.LONGEST)
    metadata = {"format": "password", "example": "correct horse battery"}
    return fields.String(required=True, validate=length, metadata=metadata, **kwargs)


def _known_password_field(**kwargs: Any) -> fields.String:
    """A password to be checked: rules for new ones may have been others when it was set."""
    length = ma.validate.Length(1, passwords.LONGEST)
    metadata = {"format": "password", "example": "correct horse battery", **kwargs.pop("metadata", {})}
    return fields.String(**{"required": True, "validate": length, "metadata": metadata, **kwargs})


def _token_field() -> fields.String:
    return fields.String(required=True, validate=ma.validate.Length(1, LONGEST_TOKEN))


_LANGUAGE_TAG = r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$"


def is_language_tag(text: str) -> bool:
    return re.fullmatch(_LANGUAGE_TAG, text) is not None


def device_field() -> fields.String:
    return text_field(
        64, load_default=None, metadata={"description": "What the session list shows.", "example": "Phone"}
    )


def _locale_field(**kwargs: Any) -> Text:
    tag = ma.validate.Regexp(_LANGUAGE_TAG, error="Not a language tag such as pt-BR.")
    return Text(validate=tag, metadata={"description": "Language tag (RFC 5646).", "example": "en"}, **kwargs)


class AiSaid(Schema):
    """What a person says about it; what is left out stays as it is."""

    transcribe = Boolean(metadata={"description": "Whether what they say may be transcribed.", "example": True})
    analyse = Boolean(
        metadata={"description": "Whether summaries and notes may be made of what was transcribed.", "example": False}
    )


class AiOut(Schema):
    transcribe = fields.Boolean(
        required=True, metadata={"description": "Whether what they say may be transcribed.", "example": True}
    )
    analyse = fields.Boolean(
        required=True,
        metadata={"description": "Whether summaries and notes may be made of what was transcribed.", "example": True},
    )


LONGEST_INTEGRATION = 4096  # characters; tokens with claims in them are the longest
_INTEGRATION_NAME = r"^[a-z0-9][a-z0-9._-]{0,63}$"


def integrations_field() -> fields.Dict:
    """Keys and addresses by name; null forgets one."""
    return fields.Dict(
        keys=fields.String(
            validate=ma.validate.Regexp(
                _INTEGRATION_NAME,
                error="Not a name of 1 to 64 of a-z, 0-9, dot, dash and _, the first a letter or digit.",
            )
        ),
        values=fields.String(allow_none=True, validate=ma.validate.Length(1, LONGEST_INTEGRATION)),
        load_default=None,
        load_only=True,
        metadata={
            "description": "Keys, tokens and addresses of other services, by name. They are kept encrypted and never "
            "shown again; null forgets one. What is left out stays.",
            "writeOnly": True,
            "example": {"crm": "pat-eu1-0f3c", "slack": "https://hooks.slack.example/T0/B0/x"},
        },
    )


class RegisterIn(Schema):
    email = EmailAddress(required=True)
    password = _password_field()
    display_name = PersonalName(required=True)
    locale = _locale_field(load_default="en")


class LoginIn(Schema):
    email = EmailAddress(required=True)
    password = _known_password_field()
    device = device_field()


class RefreshIn(Schema):
    refresh_token = _token_field()


class ProfileUpdate(Schema):
    display_name = PersonalName()
    locale = _locale_field()
    ai = fields.Nested(AiSaid)
    integrations = integrations_field()


class PasswordIn(Schema):
    password = _known_password_field(
        required=False, load_default=None, metadata={"description": "Of the account, if it has one."}
    )


class PasswordChange(Schema):
    current_password = _known_password_field()
    new_password = _password_field()


class EmailIn(Schema):
    email = EmailAddress(required=True)


class LinkIn(Schema):
    token = _token_field()


class PasswordReset(Schema):
    token = _token_field()
    new_password = _password_field()


class PeopleQuery(PageQuery):
    email = EmailAddress(load_default=None)


class UserOut(Schema):
    id = id_field(required=True)
    email = fields.String(
        required=True,
        allow_none=True,
        metadata={"format": "email", "description": "null: a guest's.", "example": "anna@example.com"},
    )
    display_name = fields.String(required=True, metadata={"example": "Anna Berg"})
    locale = fields.String(required=True, metadata={"example": "en"})
    role = fields.String(required=True, metadata={"enum": ["user", "admin", "service", "guest"], "example": "user"})
    email_verified = fields.Boolean(required=True)
    has_password = fields.Boolean(required=True, metadata={"description": "false: it is signed in to by a provider."})
    ai = fields.Nested(
        AiOut, required=True, metadata={"description": "Unless they say something else when they join a meeting."}
    )
    created_at = Timestamp(required=True)
    version = fields.Integer(required=True, metadata={"example": 1})


class IntegrationOut(Schema):
    """That there is one; what it holds is not shown."""

    name = fields.String(required=True, metadata={"example": "crm"})
    set_at = Timestamp(required=True)


class MeOut(UserOut):
    integrations = fields.List(fields.Nested(IntegrationOut), required=True, metadata={"description": "By name."})


class TokensOut(Schema):
    user = fields.Nested(UserOut, required=True)
    session_id = id_field(required=True)
    token_type = fields.String(required=True, metadata={"enum": ["Bearer"], "example": "Bearer"})
    access_token = fields.String(required=True, metadata={"example": "eyJhbGciOi…"})
    access_expires_at = Timestamp(required=True)
    refresh_token = fields.String(required=True, metadata={"example": "eyJhbGciOi…"})
    refresh_expires_at = Timestamp(required=True)


class SessionOut(Schema):
    id = id_field(required=True)
    current = fields.Boolean(required=True, metadata={"description": "The session of this request."})
    device = fields.String(required=True, allow_none=True, metadata={"example": "Phone"})
    user_agent = fields.String(required=True, allow_none=True, metadata={"example": "Parley/1.0 (Android 16)"})
    created_at = Timestamp(required=True)
    last_used_at = Timestamp(required=True, metadata={"description": "When its tokens were last refreshed."})
    expires_at = Timestamp(required=True)


class PersonOut(Schema):
    id = id_field(required=True)
    display_name = fields.String(required=True, metadata={"example": "Anna Berg"})
    email = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "null while the address is not verified.", "example": "anna@example.com"},
    )


SessionsPage = page_of(SessionOut)
PeoplePage = page_of(PersonOut)
