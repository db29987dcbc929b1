"""Why does it say that? One attendee for staff: every value with who said it, when, in which push, and what it was."""

from collections.abc import Iterable, Iterator
from typing import Any, Literal, TypeAlias

import msgspec

from turnout import errors
from turnout.changes import attendee_view
from turnout.changes.attendee_view import SHOWN_FIELDS, AttendeeView, Origin, list_sources_of
from turnout.changes.shown import CUSTOM_FIELDS_PATH
from turnout.downstream.attendees.history import HistoryView, read_history_page
from turnout.downstream.attendees.page import MAX_PAGE
from turnout.downstream.attendees.person import get_person
from turnout.downstream.attendees.room import bring_up_to_date
from turnout.downstream.limits import EVERYTHING
from turnout.feed.configurations import Configurations
from turnout.model.attendee import Attendee, Said
from turnout.model.change import Change
from turnout.model.event import Configuration
from turnout.model.push import StoredPush
from turnout.model.source import PEOPLE
from turnout.now import as_text
from turnout.store import changes, pushes
from turnout.store.database import Database
from turnout.store.statements import Connection

FieldKind: TypeAlias = Literal["profile", "custom", "unknown"]


class FieldTold(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One field, and where its value is from."""

    kind: FieldKind
    name: str
    """`title`, the custom field's name, or the path of an unknown field."""
    path: str
    """`profile.title`, `profile.customFields.Shoe size`."""
    value: Any
    """None where it is not set, or was cleared."""
    origin: Origin | None
    """The change that made it so, also where it was cleared; None where it never had a value."""
    true_at: str | None
    """When it was last known to be so: later than its origin where it was said again (D7)."""
    is_pinned: bool
    """Whether staff hold it (C7)."""


class GroupTold(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One group that somebody puts the attendee in, or staff hold him out of."""

    name: str
    is_in: bool
    sources: list[str]
    """Which say that he is in."""
    held: bool | None
    """How staff hold him, whatever sources say; None where they do not (C10)."""
    staff_only: bool


class SourceTold(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What one source says besides values."""

    name: str
    number: int
    expects: bool | None
    """Whether it expects the person (C9); None where it has not said so."""
    ids: list[str]
    """Its own ids of the person, the present one first (C6)."""
    last_push: str | None
    """The id of its latest push for the person."""


class PersonTold(msgspec.Struct, frozen=True, kw_only=True):
    """One attendee, explained."""

    attendee: Attendee
    view: AttendeeView
    """As the command line and the read API write it, with origins."""
    fields: list[FieldTold]
    """The address and the 21 fields in the profile's order, set or not; then custom fields, then unknown ones."""
    groups: list[GroupTold]
    sources: list[SourceTold]
    actors: dict[int, str]
    """Who acted or pushed by hand, by the line of the log that a value is from; a system's own pushes are missing."""
    originals: dict[str, StoredPush]
    """What was replayed, by the push of a value that came by a replay, as where a source went live."""
    configuration: Configuration
    """Knows every name that is in it."""


def explain_person(
    database: Database, configurations: Configurations, known: Configuration, reference: str
) -> PersonTold:
    """The attendee with this id or address, present or former. Raises NotFound, Conflict where several have it."""
    with database.read() as connection:
        configuration = bring_up_to_date(configurations, connection, known)
        attendee = get_person(connection, known.event.id, reference, EVERYTHING)
        lines = changes.find_changes(connection, known.event.id, attendee_view.list_origin_sequences(attendee))
        originals = find_originals(connection, known.event.id, lines.values())
    origins = attendee_view.explain(attendee, lines, configuration)
    return PersonTold(
        attendee=attendee,
        view=attendee_view.view(attendee, configuration, origins=origins),
        fields=list(_list_fields(attendee, configuration, origins)),
        groups=[_tell_group(attendee, number, configuration) for number in _list_group_numbers(attendee)],
        sources=[_tell_source(attendee, number, configuration) for number in sorted(attendee.parts)],
        actors={sequence: line.actor for sequence, line in lines.items() if line.actor is not None},
        originals=originals,
        configuration=configuration,
    )


def list_history(
    database: Database,
    configurations: Configurations,
    known: Configuration,
    reference: str,
    *,
    before: int | None = None,
    limit: int = 50,
) -> HistoryView:
    """A page of what changed of the attendee, the latest first, before that line of the log.

    `next` of the page is the `before` of the one behind it. Raises what `explain_person` does, and InvalidRequest.
    """
    if not 1 <= limit <= MAX_PAGE:
        raise errors.InvalidRequest(f"A page has 1 to {MAX_PAGE:,} lines.")
    with database.read() as connection:
        configuration = bring_up_to_date(configurations, connection, known)
        attendee = get_person(connection, known.event.id, reference, EVERYTHING)
        return read_history_page(connection, configuration, attendee, before=before, limit=limit)


def _list_fields(
    attendee: Attendee, configuration: Configuration, origins: attendee_view.Origins
) -> Iterator[FieldTold]:
    pins = set(attendee.pins)
    for field in ("email", *SHOWN_FIELDS):
        said = attendee.profile.get(field)
        yield _tell("profile", field, f"profile.{field}", said, origins.profile.get(field), is_pinned=field in pins)
    for number, said in attendee.custom_fields.items():
        name = configuration.custom_fields.spell(number)
        path = f"{CUSTOM_FIELDS_PATH}.{name}"
        yield _tell("custom", name, path, said, origins.custom_fields.get(name), is_pinned=number in pins)
    for path, said in attendee.unknown_fields.items():
        yield _tell("unknown", path, path, said, origins.unknown_fields.get(path), is_pinned=False)


def _tell(
    kind: FieldKind, name: str, path: str, said: Said[Any] | None, origin: Origin | None, *, is_pinned: bool
) -> FieldTold:
    return FieldTold(
        kind=kind,
        name=name,
        path=path,
        value=None if said is None else said.value,
        origin=origin,
        true_at=None if said is None else as_text(said.true_at),
        is_pinned=is_pinned,
    )


def find_originals(connection: Connection, event_id: str, lines: Iterable[Change]) -> dict[str, StoredPush]:
    """What was replayed, by the push of a line, of some hundreds of lines at most.

    A system's own pushes are no replays, and not looked at.
    """
    by_hand = [line.push_id for line in lines if line.push_id is not None and line.actor is not None]
    if not by_hand:
        return {}
    replays = {one.id: one.replay_of for one in pushes.list_by_ids(connection, event_id, by_hand) if one.replay_of}
    if not replays:
        return {}
    found = {one.id: one for one in pushes.list_by_ids(connection, event_id, sorted(set(replays.values())))}
    return {push_id: found[original] for push_id, original in replays.items() if original in found}


def _list_group_numbers(attendee: Attendee) -> list[int]:
    """Also those that staff hold him out of while sources put him in."""
    return sorted({*attendee.group_numbers(), *attendee.held})


def _tell_group(attendee: Attendee, number: int, configuration: Configuration) -> GroupTold:
    group = configuration.groups.by_number[number]
    said = attendee.parts.get(PEOPLE)
    by_people = said is not None and said.groups is not None and number in said.groups.value
    return GroupTold(
        name=group.name,
        is_in=number in attendee.group_numbers(),
        sources=list_sources_of(attendee, number, configuration)
        + ([configuration.sources[PEOPLE].name] if by_people else []),
        held=attendee.held.get(number),
        staff_only=group.staff_only,
    )


def _tell_source(attendee: Attendee, number: int, configuration: Configuration) -> SourceTold:
    part = attendee.parts[number]
    return SourceTold(
        name=configuration.sources[number].name,
        number=number,
        expects=None if part.expects is None else part.expects.value,
        ids=attendee.ids_of(number),
        last_push=None if part.last_push is None else part.last_push.id,
    )
