"""Stored pushes once more, many of them: what that would lead to, begun, how far it is, stopped.

The run goes on beside everything else, whoever began it, here or in the console.
"""

import asyncio
import sys
from contextlib import ExitStack
from typing import get_args

import msgspec

from turnout import errors
from turnout.api.operation import Call, Given, Operation, Taken, as_time, read_time, say_time
from turnout.feed.by_hand import replay_many as many
from turnout.feed.by_hand.replay_many import Counts, Difference, Matching, Progress
from turnout.model.receipt import PathChange
from turnout.now import now_us
from turnout.store.push_search import Effect, PushSearch

RESULTS = ("created", "updated", "unchanged", "suppressed", "failed")
_EFFECTS: tuple[Effect, ...] = get_args(Effect)
_planning = asyncio.Semaphore(1)
"""Each plan may take some seconds."""


class Which(Taken, frozen=True, kw_only=True):
    """Which pushes: those that all of it fits; with nothing said, all."""

    push: str | None = None
    email: str | None = None
    """A part of the address as it was sent."""
    attendee: str | None = None
    result: str | None = None
    """`created`, `updated`, `unchanged`, `suppressed` or `failed`."""
    source: int | None = None
    """The number."""
    effect: str | None = None
    """`live`, `dry_run` or `rehearsed`."""
    path: str | None = None
    """How the path of an error or a warning begins."""
    code: str | None = None
    """Of an error, a warning or the failure."""
    since: str | None = None
    """From this time on."""
    until: str | None = None
    """Before this time. A plan gives the time at which it was made: say it, and what came since is left alone."""


class CountsShown(Given, frozen=True, kw_only=True):
    """What became of pushes, or would."""

    created: int
    updated: int
    unchanged: int
    suppressed: int
    failed: int
    gone: int
    """Left out: their bodies are not kept any more, or their source is retired."""


class DifferenceShown(Given, frozen=True, kw_only=True):
    """What the replay of one push would do."""

    push: str
    source: int
    result: str
    attendee_id: str | None
    """Null where it would be somebody new."""
    changes: list[PathChange]
    problem: str | None
    """The code of why it would fail."""


class PlanShown(Given, frozen=True, kw_only=True):
    """What a replay would lead to. Nothing of it has taken effect."""

    until: str
    """What came later is not among it: send it along when you begin."""
    pushes: int
    """Those that would be replayed."""
    left_out: int
    """Those that fit and are never replayed: dry runs, refused requests, unreadable batches, replays that failed."""
    are_more: bool
    """Whether there are more than one run may have; then the latest are here."""
    counts: CountsShown
    differences: list[DifferenceShown]
    """The first hundred of those that would change something or fail."""


class RunShown(Given, frozen=True, kw_only=True):
    """The event's latest replay of many."""

    state: str
    """`running`, `done`, `failed` or `stopped`."""
    actor: str
    started_at: str
    ended_at: str | None
    total: int
    done: int
    counts: CountsShown
    failed: list[str]
    """Ids of the new pushes that failed, the first hundred."""
    trouble: str | None
    """What ended it early."""


class Latest(Given, frozen=True, kw_only=True):
    """The event's latest replay of many."""

    run: RunShown | None
    """Null where there never was one."""


async def plan(call: Call) -> PlanShown:
    async with _planning:
        return await asyncio.to_thread(_plan, call)


def _plan(call: Call) -> PlanShown:
    _expect_may(call)
    until = now_us()
    matching = _list_matching(call, until)
    its = many.plan_replay(
        call.database,
        call.product.feed.configurations,
        call.event.slug,
        matching.push_ids,
        actor=call.user.email,
    )
    return PlanShown(
        until=say_time(until),
        pushes=len(matching.push_ids),
        left_out=matching.left_out,
        are_more=matching.are_more,
        counts=_show_counts(its.counts),
        differences=[_show_difference(one) for one in its.differences],
    )


