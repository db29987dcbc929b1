"""Try a push: any text, or one that came, looked at from all sides before it takes effect."""

from typing import Any

import msgspec

from turnout import errors
from turnout.console.page import Page, Visit
from turnout.console.pushes.listing import list_rows, load_configuration
from turnout.console.pushes.marked import lay_out_body, mark_text
from turnout.console.pushes.noted import list_marked
from turnout.console.pushes.shown import as_rows
from turnout.console.try_push.tree import grow
from turnout.feed.by_hand import try_push
from turnout.feed.by_hand.replay import Original, get_original
from turnout.feed.by_hand.try_push import Trial
from turnout.feed.receipt import Answer
from turnout.model.event import Configuration
from turnout.model.source import PEOPLE, Source
from turnout.store import pushes
from turnout.store.push_search import PushSearch, search_pushes

MAX_FORM_BYTES = 12_000_000
"""A body that is a MiB may be three times as long in a form."""
OFFERED = 6
"""Failed pushes that are offered to be mended."""
EXAMPLE = """{
  "profile": {
    "email": "ada@example.org",
    "firstName": "Ada",
    "lastName": "Lovelace"
  },
  "eventInfo": {
    "groups": {"groupNames": ["Speakers"]}
  }
}"""


class Typed(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in the form."""

    text: str
    source: str
    """The number."""
    original: Original | None = None
    """The stored push that it was taken from."""
    trouble: str = ""
    """Why that one could not be taken."""


def show(visit: Visit) -> Answer:
    """With `push` the body of a stored one, with `source` the name of the source."""
    _expect_may(visit)
    configuration = load_configuration(visit)
    sources = _list_sources(configuration)
    named = next((one for one in sources if one.name == visit.query.get("source")), None)
    first = named or next(iter(sources), None)
    typed = Typed(text=EXAMPLE, source="" if first is None else str(first.number))
    push_id = visit.query.get("push", "").strip()
    if push_id:
        try:
            original = _get_original(visit, push_id)
            typed = Typed(text=lay_out_body(original.body), source=str(original.push.source_number), original=original)
        except (errors.NotFound, errors.Conflict) as error:
            typed = msgspec.structs.replace(typed, trouble=error.detail)
    return _render(visit, configuration, typed)


def try_it(visit: Visit) -> Answer:
    """The whole page without a script, the result alone with one."""
    _expect_may(visit)
    return _render_trial(visit, load_configuration(visit), _read_typed(visit))


def apply(visit: Visit) -> Answer:
    """Exactly what was tried; where that would do something else by now, what it would do."""
    _expect_may(visit)
    configuration, typed = load_configuration(visit), _read_typed(visit)
    try:
        with visit.acting("push.apply", target=typed.original.push.id if typed.original else None) as deed:
            outcome = try_push.apply(
                visit.database,
                visit.product.feed.configurations,
                visit.event.slug,
                _read_number(typed),
                typed.text,
                actor=visit.signed_in.email,
                digest=visit.form.get("digest", ""),
                original=typed.original,
                most_bytes=visit.product.settings.max_body,
            )
            deed.after = {"push": outcome.push_id, "result": outcome.result}
    except errors.Conflict as error:
        return _render_trial(visit, configuration, typed, conflict=error.detail, status=error.status)
    except (errors.BodyTooLarge, errors.NotFound) as error:
        return _render(visit, configuration, typed, error=error.detail, status=error.status)
    return visit.redirect(
        f"events/{visit.event.slug}/pushes/{outcome.push_id}", f"Applied: {outcome.result}. This is the push."
    )


def _render_trial(
    visit: Visit, configuration: Configuration, typed: Typed, *, conflict: str = "", status: int = 200
) -> Answer:
    try:
        trial = try_push.try_push(
            visit.database,
            visit.product.feed.configurations,
            visit.event.slug,
            _read_number(typed),
            typed.text,
            actor=visit.signed_in.email,
            problems_url=visit.product.feed.problems_url,
            original=typed.original,
            most_bytes=visit.product.settings.max_body,
        )
    except errors.NotFound as error:
        # A part of a page that is not found would not be shown.
        return _render(visit, configuration, typed, error=error.detail, status=422)
    except (errors.BodyTooLarge, errors.Conflict) as error:
        return _render(visit, configuration, typed, error=error.detail, status=error.status)
    return _render(visit, configuration, typed, trial=trial, conflict=conflict, status=status)


def _render(
    visit: Visit,
    configuration: Configuration,
    typed: Typed,
    *,
    trial: Trial | None = None,
    conflict: str = "",
    error: str = "",
    status: int = 200,
) -> Answer:
    shown: dict[str, Any] = {"typed": typed, "trial": trial, "conflict": conflict, "error": error}
    if trial is not None:
        shown |= _describe(typed, trial)
    if visit.is_fragment:
        return visit.render("_result.html", status=status, **shown)
    with visit.database.read() as connection:
        failed = search_pushes(connection, visit.event.id, PushSearch(result="failed"), limit=OFFERED).pushes
    options = [(str(one.number), one.name) for one in _list_sources(configuration)]
    return visit.render(
        "try.html", status=status, options=options, failed=list_rows(visit, configuration, failed), **shown
    )


def _describe(typed: Typed, trial: Trial) -> dict[str, Any]:
    branches, more_branches = grow(trial.tree, trial.marks)
    return {
        "notes": list_marked(trial.marks),
        "marked": mark_text(typed.text, trial.marks),
        "branches": branches,
        "more_branches": more_branches,
        "diff": as_rows(trial.changes),
        "answer": msgspec.to_builtins(trial.answer),
    }


def _read_typed(visit: Visit) -> Typed:
    """From the form. A stored push counts as long as the source is its own; else the text is a new push."""
    text, source = visit.form.get("text", ""), visit.form.get("source", "")
    if text.lstrip().startswith("--"):
        # A pasted form in parts: browsers give its lines another ending than it has.
        text = text.replace("\n", "\r\n")
    original = None
    if push_id := visit.form.get("push", ""):
        try:
            original = _get_original(visit, push_id)
        except (errors.NotFound, errors.Conflict):
            # Its time was over meanwhile; the text is there.
            original = None
    if original is not None and str(original.push.source_number) != source:
        original = None
    return Typed(text=text, source=source, original=original)


def _read_number(typed: Typed) -> int:
    """-1, which no source has, where it is no number."""
    return int(typed.source) if typed.source.isascii() and typed.source.isdecimal() and len(typed.source) < 10 else -1


def _get_original(visit: Visit, push_id: str) -> Original:
    """Raises NotFound also for another event's, and Conflict where there is no body."""
    with visit.database.read() as connection:
        push = None if "\0" in push_id else pushes.find_push(connection, push_id, visit.event.id)
    if push is None:
        raise errors.NotFound("This event has no push with that id.")
    return get_original(visit.database, push.id)


def _list_sources(configuration: Configuration) -> list[Source]:
    """Those that can say something."""
    sources = configuration.sources.values()
    return [one for one in sources if one.retired_at is None and one.number != PEOPLE]


def _expect_may(visit: Visit) -> None:
    """Who may not see names and addresses would see them in what a push changes. Raises NotAllowed."""
    if not visit.sees_personal:
        raise errors.NotAllowed("manager with names and addresses shown")


pages = [
    Page("GET", "events/{event}/try", "manager", show),
    Page("POST", "events/{event}/try", "manager", try_it, MAX_FORM_BYTES),
    Page("POST", "events/{event}/try/apply", "manager", apply, MAX_FORM_BYTES),
]
