"""What `turnout doctor` says of one thing that it has looked at; and what it looks at in every database."""

import statistics
import time
from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

from turnout.errors import StorageUnavailable
from turnout.model.signing_key import SigningKey
from turnout.now import as_text, now_us
from turnout.store import events, moving, probe, schema, signing_keys
from turnout.store.database import Database
from turnout.store.sealing import CannotOpen, unseal

SLOW_COMMIT_S = 0.1
_PROBES = 5
MAX_SIGNING_KEYS = 1_000
"""Looked at."""
CLOCK_WARNING_US = 2 * 1_000_000
CLOCK_PROBLEM_US = 60 * 1_000_000


class Check(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that was looked at, or could not be."""

    name: str
    state: Literal["ok", "warning", "problem", "not checked"]
    message: str
    """What was found, or why nothing was looked for."""
    help: str = ""
    """What to do; empty where all is well, and where another check says it."""


def skip(why: str, *names: str) -> Iterator[Check]:
    return (Check(name, "not checked", why) for name in names)


def complete(checks: Iterator[Check], why: str, names: Sequence[str]) -> Iterator[Check]:
    """These checks, and behind them a line for each of the names that is not among them."""
    looked_at = set()
    for check in checks:
        looked_at.add(check.name)
        yield check
    yield from skip(why, *(name for name in names if name not in looked_at))


def check_content(database: Database, slow: str) -> Iterator[Check]:
    """Schema, commits and clock; `slow` is what to do about slow commits. Raises StorageUnavailable."""
    with database.read() as connection:
        found = schema.find_version(connection)
        why_shut = moving.find_why_shut(connection)
        way_back = schema.say_way_back(connection)
    schema_check = _check_schema(found, why_shut, way_back)
    yield schema_check
    if schema_check.state == "problem":
        yield from skip("This program does not work with the database as it is.", "commit", "clock")
    elif found is None:
        yield from skip("The database is empty.", "commit", "clock")
    else:
        yield _check_commit(database, slow)
        yield _check_clock(database)
        if found == schema.VERSION:
            yield from _check_signing_keys(database)


def _check_schema(found: str | None, why_shut: str | None, way_back: str) -> Check:
    if why_shut is not None:
        return Check("schema", "problem", why_shut, "Go where the data is, or go on with the move, or take it back.")
    if found == schema.VERSION:
        return Check("schema", "ok", f"Version {found}, as this program needs it.")
    if found is None:
        return Check("schema", "ok", "The database is empty; the schema is made when Turnout starts or is first used.")
    if found > schema.VERSION:
        return Check(
            "schema",
            "problem",
            f"Version {found}; this program knows up to {schema.VERSION}.",
            f"Start the newer version of Turnout that made it, or {way_back}.",
        )
    return Check("schema", "ok", f"Version {found}; it is brought to {schema.VERSION} when Turnout starts.")


def _check_commit(database: Database, slow: str) -> Check:
    times_s = []
    for _ in range(_PROBES):
        began = time.perf_counter()
        with database.write() as connection:
            probe.commit_probe(connection, now_us())
        times_s.append(time.perf_counter() - began)
    median_s = statistics.median(times_s)
    message = f"A commit takes {median_s * 1000:,.1f} ms until it is on disk ({_PROBES} tried)."
    if median_s > SLOW_COMMIT_S:
        return Check("commit", "warning", message, slow)
    return Check("commit", "ok", message)


def _check_signing_keys(database: Database) -> Iterator[Check]:
    """Nothing where all is well, or the secret key itself is amiss, which another check says."""
    with database.read() as connection:
        keys = signing_keys.list_unretired_signing_keys(connection, MAX_SIGNING_KEYS)
    try:
        secret_key = database.secret_key if keys else b""
    except StorageUnavailable:
        return
    lost = [key for key in keys if not _opens(secret_key, key)]
    if lost:
        yield Check(
            "signing keys",
            "warning",
            f"{len(lost):,} of {len(keys):,} keys that tokens are signed with were sealed with another secret key.",
            "Nothing has to be done: a new one is made when the next token is asked for, and what the others have "
            "signed stays good for its time. If the former secret key turns up, put it back.",
        )


def _opens(secret_key: bytes, key: SigningKey) -> bool:
    try:
        unseal(secret_key, key.private_key, key.id)
    except CannotOpen:
        return False
    return True


def _check_clock(database: Database) -> Check:
    with database.read() as connection:
        last_at = events.find_last_at(connection)
    ahead_us = 0 if last_at is None else last_at - now_us()
    if ahead_us <= CLOCK_WARNING_US:
        return Check("clock", "ok", f"It is {as_text(now_us())}, after everything that is stored.")
    return Check(
        "clock",
        "problem" if ahead_us > CLOCK_PROBLEM_US else "warning",
        f"The last change is stored as of {as_text(last_at or 0)}, {ahead_us / 1e6:,.0f} s from now: the clock is, or "
        "was, wrong.",
        "Set the clock and let it be kept (NTP). Nothing is lost: changes keep their order, under that time.",
    )
