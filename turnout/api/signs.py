"""How events are doing: all of them at a glance, one's vital signs, and what somebody should look at there."""

from typing import get_args

from turnout.access import roles
from turnout.api.operation import Call, Given, Items, Operation, as_time, say_time
from turnout.events import activity, event, signs
from turnout.events.activity import Period
from turnout.events.feed_fields import MissingField
from turnout.events.signs import Rhythm

SIGNS_KEPT_S = 3.0
FINDINGS_KEPT_S = 30.0
"""So long what was found is told again: bodies are read for it."""
_PERIODS: tuple[Period, ...] = get_args(Period)
_looked = signs.Looked()


class EventActivity(Given, frozen=True, kw_only=True):
    """One event's last 24 hours."""

    slug: str
    name: str
    archived_at: str | None
    last_at: str | None
    """When a push came last, to ten minutes where it only repeats."""
    pushes: int
    failed: int
    hourly: list[int]
    """Pushes hour by hour; the last one ends now."""


class ActivityShown(Given, frozen=True, kw_only=True):
    """How an event is doing."""

    last_at: str | None
    pushes: int
    """In the last 24 hours."""
    failed: int
    starts: list[str]
    """Of each bar."""
    step_seconds: int
    by_result: dict[str, list[int]]
    by_source: dict[str, list[int]]
    """By the source's number."""


class RhythmShown(Given, frozen=True, kw_only=True):
    """What is usual, and how long it has been quiet."""

    usually_an_hour: int
    """Pushes at this time of the week, by the last four weeks; 0 where mostly none come. Of a source that is silent for
    too long, when it should have been heard."""
    silent_seconds: int
    is_overdue: bool
    """Whether a source is silent for longer than is usual for it: where there is an alert that says so."""


class SourceSigns(Given, frozen=True, kw_only=True):
    """One source of an event."""

    number: int
    name: str
    last_at: str | None
    pushes: int
    """In the period."""
    rehearses: bool
    rhythm: RhythmShown | None
    """Null where nobody can say yet what is usual."""


class SignsShown(Given, frozen=True, kw_only=True):
    """An event's vital signs."""

    activity: ActivityShown
    rhythm: RhythmShown | None
    attending: int
    withdrawn: int
    sources: list[SourceSigns]
    """The one heard of last first."""


class NewNameShown(Given, frozen=True, kw_only=True):
    """A group or a custom field that no push had named before."""

    kind: str
    """`group` or `custom_field`."""
    name: str
    source: int | None
    """The number of the one that named it."""
    at: str


class UnknownFieldShown(Given, frozen=True, kw_only=True):
    """What a source sends under a name that is none of ours."""

    path: str
    suggestion: str | None
    """The path that was probably meant."""
    source: int
    pushes: int
    """Of the latest ones, how many had it."""
    last_at: str


class MissingFieldShown(Given, frozen=True, kw_only=True):
    """What a source used to send, and sends no more."""

    source: int
    kind: str
    """`profile`, `custom_field` or `group`."""
    name: str
    before: int
    """How many of `of` pushes had it."""
    of: int


class WrongKeyShown(Given, frozen=True, kw_only=True):
    """A key with which somebody was refused."""

    key_id: str | None
    state: str
    """`missing`, `unknown`, `revoked`, `expired`; `good` where it came with another secret, or where it may not."""
    label: str | None
    source: int | None
    count: int
    addresses: int
    """How many it came from."""
    first_at: str
    last_at: str


class FindingsShown(Given, frozen=True, kw_only=True):
    """What is new, odd or missing in what sources send: at most a hundred of each."""

    new_names: list[NewNameShown]
    """Of the last seven days."""
    unknown_fields: list[UnknownFieldShown]
    missing_fields: list[MissingFieldShown]
    wrong_keys: list[WrongKeyShown]
    """Of the last seven days."""


def list_activity(call: Call) -> Items[EventActivity]:
    """Page by page, a thousand events each: the counts of each are summed up."""
    seen = sorted(roles.visible_events(call.user, event.list_all(call.database)), key=lambda one: one.slug)
    after = call.query.get("cursor", "")
    seen = [one for one in seen if one.slug > after]
    page = seen[: activity.MAX_EVENTS]
    known = activity.list_activity(call.database, [one.id for one in page])
    return Items(
        items=[
            EventActivity(
                slug=one.slug,
                name=one.name,
                archived_at=as_time(one.archived_at),
                last_at=as_time(its.last_at),
                pushes=its.pushes,
                failed=its.failed,
                hourly=its.hourly,
            )
            for one in page
            if (its := known.get(one.id)) is not None
        ],
        next=page[-1].slug if len(seen) > len(page) else None,
    )


