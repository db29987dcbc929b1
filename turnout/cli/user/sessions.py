"""`turnout user sessions` and `sign-out`: the browsers of a user."""

from typing import TYPE_CHECKING

import rich_click as click

from turnout.cli import output
from turnout.cli.opened import acting, opened

if TYPE_CHECKING:
    from turnout.model.user import User


@click.command("sessions")
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


@click.command("sign-out")
@click.argument("email")
@click.option("--session", "session_id", metavar="ID", help="Only this one, as turnout user sessions lists it.")
@output.json_option
def sign_out(email: str, session_id: str | None) -> None:
    """End all sessions of a user, or one; the user can sign in again.

    Example: turnout user sign-out ann@example.org
    """
    from turnout.access import sessions, users

    with opened() as database:
        user = users.get_by_email(database, email)
        if session_id is not None:
            with acting(database, "user.end_session", target=user.id) as deed:
                deed.after = {"session": session_id}
                sessions.revoke(database, user.id, session_id)
            _show_signed_out(user, 1)
            return
        with acting(database, "user.sign_out", target=user.id) as deed:
            ended = sessions.revoke_all(database, user.id)
            deed.after = {"sessionsEnded": ended}
    _show_signed_out(user, ended)


def _show_signed_out(user: "User", ended: int) -> None:
    if output.wants_json():
        output.write_json({"email": user.email, "sessionsEnded": ended})
        return
    output.say(f"{output.count(ended, 'session')} of {user.email} ended.")


COMMANDS = (list_sessions, sign_out)
