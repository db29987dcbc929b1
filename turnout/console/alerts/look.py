"""What the pages show of alerts: each in words, with who was told of it."""

from collections.abc import Sequence

import msgspec

from turnout.alerts import tell, watching
from turnout.alerts import words as in_words
from turnout.alerts.words import Told
from turnout.console.alerts.words import KINDS, Words, say_told
from turnout.console.page import Visit
from turnout.model.alert import NEWS, Alert
from turnout.model.event import DAY_US, Configuration
from turnout.now import now_us

SHOWN_OPEN = 100
"""Open ones on a page; an event has as many as it has sources, keys and groups that something is wrong with."""
SHOWN_PAST = 25


class Line(msgspec.Struct, frozen=True):
    """One alert as people read it."""

    alert: Alert
    told: Told
    words: Words
    who_was_told: str
    """Empty where nobody was."""
    may_mend: bool
    """Whether the page that mends it is for the visitor too."""

    @property
    def is_news(self) -> bool:
        return self.alert.kind in NEWS


class Past(msgspec.Struct, frozen=True):
    """A page of those that are over."""

    lines: list[Line]
    next: str | None


def list_open(visit: Visit, configuration: Configuration, limit: int = SHOWN_OPEN) -> list[Line]:
    """The worst first: as the kinds come, then the latest."""
    found, _ = watching.list_alerts(visit.database, configuration.event.id, only_open=True, limit=limit)
    order = list(KINDS)
    return _describe(visit, configuration, sorted(found, key=lambda one: (order.index(one.kind), -one.opened_at)))


def list_past(visit: Visit, configuration: Configuration, before: str | None) -> Past:
    """Those that are over, the latest first."""
    found, following = watching.list_alerts(visit.database, configuration.event.id, limit=SHOWN_PAST, before=before)
    return Past(_describe(visit, configuration, [one for one in found if not one.is_open]), following)


def set_news_apart(past: Past) -> tuple[Past, list[Line]]:
    """What was told within a day is not past yet, though nothing of it is open."""
    since = now_us() - DAY_US
    news = [line for line in past.lines if line.is_news and line.alert.opened_at > since]
    return Past([line for line in past.lines if line not in news], past.next), news


def _describe(visit: Visit, configuration: Configuration, alerts: Sequence[Alert]) -> list[Line]:
    slug = configuration.event.slug
    messages = tell.list_messages(visit.database, configuration.event.id, [one.id for one in alerts])
    lines = []
    for one in alerts:
        told = in_words.describe(one, configuration)
        may_mend = visit.may("manager") or not told.way.startswith(f"console/events/{slug}/connect")
        who = say_told([message for message in messages if message.alert_id == one.id])
        lines.append(Line(one, told, KINDS[one.kind], who, may_mend))
    return lines
