"""Pushes: the list, one of them, and sending them once more."""

from typing import Any

from turnout import errors
from turnout.console.page import Page, Visit
from turnout.console.pushes import listing, replay_many, replay_one
from turnout.console.pushes.listing import load_configuration, may_replay
from turnout.console.pushes.marked import MarkedText, mark_body
from turnout.console.pushes.noted import list_marked, list_notes
from turnout.console.pushes.shown import Whole, get_whole, list_diff, rebuild_answer
from turnout.console.shown import as_date
from turnout.feed.by_hand.replay import find_refused_part, get_original, is_batch
from turnout.feed.receipt import Answer
from turnout.model.event import DAY_US, Event
from turnout.model.push import StoredPush
from turnout.now import now_us


def show_push(visit: Visit) -> Answer:
    whole = get_whole(visit)
    push, configuration, shows = whole.push, load_configuration(visit), visit.sees_personal
    problems = push.failure.errors if push.failure else []
    marked = None if whole.body is None else mark_body(whole.body, problems, push.warnings)
    notes = list_notes(problems, push.warnings, shows=shows) if marked is None else list_marked(marked.marks)
    status, answer = rebuild_answer(whole, configuration, visit.product.feed.problems_url)
    shown: dict[str, Any] = {
        "push": push,
        "who": visit.mask(push.email),
        "source": configuration.sources.get(push.source_number),
        "key": configuration.keys.get(push.key_id) if push.key_id else None,
        "notes": notes,
        "more_notes": push.more_warnings + (push.failure.more_errors if push.failure else 0),
        "marked": marked,
        "raw": whole.body if marked is not None and _is_otherwise(whole.body, marked) else None,
        "no_body": _say_why_no_body(visit, whole),
        "diff": list_diff(whole, configuration),
        "original": whole.original,
        "replays": whole.replays,
        "answered": status,
        "answer": answer if shows else None,
        "may_replay": may_replay(visit) and whole.body is not None and _can_be_replayed(visit, push.id),
    }
    return visit.render("show.html", **shown)


def _is_otherwise(body: str | None, marked: MarkedText) -> bool:
    """Whether the body is shown in another way than it came."""
    shown = "".join(piece.text for piece in marked.pieces)
    return body is not None and not (marked.left_before or marked.left_behind) and shown != body


def _can_be_replayed(visit: Visit, push_id: str) -> bool:
    try:
        get_original(visit.database, push_id)
    except (errors.Conflict, errors.NotFound):
        return False
    return True


def _say_why_no_body(visit: Visit, whole: Whole) -> str:
    """Empty where there is one."""
    push = whole.push
    if whole.body is not None:
        return ""
    if not visit.sees_personal:
        return "You see no names and addresses, and so not what was sent."
    if push.dry_run and not push.rehearsed:
        return "This was a dry run; of those no body is kept."
    if (part := find_refused_part(push)) is not None:
        return f"Of this request {part} was refused, and so nothing of its body was kept."
    if is_batch(push):
        return "This was a batch that could not be read; its body is not kept any more."
    return _say_since_when(visit.event, push)


def _say_since_when(event: Event, push: StoredPush) -> str:
    days, gone_at = event.keep_bodies_days, push.at + event.keep_bodies_days * DAY_US
    if gone_at > now_us():
        return "The body is gone: somebody whom it was about was erased, or bodies were kept for less time before."
    kept = f"this event keeps bodies for {days} {'day' if days == 1 else 'days'}"
    return f"The body is gone since {as_date(gone_at, event.time_zone)}, when its time was over: {kept}."


pages = [
    Page("GET", "events/{event}/pushes", "viewer", listing.show_list),
    Page("GET", "events/{event}/pushes/live", "viewer", listing.watch),
    Page("GET", "events/{event}/pushes/replay", "manager", replay_many.show_plan),
    Page("GET", "events/{event}/pushes/replay/plan", "manager", replay_many.make_plan),
    Page("POST", "events/{event}/pushes/replay", "manager", replay_many.start),
    Page("GET", "events/{event}/pushes/replays", "manager", replay_many.show_run),
    Page("POST", "events/{event}/pushes/replays/stop", "manager", replay_many.stop),
    Page("GET", "events/{event}/pushes/{push}", "viewer", show_push),
    Page("GET", "events/{event}/pushes/{push}/replay", "manager", replay_one.show),
    Page("POST", "events/{event}/pushes/{push}/replay", "manager", replay_one.replay),
]
