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

VERSION = "0011"
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
    # Sites whose pages may read (CORS), as a list; None for no site.
    _text("cors", null=True),
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
    # What a read key is limited to: lists of groups' and fields' numbers and names; None for everything.
    _text("groups", null=True),
    _text("fields", null=True),
    # From where it was last used, at most 64 characters; emptied when the key is revoked.
    _text("last_address", null=True),
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
    # Folded. Name and company are read by nobody since lists have an index; a large table keeps its columns.
    _text("email_key"),
    _text("name_key"),
    _text("company_key"),
    _number("updated_at"),
    _text("document"),
    # The few who are not attending among the many who are.
    Index(
        "attendees_absent",
        "event_id",
        "status",
        "id",
        sqlite_where=text("status <> 'attending'"),
        postgresql_where=text("status <> 'attending'"),
    ),
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
    # The few that concern the event itself: by the new names among them older lines are told with their own.
    Index(
        "changes_of_event",
        "event_id",
        "sequence",
        sqlite_where=text("attendee_id IS NULL"),
        postgresql_where=text("attendee_id IS NULL"),
    ),
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
    # What a push was replayed as.
    Index(
        "pushes_replays",
        "event_id",
        "replay_of",
        "id",
        sqlite_where=text("replay_of IS NOT NULL"),
        postgresql_where=text("replay_of IS NOT NULL"),
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

# --- Who signs in: few rows, of the installation and not of an event -----------------------------------------------

users = Table(
    "users",
    metadata,
    _text("id", key=True),
    _text("email"),
    # Folded: what they sign in with.
    _text("email_key"),
    _text("name"),
    # An Argon2id hash in PHC form; None for who has only ever come by single sign-on.
    _text("password", null=True),
    # Who they are at the single sign-on: issuer and subject.
    _text("subject", null=True),
    # administrator, manager or viewer.
    _text("role"),
    # Whether they see whose data it is; others see masked names and addresses.
    Column("sees_personal", _Flag, nullable=False),
    # All events, or those in `user_events`.
    Column("all_events", _Flag, nullable=False),
    _number("created_at"),
    _number("disabled_at", null=True),
    _number("last_seen_at", null=True),
    Index("users_email", "email_key", unique=True),
    Index("users_subject", "subject", unique=True),
)

user_events = Table("user_events", metadata, _text("user_id", key=True), _text("event_id", key=True))

# A browser that is signed in. The cookie is the id and a secret.
sessions = Table(
    "sessions",
    metadata,
    _text("id", key=True),
    _text("user_id"),
    Column("digest", LargeBinary, nullable=False),
    _number("created_at"),
    _number("last_seen_at"),
    _number("expires_at"),
    _text("address"),
    _text("browser"),
    Index("sessions_user", "user_id"),
)

# Links that are good once: of the first administrator, of who is invited, for a new password.
links = Table(
    "links",
    metadata,
    _text("id", key=True),
    Column("digest", LargeBinary, nullable=False),
    # first, invitation or password.
    _text("kind"),
    # Whose password; None where the user is yet to be made …
    _text("user_id", null=True),
    # … from this: address, name, role and events, as JSON.
    _text("invited", null=True),
    _number("created_at"),
    _number("expires_at"),
    _number("used_at", null=True),
    _text("actor", null=True),
)

# What a user's programs sign in with at /api/: his roles, nothing more.
user_tokens = Table(
    "user_tokens",
    metadata,
    _text("id", key=True),
    _text("user_id"),
    Column("digest", LargeBinary, nullable=False),
    _text("name"),
    _number("created_at"),
    _number("expires_at", null=True),
    _number("last_used_at", null=True),
    _number("revoked_at", null=True),
    Index("user_tokens_user", "user_id"),
)

# Attempts to sign in that failed, by address asked from and by account (both as keyed digests).
sign_in_failures = Table(
    "sign_in_failures",
    metadata,
    _text("subject", key=True),
    _number("count"),
    _number("last_at"),
)

# Who did what, and who read personal data in bulk. Holds nothing of attendees but ids.
audit = Table(
    "audit",
    metadata,
    _text("id", key=True),
    _number("at"),
    _text("user_id", null=True),
    # As they were called then.
    _text("actor"),
    _text("address"),
    # `key.rotate`, `attendees.export`.
    _text("action"),
    # Empty for the installation's.
    _text("event_id"),
    _text("target", null=True),
    _text("before", null=True),
    _text("after", null=True),
    # begun, done or refused: the line stands before the deed, so that none is done without one.
    _text("outcome"),
    Index("audit_event", "event_id", "id"),
)

# A page for an integrator behind a link: how to send to one source, and what arrived.
handouts = Table(
    "handouts",
    metadata,
    _text("event_id", key=True),
    _text("id", key=True),
    Column("digest", LargeBinary, nullable=False),
    _number("source_number"),
    _text("tool"),
    _text("label"),
    _number("created_at"),
    _number("expires_at"),
    _number("revoked_at", null=True),
    _number("opened_at", null=True),
    # The key that was made when the integrator asked for it there.
    _text("key_id", null=True),
    _text("actor", null=True),
)

# How many pushes came to what, in ten minutes: counted in the commit that writes them.
push_counts = Table(
    "push_counts",
    metadata,
    _text("event_id", key=True),
    # Ten minutes since 1970.
    _number("slot", key=True),
    _number("source_number", key=True),
    _text("result", key=True),
    _number("count"),
    sqlite_with_rowid=False,
)

# --- Alerts: what people are told of, and how ------------------------------------------------------------------------

# One row a cause, and its facts as JSON: nothing of attendees.
alerts = Table(
    "alerts",
    metadata,
    _text("event_id", key=True),
    _text("id", key=True),
    _text("kind"),
    # What it is about: `silent:3`. Open once at most.
    _text("cause"),
    _text("facts"),
    _number("opened_at"),
    _number("seen_at"),
    _number("closed_at", null=True),
    Index("alerts_cause", "event_id", "cause", "id"),
    Index(
        "alerts_open",
        "event_id",
        "cause",
        unique=True,
        sqlite_where=text("closed_at IS NULL"),
        postgresql_where=text("closed_at IS NULL"),
    ),
)

alert_watches = Table(
    "alert_watches",
    metadata,
    _text("event_id", key=True),
    # What happened before is no news.
    _number("since"),
    # As JSON.
    _text("settings"),
    _text("webhook_url", null=True),
    # Sealed with the installation's key.
    Column("webhook_secret", LargeBinary, nullable=True),
    Column("webhook_allow_private", _Flag, nullable=False),
)

# Who gets an event's alerts by e-mail.
alert_followers = Table("alert_followers", metadata, _text("event_id", key=True), _text("user_id", key=True))

# Messages to one recipient each, sent and to be sent. The event is empty for digests, the user None for the webhook.
alert_messages = Table(
    "alert_messages",
    metadata,
    _text("event_id", key=True),
    _text("id", key=True),
    _text("kind"),
    _text("alert_id", null=True),
    _text("user_id", null=True),
    # waiting, sent or given_up.
    _text("state"),
    _number("tries"),
    _number("next_at", null=True),
    _number("created_at"),
    _number("finished_at", null=True),
    _text("failure", null=True),
    Index("alert_messages_alert", "event_id", "alert_id"),
    # How many one person was sent within the hour.
    Index("alert_messages_user", "user_id", "finished_at"),
    Index(
        "alert_messages_due",
        "next_at",
        sqlite_where=text("next_at IS NOT NULL"),
        postgresql_where=text("next_at IS NOT NULL"),
    ),
)

# Who left a group or lost a field's value, and who came to it: counted hour by hour from the log.
alert_moves = Table(
    "alert_moves",
    metadata,
    _text("event_id", key=True),
    # Since 1970.
    _number("hour", key=True),
    # `group:3`, `custom_field:7`, `profile:title`.
    _text("about", key=True),
    _number("gained"),
    _number("lost"),
    sqlite_with_rowid=False,
)

digests = Table(
    "digests",
    metadata,
    _text("user_id", key=True),
    _number("hour"),
    _text("time_zone"),
    _number("last_at"),
)

# The one SMTP server that the installation sends by.
mail_settings = Table(
    "mail_settings",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    _text("host"),
    _number("port"),
    # tls, starttls or none.
    _text("security"),
    _text("user_name", null=True),
    # Sealed with the installation's key.
    Column("password", LargeBinary, nullable=True),
    _text("sender"),
    _text("sender_name"),
    _number("changed_at"),
    _number("succeeded_at", null=True),
    _number("failed_at", null=True),
    _text("failure", null=True),
)

# --- Downstream: cursors over the log, and what is made of it --------------------------------------------------------

# How far each consumer of an event's log has come: the list index, a webhook.
cursors = Table(
    "cursors",
    metadata,
    _text("event_id", key=True),
    _text("consumer", key=True),
    _number("sequence"),
    sqlite_with_rowid=False,
)

# What the list index holds of each attendee, so that it can be told what has to go. Fed from the log, afterwards.
listed = Table(
    "listed",
    metadata,
    _text("event_id", key=True),
    _text("attendee_id", key=True),
    _text("email_key"),
    _text("last_name_key"),
    _text("facets"),
    _text("words"),
    sqlite_with_rowid=False,
)

# Who has a quality that lists filter by (status, group, source, a custom field's value), in each order that they have.
facets = Table(
    "facets",
    metadata,
    _text("event_id", key=True),
    _text("facet", key=True),
    _text("attendee_id", key=True),
    _text("email_key"),
    _text("last_name_key"),
    Index("facets_email", "event_id", "facet", "email_key", "attendee_id"),
    Index("facets_last_name", "event_id", "facet", "last_name_key", "attendee_id"),
    sqlite_with_rowid=False,
)

# Who has which word in name, e-mail or company, folded: found by how it begins.
words = Table(
    "words",
    metadata,
    _text("event_id", key=True),
    _text("word", key=True),
    _text("attendee_id", key=True),
    sqlite_with_rowid=False,
)

# Endpoints that are told of changes: of one event's or, where the event is an empty text, of all events'.
webhooks = Table(
    "webhooks",
    metadata,
    _text("event_id", key=True),
    _text("id", key=True),
    _text("url"),
    # Lists; None for all.
    _text("kinds", null=True),
    _text("groups", null=True),
    _text("fields", null=True),
    # Sealed with the installation's key; the former one is signed with too until it ends.
    Column("secret", LargeBinary, nullable=False),
    Column("former_secret", LargeBinary, nullable=True),
    _number("former_until", null=True),
    Column("allow_private", _Flag, nullable=False),
    # active, paused or off, and why.
    _text("state"),
    _text("reason", null=True),
    _number("created_at"),
    _text("actor", null=True),
    # The last request that was answered well, and the last one that was not, with what was wrong in words of ours.
    _number("succeeded_at", null=True),
    _number("failed_at", null=True),
    _text("failure", null=True),
)

# One change for one webhook: as it is sent, however often, and what was answered. With SQLite's own row number: without
# it whatever is over a kilobyte would take a page by itself.
deliveries = Table(
    "deliveries",
    metadata,
    _text("event_id", key=True),
    _text("webhook_id", key=True),
    _number("sequence", key=True),
    _text("id"),
    _text("attendee_id"),
    _text("topic"),
    # new, parked, delivered or given_up.
    _text("state"),
    # None once the person is erased.
    _text("body", null=True),
    _text("attempts"),
    # When it is tried (again); None when there is nothing to do.
    _number("next_at", null=True),
    _number("created_at"),
    _number("finished_at", null=True),
    # The few that are under way or failing among the many that are done: those due, and what waits behind them.
    Index(
        "deliveries_due",
        "webhook_id",
        "next_at",
        sqlite_where=text("next_at IS NOT NULL"),
        postgresql_where=text("next_at IS NOT NULL"),
    ),
    Index(
        "deliveries_open",
        "event_id",
        "webhook_id",
        "attendee_id",
        "sequence",
        sqlite_where=text("finished_at IS NULL"),
        postgresql_where=text("finished_at IS NULL"),
    ),
    # One person's, for when he is erased.
    Index("deliveries_attendee", "event_id", "attendee_id"),
    # What is older than 30 days goes.
    Index("deliveries_created", "created_at"),
)

# Files of what was there when they were made.
exports = Table(
    "exports",
    metadata,
    _text("event_id", key=True),
    _text("id", key=True),
    # waiting, running, done, failed or removed.
    _text("state"),
    _text("format"),
    # What was asked for, and within which limits of the key.
    _text("query"),
    _text("key_id", null=True),
    _text("actor", null=True),
    _number("created_at"),
    # How often it was begun: what a runner writes that was cut off and goes on all the same counts no more.
    _number("attempts"),
    _number("sequence", null=True),
    _number("percent"),
    _number("rows_done"),
    _number("rows_expected", null=True),
    _number("size_bytes", null=True),
    # What the parts are encrypted with: without it they are nothing, so that a file can be removed in an instant.
    Column("file_key", LargeBinary, nullable=True),
    _number("finished_at", null=True),
    _text("reason", null=True),
    # The few that are to be made among those that are.
    Index(
        "exports_open",
        "created_at",
        sqlite_where=text("finished_at IS NULL"),
        postgresql_where=text("finished_at IS NULL"),
    ),
)

# A finished file in pieces: several machines share nothing but the database.
export_parts = Table(
    "export_parts",
    metadata,
    _text("event_id", key=True),
    _text("export_id", key=True),
    _number("number", key=True),
    Column("content", LargeBinary, nullable=False),
)

# What an event's tokens are signed with: sealed; the public half is for everybody.
signing_keys = Table(
    "signing_keys",
    metadata,
    _text("event_id", key=True),
    _text("id", key=True),
    Column("private_key", LargeBinary, nullable=False),
    _text("public_key"),
    _number("created_at"),
    # From then on nothing is signed with it, and when nothing is left that was, it goes.
    _number("retired_at", null=True),
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
