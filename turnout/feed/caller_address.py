"""Where a request really comes from, when there are proxies in between that we trust."""

import ipaddress
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Networks = tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]

_MAX_HOPS = 16


def client_address(scope: Mapping[str, Any], trusted_proxies: Networks) -> str:
    """The caller's address: the connection's, or what trusted proxies say of it in X-Forwarded-For. "" for none at all.

    The header is read from the right, each proxy having added whom it heard from; the first that is not a trusted
    proxy is the caller. What stands left of it anybody may have invented. At junk the reading ends with the last good
    one.
    """
    address = _peer(scope)
    if address is None:
        return ""
    if trusted_proxies and _is_trusted(address, trusted_proxies):
        for hop in _hops(scope["headers"]):
            said = _parse(hop)
            if said is None:
                break
            address = said
            if not _is_trusted(said, trusted_proxies):
                break
    return str(address)


def _peer(scope: Mapping[str, Any]) -> Address | None:
    client = scope.get("client")
    return _parse(client[0]) if client else None


def _hops(headers: Iterable[tuple[bytes, bytes]]) -> list[str]:
    """What X-Forwarded-For lists, nearest first, as often as it comes."""
    hops: list[bytes] = []
    for name, value in headers:
        if name == b"x-forwarded-for":
            hops += value.rsplit(b",", _MAX_HOPS)[-_MAX_HOPS:]
    return [hop.decode("latin-1") for hop in reversed(hops[-_MAX_HOPS:])]


@lru_cache(4_096)
def _parse(text: str) -> Address | None:
    """An address as proxies write it: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]:80`. None for junk."""
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    # How IPv4 looks to a socket that listens for both.
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return address if mapped is None else mapped


@lru_cache(4_096)
def _is_trusted(address: Address, networks: Networks) -> bool:
    return any(address in network for network in networks)
