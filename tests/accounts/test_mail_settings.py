import pytest

from app.core.settings import SettingsError, load_settings


@pytest.mark.parametrize(
    "url", ["mail.example.org", "http://mail.example.org", "smtp://", "smtp://parley:pa/ss@mail:25", "smtp://h:0"]
)
def test_a_wrong_mail_server_stops_the_start_and_its_password_is_not_told(url: str) -> None:
    with pytest.raises(SettingsError, match=r"^SMTP_URL: must be smtp://user") as caught:
        load_settings(_env_file=None, smtp_url=url)
    assert "pa" not in str(caught.value).replace("password", "")


def test_a_sender_without_an_address_stops_the_start() -> None:
    with pytest.raises(SettingsError, match=r"^MAIL_FROM: must be an address"):
        load_settings(_env_file=None, mail_from="Parley")


@pytest.mark.parametrize("url", ["smtp://mail.example.org", "smtps://parley:p%2Fw@mail.example.org:465"])
def test_a_mail_server_is_taken(url: str) -> None:
    settings = load_settings(_env_file=None, smtp_url=url)
    assert settings.smtp_url is not None
    assert not settings.verifies_email_at_once
