"""Many stored pushes once more: which, what that would lead to, and then beside everything else, one run at a time.

A run belongs to no browser and no request: it goes on when the tab is closed. How far it is stands in the event's
lease, where every process can read it. When the process ends before the run does, whoever wants it begins again: what
has been replayed is `unchanged` then.
"""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Literal

import msgspec
import structlog

from turnout import errors
from turnout.feed.by_hand.in_turn import Replayed, replay_in_turn
from turnout.feed.by_hand.replay import find_refused_part, is_batch
from turnout.feed.configurations import Configurations
from turnout.model.event import Configuration
from turnout.model.push import StoredPush
from turnout.model.receipt import AttendeeReference, Failure, PathChange, Warning
from turnout.now import now_us
from turnout.store import leases
from turnout.store.database import Database
from turnout.store.leases import Lease, LeaseLost
from turnout.store.push_search import PushSearch, search_pushes

MAX_PUSHES = 10_000
"""In one run, and in one plan."""
MAX_SHOWN = 100
"""Differences of a plan, and failed pushes of a run, told one by one."""
MAX_LOOKS = 200
"""At the push log, for those that match."""
LASTS_US = 60 * 1_000_000
"""How long a run is thought to go on without a sign of it."""
_REST_S = 0.01
"""Between two commits, for those who push meanwhile."""
log = structlog.get_logger()


class Matching(msgspec.Struct, frozen=True):
    """Pushes that could be replayed."""

    push_ids: list[str]
    """In the order in which they came."""
    left_out: int
    """Those that match and are never replayed: dry runs, refused requests, unreadable batches, replays that failed."""
    are_more: bool
    """Whether there are more than one run may have, or could be looked at; then the latest are here."""


def list_matching(database: Database, event_id: str, search: PushSearch, most: int = MAX_PUSHES) -> Matching:
    """All that a search finds, as far as there is something to replay; from where commits go, not a replica.

    Raises StorageUnavailable.
    """
    found: list[str] = []
    left_out, before_id = 0, None
    for _ in range(MAX_LOOKS):
        with database.read() as connection:
            page = search_pushes(connection, event_id, search, before_id=before_id)
        kept = [push.id for push in page.pushes if can_be_replayed(push)]
        left_out += len(page.pushes) - len(kept)
        found += kept
        before_id = page.before_id
        if before_id is None or len(found) > most:
            break
    return Matching(found[:most][::-1], left_out, before_id is not None or len(found) > most)


def can_be_replayed(push: StoredPush) -> bool:
    """Whether it ever had a body that says something of one attendee; it may be gone by now all the same."""
    is_dry = push.dry_run and not push.rehearsed
    # Its original is there: or what fails again would be twice as much each time.
    is_failed_replay = push.replay_of is not None and push.result == "failed"
    never = is_dry or is_failed_replay or push.result == "suppressed" or is_batch(push)
    return not (never or find_refused_part(push) is not None)


class Counts(msgspec.Struct):
    """What became of the pushes, or would."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    suppressed: int = 0
    failed: int = 0
    gone: int = 0
    """Left out: their bodies are not kept any more, or their source is retired."""

    @property
    def done(self) -> int:
        return self.created + self.updated + self.unchanged + self.suppressed + self.failed + self.gone

    def add(self, results: Counter[str]) -> None:
        for result, times in results.items():
            setattr(self, result, getattr(self, result) + times)


class Difference(msgspec.Struct, frozen=True):
    """What the replay of one push would do."""

    push_id: str
    source_number: int
    result: str
    attendee: AttendeeReference | None
    """Without an id where it would be somebody new."""
    changes: list[PathChange]
    """With old values that the sender is not shown."""
    warnings: list[Warning]
    failure: Failure | None


class Plan(msgspec.Struct, frozen=True):
    """What the replay of many would lead to."""

    counts: Counts
    differences: list[Difference]
    """The first hundred of those that would change something or fail."""


def plan_replay(
    database: Database,
    configurations: Configurations,
    slug: str,
    push_ids: Sequence[str],
    *,
    actor: str,
    on_progress: Callable[[int, int], object] = lambda *_: None,
) -> Plan:
    """What would become of these pushes, each seeing the effect of those before it; nothing is kept of it, nowhere.

    Raises InvalidRequest for too many, NotFound, Conflict for an archived event, and StorageUnavailable.
    """
    _expect_not_too_many(push_ids)
    retired = _list_retired(_load(configurations, slug))
    counts, differences = Counts(), list[Difference]()
    for some in replay_in_turn(
        database, configurations, slug, push_ids, actor=actor, dry_run=True, quiet=True, leave_out=retired
    ):
        counts.add(_count(some))
        differences += filter(None, map(_tell_difference, some))
        del differences[MAX_SHOWN:]
        on_progress(counts.done, len(push_ids))
    return Plan(counts, differences)


def _tell_difference(one: Replayed) -> Difference | None:
    outcome = one.outcome
    if outcome is None or one.original is None or outcome.result in ("unchanged", "suppressed"):
        return None
    return Difference(
        one.push_id,
        one.original.push.source_number,
        outcome.result,
        outcome.attendee,
        one.foreseen.changes if one.foreseen else [],
        outcome.warnings,
        outcome.failure,
    )


def _count(some: Sequence[Replayed]) -> Counter[str]:
    return Counter("gone" if one.outcome is None else one.outcome.result for one in some)


class Progress(msgspec.Struct, kw_only=True):
    """How far a run is; without anything of anybody, because it stands where erasing does not look."""

    actor: str
    started_at: int
    total: int
    counts: Counts
    failed_ids: list[str] = []
    """Of the new pushes, the first hundred."""
    ended_at: int | None = None
    """Set when all was done, or a trouble ended it."""
    trouble: str = ""
    """What ended it early."""

    @property
    def percent(self) -> int:
        return 100 if not self.total else self.counts.done * 100 // self.total


class Seen(msgspec.Struct, frozen=True):
    """The event's latest run, as every process sees it."""

    progress: Progress
    state: Literal["running", "done", "failed", "stopped"]
    """`stopped` by somebody, or because its process has ended."""


