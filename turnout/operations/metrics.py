"""What `GET /metrics` shows, in Prometheus' format. Counted where it happens, put together when asked."""

from collections.abc import Callable, Iterable, Sequence

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
from turnout.store import events
from turnout.store.database import Database

MAX_EVENTS = 1_000
"""Events whose log has a line of its own here, the latest first."""


class Metrics(Collector):
    """All figures of this process and its database."""

    def __init__(
        self, database: Database, group_commit: GroupCommit, refusals: Refusals, held_bytes: Callable[[], int]
    ) -> None:
        self._database = database
        self._group_commit = group_commit
        self._refusals = refusals
        self._held_bytes = held_bytes
        self._registry = CollectorRegistry()
        self._registry.register(self)
        for collector in (PROCESS_COLLECTOR, PLATFORM_COLLECTOR, GC_COLLECTOR):
            self._registry.register(collector)

    def render(self) -> bytes:
        """In Prometheus' text format 0.0.4. Reads the database."""
        return generate_latest(self._registry)

    def collect(self) -> Iterable[Metric]:
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
        yield from self._collect_from_database()

    def _collect_from_database(self) -> Iterable[Metric]:
        yield GaugeMetricFamily(
            "turnout_database_bytes", "Size of the database's files.", value=self._database.size_bytes()
        )
        heads = GaugeMetricFamily(
            "turnout_log_head", "The sequence number of an event's last change.", labels=["event"]
        )
        try:
            with self._database.read() as connection:
                for slug, last_sequence in events.list_heads(connection, MAX_EVENTS):
                    heads.add_metric([slug], last_sequence)
        except StorageUnavailable:
            # The other figures are worth most just now.
            return
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
