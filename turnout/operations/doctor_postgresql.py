"""What `turnout doctor` looks at where the database is PostgreSQL: the server in place of files."""

import time
from collections.abc import Iterator
from contextlib import closing

from turnout.errors import StorageUnavailable
from turnout.model.age import Age
from turnout.operations.check import CLOCK_WARNING_US, Check, check_content, complete, skip
from turnout.operations.check_hosts import Hosts, check_hosts, say_no_writes
from turnout.operations.check_mail import check_mail
from turnout.operations.check_webhooks import check_webhooks
from turnout.operations.remedies import find_cure, say_why
from turnout.settings import Settings
from turnout.store import installation, schema, secret_key
from turnout.store.connect import open_configured
from turnout.store.database import Database
from turnout.store.diagnosis import (
    PostgresFacts,
    find_loose_choice,
    read_host_facts,
    read_postgresql_facts,
    read_replica_facts,
)
from turnout.store.rights import find_rights

OLDEST_VERSION = 150_000
NAMES = (
    "PostgreSQL",
    "encoding",
    "durability",
    "connections",
    "database clock",
    "rights",
    "secret key",
    "schema",
    "commit",
    "clock",
    "replica",
)
"""What is looked at behind `database`."""
_NOTICES = 2
"""Connections of a process: one tells of changes, one hears of them."""
_CAUGHT_UP_S = 2.0
"""After a commit of our own, which else makes it look as old as the commit before."""
_OF_THE_TABLES = ("secret key", "schema", "commit", "clock", "replica")
"""What cannot be looked at without them."""
_IN_USE = "See PostgreSQL's log, and whether a standby in synchronous_standby_names is away: commits wait for it."


def check_postgresql(configured: Settings) -> Iterator[Check]:
    """Everything about the database and the way there. No URL is shown: it may hold a password."""
    return complete(_check(configured), "The database comes first.", NAMES)


def _check(configured: Settings) -> Iterator[Check]:
    hosts = dict(read_host_facts(configured.database_url))
    choice = find_loose_choice(configured.database_url)
    try:
        facts = read_postgresql_facts(configured.database_url)
    except StorageUnavailable as error:
        # Of several the way to each is told by itself.
        said, cure = say_no_writes(hosts) or (say_why(error), find_cure(error) or _IN_USE)
        yield Check("database", "problem", said, cure)
        yield from check_hosts(hosts, choice)
        return
    with closing(open_configured(configured)) as database:
        yield _check_database(database, facts, hosts)
        yield from check_hosts(hosts, choice)
        yield from _check_reached(configured, database, facts)


def _check_database(database: Database, facts: PostgresFacts, hosts: Hosts) -> Check:
    if not facts.is_standby:
        return Check("database", "ok", f"{database.place} answers, and takes writes.")
    said, cure = say_no_writes(hosts) or (
        f"{database.place} {'leads to' if hosts else 'is'} a standby, which takes no writes.",
        "What leads there stands below, with the choice of hosts."
        if hosts
        else "Set TURNOUT_DATABASE_URL to the primary, or name all machines in it: postgresql://…@one,other/…",
    )
    return Check("database", "problem", said, cure)


def _check_reached(configured: Settings, database: Database, facts: PostgresFacts) -> Iterator[Check]:
    yield _check_version(facts)
    yield _check_encoding(facts)
    yield _check_durability(facts)
    yield _check_connections(configured, facts)
    yield _check_database_clock(facts)
    if facts.is_standby or facts.version_number < OLDEST_VERSION or facts.encoding != "UTF8":
        return
    try:
        rights = _check_rights(database)
        yield rights
        if rights.state == "problem":
            yield from skip("The account's rights come first.", *_OF_THE_TABLES)
            return
        yield _check_secret_key(database)
        database.agree_on_time()
        yield from check_content(
            database,
            "The database's disk, the way to it or its synchronous standby is slow. Next to the server it is a "
            "millisecond or two.",
        )
        yield from check_webhooks(database)
        yield from check_mail(database)
    except StorageUnavailable as error:
        yield Check(
            "commit",
            "problem",
            say_why(error),
            find_cure(error) or _IN_USE,
        )
    yield _check_replica(configured, database)


def _check_version(facts: PostgresFacts) -> Check:
    if facts.version_number < OLDEST_VERSION:
        return Check("PostgreSQL", "problem", f"It is {facts.version}.", "Turnout needs PostgreSQL 15 or later.")
    return Check("PostgreSQL", "ok", f"It is {facts.version}.")


def _check_encoding(facts: PostgresFacts) -> Check:
    if facts.encoding != "UTF8":
        return Check(
            "encoding",
            "problem",
            f"The database keeps text as {facts.encoding}, which does not hold every name.",
            "Make another one: CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0.",
        )
    return Check("encoding", "ok", "The database keeps text as UTF8.")


def _check_durability(facts: PostgresFacts) -> Check:
    if not facts.fsync:
        return Check(
            "durability",
            "problem",
            "fsync is off: when the machine stops, what was confirmed is lost, and the database may be damaged.",
            "Set fsync = on in postgresql.conf, and reload.",
        )
    if not facts.full_page_writes:
        return Check(
            "durability",
            "warning",
            "full_page_writes is off: when the machine stops in the middle of a page, the database is damaged.",
            "Set full_page_writes = on, unless the file system writes pages whole, as ZFS does.",
        )
    ours = "" if facts.is_commit_strong else ", and Turnout asks for on in its transactions"
    waits = (
        f"Commits wait for standbys too: synchronous_standby_names is {facts.standby_names}."
        if facts.standby_names
        else "No standby has to have a commit before it is confirmed: synchronous_standby_names is empty."
    )
    return Check(
        "durability",
        "ok",
        "Every commit waits until it is on disk (fsync and full_page_writes are on, synchronous_commit is "
        f"{facts.synchronous_commit}{ours}). {waits}",
    )


