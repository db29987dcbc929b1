"""Who did what: a line before the deed, and what came of it after. Lines are kept for ever; nothing removes one yet.

Before and after name what was changed and the ids of what it was, never values of attendees.
"""

from collections.abc import Generator, Mapping
from contextlib import contextmanager

import msgspec
import structlog

from turnout.errors import NotFound, StorageUnavailable, TurnoutError
from turnout.model.user import AuditLine, User
from turnout.now import new_id, now_us
from turnout.store import audit
from turnout.store.database import Database, OutcomeUnknown

MAX_LIMIT = 1_000
"""Lines of one page."""
NOBODY = "nobody"
"""The actor of what somebody with a link and no account did."""
log = structlog.get_logger()


class Deed:
    """What is being done: filled in by who does it, as it comes to be known."""

    def __init__(self, line_id: str, target: str | None, event_id: str) -> None:
        self.line_id = line_id
        """Of its line: what undoes it reads there how it was."""
        self.target = target
        """The id of what it is done to; of something new once it is made."""
        self.event_id = event_id
        self.before: Mapping[str, object] | None = None
        self.after: Mapping[str, object] | None = None
        """As JSON has them."""


@contextmanager
def acting(
    database: Database,
    who: User | str | None,
    action: str,
    *,
    event_id: str = "",
    target: str | None = None,
    address: str = "",
) -> Generator[Deed]:
    """A deed and its line, which says `begun` before the block, and how it ended after: `done`, or `refused` and why.

    `who` is a user, or a name for who does not sign in (`cli:ann`); None for somebody with a link and no account.
    A line whose end could not be written stays at `begun`, and so does one of which nobody knows how it ended. Raises
    StorageUnavailable where the line cannot be written; then nothing was done.
    """
    line = AuditLine(
        id=new_id("aud"),
        at=now_us(),
        user_id=who.id if isinstance(who, User) else None,
        actor=who.email if isinstance(who, User) else who or NOBODY,
        address=address,
        action=action,
        event_id=event_id,
        target=target,
        before=None,
        after=None,
        outcome="begun",
    )
    with database.write() as connection:
        audit.add_line(connection, line)
    deed = Deed(line.id, target, event_id)
    try:
        yield deed
    except OutcomeUnknown:
        raise
    except TurnoutError as error:
        deed.after = {"code": error.code}
        _end(database, line, deed, is_done=False)
        raise
    _end(database, line, deed, is_done=True)


def get_line(database: Database, line_id: str) -> AuditLine:
    """Raises NotFound."""
    with database.read() as connection:
        line = audit.find_line(connection, line_id)
    if line is None:
        raise NotFound("The audit log has no such line.")
    return line


def list_lines(
    database: Database,
    *,
    event_id: str | None = None,
    user_id: str | None = None,
    action: str | None = None,
    before_id: str | None = None,
    limit: int = 50,
) -> list[AuditLine]:
    """The latest first, of all that is given; the event "" is the installation. The next page is before the last id."""
    with database.read() as connection:
        return audit.list_lines(
            connection,
            event_id=event_id,
            user_id=user_id,
            action=action,
            before_id=before_id,
            limit=min(limit, MAX_LIMIT),
        )


def _end(database: Database, line: AuditLine, deed: Deed, *, is_done: bool) -> None:
    ended = msgspec.structs.replace(
        line,
        outcome="done" if is_done else "refused",
        event_id=deed.event_id,
        target=deed.target,
        before=None if deed.before is None else dict(deed.before),
        after=None if deed.after is None else dict(deed.after),
    )
    try:
        with database.write() as connection:
            audit.end_line(connection, ended)
    except StorageUnavailable as error:
        # What is done is done, and whoever did it has to see what came of it (a key that is shown once).
        log.warning("audit_line_not_ended", line=line.id, reason=error.detail)
