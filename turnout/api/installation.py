"""How the installation is: whether it stores, where, what doctor finds, whether the single sign-on works."""

import asyncio
import os
import platform

from turnout import __version__
from turnout.access import users
from turnout.api.operation import Call, Given, Operation
from turnout.events import event
from turnout.operations.doctor import diagnose


class InstallationShown(Given, frozen=True, kw_only=True):
    """This server."""

    version: str
    python: str
    public_url: str
    is_storing: bool
    reason: str | None
    """Why it does not store."""
    database: str
    """`SQLite` or `PostgreSQL`."""
    place: str
    size_bytes: int | None
    workers: int
    """Processes that answer."""
    users: int
    events: int
    single_sign_on: str | None
    """The provider's address; null where there is none."""


class CheckShown(Given, frozen=True, kw_only=True):
    """One thing that was looked at."""

    name: str
    state: str
    """`ok`, `warning`, `problem` or `not checked`."""
    message: str
    help: str
    """What to do; empty where all is well."""


class Diagnosis(Given, frozen=True, kw_only=True):
    """What `turnout doctor` finds, in the server."""

    ok: bool
    """Whether there is no problem; warnings are none."""
    checks: list[CheckShown]


class SignOn(Given, frozen=True, kw_only=True):
    """Whether the provider of the single sign-on answers as it should."""

    issuer: str | None
    """Null where there is no single sign-on."""
    is_good: bool | None
    fault: str | None
    """Why nobody could sign in by it at this moment."""
    client_id: str | None
    redirect_uri: str | None
    """What the provider has to know of this installation."""


async def show(call: Call) -> InstallationShown:
    reason = await call.product.health.check()
    return await asyncio.to_thread(_show, call, reason)


def _show(call: Call, reason: str | None) -> InstallationShown:
    database, issuer = call.database, call.product.issuer
    return InstallationShown(
        version=__version__,
        python=platform.python_version(),
        public_url=call.product.public_url,
        is_storing=reason is None,
        reason=reason,
        database="SQLite" if database.url.startswith("sqlite") else "PostgreSQL",
        place=database.place,
        size_bytes=database.size_bytes() if reason is None else None,
        workers=call.product.workers,
        users=len(users.list_all(database)),
        events=len(event.list_all(database)),
        single_sign_on=None if issuer is None else issuer.url,
    )


def check(_: Call) -> Diagnosis:
    found = diagnose(os.environ)
    return Diagnosis(
        ok=found.ok,
        checks=[CheckShown(name=one.name, state=one.state, message=one.message, help=one.help) for one in found.checks],
    )


async def check_sign_on(call: Call) -> SignOn:
    issuer = call.product.issuer
    if issuer is None:
        return SignOn(issuer=None, is_good=None, fault=None, client_id=None, redirect_uri=None)
    fault = await issuer.check()
    return SignOn(
        issuer=issuer.url,
        is_good=fault is None,
        fault=fault,
        client_id=issuer.client_id,
        redirect_uri=issuer.redirect_uri,
    )


operations = [
    Operation(
        "GET", "installation", "administrator", show, "The server: health, version, database", gives=InstallationShown
    ),
    Operation(
        "GET",
        "installation/checks",
        "administrator",
        check,
        "What `turnout doctor` finds",
        "Settings, disk, database, clock and limits, each with what to do.",
        gives=Diagnosis,
    ),
    Operation(
        "GET",
        "installation/sign-on",
        "administrator",
        check_sign_on,
        "Whether the single sign-on works",
        gives=SignOn,
    ),
]
