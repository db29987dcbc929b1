"""Groups and custom fields: which there are, what they are called, and which groups are the staff's."""

from turnout import errors
from turnout.api.operation import Call, Given, Items, Operation, Taken
from turnout.events import names
from turnout.events.names import NameKind
from turnout.model.names import Name
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
    """In it now; null right after a change."""


class FieldShown(Given, frozen=True, kw_only=True):
    """One custom field."""

    id: str
    number: int
    name: str


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
    its = call.configuration.groups.by_number.values()
    return Items(items=[_show_group(one, counts.get(one.number, 0)) for one in its])


def list_fields(call: Call) -> Items[FieldShown]:
    return Items(items=[_show_field(one) for one in call.configuration.custom_fields.by_number.values()])


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
    is_staffs = name.staff_only if wish.staff_only is None else wish.staff_only
    return GroupShown(id=name.id, number=name.number, name=name.name, staff_only=is_staffs, attendees=None)


def change_field(call: Call) -> FieldShown:
    wish: FieldChange = call.body
    return _show_field(_rename(call, "custom_field", _get(call, "custom_field"), wish.name))


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


def _show_group(name: Name, its_attendees: int) -> GroupShown:
    return GroupShown(
        id=name.id, number=name.number, name=name.name, staff_only=name.staff_only, attendees=its_attendees
    )


def _show_field(name: Name) -> FieldShown:
    return FieldShown(id=name.id, number=name.number, name=name.name)


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
    Operation("GET", _FIELDS, "viewer", list_fields, "Custom fields", gives=Items[FieldShown]),
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
