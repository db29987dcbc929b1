"""Keys: of sources, to push, and of the event, to read."""

from typing import Literal

from turnout import errors
from turnout.api.operation import (
    HOUR_US,
    Call,
    Given,
    Items,
    Operation,
    Taken,
    as_time,
    read_days,
    read_overlap,
    say_time,
)
from turnout.changes.fields import spell_fields, spell_groups
from turnout.events import keys, sources
from turnout.events.keys import IssuedKey
from turnout.model.event import Configuration
from turnout.model.key import Key
from turnout.now import now_us


class KeyShown(Given, frozen=True, kw_only=True):
    """One key, without its text."""

    id: str
    scope: str
    """`push` or `read`."""
    label: str
    source: int | None
    """The number of the source that a push key belongs to."""
    state: str
    """`good`, `expired` or `revoked`."""
    created_at: str
    expires_at: str | None
    revoked_at: str | None
    last_used_at: str | None
    groups: list[str] | None
    """Whose people a read key sees; null for everybody."""
    fields: list[str] | None
    """What it sees of them; null for everything."""


class NewKey(Taken, frozen=True, kw_only=True):
    """What a key is to be: a push key of a source that is there, or a read key with a name."""

    scope: Literal["push", "read"] = "push"
    source: int | None = None
    """The number, of a push key."""
    label: str | None = None
    """The name of a read key."""
    expires_in_days: int | None = None
    groups: list[str] | None = None
    """Limits of a read key, by name: whose people it sees …"""
    fields: list[str] | None = None
    """… and what of them."""


class MadeKey(Given, frozen=True, kw_only=True):
    """A key, with its text this once."""

    key: KeyShown
    text: str
    """`trn_…`"""


class Overlap(Taken, frozen=True, kw_only=True):
    """How long the old one stays good beside the new one."""

    overlap_hours: int = 24


def list_keys(call: Call) -> Items[KeyShown]:
    return Items(items=[_show(call.configuration, one) for one in call.configuration.keys.values()])


def create(call: Call) -> MadeKey:
    wish: NewKey = call.body
    expires_in_us = read_days(wish.expires_in_days)
    if wish.scope == "read":
        return _create_read_key(call, wish, expires_in_us)
    if wish.source is None or wish.label is not None:
        raise errors.InvalidRequest("A push key names a source by its number, and has no label of its own.")
    source = call.configuration.sources.get(wish.source)
    if source is None or wish.source == 0:
        raise errors.NotFound("The event has no such source.")
    with call.acting("key.create") as deed:
        issued = keys.create(
            call.database,
            call.event.id,
            source=source.name,
            expires_in_us=expires_in_us,
            groups=wish.groups,
            fields=wish.fields,
        )
        deed.target, deed.after = issued.key.id, {"source": source.number}
    return _give(call, issued)


def _create_read_key(call: Call, wish: NewKey, expires_in_us: int | None) -> MadeKey:
    label = (wish.label or "").strip()
    if not label or len(label) > sources.MAX_NAME or wish.source is not None:
        raise errors.InvalidRequest(f"A read key has a label of 1 to {sources.MAX_NAME} characters, and no source.")
    for name, chosen in (("groups", wish.groups), ("fields", wish.fields)):
        if chosen == []:
            raise errors.InvalidRequest(f"{name} is empty. Name at least one, or leave it out for all of them.")
    with call.acting("key.create") as deed:
        issued = keys.create(
            call.database,
            call.event.id,
            label=label,
            scope="read",
            expires_in_us=expires_in_us,
            groups=wish.groups,
            fields=wish.fields,
        )
        deed.target = issued.key.id
        deed.after = {"scope": "read", "groups": issued.key.groups, "fields": issued.key.fields}
    return _give(call, issued)


def rotate(call: Call) -> MadeKey:
    wish: Overlap = call.body
    key, overlap_us = _get(call), read_overlap(wish.overlap_hours)
    with call.acting("key.rotate", target=key.id) as deed:
        issued = keys.rotate(call.database, key.id, overlap_us)
        deed.after = {"key": issued.key.id, "overlapHours": overlap_us // HOUR_US}
    return _give(call, issued)


def revoke(call: Call) -> KeyShown:
    key = _get(call)
    with call.acting("key.revoke", target=key.id):
        return _show(call.configuration, keys.revoke(call.database, key.id))


def _get(call: Call) -> Key:
    """The key in the path, which is this event's. Raises NotFound, and Conflict where it is over."""
    key = call.configuration.keys.get(call.places["key"])
    if key is None:
        raise errors.NotFound("The event has no such key.")
    if not key.is_good(now_us()):
        raise errors.Conflict(f"The key {key.id} is {keys.state_of(key, now_us())} already.")
    return key


def _give(call: Call, issued: IssuedKey) -> MadeKey:
    return MadeKey(key=_show(call.configuration, issued.key), text=issued.text)


def _show(configuration: Configuration, key: Key) -> KeyShown:
    return KeyShown(
        id=key.id,
        scope=key.scope,
        label=key.label,
        source=key.source_number,
        state=keys.state_of(key, now_us()),
        created_at=say_time(key.created_at),
        expires_at=as_time(key.expires_at),
        revoked_at=as_time(key.revoked_at),
        last_used_at=as_time(key.last_used_at),
        groups=None if key.groups is None else spell_groups(configuration, key.groups),
        fields=None if key.fields is None else spell_fields(configuration, key.fields),
    )


_IN = "events/{event}/keys"
_ONE = f"{_IN}/{{key}}"
operations = [
    Operation("GET", _IN, "manager", list_keys, "All keys, without their texts", gives=Items[KeyShown]),
    Operation(
        "POST",
        _IN,
        "manager",
        create,
        "A new key",
        "A push key of a source, or a read key, which may be limited to groups and fields. Its text is in this answer "
        "and in no other.",
        takes=NewKey,
        gives=MadeKey,
        status=201,
    ),
    Operation(
        "POST",
        f"{_ONE}/rotate",
        "manager",
        rotate,
        "A new key in the place of one",
        "Of the same source, or with the same limits.",
        takes=Overlap,
        gives=MadeKey,
        status=201,
    ),
    Operation("POST", f"{_ONE}/revoke", "manager", revoke, "Revoke a key, at once", gives=KeyShown),
]
