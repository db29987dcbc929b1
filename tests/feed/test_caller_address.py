"""Whom a request comes from, behind no proxy, ours, or somebody's."""

import ipaddress
from typing import Any

import pytest

from turnout.feed.caller_address import Networks, client_address, is_this_machine

OURS: Networks = tuple(ipaddress.ip_network(text) for text in ("10.0.0.0/8", "::1", "2001:db8:1::/48"))


def scope(peer: str | None, *forwarded: str) -> dict[str, Any]:
    headers = [(b"host", b"test")]
    headers += [(b"x-forwarded-for", value.encode("latin-1")) for value in forwarded]
    return {"client": None if peer is None else (peer, 4711), "scheme": "http", "headers": headers}


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("192.0.2.1", (), "192.0.2.1"),
        ("192.0.2.1", ("203.0.113.7",), "192.0.2.1"),  # not a proxy of ours: it may say what it likes
        ("10.0.0.1", (), "10.0.0.1"),
        ("10.0.0.1", ("203.0.113.7",), "203.0.113.7"),
        ("10.0.0.1", ("1.2.3.4, 203.0.113.7",), "203.0.113.7"),  # what stands left was sent by the caller
        ("10.0.0.1", ("1.2.3.4, 203.0.113.7, 10.0.0.2",), "203.0.113.7"),
        ("10.0.0.1", ("1.2.3.4", "203.0.113.7", "10.0.0.2"), "203.0.113.7"),
        ("10.0.0.1", ("10.0.0.3, 10.0.0.2",), "10.0.0.3"),
        ("10.0.0.1", ("203.0.113.7:49152",), "203.0.113.7"),
        ("10.0.0.1", ("2001:db8::7",), "2001:db8::7"),
        ("10.0.0.1", ("[2001:db8::7]:49152",), "2001:db8::7"),
        ("10.0.0.1", ('"[2001:db8::7]"',), "2001:db8::7"),
        ("10.0.0.1", ("fe80::1%eth0",), "fe80::1"),
        ("10.0.0.1", ("::ffff:203.0.113.7",), "203.0.113.7"),
        ("::ffff:10.0.0.1", ("203.0.113.7",), "203.0.113.7"),
        ("::1", ("203.0.113.7, 2001:DB8:1::9",), "203.0.113.7"),
        ("10.0.0.1", ("unknown",), "10.0.0.1"),
        ("10.0.0.1", ("203.0.113.7, unknown, 10.0.0.2",), "10.0.0.2"),
        ("10.0.0.1", ("",), "10.0.0.1"),
        ("10.0.0.1", (",,,",), "10.0.0.1"),
        ("10.0.0.1", ("\xff\x00 ' OR 1=1",), "10.0.0.1"),
        ("10.0.0.1", ("203.0.113.7, " + "10.0.0.2, " * 5_000 + "10.0.0.2",), "10.0.0.2"),
        (None, ("203.0.113.7",), ""),
    ],
)
def test_the_caller_is_the_first_from_the_right_that_is_no_proxy_of_ours(
    peer: str | None, forwarded: tuple[str, ...], address: str
) -> None:
    assert client_address(scope(peer, *forwarded), OURS) == address


def test_without_proxies_of_ours_the_header_is_not_read() -> None:
    assert client_address(scope("127.0.0.1", "203.0.113.7"), ()) == "127.0.0.1"


FROM_HERE: Networks = (ipaddress.ip_network("127.0.0.1/32"),)


@pytest.mark.parametrize(
    ("peer", "headers", "trusted", "is_here"),
    [
        ("127.0.0.1", {"host": "localhost:8000"}, (), True),
        ("::ffff:127.0.0.1", {"host": "127.0.0.1:8000"}, OURS, True),
        ("::1", {"host": "[::1]:8000"}, OURS, True),
        ("127.0.0.1", {}, (), True),  # HTTP/1.0
        ("192.0.2.1", {"host": "localhost"}, (), False),
        (None, {"host": "localhost"}, (), False),
        # Through a proxy on this machine that is not named, whatever else is.
        ("127.0.0.1", {"host": "localhost", "x-forwarded-for": "203.0.113.7"}, (), False),
        ("127.0.0.1", {"host": "localhost", "x-forwarded-for": "203.0.113.7"}, OURS, False),
        ("127.0.0.1", {"host": "localhost", "x-forwarded-for": "127.0.0.1"}, OURS, False),
        ("127.0.0.1", {"host": "localhost", "x-real-ip": "203.0.113.7"}, OURS, False),
        ("127.0.0.1", {"host": "localhost", "forwarded": "for=203.0.113.7"}, OURS, False),
        ("127.0.0.1", {"host": "localhost", "via": "1.1 proxy"}, OURS, False),
        ("127.0.0.1", {"host": "feed.example.org"}, OURS, False),
        ("127.0.0.1", {"host": "localhost.example.org"}, OURS, False),
        # Through one that is.
        ("127.0.0.1", {"host": "localhost", "x-forwarded-for": "127.0.0.1"}, FROM_HERE, True),
        ("127.0.0.1", {"host": "localhost", "x-forwarded-for": ""}, FROM_HERE, True),
        ("127.0.0.1", {"host": "localhost", "x-forwarded-for": "203.0.113.7"}, FROM_HERE, False),
        ("127.0.0.1", {"host": "localhost", "x-forwarded-for": "203.0.113.7, 127.0.0.1"}, FROM_HERE, False),
        ("127.0.0.1", {"host": "localhost", "x-forwarded-for": "unknown"}, FROM_HERE, False),
        ("127.0.0.1", {"host": "localhost", "x-forwarded-for": "127.0.0.1, " * 17 + "127.0.0.1"}, FROM_HERE, False),
        ("127.0.0.1", {"host": "localhost", "x-real-ip": "203.0.113.7"}, FROM_HERE, False),
        ("127.0.0.1", {"host": "localhost", "forwarded": "for=203.0.113.7"}, FROM_HERE, False),
        ("127.0.0.1", {"host": "feed.example.org", "x-forwarded-for": "127.0.0.1"}, FROM_HERE, False),
        # On another machine.
        ("10.0.0.1", {"host": "localhost", "x-forwarded-for": "127.0.0.1"}, OURS, False),
    ],
)
def test_this_machine_asks_where_nothing_says_that_a_proxy_asks_for_somebody(
    peer: str | None, headers: dict[str, str], trusted: Networks, is_here: bool
) -> None:
    asked = {
        "client": None if peer is None else (peer, 4711),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    assert is_this_machine(asked, trusted) is is_here
