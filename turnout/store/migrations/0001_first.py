"""The first schema: events and their set-up, attendees, the change log and the push log."""

from alembic import op

from turnout.store.tables import metadata

revision = "0001"
down_revision = None


def upgrade() -> None:
    metadata.create_all(op.get_bind())
