"""Quiet builders: a test shows only what it is about. And `check_log`, which every writing test ends with."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from typing import Any

import msgspec
from sqlalchemy import text

from turnout.changes.fold import as_folded, fold
from turnout.events import event as event_room
from turnout.feed.configurations import Configurations
from turnout.feed.settle.merge import Context, Merged, merge
from turnout.feed.submission import Idempotency, Item, Overlay, Sender, Submission
from turnout.model.attendee import Attendee, LastPush
from turnout.model.change import Change
from turnout.model.event import Configuration
from turnout.model.names import Name, Names, fold_case
from turnout.model.policy import Policy
from turnout.model.push import Push, SaidField, SaidGroup
from turnout.model.receipt import Failure
from turnout.now import new_id
from turnout.store import attendees, changes, events, schema
from turnout.store.database import Database

JOHN = "john.doe@example.com"
MAIN = 1
"""The first source of an event."""
SHOP = 2
"""Another one."""


def make_push(
    email: str = JOHN,
    *,
    custom_fields: dict[str, Any] | Sequence[tuple[str, Any]] = (),
    groups: Iterable[str] | None = None,
    **rest: Any,
) -> Push:
    """A push as the parser gives it; every other field of Push, and of the profile, can be named."""
    profile = rest.pop("profile", {}) | {field: rest.pop(field) for field in list(rest) if field in _PROFILE}
    pairs = list(custom_fields.items()) if isinstance(custom_fields, dict) else custom_fields
    return Push(
        email=email,
        profile=profile,
        custom_fields=tuple(
            SaidField(f"profile.customFields[{at}].fieldValue", name, value) for at, (name, value) in enumerate(pairs)
        ),
        groups=None
        if groups is None
        else tuple(SaidGroup(f"eventInfo.groups.groupNames[{at}]", name) for at, name in enumerate(groups)),
        **rest,
    )


_PROFILE = ("title", "company", "city", "firstName", "lastName", "phone", "thirdPartyId")


def make_names(
    *names: str, former: Mapping[str, int] | None = None, staff_only: Iterable[str] = (), first_source: int = MAIN
) -> Names:
    """A registry in which these names have the numbers 1, 2, 3 …"""
    made = [
        Name(
            id=f"nam_{number}",
            number=number,
            name=name,
            first_source=first_source,
            created_at=0,
            staff_only=name in staff_only,
        )
        for number, name in enumerate(names, 1)
    ]
    return Names(
        {name.number: name for name in made},
        {fold_case(name.name): name.number for name in made}
        | {fold_case(name): number for name, number in (former or {}).items()},
    )


FIELDS = make_names("Shoe size", "Diet", "Hotel")
GROUPS = make_names("Speakers", "VIP", "Press")


class Told:
    """One attendee who is told about, push after push, by whichever source."""

    def __init__(self, *, fields: Names = FIELDS, groups: Names = GROUPS) -> None:
        self.fields, self.groups = fields, groups
        self.now: Attendee | None = None
        self.at = 0
        self.changes: list[Change] = []

    def hear(
        self, push: Push, *, source: int = MAIN, at: int | None = None, digest: str | None = None, **policy: Any
    ) -> Merged:
        """What follows from the push. Each comes a microsecond after the one before, or at `at`."""
        self.at = self.at + 1 if at is None else at
        sequence = len(self.changes) + 1
        context = Context(
            source=source,
            policy=Policy(**policy),
            custom_fields=self.fields,
            groups=self.groups,
            at=self.at,
            sequence=sequence,
            attendee_id="att_1",
            push=LastPush(f"psh_{next(_pushes)}", digest or f"digest {next(_pushes)}"),
        )
        merged = merge(self.now, push, context)
        if merged.attendee is not None:
            self.now = merged.attendee
        if merged.kind is not None:
            assert self.now is not None
            self.changes.append(
                Change(
                    sequence=sequence,
                    kind=merged.kind,
                    at=self.at,
                    true_at=self.at if push.observed_at is None else min(push.observed_at, self.at),
                    attendee_id=self.now.id,
                    email=self.now.email,
                    push_id=None,
                    source_number=source,
                    actor=None,
                    entries=merged.entries,
                )
            )
        self.check()
        return merged

    def check(self) -> None:
        """The lines so far lead to the state."""
        folded = {one: as_folded(attendee) for one, attendee in fold(self.changes).items()}
        assert folded == ({} if self.now is None else {self.now.id: as_folded(self.now)})

    @property
    def known(self) -> Attendee:
        assert self.now is not None
        return self.now

    def profile(self, field: str) -> str | None:
        said = self.known.profile.get(field)
        return None if said is None else said.value

    def field(self, name: str) -> Any:
        found = self.fields.find(name)
        said = None if found is None else self.known.custom_fields.get(found.number)
        return None if said is None else said.value

    def in_groups(self) -> set[str]:
        return {self.groups.spell(number) for number in self.known.group_numbers()}


_pushes = count(1)


def paths(merged: Merged) -> list[tuple[Any, ...]]:
    """The entries without where the old values came from."""
    return [(entry.what, entry.key, entry.old, entry.new) for entry in merged.entries]


def codes(warnings: Iterable[Any]) -> list[tuple[str, str]]:
    return [(warning.path, warning.code) for warning in warnings]


# --- With a database -------------------------------------------------------------------------------------------------


class Hall:
    """An event in a real database, and one process that commits to it."""

    def __init__(self, database: Database, *, slug: str = "conf") -> None:
        self.database = database
        schema.prepare(self.database)
        self.event, self.key_text = event_room.create(self.database, slug, slug)
        self.configurations = Configurations(self.database)
        self.slug = slug

    @property
    def configuration(self) -> Configuration:
        """As the database has it now."""
        found = self.configurations.load(slug=self.slug)
        assert found is not None
        return found

    def sender(self, source: int = MAIN, *, key_id: str | None = None, **policy: Any) -> Sender:
        its = self.configuration.sources[source].policy.over(self.configuration.event.policy)
        return Sender(source_number=source, policy=msgspec.structs.replace(its, **policy), key_id=key_id)

    def submit(
        self,
        *said: Push | Item,
        source: int = MAIN,
        atomic: bool = False,
        dry_run: Overlay | None = None,
        claim: Idempotency | None = None,
    ) -> Submission:
        """The pushes of one request."""
        sender = self.sender(source)
        return Submission(
            configuration=self.configuration,
            items=[one if isinstance(one, Item) else make_item(one, sender) for one in said],
            atomic=atomic,
            dry_run=dry_run,
            claim=claim,
        )

    def key_id(self) -> str:
        return next(iter(self.configuration.keys))

    def find(self, email: str = JOHN) -> Attendee | None:
        with self.database.read() as connection:
            return next(iter(attendees.list_by_address(connection, self.event.id, fold_case(email))), None)

    def get(self, email: str = JOHN) -> Attendee:
        found = self.find(email)
        assert found is not None
        return found

    def changes(self) -> list[Change]:
        with self.database.read() as connection:
            return changes.list_changes(connection, self.event.id, limit=100_000)

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        with self.database.read() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(statement)]

    def close(self) -> None:
        self.database.close()


def make_item(
    push: Push | None,
    sender: Sender,
    *,
    failure: Failure | None = None,
    body: str | None = None,
    idempotency: Idempotency | None = None,
    index: int | None = None,
    replay_of: str | None = None,
) -> Item:
    """One push on its way. Equal pushes have equal bodies and digests, as they would from the wire."""
    text = body if body is not None else "broken" if push is None else msgspec.json.encode(push).decode()
    return Item(
        id=new_id("psh"),
        sender=sender,
        push=push,
        failure=failure,
        email=push.email if push else None,
        body=text,
        digest=text,
        idempotency=idempotency,
        index=index,
        replay_of=replay_of,
    )


def check_log(database: Database, event_id: str | None = None) -> None:
    """The log has no gap, its clock never ran back, its lines lead to the state, and the indexes follow from that.

    Of that event; without one, of all.
    """
    with database.read() as connection:
        for event in events.list_events(connection):
            if event_id not in (None, event.id):
                continue
            lines = changes.list_changes(connection, event.id, limit=1_000_000)
            clock = events.find_clock(connection, event.id)
            assert clock is not None
            assert [line.sequence for line in lines] == list(range(1, clock.last_sequence + 1))
            times = [line.at for line in lines]
            assert times == sorted(times)
            assert clock.last_at >= max(times, default=0)
            state = {
                one.id: one
                for one in attendees.list_attendees(
                    connection, event.id, status=None, limit=1_000_000, with_merged=True
                )
            }
            folded = {attendee_id: as_folded(one) for attendee_id, one in fold(lines).items()}
            assert folded == {attendee_id: as_folded(one) for attendee_id, one in state.items()}
            _check_indexes(connection, event.id, state)


def _check_indexes(connection: Any, event_id: str, state: dict[str, Attendee]) -> None:
    def rows(statement: str) -> set[tuple[Any, ...]]:
        return {tuple(row) for row in connection.execute(text(statement), {"event_id": event_id})}

    assert rows("SELECT address, attendee_id FROM addresses WHERE event_id = :event_id") == {
        (fold_case(address), one.id)
        for one in state.values()
        if one.merged_into is None
        for address in (one.email, *one.aliases)
    }
    assert rows("SELECT group_number, attendee_id FROM memberships WHERE event_id = :event_id") == {
        (number, one.id) for one in state.values() for number in one.group_numbers()
    }
    assert rows(
        "SELECT source_number, third_party_id, attendee_id FROM third_party_ids WHERE event_id = :event_id"
    ) == {
        (source, third_party_id, one.id)
        for one in state.values()
        for source in one.parts
        for third_party_id in one.ids_of(source)
    }
    assert rows("SELECT id, status, email_key FROM attendees WHERE event_id = :event_id") == {
        (one.id, one.status, fold_case(one.email)) for one in state.values()
    }
