"""`turnout accept-secret-key`: going on without the secret key that was lost."""

from typing import TYPE_CHECKING

import rich_click as click

from turnout.cli import output
from turnout.cli.asking import confirm, yes_option
from turnout.cli.opened import acting, database_path, opened

if TYPE_CHECKING:
    from turnout.store.database import Database


@click.command()
@yes_option
@output.json_option
def command(yes: bool) -> None:
    """Go on with another secret key: the one in TURNOUT_SECRET_KEY or in the file, else a new one. No server may run.

    For when the key that the database was used with is gone for good. Those who were erased are no longer recognised
    then: their sources can bring them back; webhooks and alerts' webhooks need new secrets, and the mail server's
    password is to be typed again. It says how many that are, and asks.

    Example: turnout accept-secret-key
    """
    from turnout.operations import secret_key

    with opened() as database:
        fault = secret_key.find_fault(database)
        if fault is None:
            if output.wants_json():
                output.write_json({"accepted": None})
                return
            output.say("The secret key is the one that the database was used with: there is nothing to accept.")
            return
        suppressed = output.count(secret_key.count_suppressed(database), "erased address", "erased addresses")
        webhooks = secret_key.count_webhooks(database)
        posted = secret_key.count_alert_webhooks(database)
        confirm(
            [
                fault,
                "",
                f"Going on without it, {suppressed} will be suppressed no more: the sources that knew these people can",
                "bring them back, and nobody will notice. Erase them again where you still know who they were.",
                *(
                    [f"And {output.count(webhooks, 'webhook')} will be sent nothing until they are given new secrets."]
                    if webhooks
                    else []
                ),
                *(
                    [f"Alerts of {output.count(posted, 'event')} are posted nowhere until their webhook is set anew."]
                    if posted
                    else []
                ),
                *(
                    ["No e-mail is sent until the mail server’s password is typed again."]
                    if secret_key.has_mail_password(database)
                    else []
                ),
            ],
            "Go on with another key?",
            yes=yes,
        )
        with acting(database, "installation.accept_key") as deed:
            accepted = secret_key.accept(database)
            deed.after = {
                "fingerprint": accepted.fingerprint,
                "noLongerSuppressed": accepted.no_longer_suppressed,
                "webhooks": accepted.webhooks,
            }
    if output.wants_json():
        output.write_json({"accepted": accepted})
        return
    output.say(
        f"The database knows the key with the fingerprint {accepted.fingerprint} now. Keep it for as long as the data: "
        f"{_say_how(database)}"
    )
    if accepted.webhooks:
        output.say("These webhooks need a new secret each, and lose nothing meanwhile:")
        output.say(*(f"  turnout webhook rotate {webhook_id}" for webhook_id in accepted.webhooks))
    if accepted.alert_webhooks:
        output.say("Alerts of these events are posted again once their webhook is set up again, with a new secret:")
        output.say(*(f"  turnout alert webhook set --event {slug} --url URL" for slug in accepted.alert_webhooks))
    if accepted.mail_password:
        output.say("E-mail is sent again once the mail server’s password is typed again:", "  turnout mail set")


def _say_how(database: "Database") -> str:
    if database_path(database.url) is None or database.given_secret_key is not None:
        return "no backup of the database holds it."
    return "make a backup."
