"""The mock rung: mails are kept in a list."""

from dataclasses import dataclass

from app.accounts.mail.base import MailError, check_header_lines


@dataclass(frozen=True)
class Mail:
    to: str
    subject: str
    text: str


class MemoryMailer:
    """`sent` holds what was sent; while `outage` is an error, sending raises it."""

    def __init__(self) -> None:
        self.sent: list[Mail] = []
        self.outage: MailError | None = None

    def send(self, to: str, subject: str, text: str) -> None:
        check_header_lines(to, subject)
        if self.outage is not None:
            raise self.outage
        self.sent.append(Mail(to, subject, text))

    def close(self) -> None:
        self.sent.clear()
