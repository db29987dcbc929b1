"""Stored pushes once more, many of them, some in one commit: what each leads to, in the order given."""

from collections.abc import Container, Iterator, Sequence

import msgspec

from turnout import errors
from turnout.feed.by_hand.replay import Original, is_batch, read_original, replay
from turnout.feed.configurations import Configurations
from turnout.feed.submission import Foreseen, Overlay
from turnout.model.attendee import Attendee
from turnout.model.names import fold_case
from turnout.model.receipt import Outcome
from turnout.store import pushes
from turnout.store.database import Database

TOGETHER = 100
"""Pushes in one commit, so that a server beside us is not held up."""


class Replayed(msgspec.Struct, frozen=True):
    """One of them, done or foreseen."""

    push_id: str
    original: Original | None = None
    """None where it was left out: its body is not kept any more, or is that of a batch that could not be read."""
    outcome: Outcome | None = None
    foreseen: Foreseen | None = None
    """Of a quiet dry run."""


def replay_in_turn(
    database: Database,
    configurations: Configurations,
    slug: str,
    push_ids: Sequence[str],
    *,
    actor: str,
    once: bool = False,
    dry_run: bool = False,
    quiet: bool = False,
    leave_out: Container[int] = (),
) -> Iterator[list[Replayed]]:
    """Replays these pushes of one event, and gives what became of some of them as soon as that is done.

    `once` is for somebody who may have begun before: what is done is not done again, for a day. A dry run sees what
    those before have led to; a quiet one leaves no lines in the push log and tells all that would change. `leave_out`
    are sources. Raises NotFound, Conflict and StorageUnavailable; then nothing of those that follow took effect.
    """
    configuration = configurations.load(slug=slug)
    if configuration is None:
        raise errors.NotFound(f"There is no event {slug}.")
    carried = Carried(configurations, slug) if dry_run else None
    for start in range(0, len(push_ids), TOGETHER):
        some = push_ids[start : start + TOGETHER]
        listed = _list_originals(database, configuration.event.id, some)
        originals = [one for one in listed if one.push.source_number not in leave_out]
        done: dict[str, Replayed] = {}
        if originals:
            overlay = carried.look_up(originals, quiet=quiet) if carried else None
            outcomes = replay(
                database,
                configurations,
                slug,
                originals,
                actor=actor,
                dry_run=dry_run,
                overlay=overlay,
                once=once,
            )
            foreseen: Sequence[Foreseen | None] = [None] * len(outcomes)
            if carried and overlay:
                foreseen = overlay.foreseen or foreseen
                carried.keep(overlay)
            for original, outcome, seen in zip(originals, outcomes, foreseen, strict=True):
                done[original.push.id] = Replayed(original.push.id, original, outcome, seen)
        yield [done.get(push_id) or Replayed(push_id) for push_id in some]


def _list_originals(database: Database, event_id: str, push_ids: Sequence[str]) -> list[Original]:
    """In the order given, without those whose bodies' time is over, whole batches, and what was never there."""
    with database.read() as connection:
        found = {push.id: push for push in pushes.list_by_ids(connection, event_id, push_ids)}
        bodies = pushes.find_bodies(connection, event_id, push_ids)
    return [
        Original(found[push_id], bodies[push_id])
        for push_id in push_ids
        if push_id in found and push_id in bodies and not is_batch(found[push_id])
    ]


class Carried:
    """What a dry run has led to so far: all of it is kept, and of it each step sees no more than concerns it."""

    def __init__(self, configurations: Configurations, slug: str) -> None:
        self._configurations, self._slug = configurations, slug
        self._documents: dict[str, bytes] = {}
        self._by_address: dict[str, set[str]] = {}
        self._by_third_party: dict[str, set[str]] = {}
        self._names = Overlay()

    def look_up(self, originals: Sequence[Original], *, quiet: bool) -> Overlay:
        configuration = self._configurations.load(slug=self._slug)
        goes_by_id = configuration is not None and configuration.event.identity == "third_party_id"
        found: set[str] = set()
        for original in originals:
            found |= self._by_address.get(fold_case(original.push.email or ""), set())
            if configuration is not None and goes_by_id:
                item = read_original(original, configuration, "")
                third_party_id = item.push.profile.get("thirdPartyId") if item.push else None
                found |= self._by_third_party.get(third_party_id or "", set())
        return Overlay(
            {one: msgspec.json.decode(self._documents[one], type=Attendee) for one in sorted(found)},
            self._names.custom_fields,
            self._names.groups,
            foreseen=[] if quiet else None,
            leaves_lines=not quiet,
        )

    def keep(self, overlay: Overlay) -> None:
        self._names = overlay
        for attendee in overlay.attendees.values():
            self._documents[attendee.id] = msgspec.json.encode(attendee)
            for address in (attendee.email, *attendee.aliases):
                self._by_address.setdefault(fold_case(address), set()).add(attendee.id)
            for source in attendee.parts:
                for third_party_id in attendee.ids_of(source):
                    self._by_third_party.setdefault(third_party_id, set()).add(attendee.id)
        self._names.attendees = {}
