"""What an integrator sees of his own pushes: those of the hand-out's source, since it was made."""

import msgspec

from turnout.explained import Told, explain
from turnout.model.handout import Handout
from turnout.model.push import StoredPush
from turnout.now import first_id
from turnout.store import pushes
from turnout.store.database import Database

ROWS = 20
"""Pushes on the page, the latest."""
LOOKED_AT = 200
"""Of the source's, among which they are: the others were only looked at."""
REASONS = 5
"""Of one push."""


class Row(msgspec.Struct, frozen=True):
    """One push, and what became of it in words."""

    push: StoredPush
    problems: list[Told]
    warnings: list[Told]
    more: int
    """Problems and warnings that are not among these."""


def list_latest(database: Database, handout: Handout) -> list[Row]:
    """The latest first."""
    with database.read() as connection:
        latest = pushes.list_pushes(connection, handout.event_id, source_number=handout.source_number, limit=LOOKED_AT)
    return describe(latest, handout)


def describe(several: list[StoredPush], handout: Handout) -> list[Row]:
    """Those among them that this hand-out shows: what the source said before may be somebody else's."""
    since = first_id("psh", handout.created_at)
    its = [
        push
        for push in several
        if push.source_number == handout.source_number and push.id >= since and not _is_look(push)
    ]
    return [_describe(push) for push in its[:ROWS]]


def _is_look(push: StoredPush) -> bool:
    """Whether it is a row of a file that was looked at, or what staff tried: nobody has sent that."""
    return push.key_id is None and push.dry_run and not push.rehearsed


def _describe(push: StoredPush) -> Row:
    failure = push.failure
    problems = [] if failure is None else [explain(one) for one in failure.errors[:REASONS]]
    warnings = [explain(one) for one in push.warnings[:REASONS]]
    of = len(push.warnings) + push.more_warnings
    if failure is not None:
        of += len(failure.errors) + failure.more_errors
    return Row(push, problems, warnings, of - len(problems) - len(warnings))
