"""All events: how each is, and a new one."""

from contextlib import suppress
from typing import Any

import msgspec

from turnout import errors
from turnout.access import roles
from turnout.alerts import watching
from turnout.console.page import Page, Undo, Visit
from turnout.downstream.webhooks import copies
from turnout.downstream.webhooks.endpoint import Issued
from turnout.events import activity, event, like, sources
from turnout.events.activity import Activity
from turnout.events.setup import get_configuration
from turnout.feed.receipt import Answer
from turnout.model.event import Event
from turnout.model.names import fold_case
from turnout.recipes import get_recipe
from turnout.recipes.recipe import target_of

SHOWN = 200
"""Events in one list; of more it is said to search."""


class Line(msgspec.Struct, frozen=True):
    """One event in the list."""

    event: Event
    activity: Activity


class _Created(msgspec.Struct, frozen=True):
    """What is shown this once."""

    event: Event
    key: str
    source: str
    webhooks: list[Issued] = []


def show_events(visit: Visit) -> Answer:
    """With `archived` those that are, with `find` those whose name or address has it."""
    archived, find = visit.query.get("archived") == "yes", visit.query.get("find", "").strip()
    seen = roles.visible_events(visit.user, event.list_all(visit.database))
    wanted = [one for one in seen if (one.archived_at is not None) == archived]
    matching = [one for one in wanted if fold_case(find) in fold_case(f"{one.name} {one.slug}")]
    known = activity.list_activity(visit.database, [one.id for one in matching])
    lines = sorted(
        (Line(one, known[one.id]) for one in matching if one.id in known),
        key=lambda line: max(line.activity.last_at or 0, line.event.created_at),
        reverse=True,
    )
    shown = lines[:SHOWN]
    return visit.render(
        "_events.html" if visit.is_fragment else "list.html",
        lines=shown,
        alerts=watching.count_open(visit.database, [line.event.id for line in shown]),
        found=len(matching),
        there=len(wanted),
        archived=archived,
        has_archived=archived or any(one.archived_at is not None for one in seen),
        find=find,
        may_create=roles.may_create_events(visit.user),
    )


def show_new(visit: Visit) -> Answer:
    _check_may_create(visit)
    return _render_new(visit, pattern=visit.query.get("like", ""))


def show_address(visit: Visit) -> Answer:
    """The address that an event of this name would have, while it is typed."""
    _check_may_create(visit)
    slug = visit.query.get("slug", "").strip() or event.make_slug(visit.query.get("name", ""))
    return visit.render("_address.html", **_describe_address(visit, slug))


def create(visit: Visit) -> Answer:
    """The new event with its key, which no other page shows; where it cannot be, the form once more."""
    _check_may_create(visit)
    name, slug, pattern = (visit.form.get(field, "").strip() for field in ("name", "slug", "like"))
    wanted = slug or event.make_slug(name)
    try:
        made = _create(visit, name, slug or None, pattern)
    except errors.Conflict as error:
        free = event.find_free_slug(visit.database, wanted)
        return _render_new(
            visit,
            status=error.status,
            name=name,
            slug=free,
            pattern=pattern,
            slug_error=f"There is an event {wanted} already. {free} is free.",
        )
    except errors.InvalidRequest as error:
        is_name = not name or len(name) > event.MAX_NAME
        return _render_new(
            visit,
            status=error.status,
            name=name,
            slug=slug,
            pattern=pattern,
            name_error=f"A name has 1 to {event.MAX_NAME} characters." if is_name else "",
            slug_error="" if is_name else _NO_ADDRESS.format(slug or name),
        )
    gateway = made.event.gateway(visit.product.public_url)
    return visit.render("created.html", made=made, gateway=gateway, curl=_write_curl(visit, made, gateway))


def _write_curl(visit: Visit, made: _Created, gateway: str) -> str:
    configuration, recipe = get_configuration(visit.database, made.event.slug), get_recipe("curl")
    source = sources.get_source(configuration, made.source)
    target = target_of(configuration, gateway, recipe, key=made.key, source_number=source.number)
    return recipe.write(target).snippets[0].text


