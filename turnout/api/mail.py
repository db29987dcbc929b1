"""The mail server that the installation sends by, and everybody's own digest."""

from turnout import errors
from turnout.access import roles
from turnout.alerts import digest, mail, watching
from turnout.alerts.described import describe_mail
from turnout.api.operation import Call, Given, Items, Operation, Taken, as_time, say_time
from turnout.events import event
from turnout.model.alert import Digest, MailSecurity, MailSettings


class MailShown(Given, frozen=True, kw_only=True):
    """The mail server, without its password."""

    is_set_up: bool
    host: str | None = None
    port: int | None = None
    security: MailSecurity | None = None
    user_name: str | None = None
    has_password: bool = False
    sender: str | None = None
    sender_name: str | None = None
    changed_at: str | None = None
    succeeded_at: str | None = None
    """When a mail was taken last."""
    failed_at: str | None = None
    failure: str | None = None
    """What went wrong last."""


class NewMail(Taken, frozen=True, kw_only=True):
    """What is to be set, all of it but the password."""

    host: str
    port: int = 587
    security: MailSecurity = "starttls"
    user_name: str | None = None
    password: str | None = None
    """Null or left out it stays; the empty text removes it."""
    sender: str
    sender_name: str = "Turnout"


class MailTest(Taken, frozen=True, kw_only=True):
    """Who gets the test message."""

    to: str | None = None
    """An address; left out your own."""


class MailTestResult(Given, frozen=True, kw_only=True):
    """What came of a test message."""

    to: str
    failure: str | None
    """Null where the server took it."""


class DigestShown(Given, frozen=True, kw_only=True):
    """The daily summary of your events."""

    is_on: bool
    hour: int | None = None
    """0–23, in the time zone."""
    time_zone: str | None = None


class NewDigest(Taken, frozen=True, kw_only=True):
    """When it is to be sent."""

    hour: int
    time_zone: str


class Followed(Given, frozen=True, kw_only=True):
    """An event that you follow."""

    slug: str
    name: str


def show_mail(call: Call) -> MailShown:
    return _show(mail.get(call.database))


def change_mail(call: Call) -> MailShown:
    wish: NewMail = call.body
    known = mail.get(call.database)
    with call.acting("mail.set") as deed:
        deed.before = describe_mail(known)
        after = mail.change(
            call.database,
            host=wish.host.strip(),
            port=wish.port,
            security=wish.security,
            user_name=(wish.user_name or "").strip() or None,
            password=wish.password,
            sender=wish.sender.strip(),
            sender_name=wish.sender_name.strip(),
        )
        deed.after = describe_mail(after)
    return _show(after)


def try_mail(call: Call) -> MailTestResult:
    wish: MailTest = call.body
    to = (wish.to or call.user.email).strip()
    with call.acting("mail.test") as deed:
        failure = mail.test(call.database, to)
        deed.after = {"worked": failure is None}
    return MailTestResult(to=to, failure=failure)


def remove_mail(call: Call) -> None:
    known = mail.get(call.database)
    if known is None:
        raise errors.NotFound("No mail server is set up.")
    with call.acting("mail.remove") as deed:
        deed.before = describe_mail(known)
        mail.remove(call.database)


def show_digest(call: Call) -> DigestShown:
    return _show_digest(digest.get(call.database, call.user.id))


def ask_digest(call: Call) -> DigestShown:
    wish: NewDigest = call.body
    with call.acting("digest.ask", target=call.user.id) as deed:
        asked = digest.ask(call.database, call.user.id, wish.hour, wish.time_zone)
        deed.after = {"hour": asked.hour, "timeZone": asked.time_zone}
    return _show_digest(asked)


def stop_digest(call: Call) -> None:
    with call.acting("digest.stop", target=call.user.id):
        digest.stop(call.database, call.user.id)


def list_followed(call: Call) -> Items[Followed]:
    followed = set(watching.list_followed(call.database, call.user.id))
    # Not those that were taken from the caller since.
    seen = roles.visible_events(call.user, event.list_all(call.database))
    return Items(items=[Followed(slug=one.slug, name=one.name) for one in seen if one.id in followed])


def _show(its: MailSettings | None) -> MailShown:
    if its is None:
        return MailShown(is_set_up=False)
    return MailShown(
        is_set_up=True,
        host=its.host,
        port=its.port,
        security=its.security,
        user_name=its.user_name,
        has_password=its.password is not None,
        sender=its.sender,
        sender_name=its.sender_name,
        changed_at=say_time(its.changed_at),
        succeeded_at=as_time(its.succeeded_at),
        failed_at=as_time(its.failed_at),
        failure=its.failure,
    )


def _show_digest(its: Digest | None) -> DigestShown:
    return DigestShown(is_on=False) if its is None else DigestShown(is_on=True, hour=its.hour, time_zone=its.time_zone)


_MAIL = "installation/mail"
operations = [
    Operation("GET", _MAIL, "administrator", show_mail, "The mail server", gives=MailShown),
    Operation(
        "POST",
        _MAIL,
        "administrator",
        change_mail,
        "Set the mail server up, in place of what was",
        takes=NewMail,
        gives=MailShown,
    ),
    Operation(
        "POST",
        f"{_MAIL}/test",
        "administrator",
        try_mail,
        "Send one test message",
        takes=MailTest,
        gives=MailTestResult,
    ),
    Operation("DELETE", _MAIL, "administrator", remove_mail, "Send no mail any more"),
    Operation("GET", "me/digest", "user", show_digest, "Your daily digest", gives=DigestShown),
    Operation("POST", "me/digest", "user", ask_digest, "Ask for a daily digest", takes=NewDigest, gives=DigestShown),
    Operation("DELETE", "me/digest", "user", stop_digest, "Stop the daily digest"),
    Operation("GET", "me/follows", "user", list_followed, "Events that you follow", gives=Items[Followed]),
]
