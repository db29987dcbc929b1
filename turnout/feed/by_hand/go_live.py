"""From rehearsal to live (A7): what a source said while it rehearsed takes effect, when a person says so.

Each rehearsed push is replayed once: what came live meanwhile is newer and stays, and whoever begins again after an
interruption goes on where it ended.
"""

from collections.abc import Callable, Iterable, Sequence

import msgspec

from turnout import errors
from turnout.feed.by_hand.replay import Original, get_original, read_original, replay
from turnout.feed.configurations import Configurations
from turnout.feed.submission import Overlay
from turnout.model.attendee import Attendee
from turnout.model.names import fold_case
from turnout.model.receipt import Outcome
from turnout.store import pushes
from turnout.store.database import Database

TOGETHER = 100
"""Pushes in one commit, so that a server beside us is not held up."""
MAX_LISTED = 100
"""Pushes that fail, told one by one."""

OnProgress = Callable[[int, int], object]
"""Called with the pushes done, and all of them."""


class FailedReplay(msgspec.Struct, frozen=True, rename="camel"):
    """A rehearsed push that cannot take effect."""

    replay_of: str
    id: str
    detail: str


class Replayed(msgspec.Struct, rename="camel"):
    """What became of a source's rehearsed pushes."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    suppressed: int = 0
    failed: int = 0
    gone: int = 0
    """Left out: their bodies are not kept any more, or are those of batches that could not be read."""
    failures: list[FailedReplay] = []
    """The first hundred."""

    @property
    def total(self) -> int:
        return self.created + self.updated + self.unchanged + self.suppressed + self.failed


def list_waiting(database: Database, event_id: str, source_number: int) -> list[str]:
    """The source's rehearsed pushes that have not been replayed since, in the order in which they came."""
    with database.read() as connection:
        return pushes.list_rehearsed_ids(connection, event_id, source_number)


def replay_rehearsed(
    database: Database,
    configurations: Configurations,
    slug: str,
    waiting: Sequence[str],
    *,
    actor: str,
    dry_run: bool = False,
    on_progress: OnProgress = lambda *_: None,
) -> Replayed:
    """Replays these pushes of one source, which is live by now; a dry run only says what would become of them.

    What is done is done: interrupted, it goes on with those that `list_waiting` still gives. Raises NotFound, Conflict
    for an archived event, and StorageUnavailable.
    """
    replayed = Replayed()
    foreseen = _Foreseen(configurations, slug) if dry_run else None
    for start in range(0, len(waiting), TOGETHER):
        some = waiting[start : start + TOGETHER]
        originals = list(_read_originals(database, some))
        replayed.gone += len(some) - len(originals)
        if originals:
            overlay = foreseen.look_up(originals) if foreseen else None
            outcomes = replay(
                database, configurations, slug, originals, actor=actor, dry_run=dry_run, overlay=overlay, once=True
            )
            if foreseen and overlay:
                foreseen.keep(overlay)
            for original, outcome in zip(originals, outcomes, strict=True):
                _count(replayed, original, outcome)
        on_progress(start + len(some), len(waiting))
    return replayed


def _read_originals(database: Database, push_ids: Iterable[str]) -> Iterable[Original]:
    for push_id in push_ids:
        try:
            yield get_original(database, push_id)
        except errors.Conflict:
            # Its body's time is over, or it is a whole batch.
            continue


def _count(replayed: Replayed, original: Original, outcome: Outcome) -> None:
    setattr(replayed, outcome.result, getattr(replayed, outcome.result) + 1)
    if outcome.failure is not None and len(replayed.failures) < MAX_LISTED:
        replayed.failures.append(FailedReplay(original.push.id, outcome.push_id, outcome.failure.detail))


class _Foreseen:
    """What a dry run has led to so far: all of it is kept, and of it each step sees no more than concerns it."""

    def __init__(self, configurations: Configurations, slug: str) -> None:
        self._configurations, self._slug = configurations, slug
        self._documents: dict[str, bytes] = {}
        self._by_address: dict[str, set[str]] = {}
        self._by_third_party: dict[str, set[str]] = {}
        self._names = Overlay()

    def look_up(self, originals: Sequence[Original]) -> Overlay:
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
