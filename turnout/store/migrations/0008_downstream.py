"""Downstream: limits of read keys, the list index, webhooks with their deliveries, exports, keys for tokens."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_FLAG = sa.Boolean().with_variant(sa.SmallInteger(), "postgresql")


def _text(name: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, _TEXT, nullable=null)


def _number(name: str, *, null: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=null, autoincrement=False)


def _bytes(name: str, *, null: bool = False) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary, nullable=null)


def upgrade() -> None:
    op.add_column("events", _text("cors", null=True))
    op.add_column("keys", _text("groups", null=True))
    op.add_column("keys", _text("fields", null=True))
    _add_partial_index("attendees_absent", "attendees", ["event_id", "status", "id"], "status <> 'attending'")
    op.create_table(
        "cursors",
        _text("event_id"),
        _text("consumer"),
        _number("sequence"),
        sa.PrimaryKeyConstraint("event_id", "consumer"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "listed",
        _text("event_id"),
        _text("attendee_id"),
        _text("email_key"),
        _text("last_name_key"),
        _text("facets"),
        _text("words"),
        sa.PrimaryKeyConstraint("event_id", "attendee_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "facets",
        _text("event_id"),
        _text("facet"),
        _text("attendee_id"),
        _text("email_key"),
        _text("last_name_key"),
        sa.PrimaryKeyConstraint("event_id", "facet", "attendee_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("facets_email", "facets", ["event_id", "facet", "email_key", "attendee_id"])
    op.create_index("facets_last_name", "facets", ["event_id", "facet", "last_name_key", "attendee_id"])
    op.create_table(
        "words",
        _text("event_id"),
        _text("word"),
        _text("attendee_id"),
        sa.PrimaryKeyConstraint("event_id", "word", "attendee_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "webhooks",
        _text("event_id"),
        _text("id"),
        _text("url"),
        _text("kinds", null=True),
        _text("groups", null=True),
        _text("fields", null=True),
        _bytes("secret"),
        _bytes("former_secret", null=True),
        _number("former_until", null=True),
        sa.Column("allow_private", _FLAG, nullable=False),
        _text("state"),
        _text("reason", null=True),
        _number("created_at"),
        _text("actor", null=True),
        sa.PrimaryKeyConstraint("event_id", "id"),
    )
    op.create_table(
        "deliveries",
        _text("event_id"),
        _text("webhook_id"),
        _number("sequence"),
        _text("id"),
        _text("attendee_id"),
        _text("topic"),
        _text("state"),
        _text("body", null=True),
        _text("attempts"),
        _number("next_at", null=True),
        _number("created_at"),
        _number("finished_at", null=True),
        sa.PrimaryKeyConstraint("event_id", "webhook_id", "sequence"),
    )
    _add_partial_index("deliveries_due", "deliveries", ["webhook_id", "next_at"], "next_at IS NOT NULL")
    _add_partial_index(
        "deliveries_open",
        "deliveries",
        ["event_id", "webhook_id", "attendee_id", "sequence"],
        "finished_at IS NULL",
    )
    op.create_index("deliveries_attendee", "deliveries", ["event_id", "attendee_id"])
    op.create_index("deliveries_created", "deliveries", ["created_at"])
    op.create_table(
        "exports",
        _text("event_id"),
        _text("id"),
        _text("state"),
        _text("format"),
        _text("query"),
        _text("key_id", null=True),
        _text("actor", null=True),
        _number("created_at"),
        _number("attempts"),
        _number("sequence", null=True),
        _number("percent"),
        _number("rows_done"),
        _number("rows_expected", null=True),
        _number("size_bytes", null=True),
        _bytes("file_key", null=True),
        _number("finished_at", null=True),
        _text("reason", null=True),
        sa.PrimaryKeyConstraint("event_id", "id"),
    )
    _add_partial_index("exports_open", "exports", ["created_at"], "finished_at IS NULL")
    op.create_table(
        "export_parts",
        _text("event_id"),
        _text("export_id"),
        _number("number"),
        _bytes("content"),
        sa.PrimaryKeyConstraint("event_id", "export_id", "number"),
    )
    op.create_table(
        "signing_keys",
        _text("event_id"),
        _text("id"),
        _bytes("private_key"),
        _text("public_key"),
        _number("created_at"),
        _number("retired_at", null=True),
        sa.PrimaryKeyConstraint("event_id", "id"),
    )


def _add_partial_index(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
