from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Id, Json, UtcDateTime, exact


class OidcIdentity(Base):
    """An account at a provider that signs in to a user's account here. `issuer` and `subject` name it for ever; the
    provider's name is a setting, which may come to mean another one."""

    __tablename__ = "oidc_identities"
    __table_args__ = (UniqueConstraint("issuer", "subject"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    provider: Mapped[str] = mapped_column(exact(32))
    issuer: Mapped[str] = mapped_column(exact(255))
    subject: Mapped[str] = mapped_column(exact(255))  # Core 1.0 §2: 255 ASCII characters at most
    email: Mapped[str | None] = mapped_column(exact(320))  # as the provider told it last; for people to recognise
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime] = mapped_column(UtcDateTime)


class OidcHandoff(Base):
    """Who has come back from a provider in a browser, until its page fetches them with the code that it was given."""

    __tablename__ = "oidc_handoffs"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    state_hash: Mapped[str] = mapped_column(exact(64), unique=True)  # one coming back for each going
    code_hash: Mapped[str] = mapped_column(exact(64), unique=True)  # SHA-256 in hex, as above
    code_challenge: Mapped[str] = mapped_column(exact(43))  # of the page; RFC 7636 §4.2, S256
    provider: Mapped[str] = mapped_column(exact(32))
    proven: Mapped[dict[str, Any] | None] = mapped_column(Json)  # None: it was fetched
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class OidcUsedToken(Base):
    """An ID token that has signed somebody in: it does so once."""

    __tablename__ = "oidc_used_tokens"

    token_hash: Mapped[str] = mapped_column(exact(64), primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
