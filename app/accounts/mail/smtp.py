"""Mails through an SMTP server (RFC 5321), encrypted whenever the server can be."""

import ipaddress
import smtplib
import ssl
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import make_msgid, parseaddr
from urllib.parse import unquote, urlsplit

from app.accounts.emails import with_ascii_domain
from app.accounts.mail.base import CalendarPart, MailNotSent, MailRefused

TIMEOUT_S = 20.0  # of one step of the dialogue


class SmtpMailer:
    """`url` is `smtp://user:password@host:port` (STARTTLS where the server offers it) or `smtps://…` (TLS
    from the start); user and password are percent-encoded. A connection a mail: there are few.

    A password goes only through TLS, or to this machine: else whoever strips the offer of STARTTLS could read
    it.

    :raises ValueError: `url` is not of this form.
    """

    def __init__(self, url: str, sender: str, *, tls: ssl.SSLContext | None = None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
            raise ValueError("must be smtp://user:password@host:port or smtps://…")
        self._implicit_tls = parts.scheme == "smtps"
        self._host = parts.hostname
        self._port = parts.port or (465 if self._implicit_tls else 25)
        self._user = unquote(parts.username or "")
        self._password = unquote(parts.password or "")
        self._sender = sender
        self._domain = parseaddr(sender)[1].partition("@")[2]
        self._tls = tls or ssl.create_default_context()

    def send(
        self, to: str, subject: str, text: str, *, calendar: CalendarPart | None = None, reply_to: str | None = None
    ) -> None:
        message = EmailMessage()  # refuses line breaks in headers
        message["From"] = self._sender
        message["To"] = with_ascii_domain(to)
        message["Subject"] = subject
        message["Date"] = datetime.now(UTC)
        message["Message-ID"] = make_msgid(domain=self._domain)
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834 §5: no holiday notices, please
        if reply_to is not None:
            message["Reply-To"] = with_ascii_domain(reply_to)
        message.set_content(text)
        if calendar is not None:
            message.add_alternative(calendar.content, subtype="calendar", params={"method": calendar.method})
        try:
            with self._connect() as server:
                server.send_message(message)
        except (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError, smtplib.SMTPNotSupportedError) as error:
            raise self._judge(error) from None
        except (OSError, smtplib.SMTPException) as error:  # OSError: also what TLS and time-outs raise
            raise MailNotSent(f"{self._host}: {type(error).__name__}: {error}") from error

    def usable(self) -> None:
        """It connects and signs in, and sends nothing."""
        try:
            with self._connect():
                pass
        except (OSError, smtplib.SMTPException) as error:
            raise MailNotSent(f"{self._host}: {type(error).__name__}: {error}") from error

    def _connect(self) -> smtplib.SMTP:
        if self._implicit_tls:
            server: smtplib.SMTP = smtplib.SMTP_SSL(self._host, self._port, timeout=TIMEOUT_S, context=self._tls)
        else:
            server = smtplib.SMTP(self._host, self._port, timeout=TIMEOUT_S)
        try:
            encrypted = self._implicit_tls
            server.ehlo()
            if not encrypted and server.has_extn("starttls"):
                server.starttls(context=self._tls)
                server.ehlo()
                encrypted = True
            if self._user:
                if not encrypted and not _is_this_machine(self._host):
                    raise MailNotSent(f"{self._host} offers no TLS, and a password is not sent without it")
                server.login(self._user, self._password)
        except BaseException:
            server.close()
            raise
        return server

    def _judge(self, error: smtplib.SMTPException) -> MailNotSent | MailRefused:
        """RFC 5321 §4.2.1: 4yz may work later, 5yz will not."""
        match error:
            case smtplib.SMTPRecipientsRefused():
                answer: bytes | str
                code, answer = next(iter(error.recipients.values()))
            case smtplib.SMTPDataError():
                code, answer = error.smtp_code, error.smtp_error
            case _:
                return MailRefused(f"{self._host} takes no addresses outside ASCII (RFC 6531)")
        said = answer.decode(errors="replace") if isinstance(answer, bytes) else str(answer)
        kind = MailRefused if code >= 500 else MailNotSent
        return kind(f"{self._host} said: {code} {said}")

    def close(self) -> None:
        """Nothing is held."""


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
