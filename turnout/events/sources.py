"""Sources: who says something about an event's attendees (A6)."""

import msgspec

from turnout.errors import Conflict, InvalidRequest, NotFound
from turnout.events import policy
from turnout.events.setup import SetUp, changing
from turnout.feed.commit import log_event_change
from turnout.model.change import Entry
from turnout.model.event import Configuration
from turnout.model.names import fold_case
from turnout.model.source import PEOPLE, Source
from turnout.now import new_id, now_us
from turnout.store import events
from turnout.store.database import Database
from turnout.store.statements import Connection

MAX_NAME = 255


def add_source(connection: Connection, event_id: str, name: str, *, number: int) -> Source:
    """A new source, in a transaction that holds the event. Raises InvalidRequest."""
    name = read_name(name)
    source = Source(id=new_id("src"), event_id=event_id, number=number, name=name, created_at=now_us())
    events.add_source(connection, source, fold_case(name))
    return source


def read_name(name: str) -> str:
    """Raises InvalidRequest."""
    name = name.strip()
    if not name or len(name) > MAX_NAME or "\0" in name:
        raise InvalidRequest(f"A source needs a name of 1 to {MAX_NAME} characters.")
    return name


def find_source(configuration: Configuration, name: str) -> Source | None:
    """The event's source with this name, however it is written."""
    spelling = fold_case(name.strip())
    return next((one for one in configuration.sources.values() if fold_case(one.name) == spelling), None)


def get_source(configuration: Configuration, name: str) -> Source:
    """Raises NotFound, which lists those that there are."""
    source = find_source(configuration, name)
    if source is None:
        names = ", ".join(one.name for one in configuration.sources.values())
        raise NotFound(f"The event {configuration.event.slug} has no source {name!r}. It has: {names}.")
    return source


def check_open(source: Source) -> None:
    """Raises Conflict where the source has no keys: it is retired, or it is the people."""
    if source.retired_at is not None:
        raise Conflict(
            f"The source {source.name!r} is retired: it says nothing any more and gets no keys. "
            "Make a new source, with another name."
        )
    if source.number == PEOPLE:
        raise Conflict(f"{source.name!r} stands for all people who edit by hand; it has no keys.")


def check_retirable(source: Source) -> None:
    """Raises Conflict for the source that people are."""
    if source.number == PEOPLE:
        raise Conflict(f"{source.name!r} stands for all people who edit by hand, and cannot be retired.")


def retire(database: Database, event_id: str, name: str, *, actor: str | None = None) -> Source:
    """The source, from now on without keys and without a say; what it has said is taken back in `feed/retire.py`.

    Raises NotFound, and Conflict for the source that people are.
    """
    with changing(database, event_id) as held:
        source = get_source(held.configuration, name)
        check_retirable(source)
        if source.retired_at is None:
            source = msgspec.structs.replace(source, retired_at=now_us())
            events.update_source(held.connection, source)
            for key in held.configuration.keys.values():
                if key.source_number == source.number and key.revoked_at is None:
                    ended = msgspec.structs.replace(key, revoked_at=source.retired_at, last_address=None)
                    events.update_key(held.connection, ended)
            entry = Entry("setting", "retired", False, True)
            log_event_change(held.connection, held.clock, "setting_changed", [entry], source.number, actor=actor)
    return source


def rename(database: Database, event_id: str, name: str, new: str, *, actor: str | None = None) -> Source:
    """The source under its new name; keys, pushes and what it said stay its own. The former name is free again.

    Raises NotFound, InvalidRequest, and Conflict where another one has the name, or it is the people's.
    """
    wanted = read_name(new)
    with changing(database, event_id) as held:
        before = get_source(held.configuration, name)
        if before.number == PEOPLE:
            raise Conflict(f"{before.name!r} stands for all people who edit by hand, and keeps its name.")
        other = find_source(held.configuration, wanted)
        if other is not None and other.number != before.number:
            raise Conflict(f"There is a source {other.name!r} already. Choose another name.")
        after = msgspec.structs.replace(before, name=wanted)
        if after != before:
            events.rename_source(held.connection, after, fold_case(wanted))
            entry = Entry("setting", "name", before.name, after.name)
            log_event_change(held.connection, held.clock, "setting_changed", [entry], after.number, actor=actor)
    return after


def set_up(
    database: Database, event_id: str, name: str, settings: dict[str, str], *, actor: str | None = None
) -> Source:
    """The source with these settings; `default` means as the event. Raises NotFound or InvalidRequest."""
    with changing(database, event_id) as held:
        return set_policy(held, get_source(held.configuration, name), settings, actor=actor)


def set_policy(held: SetUp, before: Source, settings: dict[str, str], *, actor: str | None) -> Source:
    """The same in a transaction that holds the event. Raises InvalidRequest."""
    own = before.policy
    for setting, value in settings.items():
        own = policy.set_one(own, setting, value)
    after = msgspec.structs.replace(before, policy=own)
    entries = [
        Entry("setting", setting, old, new)
        for setting in policy.choices()
        if (old := getattr(before.policy, setting)) != (new := getattr(own, setting))
    ]
    if entries:
        events.update_source(held.connection, after)
        log_event_change(held.connection, held.clock, "setting_changed", entries, after.number, actor=actor)
    return after
