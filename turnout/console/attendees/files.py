"""Files of attendees, to be opened in a spreadsheet: asked for, waited for, fetched, deleted.

A file is a reading of personal data by the hundred: who makes and who fetches one stands in the audit log, and whoever
is shown masked names gets none.
"""

from typing import Any

import msgspec

from turnout import errors
from turnout.console.attendees.asked import STATUSES, Asked, read_asked, to_query
from turnout.console.page import Visit
from turnout.downstream.exports import asking
from turnout.downstream.exports.exporter import KEPT_US
from turnout.downstream.exports.file import send_whole
from turnout.downstream.exports.walk import count_expected
from turnout.downstream.exports.wanted import Kept, Wanted, Wish, read_kept, understand
from turnout.downstream.formats import FORMATS
from turnout.downstream.limits import EVERYTHING
from turnout.feed.receipt import Answer, Stream
from turnout.model.event import Configuration
from turnout.store import exports
from turnout.store.exports import Export

LISTED = 50
"""Files on the page, the latest."""
FORMS = [
    ("csv", "CSV", "For any spreadsheet, and to be sent here again."),
    ("xlsx", "Excel", "A workbook with a frozen header, filters and real times."),
    ("json", "JSON", "One document, for programs."),
    ("ndjson", "NDJSON", "A line for each attendee, for programs."),
]


class File(msgspec.Struct, frozen=True):
    """One of them in the list."""

    export: Export
    what: str
    """Who is in it, in words."""
    form: str
    until: int | None
    """How long it is kept; None where there is no file."""
    may_delete: bool


def show_files(visit: Visit) -> Answer:
    """The files of the event, and a form for one more, of what the list was filtered by."""
    _check(visit)
    if visit.is_fragment:
        return visit.render("_files.html", **_list(visit))
    return _render(visit, read_asked(visit))


def make_file(visit: Visit) -> Answer:
    """It is made beside the server; the page says how far it is."""
    _check(visit)
    asked, form = read_asked(visit), visit.form.get("format", "csv")
    if form not in FORMATS:
        raise errors.InvalidRequest("There is no such format.")
    try:
        wish, wanted = _understand(asked, form, _configuration(visit))
        with visit.acting("attendees.export") as deed:
            export = asking.add(visit.database, visit.event.id, wish, wanted, actor=visit.signed_in.email)
            deed.target = export.id
            # Not what was looked for: that may be somebody's name.
            deed.after = {"format": form, "filters": sorted(asked.in_address.keys() - {"sort", "value"})}
    except (errors.TooManyExports, errors.InvalidRequest) as error:
        return _render(visit, asked, form=form, error=error.detail, status=error.status)
    visit.product.exporter.wake()
    return visit.redirect(f"events/{visit.event.slug}/attendees/files", "The file is being made.")


def fetch_file(visit: Visit) -> Stream:
    _check(visit)
    export = _get(visit)
    with visit.acting("attendees.fetch", target=export.id):
        return send_whole(visit.database, export)


def delete_file(visit: Visit) -> Answer:
    _check(visit)
    export = _get(visit)
    if not _may_delete(visit, export):
        raise errors.NotAllowed("manager")
    with visit.acting("attendees.export_delete", target=export.id) as deed:
        deed.before = {"format": export.format, "state": export.state}
        asking.delete(visit.database, export)
    said = {"done": "The file is deleted.", "waiting": _STOPPED, "running": _STOPPED}.get(export.state, _LISTED_NO_MORE)
    return visit.redirect(f"events/{visit.event.slug}/attendees/files", said)


_STOPPED = "The file is not made any more."
_LISTED_NO_MORE = "It is off the list."


def _check(visit: Visit) -> None:
    """Raises NotAllowed."""
    if not visit.sees_personal:
        raise errors.NotAllowed("viewer who sees names and addresses")


def _configuration(visit: Visit) -> Configuration:
    assert visit.configuration is not None
    return visit.configuration


def _understand(asked: Asked, form: str, configuration: Configuration) -> tuple[Wish, Wanted]:
    """Raises InvalidRequest."""
    wish = Wish(
        format=form,
        status=to_query(asked, configuration).status,
        group=asked.group or None,
        source=asked.source or None,
        custom_fields={asked.field: asked.value} if asked.has_value else {},
    )
    return wish, understand(wish, configuration, EVERYTHING, search=asked.q or None)


def _get(visit: Visit) -> Export:
    """One that somebody at the console has asked for, of this event. Raises NotFound."""
    with visit.database.read() as connection:
        export = exports.find_export(connection, visit.event.id, visit.places["file"].replace("\0", ""))
    if export is None or export.key_id is not None:
        raise errors.NotFound("There is no such file. They are kept for 24 hours.")
    return export


def _may_delete(visit: Visit, export: Export) -> bool:
    return visit.may("manager") or export.actor == visit.signed_in.email


def _render(visit: Visit, asked: Asked, *, form: str = "csv", error: str = "", status: int = 200) -> Answer:
    expected, age = None, None
    try:
        _, wanted = _understand(asked, form, _configuration(visit))
        with visit.database.read_replica() as connection:
            age = visit.database.age_of(connection)
            expected = count_expected(connection, visit.event.id, wanted)
    except errors.InvalidRequest as mistake:
        error, status = error or mistake.detail, mistake.status
    custom_fields = {asked.field: asked.value} if asked.has_value else {}
    return visit.render(
        "files.html",
        status=status,
        asked=asked,
        what=_say(asked.status or "attending", asked.group, asked.source, custom_fields, has_search=asked.q != ""),
        expected=expected,
        age=age,
        form=form,
        forms=FORMS,
        error=error,
        **_list(visit),
    )


def _list(visit: Visit) -> dict[str, Any]:
    with visit.database.read() as connection:
        found = exports.list_of_people(connection, visit.event.id, LISTED)
    files = [_describe(visit, one) for one in found]
    return {"files": files, "are_open": any(one.state in ("waiting", "running") for one in found)}


def _describe(visit: Visit, export: Export) -> File:
    until = (export.finished_at or 0) + KEPT_US if export.state == "done" else None
    form = next((text for name, text, _ in FORMS if name == export.format), export.format)
    return File(export, _say_kept(read_kept(export.query)), form, until, _may_delete(visit, export))


def _say_kept(kept: Kept) -> str:
    wish, wanted = kept.wish, kept.wanted
    if wish is None or wanted is None:
        return "Attendees"
    has_search = wanted.query.terms is not None
    return _say(wish.status, wish.group or "", wish.source or "", wish.custom_fields, has_search=has_search)


def _say(status: str, group: str, source: str, custom_fields: dict[str, str], *, has_search: bool) -> str:
    """Who is in a file. Of a search it is only said that there was one: it may be the name of somebody."""
    parts = [text for name, text in STATUSES if (name or "attending") == status]
    if group:
        parts.append(f"in {group}")
    if source:
        parts.append(f"known to {source}")
    parts += [f"{field}: {value}" for field, value in custom_fields.items()]
    if has_search:
        parts.append("found by a search")
    return ", ".join(parts)
