"""What participants have entrusted for other services, for the one consumer that speaks to those: encrypted with its
public key, so that neither the broker nor who reads its queues learns of it (JWE, RFC 7516, compact form).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import or_, select

from app.accounts import integrations
from app.core.runtime import Work
from app.core.sealing import Unsealable
from app.events.models import Event
from app.participants.models import Participant
from app.recordings.models import Recording

if TYPE_CHECKING:
    from joserfc.jwk import ECKey, OKPKey, RSAKey

    Key = RSAKey | ECKey | OKPKey

log = structlog.get_logger()

# By the key's type. RSA-OAEP-256: RFC 7518 §4.3; ECDH-ES: §4.6, with X25519 by RFC 8037.
ALGORITHMS = {"RSA": "RSA-OAEP-256", "EC": "ECDH-ES+A256KW", "OKP": "ECDH-ES+A256KW"}
ENCRYPTION = "A256GCM"
_SIGNING_ONLY = {"Ed25519", "Ed448"}


def read_public_key(path: Path) -> Key:
    """Of a file in PEM, or as a JWK.

    :raises ValueError: there is no such file, or it holds no public key of a kind that can encrypt.
    """
    from joserfc.errors import JoseError
    from joserfc.jwk import ECKey, OKPKey, RSAKey

    try:
        text = path.read_text()
        data = json.loads(text) if text.lstrip().startswith("{") else text
    except OSError as error:
        raise ValueError(f"can't be read: {error.strerror}") from None
    except ValueError:
        data = ""
    for kind in (RSAKey, ECKey, OKPKey):
        try:
            key = kind.import_key(data)
        except (JoseError, ValueError, TypeError, KeyError, AttributeError):
            continue
        if not key.is_private and getattr(key, "curve_name", None) not in _SIGNING_ONLY:
            return key
    raise ValueError("must hold a public key, RSA, EC or X25519, in PEM or as a JWK; never the private one")


class Envelopes:
    """:param key: the consumer's; None: there is none, and nothing is sent along."""

    def __init__(self, key: Key | None) -> None:
        self._key = key

    def of(self, work: Work, event: Event) -> str | None:
        """The integrations of everybody who was in the meeting while it was recorded, for the consumer's eyes."""
        if self._key is None:
            return None
        from joserfc import jwe

        people = []
        for user_id in _recorded_people(work, event):
            try:
                secrets = integrations.secrets_of(work, user_id)
            except Unsealable:
                log.error("integrations can't be read: DATA_SECRET is another one", user_id=user_id)
                continue
            people.append({"user_id": user_id, "integrations": secrets})
        told = {"event_id": event.id, "participants": people}
        algorithm = ALGORITHMS[self._key.key_type]
        header = {"alg": algorithm, "enc": ENCRYPTION, "kid": self._key.thumbprint(), "cty": "json"}
        return jwe.encrypt_compact(header, json.dumps(told), self._key, algorithms=[algorithm, ENCRYPTION])

    def close(self) -> None:
        """Nothing is held."""


def _recorded_people(work: Work, event: Event) -> list[str]:
    recording = work.get(Recording, event.payload["recording_id"])
    if recording is None:
        return []
    began = recording.started_at or recording.created_at
    there = select(Participant.user_id).where(
        Participant.meeting_id == recording.meeting_id,
        Participant.user_id.is_not(None),
        Participant.admitted_at.is_not(None),
        or_(Participant.left_at.is_(None), Participant.left_at >= began),
        Participant.joined_at <= (recording.ended_at or work.now()),
    )
    return sorted({user_id for user_id in work.scalars(there) if user_id is not None})
