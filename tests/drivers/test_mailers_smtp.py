import ssl
from collections.abc import Iterator

import pytest

from app.accounts.mail import smtp
from app.accounts.mail.base import MailError, MailNotSent, MailRefused
from app.accounts.mail.memory import Mail
from app.accounts.mail.smtp import SmtpMailer
from tests.drivers.mailers_suite import MailerSuite
from tests.support.mail_server import MailServer, make_tls

SENDER = "Parley <parley@example.org>"


class TestSmtpMailer(MailerSuite):
    @pytest.fixture
    def mailer(self) -> Iterator[SmtpMailer]:
        with MailServer() as self.server:
            yield SmtpMailer(f"smtp://127.0.0.1:{self.server.port}", SENDER)

    def delivered(self, mailer: SmtpMailer) -> list[Mail]:  # type: ignore[override]
        return [
            Mail(message["To"], message["Subject"], message.get_content().replace("\r\n", "\n"))
            for message in self.server.received
        ]

    server: MailServer


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's side and the side of a client that trusts it."""
    return make_tls(tmp_path_factory.mktemp("tls"))


def send(mailer: SmtpMailer, to: str = "anna@example.com") -> None:
    mailer.send(to, "Hello", "a secret link\n")


def test_a_mail_names_its_sender_and_when_it_was_sent_and_asks_for_no_holiday_notices() -> None:
    with MailServer() as server:
        send(SmtpMailer(f"smtp://127.0.0.1:{server.port}", SENDER))
        [message] = server.received
    assert message["From"] == SENDER
    assert message["Date"].datetime.tzinfo is not None
    assert message["Message-ID"].endswith("@example.org>")
    assert message["Auto-Submitted"] == "auto-generated"


def test_starttls_is_used_where_it_is_offered(tls: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    with MailServer(tls=tls[0]) as server:
        send(SmtpMailer(f"smtp://127.0.0.1:{server.port}", SENDER, tls=tls[1]))
    assert server.encrypted == [True]


def test_smtps_is_encrypted_from_the_start(tls: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    with MailServer(tls=tls[0], implicit_tls=True) as server:
        send(SmtpMailer(f"smtps://127.0.0.1:{server.port}", SENDER, tls=tls[1]))
    assert server.encrypted == [True]


def test_a_server_that_offers_no_tls_is_used_without_it() -> None:
    with MailServer() as server:
        send(SmtpMailer(f"smtp://127.0.0.1:{server.port}", SENDER))
    assert server.encrypted == [False]


def test_a_certificate_that_nobody_vouches_for_is_no_reason_to_go_without_tls(
    tls: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    with MailServer(tls=tls[0]) as server, pytest.raises(MailNotSent, match="CERTIFICATE_VERIFY_FAILED"):
        send(SmtpMailer(f"smtp://127.0.0.1:{server.port}", SENDER))
    assert server.received == []


def test_user_and_password_are_percent_decoded(tls: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    with MailServer(tls=tls[0], password="p@ss/w:rd") as server:
        send(SmtpMailer(f"smtp://parley:p%40ss%2Fw%3Ard@127.0.0.1:{server.port}", SENDER, tls=tls[1]))
    assert server.signed_in == ["parley"]
    assert len(server.received) == 1


def test_a_wrong_password_is_to_be_tried_again_and_not_told() -> None:
    with (
        MailServer(password="right") as server,
        pytest.raises(MailNotSent, match="Authentication") as caught,
    ):
        send(SmtpMailer(f"smtp://parley:wr0ng-one@127.0.0.1:{server.port}", SENDER))
    assert "wr0ng-one" not in str(caught.value)
    assert server.received == []


def test_a_password_does_not_leave_this_machine_without_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp, "_is_this_machine", lambda host: False)
    with MailServer(password="right") as server, pytest.raises(MailNotSent, match="offers no TLS"):
        send(SmtpMailer(f"smtp://parley:right@127.0.0.1:{server.port}", SENDER))
    assert server.signed_in == []


@pytest.mark.parametrize(
    ("answer", "error"),
    [("550 no such mailbox", MailRefused), ("450 greylisted, come back later", MailNotSent)],
)
def test_a_refusal_for_good_is_told_from_one_for_now(answer: str, error: type[MailError]) -> None:
    with MailServer() as server:
        server.refusals["anna@example.com"] = answer
        with pytest.raises(error, match=answer) as caught:
            send(SmtpMailer(f"smtp://127.0.0.1:{server.port}", SENDER))
    assert "secret" not in str(caught.value)


def test_a_server_that_is_away_is_to_be_tried_again() -> None:
    with MailServer() as server:
        gone = server.port
    with pytest.raises(MailNotSent, match="ConnectionRefusedError"):
        send(SmtpMailer(f"smtp://127.0.0.1:{gone}", SENDER))


def test_a_domain_outside_ascii_is_written_so_that_every_server_takes_it() -> None:
    with MailServer(unicode=False) as server:
        send(SmtpMailer(f"smtp://127.0.0.1:{server.port}", SENDER), "anna@bücher.example")
    assert server.recipients == ["anna@xn--bcher-kva.example"]


def test_a_mailbox_outside_ascii_needs_a_server_that_knows_it() -> None:
    with MailServer() as server:
        send(SmtpMailer(f"smtp://127.0.0.1:{server.port}", SENDER), "jürgen@example.com")
    assert server.recipients == ["jürgen@example.com"]
    with MailServer(unicode=False) as server, pytest.raises(MailRefused, match="outside ASCII"):
        send(SmtpMailer(f"smtp://127.0.0.1:{server.port}", SENDER), "jürgen@example.com")


@pytest.mark.parametrize("url", ["http://mail.example.org", "mail.example.org:25", "smtp://", ""])
def test_an_address_that_is_no_mail_server_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="must be smtp://"):
        SmtpMailer(url, SENDER)
