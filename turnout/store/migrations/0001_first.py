"""The first schema, where migrations begin; nothing leads to it, because a new database is made from the tables."""

revision = "0001"
down_revision = None


def upgrade() -> None:
    raise AssertionError("a database without a version is made new, not migrated")
