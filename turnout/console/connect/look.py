"""What the pages about sources show, gathered from the rooms that know it."""

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from turnout.changes.fields import spell_fields, spell_groups
from turnout.errors import NotFound
from turnout.events import activity, handouts, keys
from turnout.feed.by_hand import go_live
from turnout.model.event import Configuration
from turnout.model.handout import Handout
from turnout.model.key import Key
from turnout.model.push import StoredPush
from turnout.model.source import PEOPLE, Source
from turnout.now import now_us
from turnout.recipes import list_recipes
from turnout.store import push_counts
from turnout.store.database import Database
from turnout.store.push_counts import SLOT_US
from turnout.store.push_search import PushSearch, search_pushes

SHOWN = 200
"""Sources on the page, those heard of last; hand-outs and keys in one list."""
REHEARSED_SHOWN = 200
"""Rehearsed pushes of a source of which it is told what would have become, the latest …"""
REHEARSED_LOOKED_AT = 2_000
"""… among so many of its lines in the push log."""
_HOURS = 24
_HOUR_SLOTS = 6


class Hours(msgspec.Struct):
    """One source's last 24 hours, hour by hour; the last one ends now."""

    pushes: list[int]
    failed: list[int]

    @property
    def total(self) -> int:
        return sum(self.pushes)

    @property
    def total_failed(self) -> int:
        return sum(self.failed)


class KeyLine(msgspec.Struct, frozen=True):
    """One key, and what it can do."""

    key: Key
    state: str
    """`good`, `expired` or `revoked`."""
    groups: list[str] | None = None
    """Whose people a read key sees; None for everybody."""
    fields: list[str] | None = None
    """What it sees of them; None for everything."""


class HandoutLine(msgspec.Struct, frozen=True):
    """One hand-out, and what became of it."""

    handout: Handout
    source: Source
    tool: str
    """Its title."""
    state: str
    """`good`, `expired`, `revoked`, or `over` where its source or event is."""
    key: Key | None
    """The one that was shown there."""


class SourceLine(msgspec.Struct, frozen=True):
    """One source among those of the event."""

    source: Source
    is_rehearsing: bool
    last_at: int | None
    hours: Hours
    good_keys: int
    open_handouts: int


class Rehearsed(msgspec.Struct, frozen=True):
    """What came of a source while it rehearsed."""

    waiting: int
    """Pushes that could take effect now."""
    by_result: Mapping[str, int]
    """What would have become of the latest ones, while it still rehearses."""
    reasons: Sequence[tuple[str, int]]
    """Why the failed ones among them failed, the commonest first."""
    are_all: bool
    """Whether there are no others."""


def list_sources(database: Database, configuration: Configuration) -> list[SourceLine]:
    """Those that have keys, open ones first, then the one heard of last; all of them."""
    hours = _list_hours(database, configuration.event.id)
    numbers = [number for number in configuration.sources if number != PEOPLE]
    last_at = activity.list_last_at(database, configuration.event.id, numbers)
    at = now_us()
    good_keys = Counter(key.source_number for key in configuration.keys.values() if key.is_good(at))
    open_handouts = Counter(
        line.source.number for line in list_handouts(database, configuration) if line.state == "good"
    )
    lines = [
        SourceLine(
            source=source,
            is_rehearsing=is_rehearsing(configuration, source),
            last_at=last_at[number],
            hours=hours.get(number) or _no_hours(),
            good_keys=good_keys[number],
            open_handouts=open_handouts[number],
        )
        for number in numbers
        if (source := configuration.sources[number])
    ]
    return sorted(lines, key=lambda one: (one.source.retired_at is not None, -(one.last_at or 0), one.source.number))


def get_source(configuration: Configuration, number: str) -> Source:
    """The one that an address names. Raises NotFound."""
    source = configuration.sources.get(int(number)) if number.isdecimal() and len(number) < 10 else None
    if source is None or source.number == PEOPLE:
        raise NotFound("The event has no such source.")
    return source