def show_activity(call: Call) -> ActivityShown:
    period = _read_period(call)
    day = activity.list_activity(call.database, [call.event.id])[call.event.id]
    return _show_activity(day, activity.get_series(call.database, call.event.id, period))


def show_signs(call: Call) -> SignsShown:
    period, its = _read_period(call), call.configuration
    seen = _looked.get(("signs", its.event.id, period), SIGNS_KEPT_S, lambda: signs.look(call.database, its, period))
    return SignsShown(
        activity=_show_activity(seen.activity, seen.series),
        rhythm=_show_rhythm(seen.rhythm),
        attending=seen.people.get("attending", 0),
        withdrawn=seen.people.get("withdrawn", 0),
        sources=[
            SourceSigns(
                number=line.source.number,
                name=line.source.name,
                last_at=as_time(line.last_at),
                pushes=line.pushes,
                rehearses=line.is_rehearsing,
                rhythm=_show_rhythm(line.rhythm),
            )
            for line in seen.sources
        ],
    )


def show_findings(call: Call) -> FindingsShown:
    its = call.configuration
    found = _looked.get(("findings", its.event.id), FINDINGS_KEPT_S, lambda: signs.find(call.database, its))
    return FindingsShown(
        new_names=[
            NewNameShown(
                kind=new.kind, name=new.name.name, source=new.name.first_source, at=say_time(new.name.created_at)
            )
            for new in found.new_names
        ],
        unknown_fields=[
            UnknownFieldShown(
                path=one.path,
                suggestion=one.suggestion,
                source=one.source_number,
                pushes=one.pushes,
                last_at=say_time(one.last_at),
            )
            for one in found.unknown
        ],
        missing_fields=[_show_missing(source.number, one) for source, fields in found.missing for one in fields],
        wrong_keys=[
            WrongKeyShown(
                key_id=one.key_id or None,
                state=one.state,
                label=one.label,
                source=one.source_number,
                count=one.count,
                addresses=one.addresses,
                first_at=say_time(one.first_at),
                last_at=say_time(one.last_at),
            )
            for one in found.wrong_keys
        ],
    )


def _read_period(call: Call) -> Period:
    said = call.read_choice("period", _PERIODS)
    return next((one for one in _PERIODS if one == said), "24h")


def _show_activity(day: activity.Activity, series: activity.Series) -> ActivityShown:
    return ActivityShown(
        last_at=as_time(day.last_at),
        pushes=day.pushes,
        failed=day.failed,
        starts=[say_time(one) for one in series.starts],
        step_seconds=series.step_us // 1_000_000,
        by_result=series.by_result,
        by_source={str(number): counts for number, counts in series.by_source.items()},
    )


def _show_rhythm(rhythm: Rhythm | None) -> RhythmShown | None:
    if rhythm is None:
        return None
    return RhythmShown(
        usually_an_hour=rhythm.usual.an_hour,
        silent_seconds=rhythm.silent_us // 1_000_000,
        is_overdue=rhythm.is_overdue,
    )


def _show_missing(source_number: int, one: MissingField) -> MissingFieldShown:
    return MissingFieldShown(source=source_number, kind=one.field.kind, name=one.name, before=one.before, of=one.of)


_PERIOD = {"period": "`1h`, `24h`, `7d` or `30d`; `24h` where nothing is said."}
operations = [
    Operation(
        "GET",
        "activity",
        "user",
        list_activity,
        "The last 24 hours of the events that you may see",
        gives=Items[EventActivity],
        query={"cursor": "`next` of the page before."},
    ),
    Operation(
        "GET",
        "events/{event}/activity",
        "viewer",
        show_activity,
        "How many pushes came, and what became of them",
        gives=ActivityShown,
        query=_PERIOD,
    ),
    Operation(
        "GET",
        "events/{event}/signs",
        "viewer",
        show_signs,
        "Vital signs of an event and its sources",
        "What is usual, how long it has been quiet, who attends. At most three seconds old.",
        gives=SignsShown,
        query=_PERIOD,
    ),
    Operation(
        "GET",
        "events/{event}/findings",
        "viewer",
        show_findings,
        "What is new, odd or missing in what sources send",
        "Names seen first, unknown fields, fields that went missing, wrong keys. At most half a minute old.",
        gives=FindingsShown,
    ),
]
