"""Groups and custom fields: who is in them, what they are called, and which groups are the staff's."""

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlencode

import msgspec

from turnout import errors
from turnout.console.page import Undo, Visit
from turnout.events import names
from turnout.events.names import NameKind
from turnout.feed.receipt import Answer
from turnout.model.event import Configuration
from turnout.model.names import Name, fold_case
from turnout.store import attendees

ON_PAGE = 100
KINDS: dict[str, NameKind] = {"groups": "group", "fields": "custom_field"}
"""As addresses have them."""


class Line(msgspec.Struct, frozen=True):
    """One name, and what is known of it."""

    name: Name
    former: Sequence[str]
    """Spellings that go on matching; folded, for so they are kept."""
    source: str | None
    """Who named it first."""
    attendees: int | None = None
    """In the group now, or with a value in the field; None where it was not counted."""
    is_all: bool = True
    """Else there are at least so many."""


def show(visit: Visit) -> Answer:
    """With `kind` the groups or the fields, with `q` those with this in their name."""
    kind = visit.query.get("kind", "groups")
    kind = kind if kind in KINDS else "groups"
    assert visit.configuration is not None
    found = [
        line for line in _list_lines(visit, KINDS[kind]) if _has(line, fold_case(visit.query.get("q", "").strip()))
    ]
    last = max(0, (len(found) - 1) // ON_PAGE)
    number = visit.query.get("page", "0")
    page = min(int(number) if number.isdecimal() and len(number) < 6 else 0, last)
    lines = found[page * ON_PAGE :][:ON_PAGE]
    shown: dict[str, Any] = {
        "kind": kind,
        "lines": lines if kind == "groups" else _count(visit, lines),
        "there": len(found),
        "page": page,
        "last": last,
        "counts": {one: len(names.names_of(visit.configuration, its).by_number) for one, its in KINDS.items()},
    }
    return visit.render("_names.html" if visit.is_fragment else "names.html", **shown)


def ask_rename(visit: Visit) -> Answer:
    name = _get(visit)
    return _render_rename(visit, name, name.name)


def rename(visit: Visit) -> Answer:
    return _rename(visit, visit.form.get("name", ""), visit.form.get("was"))


def undo_rename(visit: Visit) -> Answer:
    """Back to the name in the address, unless somebody has renamed it since."""
    return _rename(visit, visit.query.get("name", ""), visit.query.get("was"))


def _rename(visit: Visit, wanted: str, was: str | None) -> Answer:
    name, kind = _get(visit), visit.places["kind"]
    if was not in (None, name.name):
        fault = f"Somebody has renamed this to {name.name} meanwhile. Look whether your name should take its place."
        return _render_rename(visit, name, wanted, fault=fault, status=409)
    what = "group" if kind == "groups" else "field"
    try:
        with visit.acting(f"{what}.rename", target=name.id) as deed:
            deed.before = {"name": name.name}
            renamed = names.rename(
                visit.database, visit.event.id, KINDS[kind], name.name, wanted, actor=visit.signed_in.email
            )
            deed.after = {"name": renamed.name}
    except (errors.InvalidRequest, errors.Conflict) as error:
        return _render_rename(visit, name, wanted, fault=error.detail, status=422)
    said = f"{name.name} is called {renamed.name} from now on. Pushes that say {name.name} go on meaning it."
    return visit.redirect(
        _way(visit, kind),
        said,
        Undo(f"{_way_of(visit, name)}/undo-rename?{urlencode({'name': name.name, 'was': renamed.name})}"),
    )


def set_staff_only(visit: Visit) -> Answer:
    """With `staff_only=yes` for staff alone, else open to pushes again."""
    name = _get(visit)
    if visit.places["kind"] != "groups":
        raise errors.NotFound("A custom field has no such setting.")
    staff_only = (visit.form.get("staff_only") or visit.query.get("staff_only")) == "yes"
    with visit.acting("group.set", target=name.id) as deed:
        deed.before = {"name": name.name, "staffOnly": name.staff_only}
        names.set_staff_only(visit.database, visit.event.id, name.name, staff_only, actor=visit.signed_in.email)
        deed.after = {"name": name.name, "staffOnly": staff_only}
    said = (
        f"{name.name} is for staff only: pushes put nobody in or out of it."
        if staff_only
        else f"{name.name} is open to pushes."
    )
    back = f"{_way_of(visit, name)}/staff-only?staff_only={'yes' if name.staff_only else 'no'}"
    return visit.redirect(_way(visit, "groups"), said, Undo(back))


def _list_lines(visit: Visit, kind: NameKind) -> Iterator[Line]:
    """By name."""
    configuration = visit.configuration
    assert configuration is not None
    counts = {}
    if kind == "group":
        with visit.database.read() as connection:
            counts = attendees.count_members(connection, visit.event.id)
    spellings = _list_spellings(configuration, kind)
    known = names.names_of(configuration, kind).by_number.values()
    for name in sorted(known, key=lambda one: fold_case(one.name)):
        source = configuration.sources.get(name.first_source) if name.first_source is not None else None
        yield Line(
            name,
            [one for one in spellings.get(name.number, ()) if one != fold_case(name.name)],
            None if source is None else source.name,
            counts.get(name.number, 0) if kind == "group" else None,
        )


def _count(visit: Visit, lines: Sequence[Line]) -> list[Line]:
    """These fields with how many people have them: no more are counted than the page shows."""
    counts = names.count_with_fields(visit.database, visit.event.id, [line.name.number for line in lines])
    return [
        msgspec.structs.replace(line, attendees=its.people, is_all=its.is_all)
        for line in lines
        if (its := counts[line.name.number])
    ]


def _list_spellings(configuration: Configuration, kind: NameKind) -> dict[int, list[str]]:
    spellings: dict[int, list[str]] = {}
    for spelling, number in names.names_of(configuration, kind).by_spelling.items():
        spellings.setdefault(number, []).append(spelling)
    return spellings


def _has(line: Line, wanted: str) -> bool:
    return wanted in fold_case(line.name.name) or any(wanted in one for one in line.former)


def _render_rename(visit: Visit, name: Name, typed: str, *, fault: str = "", status: int = 200) -> Answer:
    return visit.render(
        "rename.html",
        status=status,
        kind=visit.places["kind"],
        name=name,
        typed=typed,
        fault=fault,
        back=visit.way(_way(visit, visit.places["kind"])),
    )


def _get(visit: Visit) -> Name:
    """The name in the path. Raises NotFound."""
    assert visit.configuration is not None
    kind, number = visit.places["kind"], visit.places["number"]
    if kind in KINDS and number.isdecimal() and len(number) < 10:
        name = names.names_of(visit.configuration, KINDS[kind]).by_number.get(int(number))
        if name is not None:
            return name
    raise errors.NotFound("The event has no such name.")


def _way(visit: Visit, kind: str) -> str:
    return f"events/{visit.event.slug}/settings/names" + ("?kind=fields" if kind == "fields" else "")


def _way_of(visit: Visit, name: Name) -> str:
    return f"events/{visit.event.slug}/settings/names/{visit.places['kind']}/{name.number}"