def get_key(configuration: Configuration, key_id: str) -> Key:
    """Raises NotFound, also for another event's."""
    if key_id not in configuration.keys:
        raise NotFound("The event has no such key.")
    return configuration.keys[key_id]


def get_hours(database: Database, configuration: Configuration, source: Source) -> Hours:
    return _list_hours(database, configuration.event.id).get(source.number) or _no_hours()


def find_last_at(database: Database, configuration: Configuration, source: Source) -> int | None:
    return activity.list_last_at(database, configuration.event.id, [source.number])[source.number]


def is_rehearsing(configuration: Configuration, source: Source) -> bool:
    return source.policy.over(configuration.event.policy).mode == "rehearsal"


def list_keys(configuration: Configuration, source_number: int | None) -> list[KeyLine]:
    """A source's, or with None the event's read keys: good ones first, then the latest."""
    at = now_us()
    lines = [
        KeyLine(
            key,
            keys.state_of(key, at),
            None if key.groups is None else spell_groups(configuration, key.groups),
            None if key.fields is None else spell_fields(configuration, key.fields),
        )
        for key in configuration.keys.values()
        if key.source_number == source_number and (source_number is not None or key.scope == "read")
    ]
    lines.sort(key=lambda line: (not line.key.is_good(at), -line.key.created_at))
    return lines[:SHOWN]


def list_handouts(database: Database, configuration: Configuration, source: Source | None = None) -> list[HandoutLine]:
    """The latest first; of one source, or of all."""
    titles = {recipe.name: recipe.title for recipe in list_recipes()}
    at = now_us()
    is_archived = configuration.event.archived_at is not None
    return [
        HandoutLine(
            handout=one,
            source=its,
            tool=titles.get(one.tool, one.tool),
            state="over" if (is_archived or its.retired_at is not None) and one.state(at) == "good" else one.state(at),
            key=configuration.keys.get(one.key_id or ""),
        )
        for one in handouts.list_of(database, configuration)
        if (its := configuration.sources[one.source_number]) and (source is None or its.number == source.number)
    ]


def look_at_rehearsed(database: Database, configuration: Configuration, source: Source) -> Rehearsed:
    event_id = configuration.event.id
    waiting = go_live.list_waiting(database, event_id, source.number)
    # Dry runs, which are only tried, are none of them.
    search = PushSearch(source_number=source.number, effect="rehearsed")
    rehearsed: list[StoredPush] = []
    before_id: str | None = None
    with database.read() as connection:
        while is_rehearsing(configuration, source) and len(rehearsed) < REHEARSED_SHOWN:
            found = search_pushes(connection, event_id, search, before_id=before_id, looked_at=REHEARSED_LOOKED_AT)
            rehearsed += found.pushes
            before_id = found.before_id
            if before_id is None or found.looked_back_to is not None:
                break
    reasons = Counter(
        (push.failure.errors[0].message if push.failure.errors else push.failure.detail)
        for push in rehearsed
        if push.failure is not None
    )
    return Rehearsed(
        len(waiting), Counter(push.result for push in rehearsed), reasons.most_common(5), before_id is None
    )


def _list_hours(database: Database, event_id: str) -> dict[int, Hours]:
    first = now_us() // (SLOT_US * _HOUR_SLOTS) - _HOURS + 1
    with database.read() as connection:
        sums = push_counts.list_sums(connection, event_id, first * _HOUR_SLOTS, _HOUR_SLOTS)
    hours: dict[int, Hours] = {}
    for one in sums:
        its = hours.setdefault(one.source_number, _no_hours())
        # A clock that was set back has left counts ahead of it.
        at = min(one.span - first, _HOURS - 1)
        its.pushes[at] += one.count
        if one.result == "failed":
            its.failed[at] += one.count
    return hours


def _no_hours() -> Hours:
    return Hours([0] * _HOURS, [0] * _HOURS)
