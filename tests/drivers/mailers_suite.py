"""What every mailer must do: a rung's test class inherits this and makes the mailer."""

from collections.abc import Iterator

import pytest

from app.accounts.mail.base import Mailer
from app.accounts.mail.memory import Mail


class MailerSuite:
    @pytest.fixture
    def mailer(self) -> Iterator[Mailer]:
        raise NotImplementedError

    def delivered(self, mailer: Mailer) -> list[Mail]:
        """What has arrived, oldest first."""
        raise NotImplementedError

    def test_a_mail_arrives_as_it_was_written(self, mailer: Mailer) -> None:
        text = "Within 24 hours, open\n\nhttps://meet.example.org/#/verify?token=" + "a1_-" * 40 + "\n"
        mailer.send("anna@example.com", "Confirm your e-mail address", text)
        assert self.delivered(mailer) == [Mail("anna@example.com", "Confirm your e-mail address", text)]

    def test_letters_of_every_script_arrive(self, mailer: Mailer) -> None:
        mailer.send("anna@example.com", "Zoë hat dich eingeladen – 会议 🎉", "Grüße,\n.\n会议 🎉\n")
        [mail] = self.delivered(mailer)
        assert mail.subject == "Zoë hat dich eingeladen – 会议 🎉"
        assert mail.text == "Grüße,\n.\n会议 🎉\n"

    def test_mails_arrive_in_the_order_in_which_they_were_sent(self, mailer: Mailer) -> None:
        for number in range(3):
            mailer.send(f"anna{number}@example.com", f"Mail {number}", "Text\n")
        assert [mail.subject for mail in self.delivered(mailer)] == ["Mail 0", "Mail 1", "Mail 2"]

    @pytest.mark.parametrize("subject", ["Hello\nBcc: everybody@example.com", "Hello\r\n\r\nAnother body"])
    def test_a_subject_cannot_smuggle_in_headers(self, mailer: Mailer, subject: str) -> None:
        with pytest.raises(ValueError):
            mailer.send("anna@example.com", subject, "Text\n")
        assert self.delivered(mailer) == []

    def test_an_address_cannot_smuggle_in_headers(self, mailer: Mailer) -> None:
        with pytest.raises(ValueError):
            mailer.send("anna@example.com\nBcc: everybody@example.com", "Hello", "Text\n")
        assert self.delivered(mailer) == []
