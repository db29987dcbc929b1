"""The short way for the push that most senders send: nested, our very names, texts, nothing odd.

It decides nothing of its own: what is not plain goes the long way, and a property test holds both to the same result.
"""

from turnout.feed.body import Json, Number, Object
from turnout.feed.lists import MAX_CUSTOM_FIELDS, MAX_GROUPS, MAX_NAME_CHARACTERS, Lists
from turnout.feed.values import is_address, looks_like_slip
from turnout.model.attendee import PROFILE_FIELDS
from turnout.model.names import fold_case
from turnout.model.push import Push, SaidField, SaidGroup


class _NotPlain(Exception):
    """Something needs a second look."""


def read_plain(root: Object, lists: Lists) -> Push | None:
    """The push, where there is nothing to warn of, to resolve or to refuse; None everywhere else."""
    profile: Object | None = None
    event_info: Object | None = None
    for name, value in root:
        if name == "profile" and profile is None and type(value) is tuple:
            profile = value
        elif name == "eventInfo" and event_info is None and type(value) is tuple:
            event_info = value
        elif value is not None or name not in _MAY_BE_NULL:
            return None
    if profile is None:
        return None
    try:
        fields, custom_fields = _read_profile(profile)
        groups, attending = _read_event_info(event_info, lists) if event_info is not None else (None, None)
    except _NotPlain:
        return None
    email = fields.pop("email", None)
    if email is None or not is_address(email):
        return None
    return Push(email=email, profile=fields, custom_fields=custom_fields, groups=groups, attending=attending)


_MAY_BE_NULL = frozenset(("key", "observedAt", "clear"))
_FIELDS = frozenset(PROFILE_FIELDS)


def _read_profile(members: Object) -> tuple[dict[str, str | None], tuple[SaidField, ...]]:
    fields: dict[str, str | None] = {}
    custom_fields: tuple[SaidField, ...] | None = None
    for name, value in members:
        if name in _FIELDS:
            if name in fields:
                raise _NotPlain
            fields[name] = None if value is None else _read_text(value)
        elif name == "customFields" and custom_fields is None and type(value) is list:
            custom_fields = _read_custom_fields(value)
        else:
            raise _NotPlain
    return fields, custom_fields or ()


def _read_text(value: Json) -> str:
    if type(value) is str:
        text = value.strip()
        if looks_like_slip(text):
            raise _NotPlain
        return text
    if type(value) is Number:
        return str(value)
    raise _NotPlain


def _read_custom_fields(entries: list[Json]) -> tuple[SaidField, ...]:
    if len(entries) > MAX_CUSTOM_FIELDS:
        raise _NotPlain
    said: dict[str, SaidField] = {}
    for index, entry in enumerate(entries):
        if type(entry) is not tuple or len(entry) != 2:
            raise _NotPlain
        (first, one), (second, other) = entry
        if first == "fieldName" and second == "fieldValue":
            name, value = _read_text(one), None if other is None else _read_text(other)
        else:
            raise _NotPlain
        folded = fold_case(name)
        if not name or len(name) > MAX_NAME_CHARACTERS or folded in said:
            raise _NotPlain
        said[folded] = SaidField(f"profile.customFields[{index}].fieldValue", name, value)
    return tuple(said.values())


def _read_event_info(members: Object, lists: Lists) -> tuple[tuple[SaidGroup, ...] | None, bool | None]:
    groups: tuple[SaidGroup, ...] | None = None
    attending: bool | None = None
    for name, value in members:
        if name == "groups" and groups is None and type(value) is tuple and len(value) == 1:
            (inner, names) = value[0]
            if inner != "groupNames" or type(names) is not list or len(names) > MAX_GROUPS:
                raise _NotPlain
            groups = _read_groups(names, lists)
        elif name == "attending" and attending is None and type(value) is bool:
            attending = value
        else:
            raise _NotPlain
    return groups, attending


def _read_groups(names: list[Json], lists: Lists) -> tuple[SaidGroup, ...]:
    groups: dict[str, SaidGroup] = {}
    for index, value in enumerate(names):
        name = _read_text(value)
        folded = fold_case(name)
        if not name or len(name) > MAX_NAME_CHARACTERS or folded in groups or (lists != "none" and lists in name):
            raise _NotPlain
        groups[folded] = SaidGroup(f"eventInfo.groups.groupNames[{index}]", name)
    return tuple(groups.values())
