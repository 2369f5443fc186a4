"""Where webhooks may lead."""

import pytest

from app.core.settings import Settings
from app.webhooks.addresses import UrlRefused, check_url, may_reach

PUBLIC = ["8.8.8.8", "93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946", "::ffff:8.8.8.8", "64:ff9b::808:808"]
INSIDE = [
    *("127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "198.18.0.1"),
    *("169.254.169.254", "168.63.129.16", "192.0.0.192", "192.88.99.1", "224.0.0.1", "239.1.1.1", "240.0.0.1"),
    *("255.255.255.255", "192.0.2.1", "::", "::1", "::7f00:1", "fe80::1", "fe80::1%eth0", "fec0::1", "fd00:ec2::254"),
    *("ff02::1", "2001:db8::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:a9fe:a9fe", "64:ff9b::a9fe:a9fe"),
    *("64:ff9b::7f00:1", "64:ff9b:1::808:808", "2002:7f00:1::1", "2002:a9fe:a9fe::", "2001:0:0:0:0:0:80ff:fffe"),
    *("", "localhost", "1.2.3", "not an address"),
]


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_may_be_reached(address: str) -> None:
    assert may_reach(address, ())


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_that_only_a_network_inside_reaches_may_not(address: str) -> None:
    assert not may_reach(address, ())


def test_a_network_that_is_allowed_may_be_reached_and_its_neighbours_not() -> None:
    allowed = ("10.1.0.0/16", "fd12::/16")
    for address in ("10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::a01:203", "fd12::5"):
        assert may_reach(address, allowed)
    for address in ("10.2.0.1", "127.0.0.1", "169.254.169.254", "fd13::5"):
        assert not may_reach(address, allowed)


@pytest.mark.parametrize(
    "url",
    [
        *("http://example.org/", "ftp://example.org/", "https://", "https:///x", "//example.org", "example.org", ""),
        *("https://anna:secret@example.org/", "https://anna@example.org/", "https://example.org/#x", "https://[::1"),
        *("https://127.0.0.1/", "https://[::ffff:127.0.0.1]/", "https://169.254.169.254/latest/", "https://[fe80::1]/"),
        *("https://example.org:99999/", "https://example.org:0/", "file:///etc/passwd", "https://exa mple.org/"),
    ],
)
def test_an_address_that_no_webhook_may_have_is_refused_when_it_is_named(url: str, settings: Settings) -> None:
    with pytest.raises(UrlRefused):
        check_url(settings.model_copy(update={"webhook_http": False, "webhook_networks": ()}), url)


@pytest.mark.parametrize("url", ["https://example.org", "https://bücher.example/a?b=c", "https://8.8.8.8:8443/x"])
def test_any_other_is_taken(url: str, settings: Settings) -> None:
    check_url(settings.model_copy(update={"webhook_http": False, "webhook_networks": ()}), url)
