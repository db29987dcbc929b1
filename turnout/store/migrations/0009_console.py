"""The console: users and how they sign in, the audit log, hand-outs; how many pushes came to what, and an index."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_FLAG = sa.Boolean().with_variant(sa.SmallInteger(), "postgresql")


def _text(name: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, _TEXT, nullable=null)


def _number(name: str, *, null: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=null, autoincrement=False)


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, _FLAG, nullable=False)


def _digest() -> sa.Column[bytes]:
    return sa.Column("digest", sa.LargeBinary, nullable=False)


def upgrade() -> None:
    op.add_column("keys", _text("last_address", null=True))
    op.add_column("webhooks", _number("succeeded_at", null=True))
    op.add_column("webhooks", _number("failed_at", null=True))
    op.add_column("webhooks", _text("failure", null=True))
    op.create_table(
        "users",
        _text("id"),
        _text("email"),
        _text("email_key"),
        _text("name"),
        _text("password", null=True),
        _text("subject", null=True),
        _text("role"),
        _flag("sees_personal"),
        _flag("all_events"),
        _number("created_at"),
        _number("disabled_at", null=True),
        _number("last_seen_at", null=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("users_email", "users", ["email_key"], unique=True)
    op.create_index("users_subject", "users", ["subject"], unique=True)
    op.create_table(
        "user_events",
        _text("user_id"),
        _text("event_id"),
        sa.PrimaryKeyConstraint("user_id", "event_id"),
    )
    op.create_table(
        "sessions",
        _text("id"),
        _text("user_id"),
        _digest(),
        _number("created_at"),
        _number("last_seen_at"),
        _number("expires_at"),
        _text("address"),
        _text("browser"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("sessions_user", "sessions", ["user_id"])
    op.create_table(
        "links",
        _text("id"),
        _digest(),
        _text("kind"),
        _text("user_id", null=True),
        _text("invited", null=True),
        _number("created_at"),
        _number("expires_at"),
        _number("used_at", null=True),
        _text("actor", null=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "user_tokens",
        _text("id"),
        _text("user_id"),
        _digest(),
        _text("name"),
        _number("created_at"),
        _number("expires_at", null=True),
        _number("last_used_at", null=True),
        _number("revoked_at", null=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("user_tokens_user", "user_tokens", ["user_id"])
    op.create_table(
        "sign_in_failures",
        _text("subject"),
        _number("count"),
        _number("last_at"),
        sa.PrimaryKeyConstraint("subject"),
    )
    op.create_table(
        "audit",
        _text("id"),
        _number("at"),
        _text("user_id", null=True),
        _text("actor"),
        _text("address"),
        _text("action"),
        _text("event_id"),
        _text("target", null=True),
        _text("before", null=True),
        _text("after", null=True),
        _text("outcome"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("audit_event", "audit", ["event_id", "id"])
    op.create_table(
        "handouts",
        _text("event_id"),
        _text("id"),
        _digest(),
        _number("source_number"),
        _text("tool"),
        _text("label"),
        _number("created_at"),
        _number("expires_at"),
        _number("revoked_at", null=True),
        _number("opened_at", null=True),
        _text("key_id", null=True),
        _text("actor", null=True),
        sa.PrimaryKeyConstraint("event_id", "id"),
    )
    replayed = sa.text("replay_of IS NOT NULL")
    op.create_index(
        "pushes_replays",
        "pushes",
        ["event_id", "replay_of", "id"],
        sqlite_where=replayed,
        postgresql_where=replayed,
    )
    op.create_table(
        "push_counts",
        _text("event_id"),
        _number("slot"),
        _number("source_number"),
        _text("result"),
        _number("count"),
        sa.PrimaryKeyConstraint("event_id", "slot", "source_number", "result"),
        sqlite_with_rowid=False,
    )
