"""One event as it will be when the transaction ends, and what has to be written for it."""

from collections.abc import Iterable, Sequence

import msgspec

from turnout.feed.configurations import Configurations
from turnout.feed.submission import Foreseen, Overlay
from turnout.model.attendee import Attendee
from turnout.model.change import Change, Entry
from turnout.model.event import Configuration
from turnout.model.key import Key
from turnout.model.names import Name, fold_case
from turnout.model.push import StoredPush
from turnout.now import now_us
from turnout.store import events, pushes

_USE_WRITTEN_EVERY_US = 60 * 1_000_000


class Draft:
    """One event as it will be when the transaction ends."""

    def __init__(self, configuration: Configuration, clock: events.Clock) -> None:
        self.configuration = configuration
        self.event_id = configuration.event.id
        self.clock = clock
        self.at = max(now_us(), clock.last_at)
        self.custom_fields = configuration.custom_fields
        self.groups = configuration.groups
        self.numbers_behind = 0
        # All that have or had an address, as far as pushes ask for it.
        self.ids_by_address: dict[str, list[str]] = {}
        self.ids_by_third_party: dict[tuple[int, str], list[str]] = {}
        self.attendees: dict[str, Attendee] = {}
        self.suppressed: set[tuple[int, str]] = set()
        """Source and folded address (F2)."""
        self.answers: dict[tuple[int, str, int], pushes.StoredAnswer] = {}
        # What will be written.
        self.documents: dict[str, bytes] = {}
        self.addresses: dict[tuple[str, str], bool] = {}
        self.third_party_ids: dict[tuple[int, str, str], bool] = {}
        self.memberships: dict[tuple[int, str], bool] = {}
        self.changes: list[Change] = []
        self.pushes: list[StoredPush] = []
        # Pushes said again, and by which source.
        self.repeats: list[tuple[str, int]] = []
        self.bodies: list[tuple[str, str]] = []
        self.new_answers: dict[tuple[int, str, int], pushes.StoredAnswer] = {}
        self.new_custom_fields: list[Name] = []
        self.new_groups: list[Name] = []
        self.used_keys: dict[str, str | None] = {}
        """With the address from which each was used last."""
        self.dry_runs: list[tuple[Overlay, Draft]] = []
        """What dry runs have led to, for the next parts of the same requests."""
        self.foreseen: list[Foreseen] = []
        """What each push of a dry run would do, where somebody wants to know."""
        self.is_rehearsal = False
        """Whether all of this is only what would be."""

    def fork(self) -> "Draft":
        """A draft that sees this one, for what may have to be taken back."""
        fork = Draft(self.configuration, events.Clock(*msgspec.structs.astuple(self.clock)))
        fork.at = self.at
        fork.custom_fields, fork.groups = self.custom_fields, self.groups
        fork.ids_by_address = {address: list(ids) for address, ids in self.ids_by_address.items()}
        fork.ids_by_third_party = {place: list(ids) for place, ids in self.ids_by_third_party.items()}
        fork.attendees = dict(self.attendees)
        fork.suppressed = self.suppressed
        fork.answers = self.answers | self.new_answers
        return fork

    def fork_for(self, concerned: Iterable[Attendee]) -> "Draft":
        """A draft that sees these attendees alone: what it costs does not grow with this one."""
        fork = Draft(self.configuration, events.Clock(*msgspec.structs.astuple(self.clock)))
        fork.at = self.at
        fork.custom_fields, fork.groups = self.custom_fields, self.groups
        fork.suppressed = self.suppressed
        for attendee in concerned:
            fork.meet(attendee)
        return fork

    def absorb(self, fork: "Draft") -> None:
        """Makes a fork's effects this draft's own."""
        self.clock, self.custom_fields, self.groups = fork.clock, fork.custom_fields, fork.groups
        for name in (
            "ids_by_address",
            "ids_by_third_party",
            "attendees",
            "documents",
            "addresses",
            "third_party_ids",
            "memberships",
            "new_answers",
        ):
            getattr(self, name).update(getattr(fork, name))
        for name in ("changes", "pushes", "bodies", "repeats", "new_custom_fields", "new_groups"):
            getattr(self, name).extend(getattr(fork, name))
        self.used_keys |= fork.used_keys

    def find_answer(self, place: tuple[int, str, int]) -> pushes.StoredAnswer | None:
        return self.new_answers.get(place) or self.answers.get(place)

    def list_by_address(self, address: str) -> list[Attendee]:
        """All that have, or had, the folded address, the oldest first."""
        return [self.attendees[attendee_id] for attendee_id in self.ids_by_address.get(address, ())]

    def list_by_id(self, source: int, third_party_id: str | None) -> list[Attendee]:
        """All that have this id at this source (C6); several only where they got it while ids decided nothing."""
        if not third_party_id:
            return []
        found = [
            self.attendees[attendee_id] for attendee_id in self.ids_by_third_party.get((source, third_party_id), ())
        ]
        # Not those who have lost it since, in this draft or in what a dry run has led to.
        return [attendee for attendee in found if third_party_id in attendee.ids_of(source)]

    def meet(self, attendee: Attendee) -> None:
        """Takes in an attendee as it is, under all its addresses and ids."""
        for address in (attendee.email, *attendee.aliases):
            self.know(attendee, fold_case(address))
        for source in attendee.parts:
            for third_party_id in attendee.ids_of(source):
                self._know_id(source, third_party_id, attendee.id)

    def know(self, attendee: Attendee, address: str) -> None:
        """Takes in an attendee as it is stored, found under this address."""
        self.attendees[attendee.id] = attendee
        ids = self.ids_by_address.setdefault(address, [])
        if attendee.id not in ids:
            ids.append(attendee.id)
            ids.sort()

    def _know_id(self, source: int, third_party_id: str, attendee_id: str) -> None:
        ids = self.ids_by_third_party.setdefault((source, third_party_id), [])
        if attendee_id not in ids:
            ids.append(attendee_id)

    def put_attendee(self, before: Attendee | None, after: Attendee, document: bytes, entries: Sequence[Entry]) -> None:
        """Takes over an attendee's next state, and of the entries that lead there what the index tables need."""
        self.attendees[after.id] = after
        self.documents[after.id] = document
        if before is None or before.email != after.email:
            address = fold_case(after.email)
            if before is None or address not in map(fold_case, (before.email, *before.aliases)):
                self.addresses[address, after.id] = True
                self.know(after, address)
        for entry in entries:
            if entry.what == "groups":
                for number in {*entry.old} ^ {*entry.new}:
                    self.memberships[number, after.id] = number in entry.new
            elif entry.what == "part_id":
                assert isinstance(entry.key, int)
                self._move_ids(after, entry.key, {entry.old} - {None}, {entry.new} - {None})
            elif entry.what == "part_more_ids":
                assert isinstance(entry.key, int)
                self._move_ids(after, entry.key, {*entry.old}, {*entry.new})

    def _move_ids(self, attendee: Attendee, source: int, old: set[str], new: set[str]) -> None:
        kept = set(attendee.ids_of(source))
        for third_party_id in old - kept:
            self.third_party_ids[source, third_party_id, attendee.id] = False
        for third_party_id in new:
            self.third_party_ids[source, third_party_id, attendee.id] = True
            self._know_id(source, third_party_id, attendee.id)

    def publish(self, configurations: Configurations) -> None:
        """Tells this process what the commit has registered, and which keys it has seen; requests, what would be."""
        for overlay, fork in self.dry_runs:
            overlay.attendees |= {attendee_id: fork.attendees[attendee_id] for attendee_id in fork.documents}
            overlay.custom_fields += fork.new_custom_fields
            overlay.groups += fork.new_groups
            if overlay.foreseen is not None:
                overlay.foreseen += fork.foreseen
        uses = self.due_uses()
        if self.new_custom_fields or self.new_groups or uses:
            configurations.put(
                msgspec.structs.replace(
                    self.configuration,
                    version=self.clock.version,
                    custom_fields=self.custom_fields,
                    groups=self.groups,
                    keys=self.configuration.keys | {key.id: key for key in uses},
                )
            )

    def due_uses(self) -> list[Key]:
        """The keys whose last use is due to be written, as they are with it."""
        used = ((self.configuration.keys[key_id], address) for key_id, address in self.used_keys.items())
        return [
            msgspec.structs.replace(key, last_used_at=self.at, last_address=address)
            for key, address in used
            if self.at - (key.last_used_at or 0) > _USE_WRITTEN_EVERY_US
        ]
