"""Which network addresses are the public internet's, and so nobody's secret. Pure."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

_NOT_PUBLIC_4 = tuple(
    (ip_network(network), what)
    for network, what in (
        ("0.0.0.0/8", "an address of no machine"),
        ("10.0.0.0/8", "a private address"),
        ("100.64.0.0/10", "a provider's internal address"),
        ("127.0.0.0/8", "this machine itself"),
        ("168.63.129.16/32", "a cloud's internal address"),
        ("169.254.0.0/16", "a link-local address, where clouds keep their secrets"),
        ("172.16.0.0/12", "a private address"),
        ("192.0.0.0/24", "a reserved address"),
        ("192.0.2.0/24", "an address for documentation"),
        ("192.88.99.0/24", "a reserved address"),
        ("192.168.0.0/16", "a private address"),
        ("198.18.0.0/15", "an address for tests of networks"),
        ("198.51.100.0/24", "an address for documentation"),
        ("203.0.113.0/24", "an address for documentation"),
        ("224.0.0.0/4", "a multicast address"),
        ("240.0.0.0/4", "a reserved address"),
    )
)
_NOT_PUBLIC_6 = tuple(
    (ip_network(network), what)
    for network, what in (
        ("::/128", "an address of no machine"),
        ("::1/128", "this machine itself"),
        ("::ffff:0:0/96", "an IPv4 address in another spelling"),
        ("::/96", "an IPv4 address in another spelling"),
        ("64:ff9b::/96", "an IPv4 address in another spelling"),
        ("2001::/23", "a reserved address, or a tunnel to an IPv4 address"),
        ("2001:db8::/32", "an address for documentation"),
        ("2002::/16", "a tunnel to an IPv4 address"),
        ("3fff::/20", "an address for documentation"),
        ("fc00::/7", "a private address"),
        ("fe80::/10", "a link-local address"),
        ("fec0::/10", "a private address"),
        ("ff00::/8", "a multicast address"),
    )
)
_GLOBAL_6 = ip_network("2000::/3")
"""All that was ever given to anybody (RFC 4291, IANA's registry): whatever else there may be is refused."""


def is_public(address: str) -> bool:
    """Whether this is an address, written as the system writes one, of the public internet."""
    return find_fault(address) is None


def find_fault(address: str) -> str | None:
    """What the address is, where it is no public one; not even a public IPv4 address spelled as an IPv6 one is."""
    try:
        read = ip_address(address)
    except ValueError:
        return "no address"
    if isinstance(read, IPv4Address):
        return next((what for network, what in _NOT_PUBLIC_4 if read in network), None)
    # Without the interface that may be named behind it.
    plain = IPv6Address(int(read))
    fault = next((what for network, what in _NOT_PUBLIC_6 if plain in network), None)
    return fault or (None if plain in _GLOBAL_6 else "a reserved address")
