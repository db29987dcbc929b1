"""Many stored pushes once more: which, what that would lead to, and how far it is."""

import asyncio
import sys
from contextlib import ExitStack
from typing import Any

import msgspec

from turnout import errors
from turnout.console.page import Visit
from turnout.console.pushes.asked import Asked, as_search, read_asked
from turnout.console.pushes.listing import find_run, list_rows, load_configuration, may_replay
from turnout.console.pushes.shown import as_rows
from turnout.feed.by_hand import replay_many as many
from turnout.feed.by_hand.replay_many import MAX_PUSHES, MAX_SHOWN, Difference, Matching, Progress
from turnout.feed.receipt import Answer
from turnout.now import now_us
from turnout.store import pushes

PLANS = 2
"""Made at once, by all who look; each may take some seconds."""
_planning = asyncio.Semaphore(PLANS)


def show_plan(visit: Visit) -> Answer:
    """The frame, at once: which pushes and what would become of them follows, or is a link where there is no script."""
    _expect_may(visit)
    return _show_plan(visit, read_asked(visit.query), _read_until(visit.query.get("at")))


def _show_plan(visit: Visit, asked: Asked, until: int, *, conflict: str = "", status: int = 200) -> Answer:
    return visit.render(
        "many.html",
        status=status,
        asked=asked,
        at=until,
        run=find_run(visit),
        conflict=conflict,
        plan=None,
    )


async def make_plan(visit: Visit) -> Answer:
    async with _planning:
        return await asyncio.to_thread(_make_plan, visit)


def _make_plan(visit: Visit) -> Answer:
    _expect_may(visit)
    asked, until = read_asked(visit.query), _read_until(visit.query.get("at"))
    configuration = load_configuration(visit)
    matching = _list_matching(visit, asked, until)
    plan = many.plan_replay(
        visit.database,
        visit.product.feed.configurations,
        visit.event.slug,
        matching.push_ids,
        actor=visit.signed_in.email,
    )
    shown: dict[str, Any] = {
        "asked": asked,
        "at": until,
        "matching": matching,
        "most": MAX_PUSHES,
        "most_shown": MAX_SHOWN,
        "run": find_run(visit),
        "conflict": "",
        "plan": plan,
        "sources": {number: one.name for number, one in configuration.sources.items()},
        "differences": [(one, as_rows(one.changes), _say_failure(one)) for one in plan.differences],
    }
    return visit.render("_plan.html" if visit.is_fragment else "many.html", **shown)


def start(visit: Visit) -> Answer:
    """Begins it. The line in the audit log ends with the run, whichever way that ends."""
    _expect_may(visit)
    asked, until = read_asked(visit.form), _read_until(visit.form.get("at"))
    matching = _list_matching(visit, asked, until)
    if not matching.push_ids:
        return visit.redirect(f"events/{visit.event.slug}/pushes", "There was nothing to replay.")
    acting = ExitStack()
    deed = acting.enter_context(visit.acting("pushes.replay"))
    deed.before = {"pushes": len(matching.push_ids)}

    def end(progress: Progress) -> None:
        deed.after = msgspec.to_builtins(progress.counts) | ({"trouble": True} if progress.trouble else {})
        acting.close()

    try:
        visit.product.replays.start(visit.event.slug, matching.push_ids, actor=visit.signed_in.email, on_end=end)
    except errors.Conflict as error:
        acting.__exit__(*sys.exc_info())
        return _show_plan(visit, asked, until, conflict=error.detail, status=error.status)
    except errors.TurnoutError:
        acting.__exit__(*sys.exc_info())
        raise
    return visit.redirect(f"events/{visit.event.slug}/pushes/replays")


def show_run(visit: Visit) -> Answer:
    """The event's latest run, whoever began it; a script asks again as long as it goes on."""
    seen = visit.product.replays.find(visit.event.id)
    if seen is None and visit.is_fragment:
        raise errors.NotFound("Nothing was replayed here yet.")
    failed = []
    if seen is not None and seen.progress.failed_ids:
        with visit.database.read() as connection:
            failed = pushes.list_by_ids(connection, visit.event.id, seen.progress.failed_ids)
    rows = list_rows(visit, load_configuration(visit), failed)
    return visit.render("_run.html" if visit.is_fragment else "run.html", seen=seen, rows=rows, most_shown=MAX_SHOWN)


def stop(visit: Visit) -> Answer:
    with visit.acting("pushes.replay_stop"):
        visit.product.replays.stop(visit.event.id)
    return visit.redirect(f"events/{visit.event.slug}/pushes/replays", "Stopped. What was replayed stays.")


def _list_matching(visit: Visit, asked: Asked, until: int) -> Matching:
    """What came until somebody looked: not what he replays."""
    search = as_search(asked, load_configuration(visit), by_address=True)
    search = msgspec.structs.replace(search, until=min(search.until or until, until))
    return many.list_matching(visit.database, visit.event.id, search)


def _read_until(text: str | None) -> int:
    now = now_us()
    return min(int(text), now) if text and text.isascii() and text.isdecimal() and len(text) < 20 else now


def _say_failure(one: Difference) -> str:
    if one.failure is None:
        return ""
    return one.failure.errors[0].message if one.failure.errors else one.failure.detail


def _expect_may(visit: Visit) -> None:
    """Raises NotAllowed, and Conflict for an archived event."""
    if visit.event.archived_at is not None:
        raise errors.Conflict(f"The event {visit.event.name} is archived and takes no pushes.")
    if not may_replay(visit):
        raise errors.NotAllowed("manager with names and addresses shown")
