"""`turnout user invite`, `withdraw`, `link` and `sign-in-link`: what lets somebody in, once."""

from typing import TYPE_CHECKING

import rich_click as click

from turnout.cli import output
from turnout.cli.opened import acting, find_public_url, opened
from turnout.cli.user.shown import all_events_option, event_option, read_events, role_choice

if TYPE_CHECKING:
    from turnout.access.links import MadeLink
    from turnout.store.database import Database

_send_option = click.option(
    "--send", "sends", is_flag=True, help="Send it by e-mail; it is shown only where that cannot be done."
)


@click.command()
@click.argument("email")
@click.option("--role", type=role_choice, default="viewer", show_default=True)
@click.option("--name", default="", metavar="NAME", help="How they are called, if you know it.")
@event_option
@all_events_option
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
    from turnout.access import links
    from turnout.feed.by_hand.hand_in import name_actor

    with opened() as database:
        events = read_events(database, slugs)
        with acting(database, "user.invite") as deed:
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


@click.command()
@click.argument("email")
@output.json_option
def withdraw(email: str) -> None:
    """Withdraw an invitation that nobody has used yet: its link opens nothing from then on.

    Example: turnout user withdraw ann@example.org
    """
    from turnout.access import links
    from turnout.errors import NotFound
    from turnout.model.names import fold_case

    with opened() as database:
        invited = {fold_case(one.invited.email): one for one in links.list_invitations(database) if one.invited}
        link = invited.get(fold_case(email.strip()))
        if link is None or link.invited is None:
            raise NotFound(f"Nobody is invited as {email.strip()}; the link may have been used.")
        with acting(database, "user.withdraw", target=link.id) as deed:
            deed.before = {"email": link.invited.email, "role": link.invited.role}
            links.withdraw(database, link.id)
    if output.wants_json():
        output.write_json({"withdrawn": link.id})
        return
    output.say(f"The invitation of {link.invited.email} is withdrawn.")


@click.command()
@click.argument("email")
@_send_option
@output.json_option
def link(email: str, sends: bool) -> None:
    """Print a link for a new password, for who has lost it or is locked out. It is good once, for 24 hours.

    When it is used, all sessions of the user end.

    Example: turnout user link ann@example.org
    """
    from turnout.access import links, users
    from turnout.feed.by_hand.hand_in import name_actor

    with opened() as database:
        user = users.get_by_email(database, email)
        with acting(database, "user.link", target=user.id):
            made = links.new_password(database, find_public_url(), user.id, actor=name_actor())
        failure = _send(database, made, user.email) if sends else None
    what = f"{user.email} sets a new password with this link"
    _show_link(made, what, is_sent=sends and failure is None, failure=failure)


@click.command("sign-in-link")
@output.json_option
def sign_in_link() -> None:
    """Print a link for the first administrator, while there are no users. It is good for an hour, and replaces others.

    Example: turnout user sign-in-link
    """
    from turnout.access import links
    from turnout.errors import Conflict

    with opened(makes=True) as database, acting(database, "user.first_link"):
        url = links.first_link(database, find_public_url())
        if url is None:
            raise Conflict("There are users already. `turnout user link EMAIL` lets in who has lost the password.")
    if output.wants_json():
        output.write_json({"link": url})
        return
    output.say("Whoever opens this link first, within an hour, becomes the administrator:", url)


def _send(database: "Database", made: "MadeLink", email: str) -> str | None:
    """Why it could not be sent; None where it was."""
    from turnout.alerts import mail
    from turnout.errors import Conflict

    with acting(database, "user.send_link", target=made.link.id) as deed:
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


COMMANDS = (invite, withdraw, link, sign_in_link)
