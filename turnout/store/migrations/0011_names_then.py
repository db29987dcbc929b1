"""What concerns the event itself is found in its log at once: old lines are told with the names of their time."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    of_event = sa.text("attendee_id IS NULL")
    op.create_index(
        "changes_of_event",
        "changes",
        ["event_id", "sequence"],
        sqlite_where=of_event,
        postgresql_where=of_event,
    )