def start(call: Call) -> RunShown:
    """The line in the audit log ends with the run, whichever way that ends. Raises Conflict where one is under way."""
    _expect_may(call)
    matching = _list_matching(call, now_us())
    if not matching.push_ids:
        raise errors.Conflict("No push fits that could be replayed.")
    acting = ExitStack()
    deed = acting.enter_context(call.acting("pushes.replay"))
    deed.before = {"pushes": len(matching.push_ids)}

    def end(progress: Progress) -> None:
        deed.after = msgspec.to_builtins(progress.counts) | ({"trouble": True} if progress.trouble else {})
        acting.close()

    try:
        call.product.replays.start(call.event.slug, matching.push_ids, actor=call.user.email, on_end=end)
    except errors.TurnoutError:
        acting.__exit__(*sys.exc_info())
        raise
    return _get_run(call)


def show_latest(call: Call) -> Latest:
    return Latest(run=_find_run(call))


def stop(call: Call) -> RunShown:
    """Raises NotFound."""
    _get_run(call)
    with call.acting("pushes.replay_stop"):
        call.product.replays.stop(call.event.id)
    return _get_run(call)


def _get_run(call: Call) -> RunShown:
    """Raises NotFound."""
    run = _find_run(call)
    if run is None:
        raise errors.NotFound("No replay of many pushes was begun at this event.")
    return run


def _find_run(call: Call) -> RunShown | None:
    seen = call.product.replays.find(call.event.id)
    if seen is None:
        return None
    its = seen.progress
    return RunShown(
        state=seen.state,
        actor=its.actor,
        started_at=say_time(its.started_at),
        ended_at=as_time(its.ended_at),
        total=its.total,
        done=its.counts.done,
        counts=_show_counts(its.counts),
        failed=its.failed_ids,
        trouble=its.trouble or None,
    )


def _expect_may(call: Call) -> None:
    """Raises NotAllowed, and Conflict for an archived event."""
    call.expect_personal("manager")
    if call.event.archived_at is not None:
        raise errors.Conflict(f"The event {call.event.name} is archived and takes no pushes.")


def _list_matching(call: Call, now: int) -> Matching:
    """What came until now: not what is replayed meanwhile. Raises InvalidRequest."""
    wish: Which = call.body
    if wish.result not in (None, *RESULTS):
        raise errors.InvalidRequest(f"result can be {', '.join(RESULTS)}.")
    if wish.effect not in (None, *_EFFECTS):
        raise errors.InvalidRequest(f"effect can be {', '.join(_EFFECTS)}.")
    if wish.source is not None and wish.source not in call.configuration.sources:
        raise errors.NotFound("The event has no such source.")
    until = read_time("until", wish.until)
    search = PushSearch(
        push_id=wish.push,
        attendee_id=wish.attendee,
        email=wish.email,
        result=wish.result,
        source_number=wish.source,
        effect=next((one for one in _EFFECTS if one == wish.effect), None),
        path=wish.path,
        code=wish.code,
        since=read_time("since", wish.since),
        until=now if until is None else min(until, now),
    )
    return many.list_matching(call.database, call.event.id, search)


def _show_counts(counts: Counts) -> CountsShown:
    return CountsShown(
        created=counts.created,
        updated=counts.updated,
        unchanged=counts.unchanged,
        suppressed=counts.suppressed,
        failed=counts.failed,
        gone=counts.gone,
    )


def _show_difference(one: Difference) -> DifferenceShown:
    return DifferenceShown(
        push=one.push_id,
        source=one.source_number,
        result=one.result,
        attendee_id=None if one.attendee is None else one.attendee.id,
        changes=one.changes,
        problem=None if one.failure is None else one.failure.code,
    )


_IN = "events/{event}/replay"
operations = [
    Operation(
        "POST",
        f"{_IN}/plan",
        "manager",
        plan,
        "What a replay of many pushes would lead to",
        "Each sees the effect of those before it; at most 10,000. Nothing takes effect, and nothing is kept.",
        takes=Which,
        gives=PlanShown,
    ),
    Operation(
        "POST",
        _IN,
        "manager",
        start,
        "Replay all pushes that fit",
        "At most 10,000, the latest, in the order in which they came; newer values stay. It goes on by itself: ask how "
        "far it is. An event has one at a time.",
        takes=Which,
        gives=RunShown,
        status=202,
    ),
    Operation("GET", _IN, "manager", show_latest, "How far the latest replay of many is", gives=Latest),
    Operation(
        "POST", f"{_IN}/stop", "manager", stop, "Stop a replay of many", "What was replayed stays.", gives=RunShown
    ),
]
