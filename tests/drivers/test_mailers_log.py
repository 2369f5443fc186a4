from collections.abc import Iterator, MutableMapping
from contextlib import closing
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from app.accounts.mail.log import LogMailer
from app.accounts.mail.memory import Mail
from tests.drivers.mailers_suite import MailerSuite


class TestLogMailer(MailerSuite):
    @pytest.fixture
    def mailer(self) -> Iterator[LogMailer]:
        structlog.reset_defaults()  # an app of an earlier test may have raised the level
        with capture_logs() as self.lines, closing(LogMailer(shows_text=True)) as mailer:
            yield mailer

    def delivered(self, mailer: LogMailer) -> list[Mail]:  # type: ignore[override]
        return [Mail(line["to"], line["subject"], line["text"]) for line in self.lines]

    lines: list[MutableMapping[str, Any]]


def test_where_others_read_the_log_it_warns_and_shows_neither_text_nor_address() -> None:
    with capture_logs() as lines:
        LogMailer(shows_text=False).send("anna@example.com", "Choose a new password", "https://…?token=secret")
    [line] = lines
    assert line["log_level"] == "warning"
    assert "SMTP_URL" in line["event"]
    assert "secret" not in str(line)
    assert "anna" not in str(line)
