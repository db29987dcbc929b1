"""A PostgreSQL URL as libpq takes it: several hosts, TLS, all other parameters; and what is wrong with one.

libpq would say some of it only when it connects, for each connection, and with the password in it.
"""

import difflib
import ipaddress
import re

_EXAMPLE = "postgresql://turnout:password@db.example.org/turnout"
_HOW_TO_WRITE_IT = "in the password write %40 for @, %3A for :, %2F for / and %25 for %"
_WORDS = {
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "target_session_attrs": ("any", "read-write", "read-only", "primary", "standby", "prefer-standby"),
    "channel_binding": ("disable", "prefer", "require"),
    "gssencmode": ("disable", "prefer", "require"),
    "load_balance_hosts": ("disable", "random"),
    "sslnegotiation": ("postgres", "direct"),
    # All text is sent as it is.
    "client_encoding": ("UTF8", "utf8", "utf-8"),
}
"""Parameters that are one of few words."""
_NUMBERS = {
    "connect_timeout": "seconds",
    "keepalives": "1 for yes, 0 for no",
    "keepalives_idle": "seconds",
    "keepalives_interval": "seconds",
    "keepalives_count": "how often",
    "tcp_user_timeout": "milliseconds",
}
"""Parameters that are whole numbers, and of what."""
_OF_OTHERS = {
    "pool_size": "TURNOUT_DATABASE_POOL_SIZE says how many connections there are",
    "schema": "write options=-csearch_path%3Dname",
    "currentschema": "write options=-csearch_path%3Dname",
    "search_path": "write options=-csearch_path%3Dname",
    "timeout": "connect_timeout is meant, perhaps",
    "encoding": "leave it out",
    "charset": "leave it out",
}
"""What other programs' URLs have for it."""


def as_postgresql_url(text: str) -> str:
    """The URL, which libpq will take. Raises ValueError with the end of the sentence that the setting's name begins.

    What it says holds nothing of the password, nor of what may be one.
    """
    scheme, _, rest = text.partition("://")
    if scheme.lower() not in ("postgres", "postgresql"):
        raise ValueError(f"must begin with postgresql://, such as {_EXAMPLE}")
    url = f"postgresql://{rest}"
    authority, _, tail = rest.partition("/")
    path, _, query = tail.partition("?")
    # A password with one of the characters in it, which libpq takes for the host's or the database's.
    if "@" in path or "@" in authority.partition("@")[2] or ("@" in query and "@" not in authority):
        raise ValueError(f"cannot be read as a PostgreSQL URL, such as {_EXAMPLE}; {_HOW_TO_WRITE_IT}")
    if query:
        _check_parameters(query)
    given = _read(url)
    _check_hosts(authority.rpartition("@")[2].partition("?")[0], given)
    if not given.get("dbname"):
        raise ValueError(f"must name a database behind the host, such as {_EXAMPLE}")
    for name, value in given.items():
        _check_value(name, str(value))
    return url


def _read(url: str) -> dict[str, object]:
    from psycopg import ProgrammingError, conninfo

    try:
        return dict(conninfo.conninfo_to_dict(url))
    except ProgrammingError:
        # What libpq says would repeat the password.
        raise ValueError(f"cannot be read as a PostgreSQL URL, such as {_EXAMPLE}; {_HOW_TO_WRITE_IT}") from None


def _check_parameters(query: str) -> None:
    for pair in query.split("&"):
        name, equals, value = pair.partition("=")
        if not re.fullmatch(r"[A-Za-z_-]{1,40}", name):
            raise ValueError("must have parameters behind the ? such as ?sslmode=require&connect_timeout=5")
        # libpq takes that one too, from other programs' URLs.
        if name not in _names() and (name, value) != ("ssl", "true"):
            near = difflib.get_close_matches(name.lower(), _names(), n=1, cutoff=0.75)
            hint = f"{near[0]} is meant, perhaps" if near else "leave it out"
            hint = _OF_OTHERS.get(name.lower(), hint)
            raise ValueError(f"has the parameter {name}, which libpq does not know: {hint}")
        if not equals:
            raise ValueError(f"has the parameter {name} without a value: write {name}=… or leave it out")
        if "=" in value or "?" in value:
            raise ValueError(
                f"has a = or ? in the value of {name}: write %3D for = and %3F for ? there, and & between parameters"
            )


def _names() -> list[str]:
    from psycopg import pq

    return [option.keyword.decode() for option in pq.Conninfo.get_defaults()]


def _check_hosts(written: str, given: dict[str, object]) -> None:
    if "[" not in written and any(host.count(":") > 1 for host in written.split(",")):
        raise ValueError(
            f"must have an IPv6 address in brackets, such as postgresql://[2001:db8::1]/turnout; {_HOW_TO_WRITE_IT}"
        )
    ports = str(given.get("port") or "").split(",")
    if not all(port == "" or (re.fullmatch(r"[0-9]{1,5}", port) and 0 < int(port) < 65_536) for port in ports):
        raise ValueError(
            f"must have a number between 1 and 65535 behind the host's colon, or nothing; {_HOW_TO_WRITE_IT}"
        )
    hosts = str(given.get("hostaddr") or given.get("host") or "").split(",")
    if len(ports) not in (1, len(hosts)):
        raise ValueError(f"must have one port, or as many as hosts: it has {len(ports)} for {len(hosts)}")


def _check_value(name: str, value: str) -> None:
    words = _WORDS.get(name)
    if words is not None and value not in words:
        listed = words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
        raise ValueError(f"has {value!r:.40} for {name}, which must be {listed}")
    if name in _NUMBERS and not re.fullmatch(r"-?[0-9]{1,9}", value):
        raise ValueError(f"has {value!r:.40} for {name}, which must be a whole number ({_NUMBERS[name]})")
    if name == "hostaddr":
        for address in value.split(","):
            try:
                ipaddress.ip_address(address)
            except ValueError:
                raise ValueError(
                    f"has {address!r:.40} for hostaddr, which must be an IP address; a name belongs into host"
                ) from None
