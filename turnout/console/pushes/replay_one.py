"""One stored push once more: what that would do, and then exactly that."""

import msgspec

from turnout import errors
from turnout.console.page import Visit
from turnout.console.pushes.listing import may_replay
from turnout.console.pushes.noted import list_marked
from turnout.console.pushes.shown import as_rows, get_whole
from turnout.feed.by_hand import try_push
from turnout.feed.by_hand.replay import Original, get_original
from turnout.feed.receipt import Answer


def show(visit: Visit) -> Answer:
    """Raises what `get_whole` and a trial do."""
    return _show(visit, _get_original(visit))


def replay(visit: Visit) -> Answer:
    """Where it would do something else by now, what that is instead."""
    original, feed = _get_original(visit), visit.product.feed
    try:
        with visit.acting("push.replay", target=original.push.id) as deed:
            outcome = try_push.apply(
                visit.database,
                feed.configurations,
                visit.event.slug,
                original.push.source_number,
                original.body,
                actor=visit.signed_in.email,
                digest=visit.form.get("digest", ""),
                original=original,
                most_bytes=len(original.body.encode()),
            )
            deed.after = {"push": outcome.push_id, "result": outcome.result}
    except errors.Conflict as error:
        return _show(visit, original, conflict=error.detail, status=error.status)
    way = f"events/{visit.event.slug}/pushes/{outcome.push_id}"
    return visit.redirect(way, f"Replayed: {outcome.result}. This is the new push.")


def _show(visit: Visit, original: Original, *, conflict: str = "", status: int = 200) -> Answer:
    feed = visit.product.feed
    trial = try_push.try_push(
        visit.database,
        feed.configurations,
        visit.event.slug,
        original.push.source_number,
        original.body,
        actor=visit.signed_in.email,
        problems_url=feed.problems_url,
        original=original,
        most_bytes=len(original.body.encode()),
    )
    return visit.render(
        "replay.html",
        status=status,
        push=original.push,
        trial=trial,
        diff=as_rows(trial.changes),
        notes=[
            msgspec.structs.replace(note, mark=None)
            for note in list_marked([one for one in trial.marks if one.kind == "warning"])
        ],
        problems=[one for one in trial.marks if one.kind == "problem"],
        conflict=conflict,
    )


def _get_original(visit: Visit) -> Original:
    """Raises NotFound, NotAllowed, and Conflict where there is nothing to replay."""
    push = get_whole(visit).push
    if visit.event.archived_at is None and not may_replay(visit):
        raise errors.NotAllowed("manager with names and addresses shown")
    return get_original(visit.database, push.id)
