from collections.abc import Iterator
from contextlib import closing

import pytest

from app.accounts.mail.base import MailNotSent
from app.accounts.mail.memory import Mail, MemoryMailer
from tests.drivers.mailers_suite import MailerSuite


class TestMemoryMailer(MailerSuite):
    @pytest.fixture
    def mailer(self) -> Iterator[MemoryMailer]:
        with closing(MemoryMailer()) as mailer:
            yield mailer

    def delivered(self, mailer: MemoryMailer) -> list[Mail]:  # type: ignore[override]
        return mailer.sent


def test_an_outage_is_raised_until_it_is_over() -> None:
    mailer = MemoryMailer()
    mailer.outage = MailNotSent("the server is away")
    with pytest.raises(MailNotSent, match="the server is away"):
        mailer.send("anna@example.com", "Hello", "Text\n")
    mailer.outage = None
    mailer.send("anna@example.com", "Hello again", "Text\n")
    assert [mail.subject for mail in mailer.sent] == ["Hello again"]
