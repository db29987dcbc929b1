"""Users as the commands take and show them."""

from typing import TYPE_CHECKING, Any

import rich_click as click

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from turnout.model.user import Link, User
    from turnout.store.database import Database

role_choice = click.Choice(["administrator", "manager", "viewer"])
event_option = click.option(
    "--event", "slugs", multiple=True, metavar="SLUG", help="Of this event; may be given again."
)
all_events_option = click.option("--all-events", is_flag=True, help="Of all events, those to come too.")


def read_events(database: "Database", slugs: "Sequence[str]") -> list[str]:
    """Their ids. Raises NotFound."""
    from turnout.events.setup import get_configuration

    return [get_configuration(database, slug).event.id for slug in slugs]


def list_slugs(database: "Database") -> dict[str, str]:
    """The events' slugs by their ids."""
    from turnout.events import event

    return {one.id: one.slug for one in event.list_all(database)}


def describe(user: "User", slugs: "Mapping[str, str]") -> dict[str, Any]:
    from turnout.now import as_text

    times = {"createdAt": user.created_at, "disabledAt": user.disabled_at, "lastSeenAt": user.last_seen_at}
    return {
        "id": user.id,
        "email": user.email,
        "name": user.name,
        "role": user.role,
        "allEvents": user.all_events,
        "events": sorted(slugs.get(one, one) for one in user.events),
        "seesPersonal": user.sees_personal,
        "hasPassword": user.has_password,
        **{name: None if at is None else as_text(at) for name, at in times.items()},
    }


def describe_invitation(link: "Link", slugs: "Mapping[str, str]") -> dict[str, Any]:
    from turnout.now import as_text

    invited = link.invited
    assert invited is not None
    return {
        "id": link.id,
        "email": invited.email,
        "name": invited.name,
        "role": invited.role,
        "allEvents": invited.all_events,
        "events": sorted(slugs.get(one, one) for one in invited.events),
        "seesPersonal": invited.sees_personal,
        "createdAt": as_text(link.created_at),
        "expiresAt": as_text(link.expires_at),
        "actor": link.actor,
    }
