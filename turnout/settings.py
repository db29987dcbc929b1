"""Every setting: type, unit, default, one line of help. Read once at the start, and handed down.

A setting is a field here and `TURNOUT_` with its name in the environment. The table in the docs and `turnout doctor`
are made from the struct.
"""

import difflib
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_type_hints

import msgspec
from msgspec import Meta

from turnout.setting_values import (
    Network,
    as_client_secret,
    as_database_url,
    as_issuer,
    as_networks,
    as_postgresql_url,
    as_public_url,
    as_secret_key,
    as_words,
    as_yes,
    count_between,
    format_size,
    one_of,
    seconds_between,
    size_between,
)

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
            as_database_url,
            secret=True,
            default="sqlite:///data/turnout.db, in the working directory",
        ),
    ] = msgspec.field(default_factory=lambda: as_database_url("sqlite:///data/turnout.db"))
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
            as_postgresql_url,
            secret=True,
        ),
    ] = None
    notice_database_url: Annotated[
        str | None,
        _setting(
            "The PostgreSQL database without a pooler in between, for notices of changes (LISTEN).",
            as_postgresql_url,
            secret=True,
            default="as TURNOUT_DATABASE_URL",
        ),
    ] = None
    database_pool_size: Annotated[
        int,
        _setting(
            "PostgreSQL: how many connections a process keeps for writing, and how many for reading.",
            count_between(1, 1_000),
            unit="connections",
        ),
    ] = 8
    public_url: Annotated[
        str | None,
        _setting(
            "Where senders reach this server: gateways' addresses begin with it. A path may follow the host.",
            as_public_url,
            default="from host and port",
        ),
    ] = None
    trusted_proxies: Annotated[
        tuple[Network, ...],
        _setting("Addresses and networks of the proxies whose X-Forwarded-For is believed.", as_networks),
    ] = ()
    max_body: Annotated[
        int,
        _setting(
            "The largest body of one push, as sent and as unpacked.", size_between(1024, 256 * 2**20), unit="bytes"
        ),
    ] = 2**20
    max_batch_body: Annotated[
        int,
        _setting("The largest body of a batch, as sent and as unpacked.", size_between(1024, 2**30), unit="bytes"),
    ] = 32 * 2**20
    max_export: Annotated[
        int,
        _setting("The largest file that an export may become.", size_between(1024 * 1024, 2**40), unit="bytes"),
    ] = 2 * 2**30
    queue_limit: Annotated[
        int,
        _setting(
            "How many pushes may wait to be committed; beyond, senders are asked to come again.",
            count_between(1, 1_000_000),
            unit="pushes",
        ),
    ] = 2_000
    in_flight_limit: Annotated[
        int,
        _setting(
            "How much memory the bodies of all requests may take at once; beyond, senders are asked to come again.",
            size_between(1024, 2**40),
            unit="bytes",
        ),
    ] = 128 * 2**20
    log_format: Annotated[
        LogFormat, _setting("Log lines for people (text) or for programs (json).", one_of(*get_args(LogFormat)))
    ] = "text"
    log_level: Annotated[LogLevel, _setting("The least serious log lines to write.", one_of(*get_args(LogLevel)))] = (
        "info"
    )
    shutdown_timeout_s: Annotated[
        float,
        _setting("How long a stop may wait for requests to be answered.", seconds_between(0.1, 3_600), unit="seconds"),
    ] = 10
    oidc_issuer: Annotated[
        str | None,
        _setting(
            "Single sign-on by OpenID Connect: the provider's issuer URL, word for word as the provider names it.",
            as_issuer,
        ),
    ] = None
    oidc_client_id: Annotated[
        str | None, _setting("What the provider calls this installation.", as_words, kind="text")
    ] = None
    oidc_client_secret: Annotated[
        bytes | None,
        _setting(
            "What the provider has given this installation to show who it is; none where the provider asks for none.",
            as_client_secret,
            secret=True,
            kind="text",
        ),
    ] = None
    oidc_name: Annotated[
        str, _setting("What the button on the sign-in page says after “Sign in with”.", as_words, kind="text")
    ] = "single sign-on"
    oidc_private: Annotated[
        bool,
        _setting("Whether the provider may be at a private address, or without HTTPS: yes or no.", as_yes),
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
