"""Every setting: type, unit, default, one line of help. Read once at the start, and handed down.

A setting is a field here and `TURNOUT_` with its name in the environment. The table in the docs and `turnout doctor`
are made from the struct.
"""

import base64
import difflib
import ipaddress
import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_type_hints
from urllib.parse import urlsplit, urlunsplit

import msgspec
from msgspec import Meta

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

PREFIX = "TURNOUT_"
_OTHERS = ("TURNOUT_KEY", "TURNOUT_MAIL_PASSWORD", "TURNOUT_MIGRATE_TO", "TURNOUT_WEBHOOK_SECRET")
"""Not settings: the sender's key, which `turnout push` reads, the password for `turnout mail set`, where `turnout
migrate-data` goes, and a webhook's secret for `turnout webhook listen`."""
_TESTS = "TURNOUT_TEST_"


class InvalidSettings(Exception):
    """What is set cannot be meant; `problems` holds a sentence for each reason."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


# From a text in the environment to a value. Each raises ValueError with the end of the sentence that the name begins.


_EXAMPLE = "sqlite:////var/lib/turnout/turnout.db"
_POSTGRESQL_EXAMPLE = "postgresql://turnout:password@db.example.org/turnout"


def _database_url(text: str) -> str:
    scheme, separator, path = text.partition("://")
    if not separator:
        raise ValueError(f"must be a URL such as {_EXAMPLE}")
    if scheme in ("postgres", "postgresql"):
        return _postgresql_url(text)
    if scheme != "sqlite":
        raise ValueError(f"must begin with sqlite:// or postgresql://, such as {_EXAMPLE} or {_POSTGRESQL_EXAMPLE}")
    if not path.startswith("/"):
        raise ValueError(f"must have three slashes before a relative path and four before an absolute one: {_EXAMPLE}")
    if "?" in path or "#" in path:
        raise ValueError("must be a plain path without ? or #")
    path = path[1:]
    if not path or path.endswith("/") or ":memory:" in path:
        raise ValueError(f"must name a file, such as {_EXAMPLE}; a database in memory keeps nothing")
    return f"sqlite:///{Path(path).absolute()}"


def _postgresql_url(text: str) -> str:
    """As libpq reads it: several hosts, TLS and all its other parameters."""
    from psycopg import ProgrammingError, conninfo

    scheme, _, rest = text.partition("://")
    if scheme not in ("postgres", "postgresql"):
        raise ValueError(f"must begin with postgresql://, such as {_POSTGRESQL_EXAMPLE}")
    url = f"postgresql://{rest}"
    try:
        given = conninfo.conninfo_to_dict(url)
    except ProgrammingError:
        # What libpq says would repeat the password.
        given = {}
    is_readable = bool(given) and all(re.fullmatch(r"\d{0,5}", port) for port in str(given.get("port", "")).split(","))
    # A password with one of the characters in it, which libpq takes for the host's or the database's.
    if not is_readable or "@" in str(given.get("host", "")) or "@" in rest.partition("/")[2].partition("?")[0]:
        raise ValueError(
            f"cannot be read as a PostgreSQL URL, such as {_POSTGRESQL_EXAMPLE}; in the password write %40 for @, "
            "%3A for :, %2F for / and %25 for %"
        )
    if not given.get("dbname"):
        raise ValueError(f"must name a database behind the host, such as {_POSTGRESQL_EXAMPLE}")
    return url


def _public_url(text: str) -> str:
    try:
        parts = urlsplit(text)
        port_is_good = parts.port is None or parts.port > 0
    except ValueError as error:
        raise ValueError(f"is not a URL: {error}") from None
    if parts.scheme not in ("http", "https") or parts.hostname in (None, ""):
        raise ValueError(
            "must be a URL that begins with http:// or https:// and a host, such as https://feed.example.org"
        )
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not hold a user name or password")
    if "?" in text or "#" in text:
        raise ValueError("must end with the host or a path, without ? or #")
    if not port_is_good or re.search(r"[\s\\%<>\"]", text):
        raise ValueError("must be a plain URL, such as https://feed.example.org/turnout")
    return urlunsplit((parts.scheme, parts.netloc.lower(), parts.path.rstrip("/"), "", ""))


def _networks(text: str) -> tuple[Network, ...]:
    networks = []
    for word in re.split(r"[,\s]+", text.strip(", ")):
        try:
            networks.append(ipaddress.ip_network(word))
        except ValueError:
            try:
                meant = ipaddress.ip_network(word, strict=False)
            except ValueError:
                raise ValueError(
                    f"must be addresses or networks with commas between, such as 10.0.0.0/8, ::1; {word} is neither"
                ) from None
            raise ValueError(
                f"holds {word}, which is an address in a network; write {meant} if all of it is trusted"
            ) from None
    return tuple(networks)


def _issuer(text: str) -> str:
    """As it names itself: a slash at the end, or none, is part of the name."""
    try:
        parts = urlsplit(text)
        is_good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        is_good = False
    if not is_good or not text.isascii() or re.search(r"[\s\\<>\"?#@]", text):
        raise ValueError("must be the issuer's URL as the provider names it, such as https://login.example.org")
    return text


def _words(text: str) -> str:
    if not text.isprintable() or len(text) > _MAX_WORDS:
        raise ValueError(f"must be a text of up to {_MAX_WORDS} characters on one line")
    return text


_MAX_WORDS = 255


def _client_secret(text: str) -> bytes:
    if not text.isprintable() or len(text) > 4_096:
        raise ValueError("must be the secret as the provider shows it, on one line")
    return text.encode()


def _yes(text: str) -> bool:
    if text.lower() not in ("yes", "no"):
        raise ValueError("must be yes or no")
    return text.lower() == "yes"


_UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}


def _size(least: int, most: int) -> Callable[[str], int]:
    def read_size(text: str) -> int:
        match = re.fullmatch(r"([0-9][0-9_]*(?:\.[0-9]+)?)\s*([a-zA-Z]*)", text)
        if match is None or match[2].lower() not in _UNITS:
            raise ValueError("must be a size in bytes, such as 1048576, 512KiB or 1MiB")
        size = int(float(match[1].replace("_", "")) * _UNITS[match[2].lower()])
        if not least <= size <= most:
            raise ValueError(f"must be between {format_size(least)} and {format_size(most)}")
        return size

    return read_size


def _count(least: int, most: int) -> Callable[[str], int]:
    def read_count(text: str) -> int:
        if not re.fullmatch(r"[0-9][0-9_]{0,11}", text):
            raise ValueError("must be a whole number")
        count = int(text)
        if not least <= count <= most:
            raise ValueError(f"must be between {least:,} and {most:,}")
        return count

    return read_count


def _seconds(least: float, most: float) -> Callable[[str], float]:
    def read_seconds(text: str) -> float:
        match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*s?", text)
        seconds = float(match[1]) if match else math.nan
        if not least <= seconds <= most:
            raise ValueError(f"must be a number of seconds between {least:g} and {most:g}")
        return seconds

    return read_seconds


SECRET_KEY_BYTES = 32
_FEWEST_DIFFERENT_BYTES = 8
"""Of 32 random ones about 30 differ; what a hand types does not get there."""


def as_secret_key(text: str) -> bytes:
    """The key that was written as base64, either alphabet, with or without its padding, or as hexadecimal."""
    try:
        if len(text) == 2 * SECRET_KEY_BYTES:
            key = bytes.fromhex(text)
        else:
            key = base64.b64decode(text.rstrip("=").translate(_PLAIN_ALPHABET) + "=", validate=True)
    except ValueError:
        key = b""
    if len(key) != SECRET_KEY_BYTES:
        raise ValueError("must be 32 random bytes in base64 or hexadecimal, as `openssl rand -base64 32` prints them")
    if len(set(key)) < _FEWEST_DIFFERENT_BYTES:
        raise ValueError("must be random, and is not: take what `openssl rand -base64 32` prints")
    return key


_PLAIN_ALPHABET = str.maketrans("-_", "+/")


def _word(*words: str) -> Callable[[str], str]:
    def read_word(text: str) -> str:
        if text.lower() not in words:
            raise ValueError(f"must be {', '.join(words[:-1])} or {words[-1]}")
        return text.lower()

    return read_word


def _setting(
    help_text: str,
    read: Callable[[str], Any],
    *,
    unit: str = "",
    secret: bool = False,
    default: str | None = None,
    kind: str = "",
) -> Meta:
    """What is known of a field besides its type.

    `default` is how the docs say it, where the value would not do; `kind` what it is, where its type does not say it.
    """
    return Meta(
        description=help_text,
        extra={"read": read, "unit": unit, "secret": secret, "default": default, "kind": kind},
    )


LogFormat = Literal["text", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """All settings, checked. Made by `read`; a test may make its own."""

    database_url: Annotated[
        str,
        _setting(
            "The database in which everything is kept: sqlite:////absolute/path.db or postgresql://user:pw@host/db.",
            _database_url,
            secret=True,
            default="sqlite:///data/turnout.db, in the working directory",
        ),
    ] = msgspec.field(default_factory=lambda: _database_url("sqlite:///data/turnout.db"))
    secret_key: Annotated[
        bytes | None,
        _setting(
            "The installation's secret: 32 random bytes, in base64 or hexadecimal. Keep it for as long as the data.",
            as_secret_key,
            secret=True,
            default="a file, made when first needed: beside the database, or data/turnout.key where that is PostgreSQL",
        ),
    ] = None
    read_database_url: Annotated[
        str | None,
        _setting(
            "A replica of the PostgreSQL database, for lists, searches and exports; pushes never read from it.",
            _postgresql_url,
            secret=True,
        ),
    ] = None
    notice_database_url: Annotated[
        str | None,
        _setting(
            "The PostgreSQL database without a pooler in between, for notices of changes (LISTEN).",
            _postgresql_url,
            secret=True,
            default="as TURNOUT_DATABASE_URL",
        ),
    ] = None
    database_pool_size: Annotated[
        int,
        _setting(
            "PostgreSQL: how many connections a process keeps for writing, and how many for reading.",
            _count(1, 1_000),
            unit="connections",
        ),
    ] = 8
    public_url: Annotated[
        str | None,
        _setting(
            "Where senders reach this server: gateways' addresses begin with it. A path may follow the host.",
            _public_url,
            default="from host and port",
        ),
    ] = None
    trusted_proxies: Annotated[
        tuple[Network, ...],
        _setting("Addresses and networks of the proxies whose X-Forwarded-For is believed.", _networks),
    ] = ()
    max_body: Annotated[
        int,
        _setting("The largest body of one push, as sent and as unpacked.", _size(1024, 256 * 2**20), unit="bytes"),
    ] = 2**20
    max_batch_body: Annotated[
        int,
        _setting("The largest body of a batch, as sent and as unpacked.", _size(1024, 2**30), unit="bytes"),
    ] = 32 * 2**20
    max_export: Annotated[
        int,
        _setting("The largest file that an export may become.", _size(1024 * 1024, 2**40), unit="bytes"),
    ] = 2 * 2**30
    queue_limit: Annotated[
        int,
        _setting(
            "How many pushes may wait to be committed; beyond, senders are asked to come again.",
            _count(1, 1_000_000),
            unit="pushes",
        ),
    ] = 2_000
    in_flight_limit: Annotated[
        int,
        _setting(
            "How much memory the bodies of all requests may take at once; beyond, senders are asked to come again.",
            _size(1024, 2**40),
            unit="bytes",
        ),
    ] = 128 * 2**20
    log_format: Annotated[
        LogFormat, _setting("Log lines for people (text) or for programs (json).", _word(*get_args(LogFormat)))
    ] = "text"
    log_level: Annotated[LogLevel, _setting("The least serious log lines to write.", _word(*get_args(LogLevel)))] = (
        "info"
    )
    shutdown_timeout_s: Annotated[
        float,
        _setting("How long a stop may wait for requests to be answered.", _seconds(0.1, 3_600), unit="seconds"),
    ] = 10
    oidc_issuer: Annotated[
        str | None,
        _setting(
            "Single sign-on by OpenID Connect: the provider's issuer URL, word for word as the provider names it.",
            _issuer,
        ),
    ] = None
    oidc_client_id: Annotated[
        str | None, _setting("What the provider calls this installation.", _words, kind="text")
    ] = None
    oidc_client_secret: Annotated[
        bytes | None,
        _setting(
            "What the provider has given this installation to show who it is; none where the provider asks for none.",
            _client_secret,
            secret=True,
            kind="text",
        ),
    ] = None
    oidc_name: Annotated[
        str, _setting("What the button on the sign-in page says after “Sign in with”.", _words, kind="text")
    ] = "single sign-on"
    oidc_private: Annotated[
        bool,
        _setting("Whether the provider may be at a private address, or without HTTPS: yes or no.", _yes),
    ] = False


class Description(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the docs' table."""

    name: str
    """In the environment."""
    type: str
    unit: str
    default: str
    help: str


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `turnout doctor`."""

    name: str
    value: str
    """As far as it may be shown."""
    source: Literal["default", "environment", "file"]
    help: str
    problem: str | None = None
    """Why the value cannot be meant."""


def read(environ: Mapping[str, str]) -> Settings:
    """The settings of that environment. Raises InvalidSettings with every problem there is."""
    problems = _unknown(environ)
    values: dict[str, Any] = {}
    failed = set()
    for field, origin, value in _look_up(environ):
        if origin.problem is not None:
            problems.append(origin.problem)
            failed.add(field)
        elif origin.source != "default":
            values[field] = value
    settings = Settings(**values)
    problems += _contradictions(settings)
    if not failed & {"oidc_issuer", "oidc_client_id"}:
        problems += _contradictions_of_sign_on(settings)
    if problems:
        raise InvalidSettings(problems)
    return settings


def origins(environ: Mapping[str, str]) -> list[Origin]:
    """Each setting with its value and where that came from, problems included, secrets masked."""
    return [origin for _, origin, _ in _look_up(environ)]


def describe() -> list[Description]:
    """Each setting as the docs show it."""
    rows = []
    for field, (kind, meta) in _FIELDS.items():
        extra = meta.extra or {}
        rows.append(
            Description(
                name=_name(field),
                type=extra["kind"] or (_TYPES[kind] if kind in _TYPES else " or ".join(get_args(kind))),
                unit=extra["unit"],
                default=extra["default"] or _format(getattr(_DEFAULTS, field), extra["unit"]),
                help=meta.description or "",
            )
        )
    return rows


def format_size(size_bytes: int) -> str:
    """`1 MiB` where it comes out even, else the number of bytes."""
    for unit, factor in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if size_bytes and size_bytes % factor == 0:
            return f"{size_bytes // factor:,} {unit}"
    return f"{size_bytes:,} bytes"


def _fields() -> dict[str, tuple[Any, Meta]]:
    hints = get_type_hints(Settings, include_extras=True)
    return {field: (hints[field].__origin__, hints[field].__metadata__[0]) for field in Settings.__struct_fields__}


_FIELDS = _fields()
_DEFAULTS = Settings()
_TYPES = {
    str: "URL",
    str | None: "URL",
    bytes | None: "key",
    tuple[Network, ...]: "networks",
    int: "number",
    float: "number",
    bool: "yes or no",
}


def _name(field: str) -> str:
    return PREFIX + field.upper()


def _look_up(environ: Mapping[str, str]) -> list[tuple[str, Origin, Any]]:
    """Field, origin and value of every setting; where there is a problem the value means nothing."""
    return [(field, *_look_up_one(field, meta, environ)) for field, (_, meta) in _FIELDS.items()]


def _look_up_one(field: str, meta: Meta, environ: Mapping[str, str]) -> tuple[Origin, Any]:
    extra = meta.extra or {}
    name = _name(field)
    help_text = meta.description or ""
    # A blank is nothing: `TURNOUT_X=${X}` in a composed file sets it to that.
    text = environ.get(name, "").strip()
    path = environ.get(f"{name}_FILE", "").strip() if extra["secret"] else ""
    source: Literal["default", "environment", "file"] = "environment" if text else "default"

    def failed(why: str) -> tuple[Origin, Any]:
        shown = _mask(text) if extra["secret"] else text
        return Origin(name=name, value=shown, source=source, help=help_text, problem=why), None

    if text and path:
        return failed(f"{name} and {name}_FILE are both set; keep one of them.")
    if path:
        source = "file"
        try:
            text = Path(path).read_text("utf-8").strip()
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
            return failed(f"{name}_FILE names {path}, which cannot be read: {reason}.")
        if not text:
            return failed(f"{name}_FILE names {path}, which is empty.")
    if not text:
        default = getattr(Settings(), field)
        shown = extra["default"] if default is None else _format(default, extra["unit"])
        return Origin(name=name, value=shown, source="default", help=help_text), default
    try:
        value = extra["read"](text)
    except ValueError as error:
        given = "" if extra["secret"] else f" (it is {text!r:.120})"
        return failed(f"{name}{given} {error}.")
    shown = _mask(value) if extra["secret"] else _format(value, extra["unit"])
    return Origin(name=name, value=shown, source=source, help=help_text), value


def _format(value: object, unit: str) -> str:
    if value is None or value == ():
        return "none"
    if isinstance(value, tuple):
        return ", ".join(str(one) for one in value)
    if unit == "bytes" and isinstance(value, int):
        return format_size(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _mask(text: str | bytes) -> str:
    """A URL without its password, which is all that is secret in it; anything else not at all."""
    if isinstance(text, bytes):
        return "***"
    shown, query, rest = text.partition("?")
    if shown.startswith("sqlite:///"):
        return shown
    match = re.fullmatch(r"([a-z][a-z0-9+.-]*://)(?:([^:/]*)(?::.*)?@)?(.*)", shown, re.DOTALL)
    # Where it is not clear what is the password, nothing is.
    if match is None or (query and "@" in rest) or not _PLACE.fullmatch(match[3]):
        return "***"
    return f"{match[1]}{'' if match[2] is None else f'{match[2]}:***@'}{match[3]}"


_PLACE = re.compile(r"(?:(?:\[[0-9a-fA-F:.]*\]|[^\[\]:/,@]*)(?::\d*)?(?:,|(?=/)|$))*(?:/[^@]*)?")
"""Hosts and a database."""


def _unknown(environ: Mapping[str, str]) -> list[str]:
    known = [_name(field) for field in _FIELDS]
    files = [f"{_name(field)}_FILE" for field, (_, meta) in _FIELDS.items() if (meta.extra or {})["secret"]]
    problems = []
    for name in sorted(environ):
        if not name.upper().startswith(PREFIX) or name in (*known, *files, *_OTHERS) or name.startswith(_TESTS):
            continue
        if name.endswith("_FILE") and name.removesuffix("_FILE") in known:
            problems.append(
                f"{name} is not a setting: only secrets are read from files. Set {name.removesuffix('_FILE')} itself."
            )
            continue
        # Compared without the prefix, which would make any two names alike.
        suffixes = [one.removeprefix(PREFIX) for one in (*known, *files)]
        near = difflib.get_close_matches(name.upper().removeprefix(PREFIX), suffixes, n=1, cutoff=0.6)
        hint = f"Did you mean {PREFIX}{near[0]}?" if near else "`turnout doctor` lists those there are."
        problems.append(f"{name} is not a setting. {hint}")
    return problems


def _contradictions(settings: Settings) -> list[str]:
    problems = []
    for field in ("max_body", "max_batch_body"):
        size = getattr(settings, field)
        if size > settings.in_flight_limit:
            problems.append(
                f"{_name(field)} ({format_size(size)}) is more than TURNOUT_IN_FLIGHT_LIMIT "
                f"({format_size(settings.in_flight_limit)}) lets in, so such a body could never be taken; "
                "raise the one or lower the other."
            )
    if settings.database_url.startswith("sqlite:"):
        problems += [
            f"{_name(field)} is for PostgreSQL, and TURNOUT_DATABASE_URL names an SQLite file: unset one of them."
            for field in ("read_database_url", "notice_database_url")
            if getattr(settings, field) is not None
        ]
    return problems


def _contradictions_of_sign_on(settings: Settings) -> list[str]:
    issuer, client_id = settings.oidc_issuer, settings.oidc_client_id
    if issuer is None:
        given = [name for name in ("client_id", "client_secret") if getattr(settings, f"oidc_{name}") is not None]
        return [f"TURNOUT_OIDC_{name.upper()} is set without TURNOUT_OIDC_ISSUER: set both or none." for name in given]
    problems = []
    if client_id is None:
        problems.append("TURNOUT_OIDC_ISSUER is set without TURNOUT_OIDC_CLIENT_ID: set both or none.")
    if issuer.startswith("http:") and not settings.oidc_private:
        problems.append(
            "TURNOUT_OIDC_ISSUER begins with http://, where anybody on the way could sign in as anybody: use https://, "
            "or set TURNOUT_OIDC_PRIVATE=yes for a provider on this machine or your own network."
        )
    return problems
