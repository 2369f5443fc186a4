"""The mock rung: mails are kept in a list."""

from dataclasses import dataclass

from app.accounts.mail.base import CalendarPart, MailError, check_header_lines


@dataclass(frozen=True)
class Mail:
    to: str
    subject: str
    text: str
    calendar: CalendarPart | None = None
    reply_to: str | None = None


class MemoryMailer:
    """`sent` holds what was sent; while `outage` is an error, sending raises it."""

    def __init__(self) -> None:
        self.sent: list[Mail] = []
        self.outage: MailError | None = None

    def send(
        self, to: str, subject: str, text: str, *, calendar: CalendarPart | None = None, reply_to: str | None = None
    ) -> None:
        check_header_lines(to, subject, reply_to)
        if self.outage is not None:
            raise self.outage
        self.sent.append(Mail(to, subject, text, calendar, reply_to))

    def usable(self) -> None:
        if self.outage is not None:
            raise self.outage

    def close(self) -> None:
        self.sent.clear()
