import pytest
from hypothesis import given
from hypothesis.strategies import emails

from app.accounts.emails import normalise_email, with_ascii_domain


@pytest.mark.parametrize(
    ("given", "normalised"),
    [
        (" Anna.Berg+meet@EXAMPLE.com ", "anna.berg+meet@example.com"),
        ("anna@BÜCHER.example", "anna@bücher.example"),
        ("anna@xn--bcher-kva.example", "anna@bücher.example"),
        ("ju\u0308rgen@example.com", "j\u00fcrgen@example.com"),
        ("straße@example.com", "straße@example.com"),  # not strasse@, which is another mailbox
        ("ＡＮＮＡ@example.com", "ａｎｎａ@example.com"),
    ],
)
def test_an_address_has_one_form(given: str, normalised: str) -> None:
    assert normalise_email(given) == normalised
    assert normalise_email(normalised) == normalised


@given(emails())
def test_normalising_again_changes_nothing(address: str) -> None:
    try:
        once = normalise_email(address)
    except ValueError:
        return
    assert normalise_email(once) == once


def test_what_is_wrong_is_said_to_people() -> None:
    with pytest.raises(ValueError, match="must have an @-sign"):
        normalise_email("anna")


def test_mail_servers_get_domains_in_ascii() -> None:
    assert with_ascii_domain("jürgen@bücher.example") == "jürgen@xn--bcher-kva.example"
