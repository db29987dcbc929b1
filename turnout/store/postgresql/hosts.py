"""The hosts that a URL names, each with a URL of its own."""

from psycopg import conninfo

_CONNECT_TIMEOUT_S = 3
"""For one host, where the URL says nothing."""


def split_hosts(url: str) -> list[tuple[str, str]]:
    """Each host as people know it, and what leads to it alone, whether it takes writes or not.

    As libpq pairs them: one port is that of all. Empty where they do not pair, which it refuses.
    """
    given = conninfo.conninfo_to_dict(url)
    addresses = str(given.get("hostaddr") or "").split(",")
    names = str(given.get("host") or "").split(",")
    ports = str(given.get("port") or "").split(",")
    count = max(len(addresses), len(names))
    if "hostaddr" not in given:
        addresses *= count
    elif "host" not in given:
        names *= count
    if len(ports) == 1:
        ports *= count
    if not len(addresses) == len(names) == len(ports):
        return []
    return [
        (_describe(name or address, port), _alone(url, name, address, port))
        for name, address, port in zip(names, addresses, ports, strict=True)
    ]


def find_choice(url: str) -> str | None:
    """What the URL says about which of its hosts is used; None where it says nothing."""
    choice = conninfo.conninfo_to_dict(url).get("target_session_attrs")
    return None if choice is None else str(choice)


def _describe(host: str, port: str) -> str:
    name = f"[{host}]" if ":" in host and port else host or "localhost"
    return f"{name}:{port}" if port else name


def _alone(url: str, name: str, address: str, port: str) -> str:
    parts = conninfo.conninfo_to_dict(url)
    timeout = parts.get("connect_timeout", _CONNECT_TIMEOUT_S)
    only = {"host": name, "hostaddr": address, "port": port, "connect_timeout": timeout, "target_session_attrs": "any"}
    return conninfo.make_conninfo("", **{key: value for key, value in (parts | only).items() if value != ""})