_NO_ADDRESS = "{!r} cannot be made into an address: that has up to 64 small letters, digits, and hyphens between them."


def _create(visit: Visit, name: str, slug: str | None, pattern: str) -> _Created:
    """Raises what making an event raises, and NotFound where there is none that it could be like."""
    with visit.acting("event.create") as deed:
        made = _create_like(visit, name, slug, pattern) if pattern else _create_blank(visit, name, slug)
        deed.event_id = deed.target = made.event.id
        deed.after = {"name": made.event.name, "slug": made.event.slug} | ({"like": pattern} if pattern else {})
    # Whoever makes an event is told when something is wrong with it. Nothing may stand in the way of the key.
    with suppress(errors.TurnoutError):
        watching.follow(visit.database, made.event.id, visit.signed_in.id)
    return made


def _create_blank(visit: Visit, name: str, slug: str | None) -> _Created:
    made, key = event.create(visit.database, name, slug)
    return _Created(made, key, event.FIRST_SOURCE)


def _create_like(visit: Visit, name: str, slug: str | None, pattern: str) -> _Created:
    found = next((one for one in _list_patterns(visit) if one.slug == pattern), None)
    if found is None:
        raise errors.NotFound(f"There is no event {pattern} that a new one could be like.")
    secret_key = visit.database.secret_key
    with like.creating(visit.database, found.id, name, slug) as made:
        issued = copies.add_copies(made.connection, secret_key, found.id, made.event.id, actor=visit.signed_in.email)
    return _Created(made.event, made.key, made.source, issued)


def _render_new(
    visit: Visit,
    *,
    status: int = 200,
    name: str = "",
    slug: str = "",
    pattern: str = "",
    name_error: str = "",
    slug_error: str = "",
) -> Answer:
    return visit.render(
        "new.html",
        status=status,
        name=name,
        typed_slug=slug,
        pattern=pattern,
        patterns=[(one.slug, f"{one.name} ({one.slug})") for one in _list_patterns(visit)],
        name_error=name_error,
        slug_error=slug_error,
        **_describe_address(visit, slug or event.make_slug(name)),
    )


def _describe_address(visit: Visit, slug: str) -> dict[str, Any]:
    free = event.find_free_slug(visit.database, slug) if slug else ""
    return {"slug": slug, "free": free, "base": f"{visit.product.public_url}/e/"}


def _list_patterns(visit: Visit) -> list[Event]:
    """What a new one can be like: the visitor is manager of it. The latest first."""
    known = [one for one in event.list_all(visit.database) if roles.may(visit.user, "manager", one.id)]
    return sorted(known, key=lambda one: (one.archived_at is not None, -one.created_at))


def archive(visit: Visit) -> Answer:
    return _set_archived(visit, archived=True)


def unarchive(visit: Visit) -> Answer:
    return _set_archived(visit, archived=False)


def _set_archived(visit: Visit, *, archived: bool) -> Answer:
    its = visit.event
    with visit.acting("event.archive" if archived else "event.unarchive", target=its.id) as deed:
        deed.before = {"archived": its.archived_at is not None}
        event.archive(visit.database, its.id, undo=not archived)
        deed.after = {"archived": archived}
    if archived:
        said = f"{its.name} is archived: its gateway takes no pushes, and its data stays."
        return visit.redirect("events", said, Undo(f"events/{its.slug}/unarchive"))
    return visit.redirect(
        f"events/{its.slug}", f"{its.name} is back: its gateway is open.", Undo(f"events/{its.slug}/archive")
    )


def _check_may_create(visit: Visit) -> None:
    """Raises NotAllowed."""
    if not roles.may_create_events(visit.user):
        raise errors.NotAllowed("manager of all events")


pages = [
    Page("GET", "events", "user", show_events),
    Page("GET", "new-event", "user", show_new),
    Page("GET", "new-event/address", "user", show_address),
    Page("POST", "new-event", "user", create),
    Page("POST", "events/{event}/archive", "manager", archive),
    Page("POST", "events/{event}/unarchive", "manager", unarchive),
]
