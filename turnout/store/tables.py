"""All tables: the whole data model on one page.

- Every growing table's key begins with `event_id`: an event is the unit of order, of isolation and of distribution.
- Times are microseconds since 1970, UTC. JSON is text that only Python reads.
- Documents and log lines hold the *numbers* of sources, groups and custom fields, which stay when these are renamed.
- No foreign keys: growing tables are never cascaded into, and a distributed database would not check them.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    text,
)

VERSION = "0007"
"""The revision of the last migration that leads here."""

metadata = MetaData()

# As bytes, as SQLite does: in a language's order, which differs from machine to machine, no index could be walked.
_Text = Text().with_variant(Text(collation="C"), "postgresql")
# 0 or 1 for both.
_Flag = Boolean().with_variant(SmallInteger(), "postgresql")


def _text(name: str, *, key: bool = False, null: bool = False) -> Column[str]:
    return Column(name, _Text, primary_key=key, nullable=null)


def _number(name: str, *, key: bool = False, null: bool = False) -> Column[int]:
    return Column(name, BigInteger, primary_key=key, nullable=null, autoincrement=False)


# --- Setting up ------------------------------------------------------------------------------------------------------

events = Table(
    "events",
    metadata,
    _text("id", key=True),
    _text("slug"),
    _text("host", null=True),
    _text("name"),
    _text("policy"),
    _text("time_zone"),
    _number("created_at"),
    _number("archived_at", null=True),
    # None is the default of each.
    _text("identity", null=True),
    _number("ends_at", null=True),
    _number("purge_after_days", null=True),
    _number("keep_bodies_days", null=True),
    # Set with the first suppression, so that other events' pushes need not look for any.
    _number("suppresses", null=True),
    # Everyone who was there by then is erased.
    _number("purged_at", null=True),
    # The two addresses of a gateway (A1); the only global look-ups of the hot path.
    Index("events_slug", "slug", unique=True),
    Index("events_host", "host", unique=True),
)

# One row per event: locked by every commit and every change of what is set up, so it gives both their order.
clocks = Table(
    "clocks",
    metadata,
    _text("event_id", key=True),
    _number("last_sequence"),
    _number("last_at"),
    # Raised with keys, sources, settings and names; a process that works with an older one reloads.
    _number("version"),
)

sources = Table(
    "sources",
    metadata,
    _text("event_id", key=True),
    _number("number", key=True),
    _text("id"),
    _text("name"),
    _text("spelling"),
    _text("policy"),
    _number("created_at"),
    _number("retired_at", null=True),
    # A source is found by its name, however it is written.
    Index("sources_spelling", "event_id", "spelling", unique=True),
)

keys = Table(
    "keys",
    metadata,
    _text("event_id", key=True),
    _text("id", key=True),
    _number("source_number", null=True),
    _text("scope"),
    _text("label"),
    Column("digest", LargeBinary, nullable=False),
    _number("created_at"),
    _number("expires_at", null=True),
    _number("revoked_at", null=True),
    # Written at most once a minute.
    _number("last_used_at", null=True),
)

# Custom fields and groups (kind = custom_field, group), registered when first given.
names = Table(
    "names",
    metadata,
    _text("event_id", key=True),
    _text("kind", key=True),
    _number("number", key=True),
    _text("id"),
    _text("name"),
    _number("first_source", null=True),
    Column("staff_only", _Flag, nullable=False),
    _number("created_at"),
)

# Every spelling a name ever had, folded; former ones go on matching.
spellings = Table(
    "spellings",
    metadata,
    _text("event_id", key=True),
    _text("kind", key=True),
    _text("spelling", key=True),
    _number("number"),
    sqlite_with_rowid=False,
)

# Refused requests (A4), counted by where they came from and the public part of the key.
refusals = Table(
    "refusals",
    metadata,
    _text("event_id", key=True),
    _text("address", key=True),
    _text("key_id", key=True),
    _number("count"),
    _number("first_at"),
    _number("last_at"),
)

# --- State -----------------------------------------------------------------------------------------------------------

attendees = Table(
    "attendees",
    metadata,
    _text("event_id", key=True),
    _text("id", key=True),
    _text("status"),
    # Folded, to search and sort by.
    _text("email_key"),
    _text("name_key"),
    _text("company_key"),
    _number("updated_at"),
    _text("document"),
)

# Who has, or had, an address. One attendee a present address while the event goes by e-mail.
addresses = Table(
    "addresses",
    metadata,
    _text("event_id", key=True),
    _text("address", key=True),
    _text("attendee_id", key=True),
    sqlite_with_rowid=False,
)

# Who has an id of a source (C6).
third_party_ids = Table(
    "third_party_ids",
    metadata,
    _text("event_id", key=True),
    _number("source_number", key=True),
    _text("third_party_id", key=True),
    _text("attendee_id", key=True),
    sqlite_with_rowid=False,
)

memberships = Table(
    "memberships",
    metadata,
    _text("event_id", key=True),
    _number("group_number", key=True),
    _text("attendee_id", key=True),
    sqlite_with_rowid=False,
)

# Whom a source must not bring back after an erasure (F2): a keyed digest of the address, nothing else.
suppressions = Table(
    "suppressions",
    metadata,
    _text("event_id", key=True),
    _number("source_number", key=True),
    _text("digest", key=True),
    _number("created_at"),
    _text("actor", null=True),
    sqlite_with_rowid=False,
)

# --- The two logs ----------------------------------------------------------------------------------------------------

# What took effect, in order, without gaps.
changes = Table(
    "changes",
    metadata,
    _text("event_id", key=True),
    _number("sequence", key=True),
    _text("kind"),
    _number("at"),
    _number("true_at"),
    _text("attendee_id", null=True),
    _text("email", null=True),
    _text("push_id", null=True),
    _number("source_number", null=True),
    _text("actor", null=True),
    _text("entries"),
    # The attendee's line before: his history, from the last line that his document names back to the first. An index
    # would be a page more to write for every push.
    _number("previous", null=True),
    sqlite_with_rowid=False,
)

# What was said, and what became of it; failed, repeated and dry pushes too.
pushes = Table(
    "pushes",
    metadata,
    _text("event_id", key=True),
    _text("id", key=True),
    _number("at"),
    _number("source_number"),
    _text("key_id", null=True),
    _text("actor", null=True),
    _text("result"),
    Column("dry_run", _Flag, nullable=False),
    _text("email", null=True),
    _text("attendee_id", null=True),
    _number("sequence", null=True),
    _number("observed_at", null=True),
    _text("replay_of", null=True),
    _number("repeats"),
    _number("last_at"),
    _text("warnings", null=True),
    _text("failure", null=True),
    _number("more_warnings", null=True),
    _number("rehearsed", null=True),
    # A sender's own pushes, latest first.
    Index("pushes_source", "event_id", "source_number", "id"),
    # The few that failed among the many that did not.
    Index(
        "pushes_failed",
        "event_id",
        "id",
        sqlite_where=text("result = 'failed'"),
        postgresql_where=text("result = 'failed'"),
    ),
    sqlite_with_rowid=False,
)

# What a source sent, without its key. Apart from its line, because it goes earlier.
bodies = Table(
    "bodies",
    metadata,
    _text("event_id", key=True),
    _text("push_id", key=True),
    _text("body"),
    sqlite_with_rowid=False,
)

# The answers that repeated requests get (D6). `item` is the place in a batch, -1 for the request as a whole.
idempotency = Table(
    "idempotency",
    metadata,
    _text("event_id", key=True),
    _number("source_number", key=True),
    _text("key", key=True),
    Column("item", Integer, primary_key=True, autoincrement=False),
    _text("digest"),
    _text("answer"),
    _number("created_at"),
    # What is older than a day goes, in small steps.
    Index("idempotency_created", "created_at"),
)

# One row: which secret key the database is used with, so that another one is noticed.
installation = Table(
    "installation",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    _text("key_fingerprint"),
)

# Who does what must be done once (`leases.py`).
leases = Table(
    "leases",
    metadata,
    _text("name", key=True),
    _text("holder"),
    _number("token"),
    _number("expires_at"),
)

# The last commit of a process that left no line of the push log, for when its outcome is looked up.
commits = Table(
    "commits",
    metadata,
    _text("event_id", key=True),
    _text("writer", key=True),
    _number("number"),
    _number("at"),
    sqlite_with_rowid=False,
)

# Rows that `GET /health` commits to, one for each process, so that it says what it saw.
probe = Table("probe", metadata, Column("id", Integer, primary_key=True, autoincrement=False), _number("at"))
