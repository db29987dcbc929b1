"""`turnout user`: who signs in to the console."""

from typing import TYPE_CHECKING, Any

import rich_click as click

from turnout.cli import output
from turnout.cli.durations import Duration
from turnout.cli.opened import find_public_url, opened

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from turnout.access.links import MadeLink
    from turnout.model.user import Link, User
    from turnout.store.database import Database

_role = click.Choice(["administrator", "manager", "viewer"])
_event_option = click.option(
    "--event", "slugs", multiple=True, metavar="SLUG", help="Of this event; may be given again."
)
_send_option = click.option(
    "--send", "sends", is_flag=True, help="Send it by e-mail; it is shown only where that cannot be done."
)
_all_events_option = click.option("--all-events", is_flag=True, help="Of all events, those to come too.")


@click.group()
def command() -> None:
    """Users of the console: list, invite and disable them, give them roles and events, let in who is locked out.

    Their browsers (sessions) and their programs (personal tokens) are listed and ended here too.

    An administrator may do everything; a manager changes the events he has, a viewer reads them.

    Example: turnout user invite ann@example.org --role manager --event spring
    """


@command.command("list")
@output.json_option
def list_() -> None:
    """List users, and invitations that nobody has used yet.

    Example: turnout user list
    """
    from turnout.access import links, users

    with opened() as database:
        found, invited = users.list_all(database), links.list_invitations(database)
        slugs = _slugs(database)
    if output.wants_json():
        output.write_json(
            {
                "users": [_describe(user, slugs) for user in found],
                "invitations": [_describe_invitation(link, slugs) for link in invited],
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
        shown = _describe_invitation(link, slugs)
        until = f"invited until {output.show_time(link.expires_at, 'UTC')}"
        rows.append((shown["email"], shown["name"], shown["role"], _say_events(shown), until, "–"))
    output.table(
        ("e-mail", "name", "role", "events", "state", "last seen"),
        rows,
        empty="There are no users yet. `turnout user sign-in-link` gives the link for the first administrator.",
    )


@command.command()
@click.argument("email")
@click.option("--role", type=_role, default="viewer", show_default=True)
@click.option("--name", default="", metavar="NAME", help="How they are called, if you know it.")
@_event_option
@_all_events_option
@click.option("--masked", is_flag=True, help="A viewer who sees names and addresses masked.")
@_send_option
@output.json_option
def invite(
    email: str, role: str, name: str, slugs: tuple[str, ...], all_events: bool, masked: bool, sends: bool
) -> None:
    """Print a link with which somebody becomes a user. It is good once, for 7 days, and replaces those before.

    Without --send nothing is sent: give the link to whom it is for.

    Example: turnout user invite ann@example.org --role manager --event spring --event autumn
    """
    from turnout.access import audit, links
    from turnout.feed.by_hand.hand_in import name_actor

    with opened() as database:
        events = _read_events(database, slugs)
        with audit.acting(database, name_actor(), "user.invite") as deed:
            made = links.invite(
                database,
                find_public_url(),
                email,
                role=role,
                name=name,
                events=events,
                all_events=all_events,
                sees_personal=not masked,
                actor=name_actor(),
            )
            deed.target = made.link.id
            deed.after = {
                "email": email.strip(),
                "role": role,
                "events": events,
                "allEvents": all_events,
                "seesPersonal": not masked,
            }
        failure = _send(database, made, email) if sends else None
    what = f"{email.strip()} becomes {'an' if role[0] == 'a' else 'a'} {role} with this link"
    _show_link(made, what, is_sent=sends and failure is None, failure=failure)


@command.command()
@click.argument("email")
@_send_option
@output.json_option
def link(email: str, sends: bool) -> None:
    """Print a link for a new password, for who has lost it or is locked out. It is good once, for 24 hours.

    When it is used, all sessions of the user end.

    Example: turnout user link ann@example.org
    """
    from turnout.access import audit, links, users
    from turnout.feed.by_hand.hand_in import name_actor

    with opened() as database:
        user = users.get_by_email(database, email)
        with audit.acting(database, name_actor(), "user.link", target=user.id):
            made = links.new_password(database, find_public_url(), user.id, actor=name_actor())
        failure = _send(database, made, user.email) if sends else None
    what = f"{user.email} sets a new password with this link"
    _show_link(made, what, is_sent=sends and failure is None, failure=failure)


@command.command("sign-in-link")
@output.json_option
def sign_in_link() -> None:
    """Print a link for the first administrator, while there are no users. It is good for an hour, and replaces others.

    Example: turnout user sign-in-link
    """
    from turnout.access import audit, links
    from turnout.errors import Conflict
    from turnout.feed.by_hand.hand_in import name_actor

    with opened(makes=True) as database, audit.acting(database, name_actor(), "user.first_link"):
        url = links.first_link(database, find_public_url())
        if url is None:
            raise Conflict("There are users already. `turnout user link EMAIL` lets in who has lost the password.")
    if output.wants_json():
        output.write_json({"link": url})
        return
    output.say("Whoever opens this link first, within an hour, becomes the administrator:", url)


@command.command()
@click.argument("email")
@output.json_option
def disable(email: str) -> None:
    """End a user's sessions and links, and let nobody sign in as that user; personal tokens open nothing.

    Example: turnout user disable ann@example.org
    """
    from turnout.access import users

    user = _change(email, "user.disable", lambda database, user: users.disable(database, user.id))
    _show_changed(user, f"{user.email} cannot sign in any more.")


@command.command()
@click.argument("email")
@output.json_option
def enable(email: str) -> None:
    """Let a user sign in again who was disabled; personal tokens work again.

    Example: turnout user enable ann@example.org
    """
    from turnout.access import users

    user = _change(email, "user.enable", lambda database, user: users.enable(database, user.id))
    _show_changed(user, f"{user.email} can sign in again.")


@command.command()
@click.argument("email")
@click.argument("role", type=_role)
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


@command.command()
@click.argument("email")
@_event_option
@_all_events_option
@output.json_option
def events(email: str, slugs: tuple[str, ...], all_events: bool) -> None:
    """Give a user these events in place of those before; with none named, none. It holds at once.

    Example: turnout user events ann@example.org --event spring --event autumn
    """
    from turnout.access import users

    def change(database: "Database", user: "User") -> "User":
        return users.set_events(database, user.id, _read_events(database, slugs), all_events=all_events)

    user = _change(email, "user.events", change)
    shown = "all events" if all_events else ", ".join(slugs) or "no event"
    _show_changed(user, f"{user.email} has {shown} now.")


@command.command()
@click.argument("email")
@output.json_option
def withdraw(email: str) -> None:
    """Withdraw an invitation that nobody has used yet: its link opens nothing from then on.

    Example: turnout user withdraw ann@example.org
    """
    from turnout.access import audit, links
    from turnout.errors import NotFound
    from turnout.feed.by_hand.hand_in import name_actor
    from turnout.model.names import fold_case

    with opened() as database:
        invited = {fold_case(one.invited.email): one for one in links.list_invitations(database) if one.invited}
        link = invited.get(fold_case(email.strip()))
        if link is None or link.invited is None:
            raise NotFound(f"Nobody is invited as {email.strip()}; the link may have been used.")
        with audit.acting(database, name_actor(), "user.withdraw", target=link.id) as deed:
            deed.before = {"email": link.invited.email, "role": link.invited.role}
            links.withdraw(database, link.id)
    if output.wants_json():
        output.write_json({"withdrawn": link.id})
        return
    output.say(f"The invitation of {link.invited.email} is withdrawn.")


@command.command("sessions")
@click.argument("email")
@output.json_option
def list_sessions(email: str) -> None:
    """List the browsers that a user is signed in with.

    Example: turnout user sessions ann@example.org
    """
    from turnout.access import sessions, users
    from turnout.now import as_text

    with opened() as database:
        found = sessions.list_of(database, users.get_by_email(database, email))
    if output.wants_json():
        output.write_json(
            {
                "sessions": [
                    {
                        "id": one.id,
                        "createdAt": as_text(one.created_at),
                        "lastSeenAt": as_text(one.last_seen_at),
                        "expiresAt": as_text(one.expires_at),
                        "address": one.address,
                        "browser": one.browser,
                    }
                    for one in found
                ]
            }
        )
        return
    output.table(
        ("id", "from", "since", "last used", "browser"),
        [
            (
                one.id,
                one.address,
                output.show_time(one.created_at, "UTC"),
                output.show_time(one.last_seen_at, "UTC"),
                one.browser,
            )
            for one in found
        ],
        empty=f"{email.strip()} is signed in nowhere.",
    )


@command.command("tokens")
@click.argument("email")
@output.json_option
def list_tokens(email: str) -> None:
    """List the personal tokens of a user's programs, without their texts.

    Example: turnout user tokens ann@example.org
    """
    from turnout.access import tokens, users
    from turnout.now import as_text, now_us

    with opened() as database:
        found = tokens.list_of(database, users.get_by_email(database, email))
    if output.wants_json():
        output.write_json(
            {
                "tokens": [
                    {"id": one.id, "name": one.name, "createdAt": as_text(one.created_at)}
                    | {
                        name: None if at is None else as_text(at)
                        for name, at in (
                            ("expiresAt", one.expires_at),
                            ("revokedAt", one.revoked_at),
                            ("lastUsedAt", one.last_used_at),
                        )
                    }
                    for one in found
                ]
            }
        )
        return
    now = now_us()
    output.table(
        ("id", "name", "state", "made", "good until", "last used"),
        [
            (
                one.id,
                one.name,
                "good" if one.is_good(now) else "expired" if one.revoked_at is None else "revoked",
                output.show_time(one.created_at, "UTC"),
                output.show_time(one.expires_at, "UTC"),
                output.show_time(one.last_used_at, "UTC"),
            )
            for one in found
        ],
        empty=f"{email.strip()} has no personal tokens.",
    )


@command.command("create-token")
@click.argument("email")
@click.argument("name")
@click.option("--expires", "expires_in_us", type=Duration(), metavar="SPAN", help="Good so long; else for ever.")
@output.json_option
def create_token(email: str, name: str, expires_in_us: int | None) -> None:
    """Make a personal token of a user and show it, this once: a program may at /api/ what that user may.

    Give a program a user of its own, with no more than it needs.

    Example: turnout user create-token robot@example.org "Night job" --expires 90d
    """
    from turnout.access import audit, tokens, users
    from turnout.feed.by_hand.hand_in import name_actor
    from turnout.now import as_text

    with opened() as database:
        user = users.get_by_email(database, email)
        with audit.acting(database, name_actor(), "token.create") as deed:
            issued = tokens.create(database, user.id, name, expires_in_us)
            deed.target = issued.token.id
            deed.after = {"name": issued.token.name, "user": user.id, "expires": issued.token.expires_at is not None}
    at = issued.token.expires_at
    if output.wants_json():
        output.write_json(
            {"id": issued.token.id, "token": issued.text, "expiresAt": None if at is None else as_text(at)}
        )
        return
    until = "for ever" if at is None else f"until {output.show_time(at, 'UTC')}"
    output.say(f"A program with this token is {user.email} at /api/, {until}; it is shown this once:", issued.text)


@command.command("revoke-token")
@click.argument("email")
@click.argument("token_id", metavar="ID")
@output.json_option
def revoke_token(email: str, token_id: str) -> None:
    """Make a personal token of a user good for nothing, from now on.

    Example: turnout user revoke-token ann@example.org tok_0193…
    """
    from turnout.access import audit, tokens, users
    from turnout.errors import NotFound
    from turnout.feed.by_hand.hand_in import name_actor

    with opened() as database:
        user = users.get_by_email(database, email)
        known = {one.id: one for one in tokens.list_of(database, user) if one.revoked_at is None}
        if token_id not in known:
            raise NotFound(f"{user.email} has no such token; it may be revoked already.")
        with audit.acting(database, name_actor(), "token.revoke", target=token_id) as deed:
            deed.before = {"name": known[token_id].name, "user": user.id}
            tokens.revoke(database, user.id, token_id)
    if output.wants_json():
        output.write_json({"id": token_id, "revoked": True})
        return
    output.say(f"The token {known[token_id].name} of {user.email} is revoked.")


@command.command("sign-out")
@click.argument("email")
@click.option("--session", "session_id", metavar="ID", help="Only this one, as turnout user sessions lists it.")
@output.json_option
def sign_out(email: str, session_id: str | None) -> None:
    """End all sessions of a user, or one; the user can sign in again.

    Example: turnout user sign-out ann@example.org
    """
    from turnout.access import audit, sessions, users
    from turnout.feed.by_hand.hand_in import name_actor

    with opened() as database:
        user = users.get_by_email(database, email)
        if session_id is not None:
            with audit.acting(database, name_actor(), "user.end_session", target=user.id) as deed:
                deed.after = {"session": session_id}
                sessions.revoke(database, user.id, session_id)
            _show_signed_out(user, 1)
            return
        with audit.acting(database, name_actor(), "user.sign_out", target=user.id) as deed:
            ended = sessions.revoke_all(database, user.id)
            deed.after = {"sessionsEnded": ended}
    _show_signed_out(user, ended)


def _show_signed_out(user: "User", ended: int) -> None:
    if output.wants_json():
        output.write_json({"email": user.email, "sessionsEnded": ended})
        return
    output.say(f"{output.count(ended, 'session')} of {user.email} ended.")


def _change(email: str, action: str, change: Any) -> "User":
    """The user after this change, which is in the audit log."""
    from turnout.access import audit, users
    from turnout.feed.by_hand.hand_in import name_actor

    with opened() as database:
        before = users.get_by_email(database, email)
        with audit.acting(database, name_actor(), action, target=before.id) as deed:
            after: User = change(database, before)
            deed.before, deed.after = users.describe_change(before, after)
    return after


def _read_events(database: "Database", slugs: "Sequence[str]") -> list[str]:
    """Their ids. Raises NotFound."""
    from turnout.events.setup import get_configuration

    return [get_configuration(database, slug).event.id for slug in slugs]


def _slugs(database: "Database") -> dict[str, str]:
    """The events' slugs by their ids."""
    from turnout.events import event

    return {one.id: one.slug for one in event.list_all(database)}


def _send(database: "Database", made: "MadeLink", email: str) -> str | None:
    """Why it could not be sent; None where it was."""
    from turnout.access import audit
    from turnout.alerts import mail
    from turnout.errors import Conflict
    from turnout.feed.by_hand.hand_in import name_actor

    with audit.acting(database, name_actor(), "user.send_link", target=made.link.id) as deed:
        try:
            failure = mail.send_link(database, find_public_url(), made, email)
        except Conflict as error:
            failure = error.detail
        deed.after = {"email": email.strip(), "sent": failure is None}
    return failure


def _show_link(made: "MadeLink", what: str, *, is_sent: bool = False, failure: str | None = None) -> None:
    """The link, or that it was sent, and why it could not be."""
    if output.wants_json():
        from turnout.now import as_text

        shown = {"id": made.link.id, "link": None if is_sent else made.url}
        output.write_json(shown | {"expiresAt": as_text(made.link.expires_at), "failure": failure})
        return
    if is_sent:
        output.say(f"It is on its way: {what}, until {output.show_time(made.link.expires_at, 'UTC')}.")
        return
    if failure is not None:
        output.note(f"It could not be sent: {failure}")
    output.say(f"{what}, until {output.show_time(made.link.expires_at, 'UTC')}:", made.url)


def _show_changed(user: "User", said: str) -> None:
    if not output.wants_json():
        output.say(said)
        return
    with opened() as database:
        slugs = _slugs(database)
    output.write_json(_describe(user, slugs))


def _events_of(user: "User", slugs: "Mapping[str, str]") -> str:
    return _say_events(_describe(user, slugs))


def _say_events(shown: "Mapping[str, Any]") -> str:
    return "all" if shown["allEvents"] or shown["role"] == "administrator" else ", ".join(shown["events"]) or "none"


def _state(user: "User") -> str:
    return "disabled" if not user.is_active else "active" if user.sees_personal else "active, sees masked"


def _describe(user: "User", slugs: "Mapping[str, str]") -> dict[str, Any]:
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


def _describe_invitation(link: "Link", slugs: "Mapping[str, str]") -> dict[str, Any]:
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
