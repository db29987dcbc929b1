"""`turnout user tokens`, `create-token` and `revoke-token`: the programs of a user."""

import rich_click as click

from turnout.cli import output
from turnout.cli.durations import Duration
from turnout.cli.opened import acting, opened


@click.command("tokens")
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


@click.command("create-token")
@click.argument("email")
@click.argument("name")
@click.option("--expires", "expires_in_us", type=Duration(), metavar="SPAN", help="Good so long; else for ever.")
@output.json_option
def create_token(email: str, name: str, expires_in_us: int | None) -> None:
    """Make a personal token of a user and show it, this once: a program may at /api/ what that user may.

    Give a program a user of its own, with no more than it needs.

    Example: turnout user create-token robot@example.org "Night job" --expires 90d
    """
    from turnout.access import tokens, users
    from turnout.now import as_text

    with opened() as database:
        user = users.get_by_email(database, email)
        with acting(database, "token.create") as deed:
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


@click.command("revoke-token")
@click.argument("email")
@click.argument("token_id", metavar="ID")
@output.json_option
def revoke_token(email: str, token_id: str) -> None:
    """Make a personal token of a user good for nothing, from now on.

    Example: turnout user revoke-token ann@example.org tok_0193…
    """
    from turnout.access import tokens, users
    from turnout.errors import NotFound

    with opened() as database:
        user = users.get_by_email(database, email)
        known = {one.id: one for one in tokens.list_of(database, user) if one.revoked_at is None}
        if token_id not in known:
            raise NotFound(f"{user.email} has no such token; it may be revoked already.")
        with acting(database, "token.revoke", target=token_id) as deed:
            deed.before = {"name": known[token_id].name, "user": user.id}
            tokens.revoke(database, user.id, token_id)
    if output.wants_json():
        output.write_json({"id": token_id, "revoked": True})
        return
    output.say(f"The token {known[token_id].name} of {user.email} is revoked.")


COMMANDS = (list_tokens, create_token, revoke_token)
