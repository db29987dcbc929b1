"""The event's settings: shown with what each does, changed by managers, asked back where people or bodies would go."""

import zoneinfo
from collections.abc import Mapping
from urllib.parse import urlencode

import msgspec

from turnout import errors
from turnout.console.page import Undo, Visit
from turnout.console.settings import sources, words
from turnout.console.settings.examples import make_example
from turnout.console.settings.typed import GROUPS, WAS, Wanted, as_typed, find_wanted, foresee, list_changes
from turnout.console.shown import as_full_time, as_number
from turnout.events import event as setting_up
from turnout.events import identity, policy, retention
from turnout.feed import cors
from turnout.feed.receipt import Answer
from turnout.model.event import DAY_US, Event
from turnout.now import now_us
from turnout.store import attendees

SHOWN_SOURCES = 200
MAX_UNDO = 1_500
"""Characters of the way back: it travels in a cookie."""
_SAMPLE_ORIGIN = "https://app.example.org"


class Question(msgspec.Struct, frozen=True):
    """What is asked before something is set."""

    topic: str
    title: str
    sentence: str
    points: list[str]
    yes: str
    kind: str


def show(visit: Visit) -> Answer:
    return _render(visit, as_typed(visit.event), {})


def change(visit: Visit) -> Answer:
    """One of the forms of the page."""
    names = GROUPS.get(visit.places["group"])
    if names is None:
        raise errors.NotFound("There are no such settings.")
    return _change(visit, names, visit.form)


def undo(visit: Visit) -> Answer:
    """Back to what was before, in the address, unless somebody has set it since."""
    asked = {name.removeprefix(WAS) for name in visit.query}
    names = next((names for names in GROUPS.values() if asked & {*names}), ())
    return _change(visit, names, {**visit.query, "confirmed": visit.form.get("confirmed", "")})


def _change(visit: Visit, names: tuple[str, ...], form: Mapping[str, str]) -> Answer:
    event = visit.event
    wanted = find_wanted(names, event, form)
    if wanted.faults:
        return _refuse(visit, form, wanted.faults, 409 if wanted.is_late else 422)
    if not wanted.settings:
        return visit.redirect(_way(visit), "Everything is as it was.")
    try:
        questions = _list_questions(visit, wanted)
    except errors.Conflict:
        return _refuse(visit, form, {"identity": _explain_shared(visit)}, 409)
    if not {question.topic for question in questions} <= {*form.get("confirmed", "").split(",")}:
        return _ask(visit, names, form, wanted, questions)
    try:
        with visit.acting("event.set", target=event.id) as deed:
            after = setting_up.set_up(visit.database, event.id, wanted.settings, actor=visit.signed_in.email)
            changes = list_changes(event, after)
            deed.before = {name: old for name, old, _ in changes}
            deed.after = {name: new for name, _, new in changes}
    except errors.Conflict:
        if "host" in wanted.settings:
            fault = {"host": "This host belongs to another event of this installation. Take it away there first."}
        else:
            fault = {"identity": _explain_shared(visit)}
        return _refuse(visit, form, fault, 409)
    return visit.redirect(_way(visit), _say(after, changes), _find_undo(visit, after, changes))


def _find_undo(visit: Visit, after: Event, changes: list[tuple[str, str, str]]) -> Undo | None:
    if any(name == "time_zone" for name, _, _ in changes):
        # The last day goes back with it, though it is called the same.
        ends = "ends_at", as_typed(visit.event)["ends_at"], as_typed(after)["ends_at"]
        changes = [*(one for one in changes if one[0] != "ends_at"), ends]
    back = {name: old for name, old, _ in changes} | {WAS + name: new for name, _, new in changes}
    way = f"{_way(visit)}/undo?{urlencode(back)}"
    return Undo(way) if len(way) <= MAX_UNDO else None


def _say(after: Event, changes: list[tuple[str, str, str]]) -> str:
    names = [name for name, _, _ in changes]
    if len(names) == 1 and (names[0] in words.POLICY or names[0] == "identity"):
        its = words.find_words(names[0])
        said = f"From the next push on: {its.title} {its.choices[changes[0][2]]}."
    else:
        said = f"Saved: {', '.join(words.NAMES[name] for name in names)}."
    if {"ends_at", "purge_after"} & {*names}:
        said += f" {describe_purge(after)}"
    return said


def describe_purge(event: Event) -> str:
    """When everyone is erased, in a sentence."""
    if event.purge_at is None:
        if event.purge_after_days is not None:
            return "Nobody is erased yet: that counts from the last day, which is not set."
        return "Nobody is erased by itself."
    if event.purge_at > now_us():
        return f"Everyone is erased at {as_full_time(event.purge_at, event.time_zone)}."
    if event.is_purged:
        return "Everyone was erased. Whoever is pushed since is erased again."
    return "Everyone is being erased now."


# What is asked back


