"""A new event like another one: all that is set up there, and nobody who is in it."""

from collections.abc import Generator
from contextlib import contextmanager

import msgspec

from turnout.errors import NotFound
from turnout.events import event as making
from turnout.events import keys, sources
from turnout.events.names import NameKind, names_of
from turnout.model.event import Configuration, Event
from turnout.model.names import fold_case
from turnout.model.source import PEOPLE, Source
from turnout.now import new_id
from turnout.store import events
from turnout.store.database import Database
from turnout.store.statements import Connection


class Made(msgspec.Struct, frozen=True):
    """The new event, in the transaction in which it is made: what else is to be copied joins it."""

    connection: Connection
    event: Event
    key: str
    """At the only moment when it is known."""
    source: str
    """The name of the source that the key is of: the first one."""


@contextmanager
def creating(database: Database, pattern_id: str, name: str, slug: str | None = None) -> Generator[Made]:
    """A new event with the sources, settings, custom fields and groups of the one with this id, and a first key.

    Never people, pushes or keys; nor the host name, and the end of the event, which are that one's alone; nor sources
    that are retired. Names that no longer are, are known here too, so that senders can go on as they did. Raises
    NotFound; InvalidRequest, and Conflict when the slug is taken.
    """
    blank = making.make_event(name, slug)
    with database.write() as connection:
        pattern = events.load_configuration(connection, pattern_id)
        if pattern is None:
            raise NotFound("There is no such event.")
        event = msgspec.structs.replace(
            pattern.event,
            id=blank.id,
            slug=blank.slug,
            name=blank.name,
            created_at=blank.created_at,
            host=None,
            archived_at=None,
            ends_at=None,
            purged_at=None,
            suppresses=False,
        )
        making.add_event(connection, event)
        first = _add_sources(connection, event, pattern)
        for kind in _KINDS:
            _add_names(connection, event, pattern, kind)
        key = keys.add_key(connection, event.id, source_number=first.number, scope="push", label=first.name)
        yield Made(connection, event, key.text, first.name)


_KINDS: tuple[NameKind, ...] = ("custom_field", "group")


def _add_sources(connection: Connection, event: Event, pattern: Configuration) -> Source:
    """Gives the first one, of those that have keys."""
    copies = [
        msgspec.structs.replace(one, id=new_id("src"), event_id=event.id, created_at=event.created_at)
        for one in pattern.sources.values()
        if one.number != PEOPLE and one.retired_at is None
    ]
    for copy in copies:
        events.add_source(connection, copy, fold_case(copy.name))
    if not copies:
        return sources.add_source(connection, event.id, making.FIRST_SOURCE, number=1)
    return min(copies, key=lambda one: one.number)


def _add_names(connection: Connection, event: Event, pattern: Configuration, kind: NameKind) -> None:
    """Without gaps in their numbers; nobody has pushed them here yet."""
    names = names_of(pattern, kind)
    prefix = "grp" if kind == "group" else "fld"
    numbers = {number: place for place, number in enumerate(sorted(names.by_number), 1)}
    copies = [
        msgspec.structs.replace(
            name, id=new_id(prefix), number=numbers[number], first_source=None, created_at=event.created_at
        )
        for number, name in sorted(names.by_number.items())
    ]
    present = {fold_case(copy.name) for copy in copies}
    former = [(numbers[number], text) for text, number in names.by_spelling.items() if text not in present]
    events.add_names(connection, event.id, kind, [(copy, fold_case(copy.name)) for copy in copies])
    events.add_spellings(connection, event.id, kind, former)
