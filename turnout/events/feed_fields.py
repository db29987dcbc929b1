"""What is new, odd or missing in what sources send: names seen first, unknown fields, fields gone, wrong keys.

Everything looks at a bounded number of the latest pushes.
"""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Literal

import msgspec

from turnout.errors import InvalidPush, MalformedBody
from turnout.events.keys import state_of
from turnout.events.names import NameKind
from turnout.feed.parse.body import decode
from turnout.feed.parse.lists import Lists
from turnout.feed.parse.push import to_push
from turnout.model.event import Configuration
from turnout.model.names import Name, fold_case
from turnout.model.push import Push
from turnout.now import now_us
from turnout.store import pushes, refusals
from turnout.store.database import Database

WARNED_PUSHES = 1_000
"""Looked at for unknown fields."""
MAX_LISTED = 100
SAMPLE = 200
"""Pushes compared with as many before them, for fields that went missing."""
LOOKED_AT = 2_000
"""Lines of the push log looked through for these: dry runs and repetitions have no body …"""
MAX_BODY_CHARACTERS = 64_000
"""… and larger ones are left out."""
_SURE = 5
"""A field is missing where so many of the latest pushes should have it and none has: by chance once in 150 times."""


class NewName(msgspec.Struct, frozen=True):
    """A custom field or a group that was seen for the first time."""

    kind: NameKind
    name: Name


class UnknownField(msgspec.Struct, frozen=True):
    """What a source sends under a name that is none of ours (B5)."""

    path: str
    """In the sender's own notation; the places in lists as `[…]`."""
    suggestion: str | None
    """The path that was probably meant."""
    source_number: int
    pushes: int
    """Of those looked at, how many had it."""
    last_at: int


class Field(msgspec.Struct, frozen=True):
    """What a push can give a value."""

    kind: Literal["profile", "custom_field", "group"]
    key: str
    """Of the profile its name, else the name folded."""


class MissingField(msgspec.Struct, frozen=True):
    """What a source used to send, and sends no more."""

    field: Field
    name: str
    """As it was written when it was seen last."""
    before: int
    """How many of `of` pushes had it."""
    of: int


class WrongKey(msgspec.Struct, frozen=True):
    """A key with which somebody was refused at this event."""

    key_id: str
    """Empty where there was none, or nothing like one."""
    state: str
    """`missing`, `unknown`, `revoked`, `expired`; `good` where it came with another secret, or where it may not."""
    label: str | None
    source_number: int | None
    """Whose key it is, where we know it."""
    count: int
    addresses: int
    """How many it came from."""
    first_at: int
    last_at: int


def list_new_names(configuration: Configuration, since: int) -> list[NewName]:
    """The custom fields and groups that no push had named before, the latest first."""
    found = [
        NewName(kind, name)
        for kind, names in (("custom_field", configuration.custom_fields), ("group", configuration.groups))
        for name in names.by_number.values()
        if name.created_at >= since
    ]
    return sorted(found, key=lambda new: new.name.created_at, reverse=True)[:MAX_LISTED]


def list_unknown_fields(database: Database, event_id: str, source_number: int | None = None) -> list[UnknownField]:
    """The names of none of our fields in the latest pushes, the most frequent first. Raises StorageUnavailable."""
    with database.read() as connection:
        warned = pushes.list_warned(connection, event_id, WARNED_PUSHES, source_number)
    found: dict[tuple[int, str], UnknownField] = {}
    for number, at, warnings in warned:
        for path, warning in {_cut(one.path): one for one in warnings if one.code == "unknown_field"}.items():
            known = found.get((number, path))
            suggestion = warning.suggestion if isinstance(warning.suggestion, str) else None
            found[number, path] = (
                UnknownField(path, suggestion, number, 1, at)
                if known is None
                else msgspec.structs.replace(known, pushes=known.pushes + 1, last_at=max(known.last_at, at))
            )
    return sorted(found.values(), key=lambda one: (-one.pushes, -one.last_at, one.path))[:MAX_LISTED]


def _cut(path: str) -> str:
    return re.sub(r"\[\d+\]", "[…]", path)


def list_missing_fields(
    database: Database, configuration: Configuration, source_number: int, sample: int = SAMPLE
) -> list[MissingField]:
    """What the source's latest pushes lack that those before had. Raises StorageUnavailable."""
    sample = min(sample, SAMPLE)
    with database.read() as connection:
        bodies = pushes.list_latest_bodies(
            connection,
            configuration.event.id,
            source_number,
            limit=2 * sample,
            look_at=LOOKED_AT,
            max_characters=MAX_BODY_CHARACTERS,
        )
    lists = configuration.sources[source_number].policy.over(configuration.event.policy).lists
    said = [fields for body in bodies if (fields := list_said(body, lists)) is not None]
    # Of a source that is new there may be fewer: then half are compared with half.
    middle = min(sample, len(said) // 2)
    return find_missing(said[middle:], said[:middle])


def list_said(body: str, lists: Lists) -> dict[Field, str] | None:
    """What a stored body gives a value, and how that is written there; None where it cannot be read. Pure."""
    try:
        push = to_push(decode(body.encode(), None), lists=lists, now=now_us())
    except (InvalidPush, MalformedBody):
        return None
    return _list_given(push)


def _list_given(push: Push) -> dict[Field, str]:
    given = {Field("profile", field): field for field, value in push.profile.items() if value}
    given |= {Field("custom_field", fold_case(one.name)): one.name for one in push.custom_fields if one.value}
    return given | {Field("group", fold_case(one.name)): one.name for one in push.groups or ()}


def find_missing(before: Sequence[dict[Field, str]], latest: Sequence[dict[Field, str]]) -> list[MissingField]:
    """What pushes had `before` and none of the `latest` has, the most frequent first; the latest stand first. Pure.

    Only what was frequent enough that it cannot well be chance.
    """
    counted = Counter(field for said in before for field in said)
    there = {field for said in latest for field in said}
    names = {field: name for said in reversed(before) for field, name in said.items()}
    return [
        MissingField(field, names[field], times, len(before))
        for field, times in counted.most_common()
        if field not in there and times * len(latest) >= _SURE * len(before)
    ][:MAX_LISTED]


def list_wrong_keys(database: Database, configuration: Configuration) -> list[WrongKey]:
    """The keys with which somebody was refused at this event, latest first (A4). Raises StorageUnavailable."""
    with database.read() as connection:
        refused = refusals.list_refusals(connection, configuration.event.id)
    by_key: dict[str, list[refusals.Refusal]] = {}
    for one in refused:
        by_key.setdefault(one.key_id, []).append(one)
    return [_describe(configuration, key_id, its) for key_id, its in by_key.items()][:MAX_LISTED]


def _describe(configuration: Configuration, key_id: str, its: Sequence[refusals.Refusal]) -> WrongKey:
    key = configuration.keys.get(key_id)
    return WrongKey(
        key_id,
        ("unknown" if key_id else "missing") if key is None else state_of(key, now_us()),
        None if key is None else key.label,
        None if key is None else key.source_number,
        count=sum(one.count for one in its),
        addresses=len({one.address for one in its}),
        first_at=min(one.first_at for one in its),
        last_at=max(one.last_at for one in its),
    )
