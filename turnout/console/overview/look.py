"""What the overview of an event draws: the latest pushes, and a chart of those of a time."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from turnout.events.activity import Period, Series
from turnout.model.push import StoredPush
from turnout.store import pushes
from turnout.store.database import Database

ROWS = 50
"""Pushes on the page, the latest."""
PERIODS: dict[Period, str] = dict(zip(get_args(Period), ("1 h", "24 h", "7 days", "30 days"), strict=True))


class Chart(msgspec.Struct, frozen=True):
    """Pushes over time, bar by bar."""

    title: str
    description: str
    labels: list[str]
    pushes: list[int]
    failed: list[int]
    rehearsed: list[int]

    @property
    def rehearsed_drawn(self) -> list[int]:
        """As high as they stand on those that failed, which would hide them otherwise: none of them is both."""
        return [its and its + failed for its, failed in zip(self.rehearsed, self.failed, strict=True)]


def read_period(text: str | None) -> Period:
    """As somebody asks for it; a day where that is none."""
    return next((period for period in PERIODS if period == text), "24h")


def list_latest(database: Database, event_id: str) -> list[StoredPush]:
    with database.read() as connection:
        return pushes.list_pushes(connection, event_id, limit=ROWS)


def draw(series: Series, period: Period, time_zone: str) -> Chart:
    """As many bars as the series has."""

    def of(*results: str) -> list[int]:
        rows = [counts for result, counts in series.by_result.items() if not results or result in results]
        return [sum(bar) for bar in zip(*rows, strict=True)] if rows else [0] * len(series.starts)

    all_pushes, failed, rehearsed = of(), of("failed"), of("rehearsed")
    labels = _label(series.starts, period, time_zone)
    most = max(range(len(all_pushes)), key=all_pushes.__getitem__)
    description = f"{series.total:,} pushes, {sum(failed):,} of them failed."
    if any(rehearsed):
        description = description.removesuffix(".") + f", {sum(rehearsed):,} rehearsed."
    if series.total:
        description += f" Most came at {labels[most]}: {all_pushes[most]:,}."
    return Chart(_TITLES[period], description, labels, all_pushes, failed, rehearsed)


_TITLES: dict[Period, str] = {
    "1h": "Pushes every ten minutes",
    "24h": "Pushes an hour",
    "7d": "Pushes an hour",
    "30d": "Pushes every six hours",
}


def _label(starts: Sequence[int], period: Period, time_zone: str) -> list[str]:
    """When each bar begins, as people of the event say it."""
    try:
        zone = ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        zone = ZoneInfo("UTC")
    times = [datetime.fromtimestamp(start // 1_000_000, UTC).astimezone(zone) for start in starts]
    if period in ("1h", "24h"):
        return [f"{time:%H:%M}" for time in times]
    return [f"{time.day} {time:%b, %H:%M}" for time in times]
