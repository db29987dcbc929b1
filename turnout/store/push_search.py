"""Pushes as people look for them: by what they say and what became of them, latest first, a bounded look at a time."""

from typing import Any, Literal, TypeAlias

import msgspec
from sqlalchemy import Connection, text

from turnout.model.push import StoredPush
from turnout.now import first_id
from turnout.store.pushes import PUSH_COLUMNS, as_push, pushes_by

MAX_PAGE = 100
LOOKED_AT = 20_000
"""Lines of the push log looked at for one page."""
_ARRIVES_US = 10 * 60 * 1_000_000
"""How far an id, made when the push arrived, may lie from the time of its line."""

Effect: TypeAlias = Literal["live", "dry_run", "rehearsed"]


class PushSearch(msgspec.Struct, frozen=True, kw_only=True):
    """What is looked for; None for whatever it be."""

    push_id: str | None = None
    result: str | None = None
    source_number: int | None = None
    effect: Effect | None = None
    """`live` for those that were meant; the others are without effect."""
    leaves_out_dry_runs: bool = False
    """Whether it finds those only that are meant or rehearsed."""
    email: str | None = None
    """Any part of the address as it was sent, without case (of ASCII)."""
    attendee_id: str | None = None
    path: str | None = None
    """How the path of an error or a warning begins, in the sender's own notation, without case."""
    code: str | None = None
    """Of an error, of a warning, or of the failure as a whole."""
    since: int | None = None
    until: int | None = None
    """Microseconds since 1970; not that moment itself."""


class Found(msgspec.Struct, frozen=True):
    """One page."""

    pushes: list[StoredPush]
    before_id: str | None
    """Where the next page goes on; None where there is nothing more."""
    looked_back_to: int | None
    """Set where the look ended before the page was full and more lies behind: how far it went ("go on from there")."""


def search_pushes(
    connection: Connection,
    event_id: str,
    search: PushSearch,
    *,
    before_id: str | None = None,
    limit: int = MAX_PAGE,
    looked_at: int = LOOKED_AT,
) -> Found:
    """A page of the event's pushes, latest first: at most `limit` of the `looked_at` lines before `before_id`.

    What an index knows (source, failed) is not even counted as looked at when it is otherwise.
    """
    limit = min(limit, MAX_PAGE)
    indexed, conditions, parameters = _write_conditions(search)
    parameters |= {"event_id": event_id, "limit": limit + 1}
    if before_id is not None:
        indexed.append("id < :before_id")
        # A NUL, which PostgreSQL does not take in a text, is in no id.
        parameters["before_id"] = before_id.replace("\0", "\1")
    table = pushes_by(connection, _choose_index(search))
    floor = connection.execute(
        text(f"SELECT id, at FROM {table} WHERE {' AND '.join(indexed)} ORDER BY id DESC LIMIT 1 OFFSET :looked_at"),
        parameters | {"looked_at": looked_at - 1},
    ).first()
    if floor is not None:
        indexed.append("id >= :floor")
        parameters["floor"] = floor.id
    where = " AND ".join(indexed + conditions)
    rows = connection.execute(
        text(f"SELECT {PUSH_COLUMNS} FROM {table} WHERE {where} ORDER BY id DESC LIMIT :limit"), parameters
    )
    pushes = [as_push(row) for row in rows]
    if len(pushes) > limit:
        return Found(pushes[:limit], pushes[limit - 1].id, None)
    if floor is not None:
        return Found(pushes, floor.id, floor.at)
    return Found(pushes, None, None)


def list_replays(connection: Connection, event_id: str, push_id: str, limit: int = MAX_PAGE) -> list[StoredPush]:
    """What a push was replayed as, mended or not, latest first."""
    rows = connection.execute(
        text(
            f"SELECT {PUSH_COLUMNS} FROM pushes WHERE event_id = :event_id AND replay_of = :push_id"
            " ORDER BY id DESC LIMIT :limit"
        ),
        {"event_id": event_id, "push_id": push_id, "limit": limit},
    )
    return [as_push(row) for row in rows]


def _choose_index(search: PushSearch) -> str | None:
    if search.push_id is not None:
        return None
    return "pushes_failed" if search.result == "failed" else None if search.source_number is None else "pushes_source"


def _write_conditions(search: PushSearch) -> tuple[list[str], list[str], dict[str, Any]]:
    """What an index finds, what has to be looked at line by line, and the parameters of both."""
    indexed = ["event_id = :event_id"]
    conditions: list[str] = []
    parameters: dict[str, Any] = {}

    def require(where: list[str], condition: str, **given: Any) -> None:
        where.append(condition)
        parameters.update(given)

    if search.push_id is not None:
        require(indexed, "id = :push_id", push_id=search.push_id.strip().replace("\0", "\1"))
    if search.source_number is not None:
        require(indexed, "source_number = :source_number", source_number=search.source_number)
    if search.result == "failed":
        # As a literal, which the index of the failed ones is for.
        require(indexed, "result = 'failed'")
    elif search.result is not None:
        require(conditions, "result = :result", result=search.result)
    if search.since is not None:
        require(indexed, "id >= :first_id", first_id=first_id("psh", max(0, search.since - _ARRIVES_US)))
        require(conditions, "at >= :since", since=search.since)
    if search.until is not None:
        require(indexed, "id < :last_id", last_id=first_id("psh", max(0, search.until + _ARRIVES_US)))
        require(conditions, "at < :until", until=search.until)
    if search.effect is not None:
        require(conditions, _EFFECTS[search.effect], yes=1, no=0)
    if search.leaves_out_dry_runs:
        require(conditions, "(dry_run = :no OR rehearsed = :yes)", yes=1, no=0)
    if search.attendee_id is not None:
        require(conditions, "attendee_id = :attendee_id", attendee_id=search.attendee_id.replace("\0", "\1"))
    if search.email is not None:
        require(conditions, r"lower(email) LIKE :email ESCAPE '\'", email=f"%{_escape(_lower(search.email.strip()))}%")
    if search.path is not None:
        require(conditions, _TELLS.format("path"), path=f'%"path":"{_escape(_quote(search.path))}%')
    if search.code is not None:
        require(conditions, _TELLS.format("code"), code=f'%"code":"{_escape(_quote(search.code))}"%')
    return indexed, conditions, parameters


_EFFECTS: dict[Effect, str] = {
    "live": "dry_run = :no",
    "dry_run": "dry_run = :yes AND rehearsed IS NULL",
    "rehearsed": "rehearsed = :yes",
}
_TELLS = r"(lower(failure) LIKE :{0} ESCAPE '\' OR lower(warnings) LIKE :{0} ESCAPE '\')"
"""Looked for in the JSON as it is stored. No text in it can look like a member: its quotes have a `\\` before them."""


def _quote(wanted: str) -> str:
    """As it stands within a text of JSON."""
    return _lower(msgspec.json.encode(wanted.strip().encode(errors="replace").decode()).decode()[1:-1])


def _lower(wanted: str) -> str:
    """As both databases do it: letters of ASCII alone."""
    return "".join(letter.lower() if letter.isascii() else letter for letter in wanted)


def _escape(wanted: str) -> str:
    """For LIKE, to which nothing in it means anything."""
    for sign in "\\%_":
        wanted = wanted.replace(sign, "\\" + sign)
    return wanted.encode(errors="replace").decode().replace("\0", "\1")
