"""A source goes live, rehearses again, or says nothing any more."""

import time
from collections.abc import Callable

from turnout import errors
from turnout.console.connect import look
from turnout.console.page import Said, Undo, Visit
from turnout.events import handouts, sources
from turnout.feed.acts import retire as retiring
from turnout.feed.acts.retire import TakenBack
from turnout.feed.by_hand import go_live as going
from turnout.feed.by_hand.go_live import Replayed
from turnout.feed.receipt import Answer
from turnout.model.source import Source
from turnout.now import now_us

PATIENCE_S = 15.0
"""So long somebody waits for a page; then it says how much is left, and goes on when it is told to."""
FORESEEN = 1_000
"""Rehearsed pushes of which it is told what would become."""


def ask_go_live(visit: Visit) -> Answer:
    """With `look`, what the rehearsed pushes would do."""
    source = _get_open(visit)
    waiting = going.list_waiting(visit.database, visit.event.id, source.number)
    return visit.render("go_live.html", source=source, waiting=len(waiting), foreseen=None, looked_at=0)


def go_live(visit: Visit) -> Answer:
    source = _get_open(visit)
    if visit.form.get("look"):
        return _foresee(visit, source)
    takes_effect = visit.form.get("rehearsed") == "take-effect"
    before = source.policy.mode
    with visit.acting("source.go_live", target=source.id) as deed:
        deed.before, deed.after = (
            {"mode": before},
            {"mode": "live", "rehearsed": "replayed" if takes_effect else "left"},
        )
        handouts.go_live(visit.database, visit.event.id, source.name, actor=visit.signed_in.email)
    if takes_effect:
        return _replay(visit, source, f"{source.name} is live.")
    undo = Undo(f"{_way(visit, source)}/rehearse", "Back to rehearsal")
    return visit.redirect(_way(visit, source), f"{source.name} is live: what it pushes takes effect from now on.", undo)


def rehearse(visit: Visit) -> Answer:
    source = _get_open(visit)
    with visit.acting("source.rehearse", target=source.id) as deed:
        deed.before, deed.after = {"mode": source.policy.mode}, {"mode": "rehearsal"}
        sources.set_up(visit.database, visit.event.id, source.name, {"mode": "rehearsal"}, actor=visit.signed_in.email)
    said = f"{source.name} rehearses: what it pushes is checked and answered, and changes nothing."
    return visit.redirect(_way(visit, source), said)


def take_effect(visit: Visit) -> Answer:
    """Replays what waits from the rehearsal, as far as it gets in some seconds."""
    source = _get_open(visit)
    assert visit.configuration is not None
    if look.is_rehearsing(visit.configuration, source):
        raise errors.Conflict(f"{source.name} rehearses. Let it go live first.")
    return _replay(visit, source, "")


def ask_retire(visit: Visit) -> Answer:
    assert visit.configuration is not None
    source = look.get_source(visit.configuration, visit.places["source"])
    foreseen = retiring.foresee(visit.database, visit.event.id, source.number)
    at = now_us()
    good_keys = [
        key for key in visit.configuration.keys.values() if key.source_number == source.number and key.is_good(at)
    ]
    return visit.render("retire.html", source=source, foreseen=foreseen, good_keys=len(good_keys))


def retire(visit: Visit) -> Answer:
    assert visit.configuration is not None
    source = look.get_source(visit.configuration, visit.places["source"])
    actor = visit.signed_in.email
    done = TakenBack()
    with visit.acting("source.retire", target=source.id) as deed:
        sources.retire(visit.database, visit.event.id, source.name, actor=actor)
        deed.after = {"retired": True}
        try:
            done = retiring.take_back(
                visit.database,
                visit.product.feed.configurations,
                visit.event.id,
                source.number,
                actor,
                _stop_after(PATIENCE_S),
            )
            is_over = True
        except _Enough:
            is_over = False
    if not is_over:
        said = f"{source.name} is retired. What it said of some people is not taken back yet: go on."
        return visit.redirect(f"{_way(visit, source)}/retire", Said(said, kind="warning"))
    people = "nobody" if not done.people else "one person" if done.people == 1 else f"{done.people:,} people"
    return visit.redirect(_way(visit, source), f"{source.name} is retired. What it said of {people} was taken back.")


class _Enough(Exception):
    """Somebody has waited long enough."""


def _stop_after(seconds: float) -> Callable[[int], None]:
    end_at = time.monotonic() + seconds

    def look_at_clock(_: int) -> None:
        if time.monotonic() > end_at:
            raise _Enough

    return look_at_clock


def _foresee(visit: Visit, source: Source) -> Answer:
    waiting = going.list_waiting(visit.database, visit.event.id, source.number)
    some = waiting[:FORESEEN]
    foreseen = going.replay_rehearsed(
        visit.database,
        visit.product.feed.configurations,
        visit.event.slug,
        some,
        actor=visit.signed_in.email,
        dry_run=True,
    )
    return visit.render("go_live.html", source=source, waiting=len(waiting), foreseen=foreseen, looked_at=len(some))


def _replay(visit: Visit, source: Source, begun: str) -> Answer:
    waiting = going.list_waiting(visit.database, visit.event.id, source.number)
    with visit.acting("source.replay_rehearsed", target=source.id) as deed:
        replayed, left = going.replay_for(
            visit.database,
            visit.product.feed.configurations,
            visit.event.slug,
            waiting,
            actor=visit.signed_in.email,
            seconds=PATIENCE_S,
        )
        deed.after = {"replayed": replayed.total, "failed": replayed.failed, "gone": replayed.gone}
    said = f"{begun} {_summarise(replayed)}".strip()
    if left > 0:
        said += f" {left:,} rehearsed pushes are left: go on."
    return visit.redirect(_way(visit, source), Said(said, kind="warning" if left > 0 or replayed.failed else "done"))


def _summarise(replayed: Replayed) -> str:
    names = ("created", "updated", "unchanged", "suppressed", "failed")
    counts = ", ".join(f"{getattr(replayed, name):,} {name}" for name in names if getattr(replayed, name))
    said = f"Rehearsed pushes took effect: {counts}." if counts else "No rehearsed push waited."
    return said + (f" {replayed.gone:,} could not: their bodies are not kept any more." if replayed.gone else "")


def _get_open(visit: Visit) -> Source:
    """The source in the path. Raises NotFound, and Conflict where it is retired or the event archived."""
    assert visit.configuration is not None
    source = look.get_source(visit.configuration, visit.places["source"])
    sources.check_open(source)
    if visit.event.archived_at is not None:
        raise errors.Conflict("The event is archived and takes no pushes.")
    return source


def _way(visit: Visit, source: Source) -> str:
    return f"events/{visit.event.slug}/connect/sources/{source.number}"
