"""The short way for the push that most senders send: nested, our very names, texts, nothing odd.

It decides nothing of its own: what is not plain goes the long way, and a property test holds both to the same result.
"""

from collections.abc import Collection, Iterator
from typing import Any, cast

import msgspec
from msgspec import UNSET, UnsetType

from turnout.feed.parse.fields import MAX_CUSTOM_FIELDS, MAX_GROUPS, MAX_NAME_CHARACTERS
from turnout.feed.parse.redact import KEY_MARK
from turnout.feed.parse.values import SLIPS, is_address, looks_like_slip
from turnout.model.attendee import PROFILE_FIELDS
from turnout.model.names import fold_case
from turnout.model.push import Push, SaidField, SaidGroup

MAX_PLAIN_BYTES = 16 * 1024
"""Of a body; hardly anybody's is larger, and then it is not worth two looks."""


class _CustomField(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    field_name: str
    field_value: str | None


class _Groups(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    group_names: list[str]


class _EventInfo(msgspec.Struct, forbid_unknown_fields=True):
    groups: _Groups | UnsetType = UNSET
    attending: bool | UnsetType = UNSET


class _Root(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    profile: dict[str, str | list[_CustomField] | None]
    event_info: _EventInfo | UnsetType = UNSET
    key: UnsetType | None = UNSET
    observed_at: UnsetType | None = UNSET
    clear: UnsetType | None = UNSET


_decode = msgspec.json.Decoder(_Root).decode


def read_plain(raw: bytes, text: str) -> Push | None:
    """The push, where there is nothing to warn of, to resolve or to refuse; None everywhere else.

    `raw` is the body, `text` the same decoded.
    """
    # Without escapes every quotation mark begins or ends a text, and a text says what its letters show.
    if len(raw) > MAX_PLAIN_BYTES or "\\" in text or ("_" in text and KEY_MARK in text):
        return None
    try:
        push, signs = _read(_decode(raw))
    except (msgspec.DecodeError, _NotPlain):
        return None
    # Decoding did not tell of names that are given twice (B2), but the signs do. They also tell of brackets within
    # texts, as templates leave them behind (B4); of templates without brackets other signs tell.
    if (text.count('"'), text.count("{"), text.count("[")) != signs:
        return None
    may_hold_template = "%" in text or "*" in text or ">" in text or "»" in text
    return None if may_hold_template and any(map(looks_like_slip, _list_texts(push))) else push


class _NotPlain(Exception):
    """Something needs a second look."""


def _read(root: _Root) -> tuple[Push, tuple[int, int, int]]:
    """The push, and how many quotation marks, braces and brackets its JSON has, if each member stands in it once."""
    profile = root.profile
    names = 1 + len(profile) + (root.key is None) + (root.observed_at is None) + (root.clear is None)
    texts, objects, lists = 0, 2, 0
    custom_fields: tuple[SaidField, ...] = ()
    if "customFields" in profile:
        entries = profile.pop("customFields")
        if type(entries) is not list:
            raise _NotPlain
        custom_fields = _read_custom_fields(entries)
        names += 2 * len(entries)
        texts += len(entries) + _count_texts([field.value for field in custom_fields])
        objects += len(entries)
        lists += 1
    said: dict[str, str | None] = cast("Any", profile)
    texts += _count_texts(said.values())
    if not _FIELDS.issuperset(said) or not _TEXT_OR_NULL.issuperset(map(type, said.values())):
        raise _NotPlain
    fields = {name: value and value.strip() for name, value in said.items()}
    if not SLIPS.isdisjoint(fields.values()):
        raise _NotPlain
    email = fields.pop("email", None)
    if email is None or not is_address(email):
        raise _NotPlain
    groups: tuple[SaidGroup, ...] | None = None
    attending: bool | None = None
    if root.event_info is not UNSET:
        names += 1
        objects += 1
        if root.event_info.groups is not UNSET:
            group_names = root.event_info.groups.group_names
            groups = _read_groups(group_names)
            names += 2
            texts += len(group_names)
            objects += 1
            lists += 1
        if root.event_info.attending is not UNSET:
            attending = root.event_info.attending
            names += 1
    push = Push(email=email, profile=fields, custom_fields=custom_fields, groups=groups, attending=attending)
    return push, (2 * (names + texts), objects, lists)


_FIELDS = frozenset(PROFILE_FIELDS)
_TEXT_OR_NULL = frozenset((str, type(None)))


def _count_texts(values: Collection[Any]) -> int:
    return len(values) if all(values) else sum(value is not None for value in values)


def _read_text(value: str) -> str:
    text = value.strip()
    if text in SLIPS:
        raise _NotPlain
    return text


def _list_texts(push: Push) -> Iterator[str]:
    """Every text of a plain push that might be a slip."""
    yield push.email
    yield from filter(None, push.profile.values())
    for field in push.custom_fields:
        yield field.name
        if isinstance(field.value, str):
            yield field.value
    for group in push.groups or ():
        yield group.name


def _read_custom_fields(entries: list[_CustomField]) -> tuple[SaidField, ...]:
    if len(entries) > MAX_CUSTOM_FIELDS:
        raise _NotPlain
    said: dict[str, SaidField] = {}
    for index, entry in enumerate(entries):
        name = _read_text(entry.field_name)
        value = None if entry.field_value is None else _read_text(entry.field_value)
        folded = fold_case(name)
        if not name or len(name) > MAX_NAME_CHARACTERS or folded in said:
            raise _NotPlain
        said[folded] = SaidField(f"profile.customFields[{index}].fieldValue", name, value)
    return tuple(said.values())


def _read_groups(names: list[str]) -> tuple[SaidGroup, ...]:
    if len(names) > MAX_GROUPS:
        raise _NotPlain
    groups: dict[str, SaidGroup] = {}
    for index, value in enumerate(names):
        name = _read_text(value)
        folded = fold_case(name)
        if not name or len(name) > MAX_NAME_CHARACTERS or folded in groups:
            raise _NotPlain
        groups[folded] = SaidGroup(f"eventInfo.groups.groupNames[{index}]", name)
    return tuple(groups.values())
