"""`turnout user list`, `disable`, `enable`, `role` and `events`: who there is, and what each may."""

from typing import TYPE_CHECKING, Any

import rich_click as click

from turnout.cli import output
from turnout.cli.opened import acting, opened
from turnout.cli.user.shown import (
    all_events_option,
    describe,
    describe_invitation,
    event_option,
    list_slugs,
    read_events,
    role_choice,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from turnout.model.user import User
    from turnout.store.database import Database


@click.command("list")
@output.json_option
def list_() -> None:
    """List users, and invitations that nobody has used yet.

    Example: turnout user list
    """
    from turnout.access import links, users

    with opened() as database:
        found, invited = users.list_all(database), links.list_invitations(database)
        slugs = list_slugs(database)
    if output.wants_json():
        output.write_json(
            {
                "users": [describe(user, slugs) for user in found],
                "invitations": [describe_invitation(link, slugs) for link in invited],
            }
        )
        return
    rows = [
        (
            user.email,
            user.name,
            user.role,
            _events_of(user, slugs),
            _state(user),
            output.show_time(user.last_seen_at, "UTC"),
        )
        for user in found
    ]
    for link in invited:
        shown = describe_invitation(link, slugs)
        until = f"invited until {output.show_time(link.expires_at, 'UTC')}"
        rows.append((shown["email"], shown["name"], shown["role"], _say_events(shown), until, "–"))
    output.table(
        ("e-mail", "name", "role", "events", "state", "last seen"),
        rows,
        empty="There are no users yet. `turnout user sign-in-link` gives the link for the first administrator.",
    )


@click.command()
@click.argument("email")
@output.json_option
def disable(email: str) -> None:
    """End a user's sessions and links, and let nobody sign in as that user; personal tokens open nothing.

    Example: turnout user disable ann@example.org
    """
    from turnout.access import users

    user = _change(email, "user.disable", lambda database, user: users.disable(database, user.id))
    _show_changed(user, f"{user.email} cannot sign in any more.")


@click.command()
@click.argument("email")
@output.json_option
def enable(email: str) -> None:
    """Let a user sign in again who was disabled; personal tokens work again.

    Example: turnout user enable ann@example.org
    """
    from turnout.access import users

    user = _change(email, "user.enable", lambda database, user: users.enable(database, user.id))
    _show_changed(user, f"{user.email} can sign in again.")


@click.command()
@click.argument("email")
@click.argument("role", type=role_choice)
@click.option("--masked/--unmasked", "masked", default=None, help="Whether a viewer sees names and addresses masked.")
@output.json_option
def role(email: str, role: str, masked: bool | None) -> None:
    """Give a user another role. Who was signed in has to sign in again.

    Example: turnout user role ann@example.org viewer --masked
    """
    from turnout.access import users

    sees = None if masked is None else not masked
    user = _change(
        email, "user.role", lambda database, user: users.set_role(database, user.id, role, sees_personal=sees)
    )
    _show_changed(user, f"{user.email} is {'an' if role[0] == 'a' else 'a'} {user.role} now.")


@click.command()
@click.argument("email")
@event_option
@all_events_option
@output.json_option
def events(email: str, slugs: tuple[str, ...], all_events: bool) -> None:
    """Give a user these events in place of those before; with none named, none. It holds at once.

    Example: turnout user events ann@example.org --event spring --event autumn
    """
    from turnout.access import users

    def change(database: "Database", user: "User") -> "User":
        return users.set_events(database, user.id, read_events(database, slugs), all_events=all_events)

    user = _change(email, "user.events", change)
    shown = "all events" if all_events else ", ".join(slugs) or "no event"
    _show_changed(user, f"{user.email} has {shown} now.")


def _change(email: str, action: str, change: Any) -> "User":
    """The user after this change, which is in the audit log."""
    from turnout.access import users

    with opened() as database:
        before = users.get_by_email(database, email)
        with acting(database, action, target=before.id) as deed:
            after: User = change(database, before)
            deed.before, deed.after = users.describe_change(before, after)
    return after


def _show_changed(user: "User", said: str) -> None:
    if not output.wants_json():
        output.say(said)
        return
    with opened() as database:
        slugs = list_slugs(database)
    output.write_json(describe(user, slugs))


def _events_of(user: "User", slugs: "Mapping[str, str]") -> str:
    return _say_events(describe(user, slugs))


def _say_events(shown: "Mapping[str, Any]") -> str:
    return "all" if shown["allEvents"] or shown["role"] == "administrator" else ", ".join(shown["events"]) or "none"


def _state(user: "User") -> str:
    return "disabled" if not user.is_active else "active" if user.sees_personal else "active, sees masked"


COMMANDS = (list_, disable, enable, role, events)