def _list_questions(visit: Visit, wanted: Wanted) -> list[Question]:
    """What has to be confirmed. Raises Conflict where identity cannot be set."""
    event, after = visit.event, foresee(visit.event, wanted.settings)
    questions = []
    if retention.foresee(event, wanted.settings):
        people = _count_people(visit)
        questions.append(
            Question(
                "purge",
                "Erase everyone?",
                f"Everyone is erased {after.purge_after_days} days after the event's end, and that is over: "
                f"{_say_people(people)} would be erased within minutes, for good. Nobody can bring them back.",
                [
                    "Every name, address and value goes: of the attendees, and in the log, the pushes and deliveries.",
                    "Whoever is pushed afterwards is erased again.",
                ],
                "Erase everyone",
                "danger",
            )
        )
    if after.keep_bodies_days < event.keep_bodies_days:
        questions.append(
            Question(
                "bodies",
                "Remove older bodies?",
                f"Bodies of pushes older than {after.keep_bodies_days} days go within minutes, for good.",
                ["Those pushes stay in the list, and cannot be replayed any more."],
                "Remove them",
                "danger",
            )
        )
    assert visit.configuration is not None
    lines = identity.foresee(visit.database, visit.configuration, wanted.settings.get("identity"))
    if lines:
        questions.append(
            Question(
                "identity",
                "Change who a push is about?",
                lines[0],
                [line.strip(" -").replace(": turnout attendees merge.", ".") for line in lines[1:]],
                "Change it",
                "primary",
            )
        )
    return questions


def _ask(
    visit: Visit, names: tuple[str, ...], form: Mapping[str, str], wanted: Wanted, questions: list[Question]
) -> Answer:
    group = next(group for group, its in GROUPS.items() if its == names)
    return visit.render(
        "confirm.html",
        questions=questions,
        action=visit.way(f"{_way(visit)}/set/{group}"),
        hidden={name: value for name, value in form.items() if name.removeprefix(WAS) in names}
        | {"confirmed": ",".join(question.topic for question in questions)},
        changes=[
            {"path": words.NAMES[name], "old": _say_value(name, old), "new": _say_value(name, new)}
            for name, old, new in list_changes(visit.event, foresee(visit.event, wanted.settings))
        ],
    )


def _say_value(name: str, value: str) -> str | None:
    if name in words.POLICY or name == "identity":
        return words.find_words(name).choices[value]
    return f"{value} days" if value and name in ("purge_after", "keep_bodies") else value or None


def _explain_shared(visit: Visit) -> str:
    """Why the address alone cannot tell people apart here."""
    assert visit.configuration is not None
    with visit.database.read() as connection:
        found = identity.survey(connection, visit.configuration)
    examples = ", ".join(f"{visit.mask(address)} ({people} people)" for address, people in found.addresses)
    return (
        f"Several people here have one address: {examples}. Merge those who are one person, and give the others an "
        "address of their own; then set it again."
    )


def _count_people(visit: Visit) -> int:
    with visit.database.read() as connection:
        return sum(attendees.count_by_status(connection, visit.event.id).values())


def _say_people(people: int) -> str:
    return {0: "nobody is here yet, and whoever comes", 1: "one person"}.get(people, f"all {as_number(people)} people")


# The page


def _refuse(visit: Visit, form: Mapping[str, str], faults: dict[str, str], status: int) -> Answer:
    now = as_typed(visit.event)
    return _render(visit, now | {name: form[name] for name in now if name in form}, faults, status=status)


def _render(visit: Visit, typed: dict[str, str], faults: dict[str, str], *, status: int = 200) -> Answer:
    assert visit.configuration is not None
    event = visit.event
    choices = policy.choices()
    return visit.render(
        "event.html",
        status=status,
        typed=typed,
        now_set=as_typed(event),
        faults=faults,
        policy_words=words.POLICY,
        identity_words=words.IDENTITY,
        hints=words.HINTS,
        fields=words.FIELDS,
        examples={name: make_example(name, values) for name, values in choices.items()}
        | {"identity": make_example("identity", identity.CHOICES)},
        shown_does=_describe_fields(visit, event),
        zones=sorted(zoneinfo.available_timezones()),
        lines=sources.list_lines(visit.configuration)[:SHOWN_SOURCES],
    )


def _describe_fields(visit: Visit, event: Event) -> dict[str, str]:
    """What each of the typed settings does at present."""
    at, public_url = now_us(), visit.product.public_url
    own = msgspec.structs.replace(event, host="feed.example.org").gateway(public_url)
    origin = _SAMPLE_ORIGIN if event.cors in ((), ("*",)) else event.cors[0]
    may = "may read" if cors.may_read(event, origin.encode()) else "may not read"
    ends = "It has none." if event.ends_at is None else f"It ends at {as_full_time(event.ends_at, event.time_zone)}."
    kept_until = as_full_time(at + event.keep_bodies_days * DAY_US, event.time_zone)
    return {
        "name": f"A hand-out says: Your access to {event.name}.",
        "time_zone": f"Now is {as_full_time(at, event.time_zone)}.",
        "ends_at": ends,
        "purge_after": describe_purge(event),
        "keep_bodies": f"The body of a push that comes now is kept until {kept_until}.",
        "host": f"Pushes go to {event.gateway(public_url)} now."
        + ("" if event.host else f" With feed.example.org they could go to {own} too."),
        "cors": f"A page of {origin} {may} now.",
    }


def _way(visit: Visit) -> str:
    return f"events/{visit.event.slug}/settings"
