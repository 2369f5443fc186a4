"""The embedded rung: there is no mail server, so whoever runs Parley reads the mail in its log."""

import structlog

from app.accounts.mail.base import CalendarPart, check_header_lines

log = structlog.get_logger()


class LogMailer:
    """Writes mails to the log. With `shows_text` that includes the secret links in them: this rung's purpose
    where one person runs and uses Parley on one machine, and wrong where others read the logs. There it is
    False, and a warning says that a mail could not be sent.
    """

    def __init__(self, *, shows_text: bool) -> None:
        self._shows_text = shows_text

    def send(
        self, to: str, subject: str, text: str, *, calendar: CalendarPart | None = None, reply_to: str | None = None
    ) -> None:
        check_header_lines(to, subject, reply_to)
        if self._shows_text:
            log.info("mail, written here because SMTP_URL is not set", to=to, subject=subject, text=text)
        else:
            log.warning("mail was not sent: SMTP_URL is not set", subject=subject)

    def usable(self) -> None:
        """Always; that nothing is sent is what was asked for."""

    def close(self) -> None:
        """Nothing is held."""
