"""When everyone of an event was last erased, so that it can be said and what came since can be found."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute("ALTER TABLE events ADD COLUMN purged_at BIGINT")
