"""What `GET /metrics` shows, in Prometheus' format. Counted where it happens, put together when asked."""

import asyncio
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress

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
from turnout.model.alert import KINDS
from turnout.model.webhook import is_stuck
from turnout.operations.in_time import InTime
from turnout.operations.worker_figures import Place, add_up, as_family, as_metric
from turnout.store import alert_messages, alerts, cursors, delivery_log, events, listing, mail, webhooks
from turnout.store.database import Database
from turnout.store.delivery_log import Waiting
from turnout.store.statements import Connection

MAX_EVENTS = 1_000
"""Events whose log has a line of its own here, the latest first."""


DATABASE_ANSWERS_WITHIN_S = 2.0
"""Else its figures are left out: the others are worth most just then."""
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
        deliveries: Mapping[str, int] | None = None,
    ) -> None:
        """`deliveries` counts attempts to deliver by what became of them; it grows where that happens."""
        self._database = database
        self._group_commit = group_commit
        self._refusals = refusals
        self._held_bytes = held_bytes
        self._place = place
        self._deliveries = {} if deliveries is None else deliveries
        self._before = place.board.read(place.number) if place else []
        """What those counted that had the place before."""
        self._one_at_a_time = threading.Lock()
        self._from_database = InTime(lambda: list(self._collect_from_database()), DATABASE_ANSWERS_WITHIN_S)
        self._from_replica = InTime(lambda: list(self._collect_from_replica()), DATABASE_ANSWERS_WITHIN_S)
        """Asked apart: one that hangs must not cost the primary's figures."""
        self._registry = CollectorRegistry()
        self._registry.register(self)
        for collector in (PLATFORM_COLLECTOR,) if place else (PROCESS_COLLECTOR, PLATFORM_COLLECTOR, GC_COLLECTOR):
            self._registry.register(collector)

    def render(self) -> bytes:
        """In Prometheus' text format 0.0.4. Reads the database, and leaves that part out where it does not answer."""
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
        with suppress(TimeoutError):
            yield from self._from_database.get()
        with suppress(TimeoutError):
            yield from self._from_replica.get()

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
        attempts = CounterMetricFamily(
            "turnout_webhook_attempts", "Requests to webhooks, by what became of the delivery.", labels=["result"]
        )
        for result in ("delivered", "failed", "given_up"):
            attempts.add_metric([result], self._deliveries.get(result, 0))
        yield attempts

    def _collect_from_database(self) -> Iterable[Metric]:
        heads = GaugeMetricFamily(
            "turnout_log_head", "The sequence number of an event's last change.", labels=["event"]
        )
        try:
            size_bytes = self._database.size_bytes()
            with self._database.read() as connection:
                for slug, last_sequence in events.list_heads(connection, MAX_EVENTS):
                    heads.add_metric([slug], last_sequence)
                lag = cursors.count_behind(connection, listing.CONSUMER)
                told = [*_collect_webhooks(connection), *_collect_alerts(connection)]
        except StorageUnavailable:
            # The other figures are worth most just now.
            return
        yield GaugeMetricFamily("turnout_database_bytes", "Size of the database's files.", value=size_bytes)
        yield heads
        yield from told
        yield GaugeMetricFamily(
            "turnout_listing_lag_changes", "Changes that are not in the index of lists and searches yet.", value=lag
        )

    def _collect_from_replica(self) -> Iterable[Metric]:
        """Nothing where there is none."""
        age, is_away = None, 0
        try:
            age = self._database.find_replica_age()
        except StorageUnavailable:
            is_away = 1
        if age is None and not is_away:
            return
        yield GaugeMetricFamily(
            "turnout_replica_away", "1 where lists are read from the primary, because the replica is away.", is_away
        )
        if age is not None and age.seconds is not None:
            yield GaugeMetricFamily(
                "turnout_replica_age_seconds", "How old at most what the replica shows is.", value=age.seconds
            )


def _collect_webhooks(connection: Connection) -> list[GaugeMetricFamily]:
    """How each is; the latest of them, as far as they have a line of their own here."""
    lags = GaugeMetricFamily(
        "turnout_webhook_lag_changes", "Changes that a webhook has not come to.", labels=["webhook"]
    )
    parked = GaugeMetricFamily(
        "turnout_webhook_parked", "Attendees about whom a delivery fails and is tried again.", labels=["webhook"]
    )
    failing = GaugeMetricFamily(
        "turnout_webhook_failing", "1 where a webhook has stopped, because too much fails.", labels=["webhook"]
    )
    off = GaugeMetricFamily("turnout_webhook_off", "1 where a webhook is switched off.", labels=["webhook"])
    waiting, lag = delivery_log.list_waiting(connection), webhooks.list_lags(connection)
    for webhook in webhooks.list_webhooks(connection)[-MAX_EVENTS:]:
        its = waiting.get(webhook.id, Waiting())
        is_failing = webhook.state == "active" and is_stuck(its.parked, its.behind)
        lags.add_metric([webhook.id], lag.get(webhook.id, 0))
        parked.add_metric([webhook.id], its.parked)
        failing.add_metric([webhook.id], int(is_failing))
        off.add_metric([webhook.id], int(webhook.state == "off"))
    return [lags, parked, failing, off]


def _collect_alerts(connection: Connection) -> list[GaugeMetricFamily]:
    """What is wrong with events' feeds, and whether people are told."""
    is_open = GaugeMetricFamily("turnout_alerts_open", "Alerts that are open, of all events.", labels=["kind"])
    counts = alerts.count_open_by_kind(connection)
    for kind in KINDS:
        is_open.add_metric([kind], counts.get(kind, 0))
    waiting = GaugeMetricFamily(
        "turnout_alert_messages_waiting", "Messages of alerts that are not sent yet.", labels=["by"]
    )
    for by, count in zip(("mail", "webhook"), alert_messages.count_waiting(connection), strict=True):
        waiting.add_metric([by], count)
    settings = mail.find_settings(connection)
    is_failing = settings is not None and (settings.failed_at or 0) > (settings.succeeded_at or 0)
    failing = GaugeMetricFamily(
        "turnout_mail_failing", "1 where the mail server did not take the last message.", value=int(is_failing)
    )
    return [is_open, waiting, failing]


def _histogram(
    name: str, help_text: str, bounds: Sequence[str], counts: Sequence[int], total: float
) -> HistogramMetricFamily:
    buckets = []
    below = 0
    for bound, count in zip([*bounds, "+Inf"], counts, strict=True):
        below += count
        buckets.append((bound, float(below)))
    return HistogramMetricFamily(name, help_text, buckets=buckets, sum_value=total)
