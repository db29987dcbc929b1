"""Events: which there are, a new one, its settings; in the archive and back."""

from contextlib import suppress

from turnout import errors
from turnout.access import roles
from turnout.alerts import watching
from turnout.api.operation import Call, Given, Items, Operation, Taken, as_time, say_time
from turnout.downstream.webhooks import copies
from turnout.events import event, identity, like, policy, retention
from turnout.model.event import Event


class EventShown(Given, frozen=True, kw_only=True):
    """One event."""

    id: str
    slug: str
    name: str
    gateway: str
    time_zone: str
    created_at: str
    archived_at: str | None


class EventWithSettings(Given, frozen=True, kw_only=True):
    """One event and its settings, as `turnout event set` takes them."""

    event: EventShown
    settings: dict[str, str | None]


class NewEvent(Taken, frozen=True, kw_only=True):
    """What an event is to be."""

    name: str
    slug: str | None = None
    """In addresses; made from the name where it is left out."""
    like: str | None = None
    """The slug of an event that you manage, whose settings, sources, names and webhooks it gets."""


class WebhookSecret(Given, frozen=True, kw_only=True):
    """A webhook's secret, this once."""

    id: str
    url: str
    secret: str


class MadeEvent(Given, frozen=True, kw_only=True):
    """A new event with the key of its first source, this once."""

    event: EventShown
    key: str
    source: str
    webhooks: list[WebhookSecret]
    """Those that came from the event that it is like."""


class NewSettings(Taken, frozen=True, kw_only=True):
    """Settings to be made; those that are not named stay."""

    settings: dict[str, str]
    confirm: bool = False
    """Said again where people would be erased, bodies removed, or a push be about somebody else than before."""


def show(its: Event, public_url: str) -> EventShown:
    return EventShown(
        id=its.id,
        slug=its.slug,
        name=its.name,
        gateway=its.gateway(public_url),
        time_zone=its.time_zone,
        created_at=say_time(its.created_at),
        archived_at=as_time(its.archived_at),
    )


def list_events(call: Call) -> Items[EventShown]:
    wanted = call.read_choice("archived", ("yes", "no"))
    seen = roles.visible_events(call.user, event.list_all(call.database))
    return Items(
        items=[
            show(one, call.product.public_url)
            for one in seen
            if wanted is None or (one.archived_at is not None) == (wanted == "yes")
        ]
    )


def create(call: Call) -> MadeEvent:
    wish: NewEvent = call.body
    if not roles.may_create_events(call.user):
        raise errors.NotAllowed("manager of all events")
    with call.acting("event.create") as deed:
        made = _create_blank(call, wish) if wish.like is None else _create_like(call, wish, wish.like)
        deed.event_id = deed.target = made.event.id
        deed.after = {"name": made.event.name, "slug": made.event.slug} | ({"like": wish.like} if wish.like else {})
    # As in the console: whoever makes an event is told of its alerts. Nothing may stand in the way of the key.
    with suppress(errors.TurnoutError):
        watching.follow(call.database, made.event.id, call.user.id)
    return made


def _create_blank(call: Call, wish: NewEvent) -> MadeEvent:
    made, key = event.create(call.database, wish.name.strip(), wish.slug)
    return MadeEvent(event=show(made, call.product.public_url), key=key, source=event.FIRST_SOURCE, webhooks=[])


def _create_like(call: Call, wish: NewEvent, slug: str) -> MadeEvent:
    """Raises NotFound also for an event that the caller does not manage."""
    known = event.list_all(call.database)
    pattern = next((one for one in known if one.slug == slug and roles.may(call.user, "manager", one.id)), None)
    if pattern is None:
        raise errors.NotFound("There is no such event that a new one could be like.")
    secret_key = call.database.secret_key
    with like.creating(call.database, pattern.id, wish.name.strip(), wish.slug) as made:
        issued = copies.add_copies(made.connection, secret_key, pattern.id, made.event.id, actor=call.user.email)
    return MadeEvent(
        event=show(made.event, call.product.public_url),
        key=made.key,
        source=made.source,
        webhooks=[WebhookSecret(id=one.webhook.id, url=one.webhook.url, secret=one.secret) for one in issued],
    )


def show_event(call: Call) -> EventWithSettings:
    return _with_settings(call, call.event)


def change(call: Call) -> EventWithSettings:
    """Raises InvalidRequest, and Conflict where it has to be confirmed, or cannot be."""
    wish: NewSettings = call.body
    before = policy.as_settings(call.event)
    foreseen = [
        *retention.foresee(call.event, wish.settings),
        *_foresee_bodies(call.event, wish.settings),
        *identity.foresee(call.database, call.configuration, wish.settings.get("identity")),
    ]
    if foreseen and not wish.confirm:
        raise errors.Conflict(f'{" ".join(foreseen)} Nothing was set. Say "confirm": true if that is meant.')
    with call.acting("event.set", target=call.event.id) as deed:
        after = event.set_up(call.database, call.event.id, wish.settings, actor=call.user.email)
        changed = [name for name, value in policy.as_settings(after).items() if value != before[name]]
        deed.before = {name: before[name] or "" for name in changed}
        deed.after = {name: policy.as_settings(after)[name] or "" for name in changed}
    return _with_settings(call, after)


def _foresee_bodies(its: Event, wanted: dict[str, str]) -> list[str]:
    if "keep_bodies" not in wanted:
        return []
    days = event.set_one(its, "keep_bodies", wanted["keep_bodies"]).keep_bodies_days
    if days >= its.keep_bodies_days:
        return []
    return [f"Bodies of pushes older than {days} days go within minutes, for good, and cannot be replayed any more."]


def archive(call: Call) -> EventShown:
    return _set_archived(call, archived=True)


def unarchive(call: Call) -> EventShown:
    return _set_archived(call, archived=False)


def _set_archived(call: Call, *, archived: bool) -> EventShown:
    its = call.event
    with call.acting("event.archive" if archived else "event.unarchive", target=its.id) as deed:
        deed.before = {"archived": its.archived_at is not None}
        after = event.archive(call.database, its.id, undo=not archived)
        deed.after = {"archived": archived}
    return show(after, call.product.public_url)


def _with_settings(call: Call, its: Event) -> EventWithSettings:
    return EventWithSettings(event=show(its, call.product.public_url), settings=policy.as_settings(its))


operations = [
    Operation(
        "GET",
        "events",
        "user",
        list_events,
        "The events that you may see",
        gives=Items[EventShown],
        query={"archived": "`yes` for those that are archived, `no` for the others."},
    ),
    Operation(
        "POST",
        "events",
        "user",
        create,
        "A new event",
        "For administrators, and managers of all events. The key of its first source is in this answer and in no "
        "other, and so are the secrets of webhooks that came along.",
        takes=NewEvent,
        gives=MadeEvent,
        status=201,
    ),
    Operation("GET", "events/{event}", "viewer", show_event, "One event and its settings", gives=EventWithSettings),
    Operation(
        "PATCH",
        "events/{event}",
        "manager",
        change,
        "Change settings",
        "As `turnout event set` takes them. What erases people, removes bodies or changes who a push is about is "
        "answered with 409, which says what would happen, until it comes with `confirm`.",
        takes=NewSettings,
        gives=EventWithSettings,
    ),
    Operation(
        "POST",
        "events/{event}/archive",
        "manager",
        archive,
        "Archive",
        "Its gateway takes no pushes.",
        gives=EventShown,
    ),
    Operation("POST", "events/{event}/unarchive", "manager", unarchive, "Back from the archive", gives=EventShown),
]
