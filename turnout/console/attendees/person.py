"""One attendee: every value with why it is so, and what happened; live while somebody looks."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

from turnout import errors
from turnout.console.attendees.names import name_of
from turnout.console.attendees.timeline import MOMENTS, History, read_moments
from turnout.console.attendees.told import tell_values
from turnout.console.page import Live, Message, Visit
from turnout.downstream.attendees.explained import explain_person
from turnout.downstream.attendees.person import is_id
from turnout.downstream.attendees.room import bring_up_to_date
from turnout.feed.receipt import Answer
from turnout.model.attendee import Attendee
from turnout.store import attendees, events

LOOK_EVERY_S = 0.5
"""Between two looks at the attendee, however much comes to the event."""
MAX_LIVE = 200
"""Moments that a live page holds: those that came while it was open, and the first page of those before."""
_GONE = "Nobody at this event has this id. Whoever had it was erased, or is at another event."


def show_person(visit: Visit) -> Answer:
    """The whole page; with `before` what happened from that line back, and only that where a script asks."""
    attendee = _get(visit)
    said = visit.query.get("before", "")
    before = int(said) if said.isascii() and said.isdigit() else None
    history = _read_history(visit, attendee, start=before)
    if before is not None and visit.is_fragment:
        return visit.render("_earlier.html", attendee=attendee, history=history)
    if attendee.merged_into is not None:
        return visit.render("merged.html", before=before, history=history, **_describe(visit, attendee))
    return visit.render("person.html", before=before, history=history, **_gather(visit, attendee.id, since=None))


async def watch_person(visit: Visit) -> Live:
    return Live(_follow(visit))


async def _follow(visit: Visit) -> AsyncIterator[Message]:
    """The page as it is when somebody begins to look, and whenever the attendee has changed."""
    said = visit.query.get("since", "")
    since = int(said) if said.isascii() and said.isdigit() else 0
    shown = -1
    # A database that is away ends it, and the browser comes again.
    with (
        suppress(errors.StorageUnavailable),
        visit.database.notices.watching_in_loop(visit.event.id) as watch,
    ):
        while True:
            head, sequence, html = await asyncio.to_thread(_look, visit, since, shown)
            if html:
                shown = sequence
                yield Message(html)
            await asyncio.sleep(LOOK_EVERY_S)
            await watch.wait(head)


def _look(visit: Visit, since: int, shown: int) -> tuple[int, int, str]:
    """The event's last line, the attendee's, and what is to be shown; empty where that was shown already."""
    with visit.database.read() as connection:
        clock = events.find_clock(connection, visit.event.id)
        attendee = attendees.find_attendee(connection, visit.event.id, visit.places["attendee"])
    head = 0 if clock is None else clock.last_sequence
    sequence = 0 if attendee is None else attendee.sequence
    if sequence == shown:
        return head, shown, ""
    if attendee is None or attendee.merged_into is not None:
        merged_into = None if attendee is None else attendee.merged_into
        return head, sequence, visit.render_text("_gone.html", text=_GONE, merged_into=merged_into)
    try:
        gathered = _gather(visit, attendee.id, since=since)
        history = _read_history(visit, attendee, limit=MAX_LIVE)
    except errors.NotFound:
        # Erased this moment, which the next look will tell.
        return 0, shown, ""
    new = sum(moment.sequence > since for moment in history.moments)
    # With the page before that, whole, so that what was loaded behind it still fits on.
    history = History(history.moments[: new + MOMENTS], None)
    return head, sequence, visit.render_text("_live.html", history=history, **gathered)


def _get(visit: Visit) -> Attendee:
    """Raises NotFound, also for an address: these stand in no address of ours."""
    attendee_id = visit.places["attendee"]
    if is_id(attendee_id) and "\0" not in attendee_id:
        with visit.database.read() as connection:
            attendee = attendees.find_attendee(connection, visit.event.id, attendee_id)
        if attendee is not None:
            return attendee
    raise errors.NotFound(_GONE)


def _read_history(visit: Visit, attendee: Attendee, *, start: int | None = None, limit: int = MOMENTS) -> History:
    assert visit.configuration is not None
    with visit.database.read() as connection:
        configuration = bring_up_to_date(visit.product.feed.configurations, connection, visit.configuration)
        return read_moments(connection, configuration, attendee, shows=visit.sees_personal, start=start, limit=limit)


def _describe(visit: Visit, attendee: Attendee) -> dict[str, Any]:
    return {
        "attendee": attendee,
        "name": visit.mask(name_of(attendee)) or "",
        "email": visit.mask(attendee.email) or "",
    }


def _gather(visit: Visit, attendee_id: str, *, since: int | None) -> dict[str, Any]:
    """All that the page shows besides what happened. Raises NotFound."""
    assert visit.configuration is not None
    told = explain_person(visit.database, visit.product.feed.configurations, visit.configuration, attendee_id)
    begun = told.attendee.sequence if since is None else since
    return {
        **_describe(visit, told.attendee),
        "told": told,
        "values": tell_values(told, shows=visit.sees_personal, since=begun),
        "since": begun,
        "is_news": told.attendee.sequence > begun,
    }
