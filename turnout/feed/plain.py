"""The short way for the push that most senders send: nested, our very names, texts, nothing odd.

It decides nothing of its own: what is not plain goes the long way, and a property test holds both to the same result.
"""

from collections.abc import Iterator

import msgspec
from msgspec import UNSET, UnsetType

from turnout.feed.fields import MAX_CUSTOM_FIELDS, MAX_GROUPS, MAX_NAME_CHARACTERS
from turnout.feed.redact import KEY_MARK
from turnout.feed.values import SLIPS, is_address, looks_like_slip
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


def read_plain(raw: bytes) -> Push | None:
    """The push, where there is nothing to warn of, to resolve or to refuse; None everywhere else."""
    # Without escapes every quotation mark begins or ends a text, and a text says what its bytes show.
    if len(raw) > MAX_PLAIN_BYTES or b"\\" in raw or (b"_" in raw and _KEY_MARK in raw):
        return None
    try:
        root = _decode(raw)
        push, signs = _read(root)
    except (msgspec.DecodeError, UnicodeDecodeError, _NotPlain):
        return None
    # Decoding did not tell of names that are given twice (B2), but the signs do. They also tell of brackets within
    # texts, as templates leave them behind (B4); of templates without brackets other signs tell.
    if (raw.count(b'"'), raw.count(b"{"), raw.count(b"[")) != signs:
        return None
    may_hold_template = b"%" in raw or b"*" in raw or b">" in raw or _GUILLEMET in raw
    return None if may_hold_template and any(map(looks_like_slip, _list_texts(push))) else push


_KEY_MARK = KEY_MARK.encode()
_GUILLEMET = "»".encode()


class _NotPlain(Exception):
    """Something needs a second look."""


def _read(root: _Root) -> tuple[Push, tuple[int, int, int]]:
    """The push, and how many quotation marks, braces and brackets its JSON has, if each member stands in it once."""
    texts = 5 - (root.event_info, root.key, root.observed_at, root.clear).count(UNSET)
    objects, lists = 2, 0
    fields: dict[str, str | None] = {}
    custom_fields: tuple[SaidField, ...] = ()
    for name, value in root.profile.items():
        if type(value) is str:
            if name not in _FIELDS:
                raise _NotPlain
            fields[name] = _read_text(value)
            texts += 1
        elif type(value) is list:
            if name != "customFields":
                raise _NotPlain
            custom_fields = _read_custom_fields(value)
            texts += 4 * len(value) - sum(field.value is None for field in custom_fields)
            objects += len(value)
            lists += 1
        elif name in _FIELDS:
            fields[name] = None
        else:
            raise _NotPlain
    email = fields.pop("email", None)
    if email is None or not is_address(email):
        raise _NotPlain
    groups: tuple[SaidGroup, ...] | None = None
    attending: bool | None = None
    if root.event_info is not UNSET:
        objects += 1
        if root.event_info.groups is not UNSET:
            names = root.event_info.groups.group_names
            groups = _read_groups(names)
            texts += 2 + len(names)
            objects += 1
            lists += 1
        if root.event_info.attending is not UNSET:
            attending = root.event_info.attending
            texts += 1
    push = Push(email=email, profile=fields, custom_fields=custom_fields, groups=groups, attending=attending)
    return push, (2 * (texts + len(root.profile)), objects, lists)


_FIELDS = frozenset(PROFILE_FIELDS)


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
