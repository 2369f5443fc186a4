"""A mail server that keeps what it gets, on a free port of this machine."""

import email
import email.policy
import ssl
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.support.certificates import write_certificate


class MailServer:
    """`refusals` maps an address to the answer that it gets instead of being taken, such as `550 no such
    mailbox`.

    `tls` is offered by STARTTLS, or used from the start where `implicit_tls` is set. With `password`, signing
    in as `parley` is possible.
    """

    def __init__(
        self,
        *,
        tls: ssl.SSLContext | None = None,
        implicit_tls: bool = False,
        password: str | None = None,
        unicode: bool = True,
    ) -> None:
        self.refusals: dict[str, str] = {}
        self.received: list[email.message.EmailMessage] = []
        self.recipients: list[str] = []
        self.encrypted: list[bool] = []
        self.signed_in: list[str] = []
        self._password = password
        self._implicit_tls = implicit_tls
        options: dict[str, Any] = {"enable_SMTPUTF8": unicode, "authenticator": self._sign_in}
        options.update({"ssl_context": tls} if implicit_tls else {"tls_context": tls})
        self._controller = _Controller(self, "127.0.0.1", 0, auth_require_tls=False, ready_timeout=60, **options)

    def __enter__(self) -> "MailServer":
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()

    @property
    def port(self) -> int:
        return int(self._controller.port)

    def _sign_in(self, _server: SMTP, _session: Session, _envelope: Envelope, _way: str, given: Any) -> AuthResult:
        assert isinstance(given, LoginPassword)
        right = self._password is not None and (given.login, given.password) == (
            b"parley",
            self._password.encode(),
        )
        if right:
            self.signed_in.append(given.login.decode())
        return AuthResult(success=right, handled=False)

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address in self.refusals:
            return self.refusals[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        self.received.append(email.message_from_bytes(envelope.content, policy=email.policy.SMTP))
        self.recipients.extend(envelope.rcpt_tos)
        self.encrypted.append(self._implicit_tls or session.ssl is not None)
        return "250 OK"


class _Controller(Controller):
    def _trigger_server(self) -> None:
        assert self.server is not None
        self.port = self.server.sockets[0].getsockname()[1]  # the free one that was found
        super()._trigger_server()


def make_tls(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's and a client's side of TLS with a certificate for 127.0.0.1 that only these two know."""
    path = folder / "mail-server.pem"
    certificate = write_certificate(path)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    return server, ssl.create_default_context(cadata=certificate)
