"""Sources: who sends to an event; a new one, its name and settings, live, retired."""

import time

import msgspec

from turnout import errors
from turnout.api.operation import Call, Given, Items, Operation, Taken, as_time, say_time
from turnout.events import activity, handouts, keys, policy, sources
from turnout.feed.acts import retire as retiring
from turnout.feed.by_hand import go_live as going
from turnout.model.event import Configuration
from turnout.model.source import PEOPLE, Source
from turnout.now import now_us
from turnout.store import events

AS_EVENT = "default"
PATIENCE_S = 15.0
"""So long a call works on what may take long; then it answers, and goes on when it is sent again."""
FORESEEN = 1_000
"""Rehearsed pushes of which it is told what would become."""


class SourceShown(Given, frozen=True, kw_only=True):
    """One source."""

    id: str
    number: int
    """What it is called in addresses."""
    name: str
    created_at: str
    retired_at: str | None
    last_push_at: str | None
    rehearses: bool
    """Whether what it pushes is checked and answered, and changes nothing."""
    settings: dict[str, str]
    """Its own; `default` where it is as the event is."""


class NewSource(Taken, frozen=True, kw_only=True):
    """What a source is to be."""

    name: str


class MadeSource(Given, frozen=True, kw_only=True):
    """A new source with its first key, this once."""

    source: SourceShown
    key_id: str
    key: str


class SourceChange(Taken, frozen=True, kw_only=True):
    """What is to be different; what is left out stays."""

    name: str | None = None
    settings: dict[str, str] = msgspec.field(default_factory=dict)
    """As `turnout source set` takes them; `default` makes one as the event's."""


class WentLive(Given, frozen=True, kw_only=True):
    """A source that went live."""

    source: SourceShown
    waiting: int
    """Rehearsed pushes whose bodies are kept: each can be replayed."""


class Effect(Taken, frozen=True, kw_only=True):
    """Whether it is meant."""

    dry_run: bool = False
    """Only say what would become of them, of the first thousand."""


class TookEffect(Given, frozen=True, kw_only=True):
    """What became of rehearsed pushes, or would."""

    created: int
    updated: int
    unchanged: int
    suppressed: int
    failed: int
    gone: int
    """Left out: their bodies are not kept any more, or are those of batches that could not be read."""
    left: int
    """Those that wait still: send it again."""
    is_dry_run: bool


class Retirement(Given, frozen=True, kw_only=True):
    """What would be taken back if the source were retired now."""

    people: int
    """Whom it puts in a group, or expects."""
    left_groups: int
    """Who would be out of a group, because nobody else puts them there."""
    withdrawn: int
    """Whom nobody else expects."""
    good_keys: int
    """Keys that would end."""


class Retired(Given, frozen=True, kw_only=True):
    """A source that says nothing any more."""

    source: SourceShown
    is_done: bool
    """Whether all that it said is taken back; else send the same again."""


def get_source(configuration: Configuration, number: str) -> Source:
    """The one that an address names. Raises NotFound."""
    is_number = number.isascii() and number.isdecimal() and len(number) < 10
    source = configuration.sources.get(int(number)) if is_number else None
    if source is None or source.number == PEOPLE:
        raise errors.NotFound("The event has no such source.")
    return source


def list_sources(call: Call) -> Items[SourceShown]:
    its = [one for one in call.configuration.sources.values() if one.number != PEOPLE]
    last_at = activity.list_last_at(call.database, call.event.id, [one.number for one in its])
    return Items(items=[_show(call.configuration, one, last_at[one.number]) for one in its])


def show_source(call: Call) -> SourceShown:
    return _describe(call, get_source(call.configuration, call.places["source"]))


def create(call: Call) -> MadeSource:
    wish: NewSource = call.body
    name = sources.read_name(wish.name)
    with call.acting("key.create") as deed:
        issued = keys.create(call.database, call.event.id, label=name)
        deed.target, deed.after = issued.key.id, {"source": issued.key.source_number, "newSource": True}
    source = _load(call).sources[issued.key.source_number or 0]
    return MadeSource(source=_describe(call, source), key_id=issued.key.id, key=issued.text)


