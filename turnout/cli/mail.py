"""`turnout mail`: the mail server that alerts, digests and links are sent by."""

import sys
from typing import TYPE_CHECKING, Any

import rich_click as click

from turnout.cli import output
from turnout.cli.asking import confirm, yes_option
from turnout.cli.opened import opened

if TYPE_CHECKING:
    from turnout.model.alert import MailSettings

FROM_ENVIRONMENT = "TURNOUT_MAIL_PASSWORD"


@click.group()
def command() -> None:
    """The mail server that the installation sends by: set it up, try it, remove it.

    Example: turnout mail set --host smtp.example.org --user turnout --from turnout@example.org
    """


@command.command()
@output.json_option
def show() -> None:
    """Show what is set up, and how the last mails went. The password is shown to nobody.

    Example: turnout mail show
    """
    from turnout.alerts import mail

    with opened() as database:
        found = mail.get(database)
    _show(found)


@command.command("set")
@click.option("--host", required=True, metavar="NAME", help="The mail server.")
@click.option("--port", type=int, metavar="N", help="Else 587 for STARTTLS, 465 for TLS, 25 for none.")
@click.option(
    "--security",
    type=click.Choice(["starttls", "tls", "none"]),
    default="starttls",
    show_default=True,
    help="None is for a server on the same machine.",
)
@click.option("--user", "user_name", metavar="NAME", help="Who signs in there; nobody where it is left out.")
@click.option("--password-stdin", is_flag=True, help="Read the password from the standard input.")
@click.option("--from", "sender", required=True, metavar="ADDRESS", help="The address that messages come from.")
@click.option("--from-name", "sender_name", default="Turnout", show_default=True, metavar="NAME")
@output.json_option
def set_(
    host: str,
    port: int | None,
    security: str,
    user_name: str | None,
    password_stdin: bool,
    sender: str,
    sender_name: str,
) -> None:
    """Set the mail server up, in place of what was. Try it then with turnout mail test.

    The password is asked for, read with --password-stdin, or taken from TURNOUT_MAIL_PASSWORD; it is never an argument,
    which others on the machine could read. It is kept encrypted.

    Example: turnout mail set --host smtp.example.org --user turnout --from turnout@example.org
    """
    from turnout.access import audit
    from turnout.alerts import mail
    from turnout.alerts.described import describe_mail
    from turnout.feed.by_hand.hand_in import name_actor

    password = _read_password(user_name, from_stdin=password_stdin)
    with opened() as database, audit.acting(database, name_actor(), "mail.set") as deed:
        deed.before = describe_mail(mail.get(database))
        changed = mail.change(
            database,
            host=host.strip(),
            port={"starttls": 587, "tls": 465}.get(security, 25) if port is None else port,
            security=security,
            user_name=user_name,
            password=password,
            sender=sender.strip(),
            sender_name=sender_name,
        )
        deed.after = describe_mail(changed)
    if output.wants_json():
        _show(changed)
    else:
        output.say("It is set up. To see whether it works: turnout mail test ADDRESS")


@command.command()
@click.argument("address")
@output.json_option
def test(address: str) -> None:
    """Send one test message, and say what the mail server answered.

    Example: turnout mail test ann@example.org
    """
    from turnout.access import audit
    from turnout.alerts import mail
    from turnout.feed.by_hand.hand_in import name_actor

    with opened() as database, audit.acting(database, name_actor(), "mail.test") as deed:
        failure = mail.test(database, address)
        deed.after = {"worked": failure is None}
    if output.wants_json():
        output.write_json({"to": address, "failure": failure})
    elif failure is None:
        output.say(f"The mail server took a message to {address}. Look whether it arrives, also among the spam.")
    else:
        output.say(f"It could not be sent: {failure}")
    if failure is not None:
        output.end(1)


@command.command()
@yes_option
@output.json_option
def remove(yes: bool) -> None:
    """Forget the mail server and its password: no mail is sent any more.

    Example: turnout mail remove
    """
    from turnout.access import audit
    from turnout.alerts import mail
    from turnout.alerts.described import describe_mail
    from turnout.errors import NotFound
    from turnout.feed.by_hand.hand_in import name_actor

    with opened() as database:
        known = mail.get(database)
        if known is None:
            raise NotFound("No mail server is set up.")
        confirm([f"Nobody is told anything by e-mail any more; {known.host} is forgotten."], "Remove it?", yes=yes)
        with audit.acting(database, name_actor(), "mail.remove") as deed:
            deed.before = describe_mail(known)
            mail.remove(database)
    if output.wants_json():
        output.write_json({"removed": True})
    else:
        output.say("No mail is sent any more.")


def _read_password(user_name: str | None, *, from_stdin: bool) -> str | None:
    """Empty for who does not sign in; None keeps the one there is."""
    import os

    if user_name is None:
        return ""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if FROM_ENVIRONMENT in os.environ:
        return os.environ[FROM_ENVIRONMENT]
    if not sys.stdin.isatty():
        raise click.UsageError(f"Give the password with --password-stdin, or in {FROM_ENVIRONMENT}.")
    said = click.prompt("Password (nothing keeps the one there is)", hide_input=True, default="", show_default=False)
    return str(said) or None


def _show(its: "MailSettings | None") -> None:
    if output.wants_json():
        output.write_json({"mail": None if its is None else _describe(its)})
        return
    if its is None:
        output.say("No mail server is set up: turnout mail set --host … --from …")
        return
    security = {"tls": "TLS", "starttls": "STARTTLS", "none": "none"}[its.security]
    shown = {
        "server": f"{its.host}:{its.port}",
        "encryption": security,
        "user": its.user_name,
        "password": None if its.user_name is None else "kept" if its.password is not None else "none",
        "from": f"{its.sender_name} <{its.sender}>",
        "changed": output.show_time(its.changed_at, "UTC"),
        "sent last": None if its.succeeded_at is None else output.show_time(its.succeeded_at, "UTC"),
        "failed last": None if its.failed_at is None else output.show_time(its.failed_at, "UTC"),
        "why": its.failure,
    }
    output.table(("what", "value"), [(name, value) for name, value in shown.items() if value is not None])


def _describe(its: "MailSettings") -> dict[str, Any]:
    from turnout.alerts.described import describe_mail
    from turnout.now import as_text

    def time(at: int | None) -> str | None:
        return None if at is None else as_text(at)

    return {
        **(describe_mail(its) or {}),
        "hasPassword": its.password is not None,
        "changedAt": time(its.changed_at),
        "succeededAt": time(its.succeeded_at),
        "failedAt": time(its.failed_at),
        "failure": its.failure,
    }
