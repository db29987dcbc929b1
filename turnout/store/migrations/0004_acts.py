"""What acts, identity, forgetting and rehearsals need: settings of events, retired sources, suppressions."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute("ALTER TABLE events ADD COLUMN identity TEXT")
    for column in ("ends_at", "purge_after_days", "keep_bodies_days", "suppresses"):
        op.execute(f"ALTER TABLE events ADD COLUMN {column} BIGINT")
    op.execute("ALTER TABLE sources ADD COLUMN retired_at BIGINT")
    op.execute("ALTER TABLE pushes ADD COLUMN rehearsed BIGINT")
    op.execute(
        "CREATE TABLE suppressions (event_id TEXT NOT NULL, source_number BIGINT NOT NULL, digest TEXT NOT NULL,"
        " created_at BIGINT NOT NULL, actor TEXT, PRIMARY KEY (event_id, source_number, digest)) WITHOUT ROWID"
    )
