"""What every rung of mail promises."""

from typing import NamedTuple, Protocol


class MailError(Exception):
    """Base of the errors of sending. They name no text of the mail: it may hold a secret link."""


class MailNotSent(MailError):
    """Not now: the server is away, busy or wrongly set up. Trying again may help."""


class MailRefused(MailError):
    """Never: there is no such mailbox, or it does not take this mail."""


class CalendarPart(NamedTuple):
    """What a calendar app reads of a mail (RFC 6047)."""

    method: str  # REQUEST, CANCEL, REPLY, COUNTER or DECLINECOUNTER
    content: str  # iCalendar


class Mailer(Protocol):
    def send(
        self, to: str, subject: str, text: str, *, calendar: CalendarPart | None = None, reply_to: str | None = None
    ) -> None:
        """Hand over one plain text mail to one address; it returns once the next server has taken it. `calendar` says
        the same as the text, for calendar apps; answers go to `reply_to` if there is one.

        Safe to share between threads. It may block for a minute: never call it within a transaction.

        :raises MailNotSent: :raises MailRefused:
        :raises ValueError: a line break in `to`, `reply_to` or `subject`, which would smuggle in header lines.
        """
        ...

    def usable(self) -> None:
        """Return if a mail could be handed over now; like `send`, it may block.

        :raises MailNotSent:
        """
        ...

    def close(self) -> None: ...


def check_header_lines(to: str, subject: str, reply_to: str | None = None) -> None:
    """Raise ValueError if a header line would become two."""
    if any(letter in "\r\n" for letter in to + subject + (reply_to or "")):
        raise ValueError("an address or a subject has a line break")
