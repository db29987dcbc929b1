"""An attendee's history as a chain of lines, instead of an index that every push had to write."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("DROP INDEX changes_attendee")
    op.execute("ALTER TABLE changes ADD COLUMN previous BIGINT")
    op.execute(
        "UPDATE changes SET previous = chain.previous FROM ("
        " SELECT event_id, sequence,"
        " lag(sequence) OVER (PARTITION BY event_id, attendee_id ORDER BY sequence) AS previous"
        " FROM changes WHERE attendee_id IS NOT NULL) AS chain"
        " WHERE changes.event_id = chain.event_id AND changes.sequence = chain.sequence"
    )
