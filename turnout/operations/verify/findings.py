"""What is being verified of one event, and what was found so far."""

from collections.abc import Callable
from typing import Any

import msgspec

from turnout.model.event import Configuration, Event
from turnout.store import verification
from turnout.store.statements import Connection

MAX_PROBLEMS = 100
"""Described of one event; the others are counted."""
SLICE = 500
"""Rows that are looked up together."""
_TOLD_EVERY = 1_000

OnProgress = Callable[[str, int, int], object]
"""Called with slug, rows read, rows altogether."""


class Problem(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """Something that does not agree."""

    code: str
    message: str
    sequence: int | None = None
    """Of the line of the log that it concerns."""
    attendee_id: str | None = None
    push_id: str | None = None


class VerifiedEvent(msgspec.Struct, rename="camel"):
    """What was read of one event, and what was wrong with it."""

    slug: str
    attendees: int = 0
    changes: int = 0
    pushes: int = 0
    problems: list[Problem] = []
    more_problems: int = 0


class Verifying:
    """One event, and what was found so far."""

    def __init__(
        self, connection: Connection, event: Event, configuration: Configuration, on_progress: OnProgress
    ) -> None:
        self.connection = connection
        self.event_id = event.id
        self.configuration = configuration
        self.found = VerifiedEvent(event.slug)
        self.on_progress = on_progress
        self.counts = verification.count_rows(connection, event.id)
        self.erased: set[str] = set()
        """Attendees of whom the log says so."""
        self.rows = 0
        self.rows_expected = self.counts["changes"] * 2 + self.counts["pushes"] + self.counts["attendees"]

    def problem(self, code: str, message: str, **where: Any) -> None:
        if len(self.found.problems) == MAX_PROBLEMS:
            self.found.more_problems += 1
        else:
            self.found.problems.append(Problem(code, message, **where))

    def count(self) -> None:
        """One more row is read."""
        self.rows += 1
        if self.rows % _TOLD_EVERY == 0:
            self.on_progress(self.found.slug, self.rows, max(self.rows, self.rows_expected))
