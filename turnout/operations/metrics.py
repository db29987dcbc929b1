"""What `GET /metrics` shows, in Prometheus' format. Counted where it happens, put together when asked."""

import asyncio
import threading
from collections.abc import Callable, Iterable, Sequence

import structlog
from prometheus_client import GC_COLLECTOR, PLATFORM_COLLECTOR, PROCESS_COLLECTOR, CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from turnout.errors import StorageUnavailable
from turnout.feed.group_commit import GroupCommit
from turnout.feed.refusals import Refusals
from turnout.operations.worker_figures import Place, add_up, as_family, as_metric
from turnout.store import events
from turnout.store.database import Database

MAX_EVENTS = 1_000
"""Events whose log has a line of its own here, the latest first."""


PUBLISHED_EVERY_S = 1.0
"""So much of what a worker counted is missing at most after a kill -9."""
log = structlog.get_logger()


class Metrics(Collector):
    """All figures of this process and its database; where it is one of several workers, of all of them."""

    def __init__(
        self,
        database: Database,
        group_commit: GroupCommit,
        refusals: Refusals,
        held_bytes: Callable[[], int],
        place: Place | None = None,
    ) -> None:
        self._database = database
        self._group_commit = group_commit
        self._refusals = refusals
        self._held_bytes = held_bytes
        self._place = place
        self._before = place.board.read(place.number) if place else []
        """What those counted that had the place before."""
        self._one_at_a_time = threading.Lock()
        self._registry = CollectorRegistry()
        self._registry.register(self)
        for collector in (PLATFORM_COLLECTOR,) if place else (PROCESS_COLLECTOR, PLATFORM_COLLECTOR, GC_COLLECTOR):
            self._registry.register(collector)

    def render(self) -> bytes:
        """In Prometheus' text format 0.0.4. Reads the database."""
        return generate_latest(self._registry)

    async def keep_published(self) -> None:
        """Of a worker: tells the others how it is, until cancelled."""
        while self._place is not None:
            await asyncio.sleep(PUBLISHED_EVERY_S)
            try:
                await asyncio.to_thread(self.publish)
            except Exception:
                log.exception("figures_not_published")

    def publish(self) -> None:
        """Of a worker: tells the others how it is now."""
        if self._place is None:
            return
        worker = str(self._place.number)
        with self._one_at_a_time:
            own = [as_family(metric) for metric in self._collect_own()]
            # How much memory a process has, say, means something for each by itself.
            own += [
                as_family(metric, worker=worker)
                for collector in (PROCESS_COLLECTOR, GC_COLLECTOR)
                for metric in collector.collect()
            ]
            self._place.board.publish(self._place.number, add_up([self._before, own]))

    def collect(self) -> Iterable[Metric]:
        if self._place is None:
            yield from self._collect_own()
        else:
            # Nothing is shown that is not published: or the next one who is asked, or asked after we died, would tell
            # of less.
            self.publish()
            yield from map(as_metric, self._place.board.read_all())
        yield from self._collect_from_database()

    def _collect_own(self) -> Iterable[Metric]:
        statistics = self._group_commit.statistics
        pushes = CounterMetricFamily("turnout_pushes", "Pushes answered, by result.", labels=["result"])
        for result in ("created", "updated", "unchanged", "suppressed", "failed"):
            pushes.add_metric([result], statistics.results[result])
        yield pushes
        yield CounterMetricFamily("turnout_refused", "Requests without a good key.", value=self._refusals.total)
        yield GaugeMetricFamily(
            "turnout_queue_pushes", "Pushes waiting for a commit, or in one.", value=self._group_commit.queued
        )
        yield GaugeMetricFamily(
            "turnout_body_bytes", "Bytes of request bodies held right now.", value=self._held_bytes()
        )
        yield _histogram(
            "turnout_commit_pushes",
            "Pushes in one commit.",
            [str(1 << power) for power in range(10)],
            statistics.commit_sizes,
            statistics.pushes,
        )
        yield _histogram(
            "turnout_commit_seconds",
            "How long commits took, flush included.",
            [f"{0.0005 * (1 << power):g}" for power in range(13)],
            statistics.commit_times,
            statistics.seconds,
        )
        yield CounterMetricFamily("turnout_commit_failures", "Commits that did not succeed.", value=statistics.failures)

    def _collect_from_database(self) -> Iterable[Metric]:
        heads = GaugeMetricFamily(
            "turnout_log_head", "The sequence number of an event's last change.", labels=["event"]
        )
        try:
            size_bytes = self._database.size_bytes()
            with self._database.read() as connection:
                for slug, last_sequence in events.list_heads(connection, MAX_EVENTS):
                    heads.add_metric([slug], last_sequence)
        except StorageUnavailable:
            # The other figures are worth most just now.
            return
        yield GaugeMetricFamily("turnout_database_bytes", "Size of the database's files.", value=size_bytes)
        yield heads


def _histogram(
    name: str, help_text: str, bounds: Sequence[str], counts: Sequence[int], total: float
) -> HistogramMetricFamily:
    buckets = []
    below = 0
    for bound, count in zip([*bounds, "+Inf"], counts, strict=True):
        below += count
        buckets.append((bound, float(below)))
    return HistogramMetricFamily(name, help_text, buckets=buckets, sum_value=total)
