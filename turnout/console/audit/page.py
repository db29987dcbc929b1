"""The audit log in plain words: of the installation, and of one event for who manages it."""

import re
from collections.abc import Sequence

from turnout.access import audit, users
from turnout.console.audit.words import DEEDS, Names, name_deed, write
from turnout.console.page import Page, Visit
from turnout.events import event
from turnout.feed.receipt import Answer
from turnout.model.event import Configuration
from turnout.model.user import AuditLine
from turnout.store import events, handouts

SHOWN = 50
"""Lines of one page."""
INSTALLATION = "installation"
"""The filter by event that leaves what was done to none."""
_LINE = re.compile(r"aud_[0-9a-f]{32}")


def show_log(visit: Visit) -> Answer:
    """The latest lines, of a person, a deed or an event where the query names one; of the event in the path."""
    person, action, before = (visit.query.get(name, "") for name in ("user", "action", "before"))
    chosen = "" if visit.configuration is not None else visit.query.get("event", "")
    found = audit.list_lines(
        visit.database,
        event_id=_find_event(visit, chosen),
        user_id=person or None,
        action=action or None,
        before_id=before if _LINE.fullmatch(before) else None,
        limit=SHOWN + 1,
    )
    lines = found[:SHOWN]
    names = _find_names(visit, lines)
    return visit.render(
        "_lines.html" if visit.is_fragment else "log.html",
        sentences=[write(line, names) for line in lines],
        older=lines[-1].id if len(found) > SHOWN else None,
        is_first=not before,
        is_filtered=bool(person or action or chosen),
        person=person,
        action=action,
        chosen=chosen,
        people=[("", "Anybody"), *((one.id, one.name) for one in users.list_all(visit.database))],
        actions=[("", "Any deed"), *sorted(((one, name_deed(one)) for one in DEEDS), key=lambda pair: pair[1])],
        events=[
            ("", "Everywhere"),
            (INSTALLATION, "The installation itself"),
            *((one.slug, one.name) for one in event.list_all(visit.database)),
        ],
        way=f"events/{visit.event.slug}/audit" if visit.configuration is not None else "audit",
    )


def _find_event(visit: Visit, chosen: str) -> str | None:
    """The id of the event whose lines are wanted; empty for the installation's own; None for all."""
    if visit.configuration is not None:
        return visit.event.id
    if not chosen:
        return None
    if chosen == INSTALLATION:
        return ""
    # Of one that there is not there are no lines.
    return next((one.id for one in event.list_all(visit.database) if one.slug == chosen), "none")


def _find_names(visit: Visit, lines: Sequence[AuditLine]) -> Names:
    """What is called how now: of the events that the lines are about."""
    people = users.list_all(visit.database)
    things = {one.id: one.name for one in event.list_all(visit.database)}
    sources: dict[tuple[str, int], str] = {}
    with visit.database.read() as connection:
        for event_id in {line.event_id for line in lines if line.event_id}:
            configuration = events.load_configuration(connection, event_id)
            if configuration is not None:
                things |= _name_things(configuration)
                sources |= {(event_id, one.number): one.name for one in configuration.sources.values()}
        found = (handouts.find_handout(connection, one) for one in _list_handouts(lines))
        labels = {one.id: one.label for one in found if one is not None}
    return Names(
        {one.id: one.name for one in people} | {one.email: one.name for one in people}, things, sources, labels
    )


def _list_handouts(lines: Sequence[AuditLine]) -> set[str]:
    """Those whose link somebody used; at most one a line."""
    return {line.target for line in lines if line.target and line.actor == audit.NOBODY}


def _name_things(configuration: Configuration) -> dict[str, str]:
    sources = configuration.sources
    named = {one.id: one.name for one in sources.values()}
    for key in configuration.keys.values():
        source = sources.get(key.source_number) if key.source_number is not None else None
        named[key.id] = f"the read key {key.label}" if source is None else f"a key of the source {source.name}"
    return named


pages = [
    Page("GET", "audit", "administrator", show_log),
    Page("GET", "events/{event}/audit", "manager", show_log),
]
