"""Alerts: what was found, who is told, the messages; what groups and fields lost; the SMTP server."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_FLAG = sa.Boolean().with_variant(sa.SmallInteger(), "postgresql")


def _text(name: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, _TEXT, nullable=null)


def _number(name: str, *, null: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=null, autoincrement=False)


def _sealed(name: str) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary, nullable=True)


def upgrade() -> None:
    op.create_table(
        "alerts",
        _text("event_id"),
        _text("id"),
        _text("kind"),
        _text("cause"),
        _text("facts"),
        _number("opened_at"),
        _number("seen_at"),
        _number("closed_at", null=True),
        sa.PrimaryKeyConstraint("event_id", "id"),
    )
    op.create_index("alerts_cause", "alerts", ["event_id", "cause", "id"])
    is_open = sa.text("closed_at IS NULL")
    op.create_index(
        "alerts_open", "alerts", ["event_id", "cause"], unique=True, sqlite_where=is_open, postgresql_where=is_open
    )
    op.create_table(
        "alert_watches",
        _text("event_id"),
        _number("since"),
        _text("settings"),
        _text("webhook_url", null=True),
        _sealed("webhook_secret"),
        sa.Column("webhook_allow_private", _FLAG, nullable=False),
        sa.PrimaryKeyConstraint("event_id"),
    )
    op.create_table(
        "alert_followers",
        _text("event_id"),
        _text("user_id"),
        sa.PrimaryKeyConstraint("event_id", "user_id"),
    )
    op.create_table(
        "alert_messages",
        _text("event_id"),
        _text("id"),
        _text("kind"),
        _text("alert_id", null=True),
        _text("user_id", null=True),
        _text("state"),
        _number("tries"),
        _number("next_at", null=True),
        _number("created_at"),
        _number("finished_at", null=True),
        _text("failure", null=True),
        sa.PrimaryKeyConstraint("event_id", "id"),
    )
    op.create_index("alert_messages_alert", "alert_messages", ["event_id", "alert_id"])
    op.create_index("alert_messages_user", "alert_messages", ["user_id", "finished_at"])
    is_due = sa.text("next_at IS NOT NULL")
    op.create_index("alert_messages_due", "alert_messages", ["next_at"], sqlite_where=is_due, postgresql_where=is_due)
    op.create_table(
        "alert_moves",
        _text("event_id"),
        _number("hour"),
        _text("about"),
        _number("gained"),
        _number("lost"),
        sa.PrimaryKeyConstraint("event_id", "hour", "about"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "digests",
        _text("user_id"),
        _number("hour"),
        _text("time_zone"),
        _number("last_at"),
        sa.PrimaryKeyConstraint("user_id"),
    )
    op.create_table(
        "mail_settings",
        sa.Column("id", sa.Integer, autoincrement=False),
        _text("host"),
        _number("port"),
        _text("security"),
        _text("user_name", null=True),
        _sealed("password"),
        _text("sender"),
        _text("sender_name"),
        _number("changed_at"),
        _number("succeeded_at", null=True),
        _number("failed_at", null=True),
        _text("failure", null=True),
        sa.PrimaryKeyConstraint("id"),
    )
    # What was lost before is no news: who left and came is counted from now on.
    op.execute(
        "INSERT INTO cursors (event_id, consumer, sequence) SELECT event_id, 'alert-moves', last_sequence FROM clocks"
    )
