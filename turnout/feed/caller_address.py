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


def is_this_machine(scope: Mapping[str, Any], trusted_proxies: Networks) -> bool:
    """Whether a process on this machine asks, and not somebody elsewhere through a proxy on it, named to us or not.

    Of a proxy that names nobody for whom it asks the Host header is left to tell: it is mostly that of the public URL.
    """
    headers: list[tuple[bytes, bytes]] = scope["headers"]
    address = _peer(scope)
    if address is None or not address.is_loopback:
        return False
    if not all(_is_name_of_this_machine(value) for name, value in headers if name == b"host"):
        return False
    said = [(name, value) for name, value in headers if name in _OF_PROXIES and value.strip()]
    if not said:
        return True
    if not _is_trusted(address, trusted_proxies):
        return False
    # Whatever a proxy that we trust has handed on untouched may be invented: all have to say the same.
    hops = [hop for name, value in said if name in _OF_CALLERS for hop in value.decode("latin-1").split(",")]
    callers = [_parse(hop) for hop in hops[:_MAX_HOPS]]
    return 0 < len(hops) <= _MAX_HOPS and all(caller is not None and caller.is_loopback for caller in callers)


_OF_CALLERS = (b"x-forwarded-for", b"x-real-ip")
_OF_PROXIES = (*_OF_CALLERS, b"forwarded", b"via", b"x-forwarded-host", b"x-forwarded-proto", b"x-forwarded-server")


def _is_name_of_this_machine(host: bytes) -> bool:
    name = host.decode("latin-1").strip().lower()
    if name.partition(":")[0].rstrip(".") == "localhost":
        return True
    address = _parse(name)
    return address is not None and address.is_loopback


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