def _check_connections(configured: Settings, facts: PostgresFacts) -> Check:
    pool = configured.database_pool_size
    need = 2 * pool + _NOTICES
    fitting = facts.connections // need
    message = (
        f"A process of the server takes up to {need:,} connections ({pool:,} to write, {pool:,} to read, {_NOTICES} "
        f"for notices); of {facts.max_connections:,}, {facts.connections:,} are for this account: room for "
        f"{'one process' if fitting == 1 else f'{fitting:,} processes'}."
    )
    cure = "Raise max_connections, or lower TURNOUT_DATABASE_POOL_SIZE."
    if fitting == 0:
        return Check("connections", "problem", message, cure)
    if facts.connections - need < _NOTICES:
        return Check("connections", "warning", message, f"{cure} Else the command line finds none beside the server.")
    return Check("connections", "ok", message)


def _check_database_clock(facts: PostgresFacts) -> Check:
    ahead_s = -facts.clock_offset_us / 1e6
    if abs(facts.clock_offset_us) <= CLOCK_WARNING_US:
        return Check("database clock", "ok", "This machine and the database agree on what time it is.")
    return Check(
        "database clock",
        "warning",
        f"This machine's clock is {abs(ahead_s):,.1f} s {'ahead of' if ahead_s > 0 else 'behind'} the database's, by "
        "which Turnout goes.",
        "Let the clocks of both machines be kept (NTP).",
    )


def _check_rights(database: Database) -> Check:
    with database.read() as connection:
        rights = find_rights(connection)
        lack = rights.find_lack_to_look()
        found = None if lack is not None else schema.find_version(connection)
    if lack is None and found is None:
        lack = rights.find_lack_to_make()
        can = f"make the tables in schema {rights.schema}"
    else:
        lack = lack or rights.find_lack_to_use()
        can = "read and write all tables"
    if lack is not None:
        return Check("rights", "problem", lack.what, lack.cure)
    later = None if found is None else rights.find_lack_to_upgrade()
    if later is not None:
        # For an upgrade that is due it is a problem; else it may be meant so.
        state = "warning" if found == schema.VERSION else "problem"
        return Check("rights", state, later.what, later.cure)
    return Check("rights", "ok", f"The account {rights.account} may {can}.")


def _check_secret_key(database: Database) -> Check:
    try:
        with database.read() as connection:
            fault = installation.find_fault(connection, database)
        kept = secret_key.find(database.key_file)
    except StorageUnavailable as error:
        return Check("secret key", "problem", error.detail, "Mend it before the server needs it.")
    if fault is not None:
        return Check("secret key", "problem", fault, "Do it before the server starts: it does not start like this.")
    given = database.given_secret_key
    loss = (
        "No backup of the database holds it: keep it elsewhere. Without it encrypted secrets and suppressions are lost."
    )
    if given is not None and kept not in (None, given):
        return Check(
            "secret key",
            "warning",
            f"It comes from the settings; another one lies in {database.key_file} and is not used.",
            "If the one in the file was used before, unset TURNOUT_SECRET_KEY; else move the file away.",
        )
    if given is not None:
        return Check("secret key", "ok", f"It comes from the settings. {loss}")
    if kept is not None:
        return Check("secret key", "ok", f"It is in {database.key_file}. {loss}")
    return Check(
        "secret key",
        "ok",
        f"There is none yet; it is made in {database.key_file} when the server first starts. Where several machines "
        "have the database in common, set TURNOUT_SECRET_KEY on all of them.",
    )


def _check_replica(configured: Settings, database: Database) -> Check:
    if configured.read_database_url is None:
        return Check("replica", "ok", "None is set: lists are read from the database itself.")
    try:
        replica = read_replica_facts(configured.read_database_url)
        with database.read() as connection:
            known = installation.find_fingerprint(connection)
        age = _find_age(database)
    except StorageUnavailable as error:
        return Check(
            "replica",
            "warning",
            f"{say_why(error)} Until it is back, lists are read from the database itself.",
            find_cure(error, "TURNOUT_READ_DATABASE_URL")
            or "See that it runs, and that TURNOUT_READ_DATABASE_URL is right.",
        )
    if replica.key_fingerprint not in (None, known):
        return Check(
            "replica",
            "problem",
            "It is of another installation: its secret key is not that of the database.",
            "Set TURNOUT_READ_DATABASE_URL to a replica of the database in TURNOUT_DATABASE_URL, or unset it.",
        )
    if not replica.is_standby:
        return Check("replica", "ok", "It is no standby but takes writes itself, so it is not behind.")
    age_s = None if age is None else age.seconds
    if age is None or age_s is None or age.is_far:
        behind = "How far it is behind cannot be told." if age_s is None else f"It is at most {age_s:,.0f} s behind."
        return Check("replica", "warning", behind, "See in its log whether it still follows its primary.")
    return Check("replica", "ok", "It has everything." if age_s == 0 else f"It is at most {age_s:,.1f} s behind.")


def _find_age(database: Database) -> Age | None:
    """How old what it shows is, once it has had time for the commit that was tried here. Raises StorageUnavailable."""
    ends_at = time.monotonic() + _CAUGHT_UP_S
    while (age := database.find_replica_age()) is not None and age.is_noticed and time.monotonic() < ends_at:
        time.sleep(0.1)
    return age
