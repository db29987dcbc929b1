"""What several processes need: who does what must be done once, and what a commit that was cut off has come to."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.execute(
        "CREATE TABLE leases (name TEXT NOT NULL, holder TEXT NOT NULL, token BIGINT NOT NULL,"
        " expires_at BIGINT NOT NULL, PRIMARY KEY (name))"
    )
    op.execute(
        "CREATE TABLE commits (event_id TEXT NOT NULL, writer TEXT NOT NULL, number BIGINT NOT NULL,"
        " at BIGINT NOT NULL, PRIMARY KEY (event_id, writer)) WITHOUT ROWID"
    )