def change(call: Call) -> SourceShown:
    wish: SourceChange = call.body
    source = get_source(call.configuration, call.places["source"])
    if wish.settings:
        sources.check_open(source)
    if wish.name is not None:
        with call.acting("source.rename", target=source.id) as deed:
            deed.before = {"name": source.name}
            source = sources.rename(call.database, call.event.id, source.name, wish.name, actor=call.user.email)
            deed.after = {"name": source.name}
    return _set_up(call, source, wish.settings) if wish.settings else _show_now(call, source)


def _set_up(call: Call, before: Source, settings: dict[str, str]) -> SourceShown:
    with call.acting("source.set", target=before.id) as deed:
        after = sources.set_up(call.database, call.event.id, before.name, settings, actor=call.user.email)
        old, new = _list_settings(before), _list_settings(after)
        deed.before = {name: old[name] for name in old if old[name] != new[name]}
        deed.after = {name: new[name] for name in old if old[name] != new[name]}
    return _show_now(call, after)


def _show_now(call: Call, source: Source) -> SourceShown:
    """As it is after a deed."""
    last_at = activity.list_last_at(call.database, call.event.id, [source.number])
    return _show(_load(call), source, last_at[source.number])


def go_live(call: Call) -> WentLive:
    source = get_source(call.configuration, call.places["source"])
    sources.check_open(source)
    if call.event.archived_at is not None:
        raise errors.Conflict("The event is archived and takes no pushes.")
    with call.acting("source.go_live", target=source.id) as deed:
        deed.before, deed.after = {"mode": source.policy.mode}, {"mode": "live", "rehearsed": "left"}
        after = handouts.go_live(call.database, call.event.id, source.name, actor=call.user.email)
    waiting = going.list_waiting(call.database, call.event.id, source.number)
    return WentLive(source=_describe(call, after), waiting=len(waiting))


def take_effect(call: Call) -> TookEffect:
    """Raises Conflict where the source rehearses still."""
    wish: Effect = call.body
    call.expect_personal("manager")
    source = get_source(call.configuration, call.places["source"])
    sources.check_open(source)
    if call.event.archived_at is not None:
        raise errors.Conflict("The event is archived and takes no pushes.")
    waiting = going.list_waiting(call.database, call.event.id, source.number)
    if wish.dry_run:
        some = waiting[:FORESEEN]
        replayed = going.replay_rehearsed(
            call.database,
            call.product.feed.configurations,
            call.event.slug,
            some,
            actor=call.user.email,
            dry_run=True,
        )
        return _show_effect(replayed, len(waiting) - len(some), is_dry_run=True)
    if source.policy.over(call.event.policy).mode == "rehearsal":
        raise errors.Conflict(f"{source.name} rehearses. Let it go live first.")
    with call.acting("source.replay_rehearsed", target=source.id) as deed:
        replayed, left = going.replay_for(
            call.database,
            call.product.feed.configurations,
            call.event.slug,
            waiting,
            actor=call.user.email,
            seconds=PATIENCE_S,
        )
        deed.after = {"replayed": replayed.total, "failed": replayed.failed, "gone": replayed.gone}
    return _show_effect(replayed, left, is_dry_run=False)


def _show_effect(replayed: going.Replayed, left: int, *, is_dry_run: bool) -> TookEffect:
    return TookEffect(
        created=replayed.created,
        updated=replayed.updated,
        unchanged=replayed.unchanged,
        suppressed=replayed.suppressed,
        failed=replayed.failed,
        gone=replayed.gone,
        left=left,
        is_dry_run=is_dry_run,
    )


