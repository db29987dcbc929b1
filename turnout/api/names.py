"""Groups and custom fields: which there are, what they are called, and which groups are the staff's."""

import msgspec

from turnout import errors
from turnout.api.operation import Call, Given, Items, Operation, Taken, say_time
from turnout.events import names
from turnout.events.names import Count, NameKind
from turnout.model.names import Name, fold_case
from turnout.store import attendees


class GroupShown(Given, frozen=True, kw_only=True):
    """One group."""

    id: str
    number: int
    """What it is called in addresses: it stays when the name changes."""
    name: str
    staff_only: bool
    """Whether pushes put nobody in or out of it."""
    attendees: int | None
    """In it now, withdrawn ones too; null right after a change."""
    former: list[str]
    """Spellings that go on matching, folded."""
    first_source: int | None
    """The number of the source that named it first; null where people have."""
    created_at: str


class FieldShown(Given, frozen=True, kw_only=True):
    """One custom field."""

    id: str
    number: int
    name: str
    attendees: int | None
    """Who have a value in it, withdrawn ones too, as the list's index has it; null right after a change."""
    is_all: bool
    """Else there are at least so many: not all were counted."""
    former: list[str]
    """Spellings that go on matching, folded."""
    first_source: int | None
    """The number of the source that named it first; null where people have."""
    created_at: str


class GroupChange(Taken, frozen=True, kw_only=True):
    """What is to be different; what is left out stays."""

    name: str | None = None
    staff_only: bool | None = None


class FieldChange(Taken, frozen=True, kw_only=True):
    """Another name; the one before goes on matching."""

    name: str


def list_groups(call: Call) -> Items[GroupShown]:
    with call.database.read() as connection:
        counts = attendees.count_members(connection, call.event.id)
    its, former = call.configuration.groups.by_number.values(), _list_former(call, "group")
    return Items(items=[_show_group(one, counts.get(one.number, 0), former) for one in its])


def list_fields(call: Call) -> Items[FieldShown]:
    known = call.configuration.custom_fields.by_number
    counts, former = names.count_with_fields(call.database, call.event.id, [*known]), _list_former(call, "custom_field")
    return Items(items=[_show_field(one, counts[number], former) for number, one in known.items()])


def change_group(call: Call) -> GroupShown:
    wish: GroupChange = call.body
    name = _get(call, "group")
    if wish.name is not None:
        name = _rename(call, "group", name, wish.name)
    if wish.staff_only is not None:
        with call.acting("group.set", target=name.id) as deed:
            deed.before = {"name": name.name, "staffOnly": name.staff_only}
            names.set_staff_only(call.database, call.event.id, name.name, wish.staff_only, actor=call.user.email)
            deed.after = {"name": name.name, "staffOnly": wish.staff_only}
        name = msgspec.structs.replace(name, staff_only=wish.staff_only)
    return _show_group(name, None, _list_former(call, "group"))


def change_field(call: Call) -> FieldShown:
    wish: FieldChange = call.body
    renamed = _rename(call, "custom_field", _get(call, "custom_field"), wish.name)
    return _show_field(renamed, None, _list_former(call, "custom_field"))


def _rename(call: Call, kind: NameKind, name: Name, wanted: str) -> Name:
    with call.acting("group.rename" if kind == "group" else "field.rename", target=name.id) as deed:
        deed.before = {"name": name.name}
        renamed = names.rename(call.database, call.event.id, kind, name.name, wanted, actor=call.user.email)
        deed.after = {"name": renamed.name}
    return renamed


def _get(call: Call, kind: NameKind) -> Name:
    """The one in the path. Raises NotFound."""
    said = call.places["number"]
    known = names.names_of(call.configuration, kind).by_number
    name = known.get(int(said)) if said.isascii() and said.isdecimal() and len(said) < 10 else None
    if name is None:
        raise errors.NotFound(f"The event has no such {'group' if kind == 'group' else 'custom field'}.")
    return name


def _list_former(call: Call, kind: NameKind) -> dict[int, list[str]]:
    """All spellings by number, but for a name that was given just now."""
    spellings: dict[int, list[str]] = {}
    for spelling, number in names.names_of(call.configuration, kind).by_spelling.items():
        spellings.setdefault(number, []).append(spelling)
    return spellings


def _show_group(name: Name, its_attendees: int | None, spellings: dict[int, list[str]]) -> GroupShown:
    return GroupShown(
        id=name.id,
        number=name.number,
        name=name.name,
        staff_only=name.staff_only,
        attendees=its_attendees,
        former=[one for one in spellings.get(name.number, ()) if one != fold_case(name.name)],
        first_source=name.first_source,
        created_at=say_time(name.created_at),
    )


def _show_field(name: Name, count: Count | None, spellings: dict[int, list[str]]) -> FieldShown:
    return FieldShown(
        id=name.id,
        number=name.number,
        name=name.name,
        attendees=None if count is None else count.people,
        is_all=count is None or count.is_all,
        former=[one for one in spellings.get(name.number, ()) if one != fold_case(name.name)],
        first_source=name.first_source,
        created_at=say_time(name.created_at),
    )


_GROUPS, _FIELDS = "events/{event}/groups", "events/{event}/custom-fields"
operations = [
    Operation("GET", _GROUPS, "viewer", list_groups, "Groups, and how many are in each", gives=Items[GroupShown]),
    Operation(
        "PATCH",
        f"{_GROUPS}/{{number}}",
        "manager",
        change_group,
        "Rename a group, or make it the staff's",
        "Pushes that say a former name go on meaning it.",
        takes=GroupChange,
        gives=GroupShown,
    ),
    Operation("GET", _FIELDS, "viewer", list_fields, "Custom fields, and how many have each", gives=Items[FieldShown]),
    Operation(
        "PATCH",
        f"{_FIELDS}/{{number}}",
        "manager",
        change_field,
        "Rename a custom field",
        "Pushes that say a former name go on meaning it.",
        takes=FieldChange,
        gives=FieldShown,
    ),
]
