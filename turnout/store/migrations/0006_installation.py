"""Which secret key the database was used with, so that another one does not take its place without a word."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.execute("CREATE TABLE installation (id INTEGER NOT NULL, key_fingerprint TEXT NOT NULL, PRIMARY KEY (id))")
