"""When an overview's numbers are looked at: once for all windows, no sooner than that is worth, and for what is new."""

import re
import time
from collections.abc import Iterable
from math import inf

from turnout.feed.pushes_live import Shared
from turnout.model.event import Configuration
from turnout.model.push import StoredPush

SIGNS_EVERY_S = 3.0
"""Between two looks at the numbers, while pushes come …"""
QUIET_S = 60.0
"""… and while none do: silence has a length too …"""
WAITING_S = 10.0
"""… and before the first one, when wrong keys are what is of interest …"""
FINDINGS_EVERY_S = 30.0
"""… and at what may be wrong, for which bodies are read; sooner where a push has what none has had before."""
GIVES_WAY = 50
"""So many times as long as a look took, at the least, until the next one."""
MAX_PATHS = 1_000
"""Of unknown fields that are known of an event; what comes besides is found within the usual time."""


class Look(Shared):
    """One look at the numbers."""

    def __init__(self, *, with_findings: bool) -> None:
        super().__init__()
        self.with_findings = with_findings


class News:
    """What an event's pushes have had in them that none before had, since somebody looks at it."""

    def __init__(self) -> None:
        self.number = 0
        """Raised with whatever is new."""
        self._names: int | None = None
        """How many the event has; None before anybody has looked."""
        self._paths: set[tuple[int, str]] = set()

    def know(self, configuration: Configuration) -> None:
        """What was there when somebody began to look."""
        if self._names is None:
            self._names = _count_names(configuration)

    def hear(self, pushes: Iterable[StoredPush], configuration: Configuration) -> None:
        """Unknown fields stand in warnings; a custom field or a group that is new is in the configuration by now."""
        names = _count_names(configuration)
        paths = {
            (push.source_number, _INDEX.sub("[]", warning.path))
            for push in pushes
            for warning in push.warnings
            if warning.code == "unknown_field"
        }
        if names != self._names or (not paths <= self._paths and len(self._paths) < MAX_PATHS):
            self._names = names
            self._paths |= paths
            self.number += 1


_INDEX = re.compile(r"\[\d+\]")


def _count_names(configuration: Configuration) -> int:
    return len(configuration.custom_fields.by_number) + len(configuration.groups.by_number)


class Pace:
    """When the numbers are looked at, for all windows of an event that show the same time."""

    def __init__(self, news: News) -> None:
        now = time.monotonic()
        self.news = news
        self.has_pushes = False
        self._is_stale = self._are_findings_stale = False
        """Whether pushes came since the last look, and the last one at what may be wrong."""
        self.latest = Look(with_findings=False)
        self._told_news = news.number
        # What comes first is told at once.
        self._signs_at = self._findings_rest_until = now
        self._findings_at = now + FINDINGS_EVERY_S

    @property
    def next_at(self) -> float:
        """In monotonic seconds."""
        if self._is_stale:
            return self._signs_at
        quiet_s = QUIET_S if self.has_pushes else WAITING_S
        findings_at = self._next_findings_at if self._are_findings_stale else inf
        return min(self._signs_at + quiet_s - SIGNS_EVERY_S, max(self._signs_at, findings_at))

    @property
    def _next_findings_at(self) -> float:
        return self._findings_at if self.news.number == self._told_news else self._findings_rest_until

    def hear(self) -> None:
        """That pushes came."""
        self._is_stale = self._are_findings_stale = True

    def look(self) -> Look:
        """A new look where one is due, else the latest."""
        now = time.monotonic()
        if now >= self.next_at:
            self.latest = Look(with_findings=now >= self._next_findings_at)
            self._is_stale = False
            self._signs_at = now + SIGNS_EVERY_S
            if self.latest.with_findings:
                self._findings_at = now + FINDINGS_EVERY_S
                self._are_findings_stale = False
                self._told_news = self.news.number
        return self.latest

    def note(self, look: Look, took_s: float) -> None:
        """So that a large event's numbers cost no more than their share."""
        until = time.monotonic() + took_s * GIVES_WAY
        self._signs_at = max(self._signs_at, until)
        if look.with_findings:
            self._findings_rest_until = until
            self._findings_at = max(self._findings_at, until)