def foresee_retirement(call: Call) -> Retirement:
    source, now = get_source(call.configuration, call.places["source"]), now_us()
    its = retiring.foresee(call.database, call.event.id, source.number)
    good_keys = sum(key.source_number == source.number and key.is_good(now) for key in call.configuration.keys.values())
    return Retirement(people=its.people, left_groups=its.left_groups, withdrawn=its.withdrawn, good_keys=good_keys)


def retire(call: Call) -> Retired:
    source = get_source(call.configuration, call.places["source"])
    with call.acting("source.retire", target=source.id) as deed:
        after = sources.retire(call.database, call.event.id, source.name, actor=call.user.email)
        deed.after = {"retired": True}
        is_done = _take_back(call, source)
    return Retired(source=_describe(call, after), is_done=is_done)


class _Enough(Exception):
    """Somebody has waited long enough."""


def _take_back(call: Call, source: Source) -> bool:
    """Whether it was all done in time."""
    ends_at = time.monotonic() + PATIENCE_S

    def look_at_clock(_: int) -> None:
        if time.monotonic() > ends_at:
            raise _Enough

    try:
        retiring.take_back(
            call.database,
            call.product.feed.configurations,
            call.event.id,
            source.number,
            call.user.email,
            look_at_clock,
        )
    except _Enough:
        return False
    return True


def _load(call: Call) -> Configuration:
    """As it is after a deed."""
    with call.database.read() as connection:
        configuration = events.load_configuration(connection, call.event.id)
    assert configuration is not None
    return configuration


def _describe(call: Call, source: Source) -> SourceShown:
    last_at = activity.list_last_at(call.database, call.event.id, [source.number])
    return _show(call.configuration, source, last_at[source.number])


def _show(configuration: Configuration, source: Source, last_at: int | None) -> SourceShown:
    return SourceShown(
        id=source.id,
        number=source.number,
        name=source.name,
        created_at=say_time(source.created_at),
        retired_at=as_time(source.retired_at),
        last_push_at=as_time(last_at),
        rehearses=source.policy.over(configuration.event.policy).mode == "rehearsal",
        settings=_list_settings(source),
    )


def _list_settings(source: Source) -> dict[str, str]:
    return {name: getattr(source.policy, name) or AS_EVENT for name in policy.choices()}


_IN = "events/{event}/sources"
_ONE = f"{_IN}/{{source}}"
operations = [
    Operation("GET", _IN, "manager", list_sources, "Who sends to the event", gives=Items[SourceShown]),
    Operation(
        "POST",
        _IN,
        "manager",
        create,
        "A new source with its first key",
        "The key is in this answer and in no other.",
        takes=NewSource,
        gives=MadeSource,
        status=201,
    ),
    Operation("GET", _ONE, "viewer", show_source, "One source and its settings", gives=SourceShown),
    Operation(
        "PATCH",
        _ONE,
        "manager",
        change,
        "Rename a source, or change its own settings",
        "Its keys and what it said stay its own. Settings hold from its next push on; with `mode` it goes into "
        "rehearsal.",
        takes=SourceChange,
        gives=SourceShown,
    ),
    Operation(
        "POST",
        f"{_ONE}/go-live",
        "manager",
        go_live,
        "Let a source go live",
        "What it pushes takes effect from now on. What it rehearsed stays without effect, until it is replayed.",
        gives=WentLive,
    ),
    Operation(
        "POST",
        f"{_ONE}/take-effect",
        "manager",
        take_effect,
        "Let rehearsed pushes take effect",
        "Once the source is live, each as true as it was: newer values stay. Where that takes long, `left` says how "
        "many wait still: send it again.",
        takes=Effect,
        gives=TookEffect,
    ),
    Operation(
        "GET",
        f"{_ONE}/retirement",
        "manager",
        foresee_retirement,
        "What would be taken back if a source were retired",
        gives=Retirement,
    ),
    Operation(
        "POST",
        f"{_ONE}/retire",
        "manager",
        retire,
        "Retire a source",
        "Its keys end, and what it said of groups and of who is expected is taken back. Where that "
        "takes long, `isDone` is false: send it again.",
        gives=Retired,
    ),
]