class Replays:
    """The runs of this process, at most one for each event."""

    def __init__(self, database: Database, configurations: Configurations) -> None:
        self._database = database
        self._configurations = configurations
        self._stopping = threading.Event()
        self._threads: dict[str, threading.Thread] = {}

    def start(
        self, slug: str, push_ids: Sequence[str], *, actor: str, on_end: Callable[[Progress], object] = lambda _: None
    ) -> Progress:
        """Begins a run, and returns at once. `on_end` is called in its thread, however it ends.

        Raises Conflict where one is under way, InvalidRequest for too many pushes, NotFound and StorageUnavailable.
        """
        _expect_not_too_many(push_ids)
        configuration = _load(self._configurations, slug)
        if configuration.event.archived_at is not None:
            raise errors.Conflict(f"The event {slug} is archived and takes no pushes.")
        event_id = configuration.event.id
        progress = Progress(actor=actor, started_at=now_us(), total=len(push_ids), counts=Counts())
        with self._database.write() as connection:
            lease = leases.take(connection, _name(event_id), _encode(progress), LASTS_US)
        if lease is None:
            raise errors.Conflict("A replay of this event is under way. Wait until it is done, or stop it.")
        thread = threading.Thread(
            target=self._run, args=(lease, configuration, list(push_ids), progress, on_end), name="replay", daemon=True
        )
        self._threads[event_id] = thread
        thread.start()
        return msgspec.structs.replace(progress, counts=Counts())

    def find(self, event_id: str) -> Seen | None:
        """The event's latest run, whichever process it is of; None where there never was one."""
        with self._database.read() as connection:
            found = leases.find_latest(connection, _name(event_id))
        if found is None:
            return None
        progress, is_held = _decode(found[0]), found[1]
        if progress.ended_at is not None:
            return Seen(progress, "failed" if progress.trouble else "done")
        return Seen(progress, "running" if is_held else "stopped")

    def stop(self, event_id: str) -> None:
        """Ends the event's run, whichever process it is of, before its next pushes; what is done is done."""
        with self._database.write() as connection:
            leases.take_away(connection, _name(event_id))

    def close(self) -> None:
        """Ends all runs of this process, before the database is closed."""
        self._stopping.set()
        for thread in self._threads.values():
            thread.join()

    def _run(
        self,
        lease: Lease,
        configuration: Configuration,
        push_ids: Sequence[str],
        progress: Progress,
        on_end: Callable[[Progress], object],
    ) -> None:
        try:
            self._run_to_its_end(lease, configuration, push_ids, progress)
        finally:
            on_end(progress)

    def _run_to_its_end(
        self, lease: Lease, configuration: Configuration, push_ids: Sequence[str], progress: Progress
    ) -> None:
        event_id = configuration.event.id
        try:
            if self._replay(lease, configuration, push_ids, progress):
                progress.ended_at = now_us()
        except LeaseLost:
            log.info("replay_stopped", event_id=event_id, done=progress.counts.done)
            return
        except errors.TurnoutError as error:
            progress.trouble, progress.ended_at = error.detail, now_us()
        except Exception:
            log.exception("replay_failed", event_id=event_id)
            progress.trouble, progress.ended_at = "A mistake in Turnout ended it; the log tells more.", now_us()
        try:
            with self._database.write() as connection:
                leases.renew_as(connection, lease, _encode(progress), LASTS_US)
                leases.give_back(connection, lease)
        except (LeaseLost, errors.StorageUnavailable):
            log.warning("replay_end_not_recorded", event_id=event_id)

    def _replay(self, lease: Lease, configuration: Configuration, push_ids: Sequence[str], progress: Progress) -> bool:
        """Whether all was done: not where this process ends. Raises LeaseLost."""
        for some in replay_in_turn(
            self._database,
            self._configurations,
            configuration.event.slug,
            push_ids,
            actor=progress.actor,
            leave_out=_list_retired(configuration),
        ):
            progress.counts.add(_count(some))
            failed = [one.outcome.push_id for one in some if one.outcome and one.outcome.failure]
            progress.failed_ids = (progress.failed_ids + failed)[:MAX_SHOWN]
            with self._database.write() as connection:
                leases.renew_as(connection, lease, _encode(progress), LASTS_US)
            if self._stopping.wait(_REST_S):
                return progress.counts.done == progress.total
        return True


_decode = msgspec.json.Decoder(Progress).decode


def _encode(progress: Progress) -> str:
    return msgspec.json.encode(progress).decode()


def _name(event_id: str) -> str:
    return f"replay {event_id}"


def _load(configurations: Configurations, slug: str) -> Configuration:
    configuration = configurations.load(slug=slug)
    if configuration is None:
        raise errors.NotFound(f"There is no event {slug}.")
    return configuration


def _list_retired(configuration: Configuration) -> frozenset[int]:
    """Sources that say nothing any more."""
    return frozenset(number for number, one in configuration.sources.items() if one.retired_at is not None)


def _expect_not_too_many(push_ids: Sequence[str]) -> None:
    if len(push_ids) > MAX_PUSHES:
        raise errors.InvalidRequest(
            f"These are {len(push_ids):,} pushes; at most {MAX_PUSHES:,} are replayed at once. Choose fewer."
        )
