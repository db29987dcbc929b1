"""How many warnings a push had besides those that are kept."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("ALTER TABLE pushes ADD COLUMN more_warnings BIGINT")
