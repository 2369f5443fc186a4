"""Which rows are a person's, and what of them is handed out.

Every table is either in `CHAPTERS` or in `WITHOUT`; a test holds that, so that a new one can't be forgotten.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Table, or_, select, tuple_

from app.accounts.models import Acquaintance, EmailToken, Integration, User, UserSession
from app.accounts.oidc.models import OidcIdentity
from app.calendar.models import CalendarFeed
from app.calls.models import Call
from app.chat.models import ChatMessage, Reaction, ReadMark
from app.core.runtime import Work
from app.invitations.models import Invitation
from app.media.models import CallQuality
from app.meetings.models import Meeting, MeetingPerson, MeetingSeries
from app.notes.models import Correction, Notes, Spending
from app.participants.models import Participant
from app.recordings.models import Consent, Recording, Share
from app.uploads.models import Upload
from app.webhooks.models import Webhook

ROWS_AT_ONCE = 500

# Columns that nobody is handed: what proves who somebody is, and where this server keeps its files.
WITHHELD = frozenset(
    {
        *(
            "password_hash",
            "secret_hash",
            "token_hash",
            "passcode_hash",
            "refresh_jti",
            "previous_refresh_jti",
            "sealed",
            "sealed_secret",
            "sealed_previous",
        ),
        *("sealed_secret", "sealed_previous", "file_path", "object_key", "store_id"),
    }
)


@dataclass(frozen=True)
class Chapter:
    """One file of the export: the rows of `model` for which `is_of` holds."""

    model: Any
    is_of: Callable[[str], ColumnElement[bool]]

    @property
    def table(self) -> Table:
        table: Table = self.model.__table__
        return table

    def rows(self, work: Work, user_id: str) -> Iterator[dict[str, Any]]:
        """As they are stored; a few hundred are held at once."""
        columns = [column for column in self.table.columns if column.name not in WITHHELD]
        key = tuple(self.table.primary_key)
        wanted = select(*columns).where(self.is_of(user_id)).order_by(*key).limit(ROWS_AT_ONCE)
        found = work.execute(wanted).all()
        while found:
            yield from (row._asdict() for row in found)
            last = found[-1]._mapping
            found = work.execute(wanted.where(tuple_(*key) > tuple_(*(last[column] for column in key)))).all()


def _own_meetings(user_id: str) -> Any:
    return select(Meeting.id).where(Meeting.owner_id == user_id)


CHAPTERS: dict[str, Chapter] = {
    "account": Chapter(User, lambda user: User.id == user),
    "sessions": Chapter(UserSession, lambda user: UserSession.user_id == user),
    "sign_in_elsewhere": Chapter(OidcIdentity, lambda user: OidcIdentity.user_id == user),
    "mails_with_links": Chapter(EmailToken, lambda user: EmailToken.user_id == user),
    "integrations": Chapter(Integration, lambda user: Integration.user_id == user),
    "people_met": Chapter(Acquaintance, lambda user: Acquaintance.user_id == user),
    "calendar_feed": Chapter(CalendarFeed, lambda user: CalendarFeed.user_id == user),
    "meetings": Chapter(Meeting, lambda user: Meeting.owner_id == user),
    "meeting_series": Chapter(MeetingSeries, lambda user: MeetingSeries.owner_id == user),
    "part_in_meetings": Chapter(MeetingPerson, lambda user: MeetingPerson.user_id == user),
    "stays_in_meetings": Chapter(Participant, lambda user: Participant.user_id == user),
    "how_calls_went": Chapter(
        CallQuality,
        lambda user: CallQuality.participant_id.in_(select(Participant.id).where(Participant.user_id == user)),
    ),
    "invitations": Chapter(Invitation, lambda user: or_(Invitation.inviter_id == user, Invitation.invitee_id == user)),
    "chat_messages": Chapter(ChatMessage, lambda user: ChatMessage.sender_id == user),
    "chat_reactions": Chapter(Reaction, lambda user: Reaction.user_id == user),
    "chat_read_marks": Chapter(ReadMark, lambda user: ReadMark.user_id == user),
    "recordings": Chapter(Recording, lambda user: Recording.meeting_id.in_(_own_meetings(user))),
    "recording_consents": Chapter(Consent, lambda user: Consent.user_id == user),
    "recording_shares": Chapter(Share, lambda user: Share.created_by == user),
    "uploads": Chapter(Upload, lambda user: Upload.user_id == user),
    "calls": Chapter(Call, lambda user: Call.user_id == user),
    "notes": Chapter(
        Notes,
        lambda user: or_(
            Notes.meeting_id.in_(_own_meetings(user)), Notes.call_id.in_(select(Call.id).where(Call.user_id == user))
        ),
    ),
    "notes_corrections": Chapter(Correction, lambda user: Correction.by_user_id == user),
    "webhooks": Chapter(Webhook, lambda user: Webhook.user_id == user),
    "notes_spending": Chapter(Spending, lambda user: Spending.user_id == user),
}

# Tables of which nobody is handed a row, and why.
WITHOUT: dict[str, str] = {
    **dict.fromkeys(("event_cursors", "event_heads", "gates", "jobs", "processes"), "the server's own work"),
    "audit_lines": "what hosts and admins did, kept for whoever has to look into it",
    **dict.fromkeys(("media_workers", "service_keys"), "of services, not of people"),
    **dict.fromkeys(("oidc_handoffs", "oidc_used_tokens", "idempotency_keys"), "kept for minutes, or a day"),
    **dict.fromkeys(
        ("inboxes", "rtc_signals", "events", "webhook_deliveries"), "says again what other tables hold, for some days"
    ),
    **dict.fromkeys(("rtc_tracks", "rtc_stats", "whip_sessions"), "of connections, gone with the meeting"),
    **dict.fromkeys(("search_pending", "search_documents", "search_vectors"), "made of what other tables hold"),
    **dict.fromkeys(("notes_stages",), "how notes came about; the notes are there"),
    **dict.fromkeys(("recording_renditions", "recording_exports", "recording_tracks"), "parts of a recording"),
}
