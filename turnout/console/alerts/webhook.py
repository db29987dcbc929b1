"""Where an event's alerts are posted to: a chat, or a program of one's own."""

from urllib.parse import urlsplit

from turnout import errors
from turnout.alerts import watching
from turnout.alerts import webhook as posting
from turnout.console.alerts import settings
from turnout.console.alerts.alerts import way
from turnout.console.page import Said, Visit
from turnout.downstream.webhooks.results import describe_attempt
from turnout.feed.receipt import Answer


def put(visit: Visit) -> Answer:
    """The address, in place of the one before; the secret is shown this once."""
    url = visit.form.get("url", "").strip()
    # Into the network that the server is in: whoever runs it has to know.
    allow_private = visit.may("administrator") and visit.form.get("allow_private") == "on"
    try:
        with visit.acting("alert.webhook_set") as deed:
            deed.after = {"host": urlsplit(url).hostname or ""}
            secret = posting.put_webhook(visit.database, visit.event.id, url, allow_private=allow_private)
    except (errors.InvalidRequest, ValueError) as error:
        wrong = error.detail if isinstance(error, errors.TurnoutError) else "This is no address."
        wrong = wrong.replace("say --allow-private: then", "an administrator can allow it: then")
        return settings.render(visit, url=url, wrong_url=wrong)
    return visit.render("secret.html", secret_text=secret, url=url)


def try_out(visit: Visit) -> Answer:
    """One request at once, of which nothing is kept."""
    with visit.acting("alert.webhook_test") as deed:
        attempt = posting.test(visit.database, visit.event.id)
        deed.after = {"answer": attempt.status}
    if attempt.error is None:
        said = Said(f"The test arrived: it answered {attempt.status} after {attempt.took_ms:,} ms.")
    else:
        said = Said(
            f"The test did not work: {describe_attempt(attempt)}, after {attempt.took_ms:,} ms.", kind="warning"
        )
    return visit.redirect(way(visit, "/settings"), said)


def ask_remove(visit: Visit) -> Answer:
    _expect(visit)
    return visit.render("remove_webhook.html")


def remove(visit: Visit) -> Answer:
    _expect(visit)
    with visit.acting("alert.webhook_remove"):
        posting.remove_webhook(visit.database, visit.event.id)
    return visit.redirect(way(visit, "/settings"), "Alerts are not posted any more.")


def _expect(visit: Visit) -> None:
    """Raises NotFound where there is none."""
    if watching.get_watch(visit.database, visit.event.id).webhook is None:
        raise errors.NotFound("The alerts of this event have no webhook.")
