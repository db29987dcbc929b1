"""Files of attendees: asked for, waited for, fetched, deleted. The console lists the same ones.

A file is a reading of personal data by the hundred: who makes and who fetches one stands in the audit log, and whoever
is shown masked names gets none.
"""

from typing import get_args

import msgspec

from turnout import errors
from turnout.api.operation import Call, Given, Items, Operation, Taken, as_time, say_time
from turnout.downstream.attendees.query import Status
from turnout.downstream.exports import asking
from turnout.downstream.exports.exporter import KEPT_US
from turnout.downstream.exports.file import send_whole
from turnout.downstream.exports.wanted import Wish, understand
from turnout.downstream.formats import FORMATS
from turnout.downstream.limits import EVERYTHING
from turnout.feed.receipt import Stream
from turnout.store import exports
from turnout.store.exports import Export

LISTED = 50
"""The latest."""
_STATUSES: tuple[str, ...] = get_args(Status)


class NewExport(Taken, frozen=True, kw_only=True):
    """What is to be in the file. Nothing at all is everybody who attends, as CSV."""

    format: str = "csv"
    """`csv`, `xlsx`, `json` or `ndjson`."""
    status: str = "attending"
    """`attending`, `withdrawn` or `all`."""
    group: str | None = None
    source: str | None = None
    updated_since: str | None = None
    custom_fields: dict[str, str] = msgspec.field(default_factory=dict)
    """Each with the whole value that it has to have."""
    fields: list[str] | None = None
    """Only these columns; the id, status, groups and times come in any case."""
    q: str | None = None
    """The beginnings of words of name, company and address."""


class ExportShown(Given, frozen=True, kw_only=True):
    """One file, and how far it is."""

    id: str
    state: str
    """`waiting`, `running`, `done`, `failed` or `removed`."""
    format: str
    actor: str | None
    created_at: str
    percent: int
    rows_done: int
    rows_expected: int | None
    size_bytes: int | None
    finished_at: str | None
    expires_at: str | None
    """When the file goes."""
    reason: str | None
    """Why there is none, or none any more."""


def list_exports(call: Call) -> Items[ExportShown]:
    call.expect_personal()
    with call.database.read() as connection:
        found = exports.list_of_people(connection, call.event.id, LISTED)
    return Items(items=[_show(one) for one in found])


def create(call: Call) -> ExportShown:
    """Raises TooManyExports, and InvalidRequest."""
    call.expect_personal()
    wish: NewExport = call.body
    if wish.format not in FORMATS:
        raise errors.InvalidRequest(f"format can be {', '.join(FORMATS)}.")
    status = next((one for one in get_args(Status) if one == wish.status), None)
    if status is None:
        raise errors.InvalidRequest(f"status can be {', '.join(_STATUSES)}.")
    its = Wish(
        format=wish.format,
        status=status,
        group=wish.group,
        source=wish.source,
        updated_since=wish.updated_since,
        custom_fields=wish.custom_fields,
        fields=wish.fields,
    )
    wanted = understand(its, call.configuration, EVERYTHING, search=wish.q or None)
    with call.acting("attendees.export") as deed:
        export = asking.add(call.database, call.event.id, its, wanted, actor=call.user.email)
        deed.target = export.id
        # Not what was looked for: that may be somebody's name.
        deed.after = {"format": wish.format, "filters": _name_filters(wish)}
    call.product.exporter.wake()
    return _show(export)


def show_export(call: Call) -> ExportShown:
    call.expect_personal()
    return _show(_get(call))


def fetch(call: Call) -> Stream:
    """Raises ExportUnfinished and ExportGone."""
    call.expect_personal()
    export = _get(call)
    with call.acting("attendees.fetch", target=export.id):
        return send_whole(call.database, export)


def delete(call: Call) -> None:
    """Raises NotAllowed for a viewer where somebody else has asked for it."""
    call.expect_personal()
    export = _get(call)
    if not (call.may("manager") or export.actor == call.user.email):
        raise errors.NotAllowed("manager")
    with call.acting("attendees.export_delete", target=export.id) as deed:
        deed.before = {"format": export.format, "state": export.state}
        asking.delete(call.database, export)


def _name_filters(wish: NewExport) -> list[str]:
    given = {
        "field": wish.custom_fields,
        "fields": wish.fields,
        "group": wish.group,
        "q": wish.q,
        "since": wish.updated_since,
        "source": wish.source,
        "status": wish.status != "attending",
    }
    return [name for name, value in given.items() if value]


def _get(call: Call) -> Export:
    """One that somebody who signs in has asked for, of this event. Raises NotFound."""
    with call.database.read() as connection:
        export = exports.find_export(connection, call.event.id, call.places["export"])
    if export is None or export.key_id is not None:
        raise errors.NotFound("There is no such file. They are kept for 24 hours.")
    return export


def _show(export: Export) -> ExportShown:
    is_done = export.state == "done" and export.finished_at is not None
    return ExportShown(
        id=export.id,
        state=export.state,
        format=export.format,
        actor=export.actor,
        created_at=say_time(export.created_at),
        percent=export.percent,
        rows_done=export.rows_done,
        rows_expected=export.rows_expected,
        size_bytes=export.size_bytes,
        finished_at=as_time(export.finished_at),
        expires_at=say_time((export.finished_at or 0) + KEPT_US) if is_done else None,
        reason=export.reason,
    )


_IN = "events/{event}/exports"
_ONE = f"{_IN}/{{export}}"
operations = [
    Operation("GET", _IN, "viewer", list_exports, "Files of attendees, the latest first", gives=Items[ExportShown]),
    Operation(
        "POST",
        _IN,
        "viewer",
        create,
        "A new file of attendees",
        "It is made beside the server: ask for it until `state` is `done`, then fetch it. For whoever sees names and "
        "addresses. Everybody who does at the event can fetch it, for 24 hours.",
        takes=NewExport,
        gives=ExportShown,
        status=202,
    ),
    Operation("GET", _ONE, "viewer", show_export, "How far a file is", gives=ExportShown),
    Operation(
        "GET",
        f"{_ONE}/file",
        "viewer",
        fetch,
        "The file itself",
        "409 until it is done, 410 when it is gone.",
        gives_file=tuple(one.media_type.partition(";")[0] for one in FORMATS.values()),
    ),
    Operation(
        "DELETE",
        _ONE,
        "viewer",
        delete,
        "Delete a file of attendees",
        "What is being made is not gone on with. Viewers delete their own.",
    ),
]
