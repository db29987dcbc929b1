"""From rehearsal to live (A7): what a source said while it rehearsed takes effect, when a person says so.

Each rehearsed push is replayed once: what came live meanwhile is newer and stays, and whoever begins again after an
interruption goes on where it ended.
"""

import time
from collections.abc import Callable, Sequence

import msgspec

from turnout.feed.by_hand.in_turn import replay_in_turn
from turnout.feed.by_hand.replay import Original
from turnout.feed.configurations import Configurations
from turnout.model.receipt import Outcome
from turnout.store import pushes
from turnout.store.database import Database

MAX_LISTED = 100
"""Pushes that fail, told one by one."""
STEP = 200
"""Pushes between two looks at the clock, for who waits for an answer."""

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
    replayed, done = Replayed(), 0
    for some in replay_in_turn(database, configurations, slug, waiting, actor=actor, once=True, dry_run=dry_run):
        for one in some:
            if one.original is None or one.outcome is None:
                replayed.gone += 1
            else:
                _count(replayed, one.original, one.outcome)
        done += len(some)
        on_progress(done, len(waiting))
    return replayed


def replay_for(
    database: Database,
    configurations: Configurations,
    slug: str,
    waiting: Sequence[str],
    *,
    actor: str,
    seconds: float,
) -> tuple[Replayed, int]:
    """The same as far as it gets in about so many seconds; gives besides how many are left. Raises as above."""
    replayed, done = Replayed(), 0
    ends_at = time.monotonic() + seconds
    while done < len(waiting) and time.monotonic() < ends_at:
        some = waiting[done : done + STEP]
        _add(replayed, replay_rehearsed(database, configurations, slug, some, actor=actor))
        done += len(some)
    return replayed, len(waiting) - done


def _add(to: Replayed, one: Replayed) -> None:
    for name in ("created", "updated", "unchanged", "suppressed", "failed", "gone"):
        setattr(to, name, getattr(to, name) + getattr(one, name))
    to.failures = (to.failures + one.failures)[:MAX_LISTED]


def _count(replayed: Replayed, original: Original, outcome: Outcome) -> None:
    setattr(replayed, outcome.result, getattr(replayed, outcome.result) + 1)
    if outcome.failure is not None and len(replayed.failures) < MAX_LISTED:
        replayed.failures.append(FailedReplay(original.push.id, outcome.push_id, outcome.failure.detail))
