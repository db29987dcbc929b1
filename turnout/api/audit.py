"""The audit log: who did what, of the installation and of one event."""

import re
from typing import Any

from turnout import errors
from turnout.access import audit
from turnout.api.operation import Call, Given, Items, Operation, say_time
from turnout.events import event
from turnout.model.user import AuditLine

_LINE = re.compile(r"aud_[0-9a-f]{32}")


class AuditShown(Given, frozen=True, kw_only=True):
    """One line."""

    id: str
    at: str
    user_id: str | None
    actor: str
    """As they were called then."""
    address: str
    action: str
    event_id: str | None
    """Null for the installation's."""
    target: str | None
    """The id of what it was done to."""
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    outcome: str
    """`done`, `refused`, or `begun`: it may or may not have taken effect."""


def list_all(call: Call) -> Items[AuditShown]:
    """With `event` those of one, by its slug; with it empty those of none."""
    slug = call.query.get("event")
    if not slug:
        return _list(call, slug)
    its = next((one.id for one in event.list_all(call.database) if one.slug == slug), None)
    if its is None:
        raise errors.NotFound("There is no such event.")
    return _list(call, its)


def list_of_event(call: Call) -> Items[AuditShown]:
    return _list(call, call.event.id)


def _list(call: Call, event_id: str | None) -> Items[AuditShown]:
    limit, before = call.read_number("limit", 50, 500), call.query.get("before")
    if before and not _LINE.fullmatch(before):
        raise errors.InvalidRequest("before is the id of a line, aud_….")
    found = audit.list_lines(
        call.database,
        event_id=event_id,
        user_id=call.query.get("user") or None,
        action=call.query.get("action") or None,
        before_id=before or None,
        limit=limit + 1,
    )
    lines = found[:limit]
    return Items(items=[_show(one) for one in lines], next=lines[-1].id if len(found) > limit else None)


def _show(line: AuditLine) -> AuditShown:
    return AuditShown(
        id=line.id,
        at=say_time(line.at),
        user_id=line.user_id,
        actor=line.actor,
        address=line.address,
        action=line.action,
        event_id=line.event_id or None,
        target=line.target,
        before=line.before,
        after=line.after,
        outcome=line.outcome,
    )


_QUERY = {
    "user": "A user's id.",
    "action": "`key.rotate`, say.",
    "before": "`next` of the page before.",
    "limit": "How many at most, up to 500; else 50.",
}
operations = [
    Operation(
        "GET",
        "audit",
        "administrator",
        list_all,
        "Who did what, the latest first",
        gives=Items[AuditShown],
        query={"event": "An event's slug; empty for the installation's own.", **_QUERY},
    ),
    Operation(
        "GET",
        "events/{event}/audit",
        "manager",
        list_of_event,
        "Who did what at one event, the latest first",
        gives=Items[AuditShown],
        query=_QUERY,
    ),
]
