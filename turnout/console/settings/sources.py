"""One source: its name, and its settings, as the event or its own."""

from typing import Any
from urllib.parse import urlencode

import msgspec

from turnout import errors
from turnout.console.connect.look import get_source
from turnout.console.page import Undo, Visit
from turnout.console.settings import words
from turnout.console.settings.examples import make_example
from turnout.console.settings.typed import WAS
from turnout.events import policy, sources
from turnout.feed.receipt import Answer
from turnout.model.event import Configuration
from turnout.model.policy import SourcePolicy
from turnout.model.source import PEOPLE, Source

AS_EVENT = "default"


class Line(msgspec.Struct, frozen=True):
    """One source, and what it has set for itself."""

    source: Source
    own: list[str]
    """In words: `A field that comes blank keeps its value`."""


def list_lines(configuration: Configuration) -> list[Line]:
    """Those that can push, in the order in which they were made."""
    return [
        Line(source, [_say(name, value) for name, value in _as_typed(source.policy).items() if value != AS_EVENT])
        for source in configuration.sources.values()
        if source.number != PEOPLE and source.retired_at is None
    ]


def show(visit: Visit) -> Answer:
    source = _get(visit)
    return _render(visit, source, _as_typed(source.policy), {})


def change(visit: Visit) -> Answer:
    return _change(visit, visit.form)


def undo(visit: Visit) -> Answer:
    """Back to what was before, in the address, unless somebody has set it since."""
    return _change(visit, visit.query)


def ask_rename(visit: Visit) -> Answer:
    source = _get(visit)
    return _render_rename(visit, source, source.name)


def rename(visit: Visit) -> Answer:
    return _rename(visit, visit.form.get("name", ""), visit.form.get("was"))


def undo_rename(visit: Visit) -> Answer:
    """Back to the name in the address, unless somebody has renamed it since."""
    return _rename(visit, visit.query.get("name", ""), visit.query.get("was"))


def _rename(visit: Visit, wanted: str, was: str | None) -> Answer:
    source = _get(visit)
    if was not in (None, source.name):
        fault = f"Somebody has renamed this to {source.name} meanwhile. Look whether your name should take its place."
        return _render_rename(visit, source, wanted, fault=fault, status=409)
    try:
        with visit.acting("source.rename", target=source.id) as deed:
            deed.before = {"name": source.name}
            renamed = sources.rename(visit.database, visit.event.id, source.name, wanted, actor=visit.signed_in.email)
            deed.after = {"name": renamed.name}
    except (errors.InvalidRequest, errors.Conflict) as error:
        return _render_rename(visit, source, wanted, fault=error.detail, status=422)
    said = f"{source.name} is called {renamed.name} from now on. Its keys and what it said stay its own."
    back = f"{_way(visit, source)}/undo-rename?{urlencode({'name': source.name, 'was': renamed.name})}"
    return visit.redirect(_way(visit, source), said, Undo(back))


def _render_rename(visit: Visit, source: Source, typed: str, *, fault: str = "", status: int = 200) -> Answer:
    return visit.render("rename_source.html", status=status, source=source, typed=typed, fault=fault)


def _change(visit: Visit, form: Any) -> Answer:
    source = _get(visit)
    if source.retired_at is not None:
        raise errors.Conflict(f"{source.name} is retired and pushes nothing any more.")
    now = _as_typed(source.policy)
    was = {name: form.get(WAS + name, now[name]) for name in now}
    wanted = {name: form[name] for name in now if name in form and form[name] not in (was[name], now[name])}
    faults = {
        name: "Somebody has set this meanwhile. Look whether yours should take its place."
        for name in wanted
        if was[name] != now[name]
    }
    if faults:
        return _render(visit, source, now | wanted, faults, status=409)
    if not wanted:
        return visit.redirect(_way(visit, source), "Everything is as it was.")
    with visit.acting("source.set", target=source.id) as deed:
        deed.before = {name: now[name] for name in wanted}
        sources.set_up(visit.database, visit.event.id, source.name, wanted, actor=visit.signed_in.email)
        deed.after = wanted
    back = {name: now[name] for name in wanted} | {WAS + name: value for name, value in wanted.items()}
    said = ", ".join(words.POLICY[name].title for name in wanted)
    return visit.redirect(
        _way(visit, source),
        f"Saved for {source.name}, from its next push on: {said}.",
        Undo(f"{_way(visit, source)}/undo?{urlencode(back)}"),
    )


def _render(
    visit: Visit, source: Source, typed: dict[str, str], faults: dict[str, str], *, status: int = 200
) -> Answer:
    return visit.render(
        "source.html",
        status=status,
        source=source,
        typed=typed,
        now_set=_as_typed(source.policy),
        faults=faults,
        policy_words=words.POLICY,
        hints=words.HINTS,
        of_event={name: getattr(visit.event.policy, name) for name in policy.choices()},
        examples={name: make_example(name, values) for name, values in policy.choices().items()},
    )


def _as_typed(its: SourcePolicy) -> dict[str, str]:
    return {name: getattr(its, name) or AS_EVENT for name in policy.choices()}


def _say(name: str, value: str) -> str:
    its = words.POLICY[name]
    return f"{its.title} {its.choices[value]}"


def _get(visit: Visit) -> Source:
    """The source in the path. Raises NotFound."""
    assert visit.configuration is not None
    return get_source(visit.configuration, visit.places["source"])


def _way(visit: Visit, source: Source) -> str:
    return f"events/{visit.event.slug}/settings/sources/{source.number}"
