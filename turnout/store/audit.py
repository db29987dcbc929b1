"""The audit log. Nothing of it is ever removed: it grows with what people do, some hundred bytes a deed."""

from typing import Any

import msgspec
from sqlalchemy import Connection, text

from turnout.model.user import AuditLine
from turnout.store import schema
from turnout.store.statements import insert

_LINE = "id, at, user_id, actor, address, action, event_id, target, before, after, outcome"

_SINCE = "0009"
"""The schema that has it first."""


def is_there(connection: Connection) -> bool:
    """Whether the database has an audit log that this program can write, whatever its schema."""
    version = schema.find_version(connection)
    return version is not None and version >= _SINCE and schema.is_known(version)


def add_line(connection: Connection, line: AuditLine) -> None:
    insert(
        connection,
        "audit",
        _LINE,
        [
            (
                line.id,
                line.at,
                line.user_id,
                line.actor,
                line.address,
                line.action,
                line.event_id,
                line.target,
                _json_or_none(line.before),
                _json_or_none(line.after),
                line.outcome,
            )
        ],
    )


def end_line(connection: Connection, line: AuditLine) -> None:
    """Writes what came of it, and what was not known when it was begun."""
    connection.execute(
        text(
            "UPDATE audit SET outcome = :outcome, event_id = :event_id, target = :target, before = :before,"
            " after = :after WHERE id = :id"
        ),
        {
            "outcome": line.outcome,
            "event_id": line.event_id,
            "target": line.target,
            "before": _json_or_none(line.before),
            "after": _json_or_none(line.after),
            "id": line.id,
        },
    )


def find_line(connection: Connection, line_id: str) -> AuditLine | None:
    row = connection.execute(text(f"SELECT {_LINE} FROM audit WHERE id = :id"), {"id": line_id}).first()
    return None if row is None else _line(row)


def list_lines(
    connection: Connection,
    *,
    event_id: str | None,
    user_id: str | None,
    action: str | None,
    before_id: str | None,
    limit: int,
) -> list[AuditLine]:
    """Those of which all that is given is true, the latest first; `before_id` is where the page before ended."""
    given = {"event_id": event_id, "user_id": user_id, "action": action}
    wanted = {name: value for name, value in given.items() if value is not None}
    conditions = [f"{name} = :{name}" for name in wanted]
    if before_id is not None:
        wanted["before_id"] = before_id
        conditions.append("id < :before_id")
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    rows = connection.execute(
        text(f"SELECT {_LINE} FROM audit{where} ORDER BY id DESC LIMIT :limit"), {**wanted, "limit": limit}
    )
    return [_line(row) for row in rows]


def _json_or_none(value: dict[str, object] | None) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()


def _line(row: Any) -> AuditLine:
    return AuditLine(
        id=row.id,
        at=row.at,
        user_id=row.user_id,
        actor=row.actor,
        address=row.address,
        action=row.action,
        event_id=row.event_id,
        target=row.target,
        before=None if row.before is None else msgspec.json.decode(row.before),
        after=None if row.after is None else msgspec.json.decode(row.after),
        outcome=row.outcome,
    )
