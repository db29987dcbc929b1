"""An event's alerts: what is open and what was, who is told of what, and where they are posted to."""

from urllib.parse import urlsplit

from turnout import errors
from turnout.access import roles, users
from turnout.alerts import tell, watching
from turnout.alerts import webhook as posting
from turnout.alerts import words as in_words
from turnout.alerts.described import describe_facts, describe_settings
from turnout.api.operation import Call, Given, Items, Operation, Taken, as_time, say_time
from turnout.api.webhooks import TestResult
from turnout.model.alert import KINDS, Alert, AlertKind, AlertMessage, AlertSettings
from turnout.model.names import fold_case
from turnout.model.user import User

MAX_LIMIT = 100


class AlertShown(Given, frozen=True, kw_only=True):
    """One cause, in words and in figures."""

    id: str
    kind: AlertKind
    cause: str
    """What it is about, the same each time it is found."""
    facts: dict[str, str | int]
    """Names of sources, groups, fields and keys, and numbers, times as ISO 8601; never anything of an attendee."""
    title: str
    text: str
    advice: str
    link: str
    """The page that mends it."""
    opened_at: str
    seen_at: str
    """When it was found last."""
    closed_at: str | None
    """Null while it is open; news (`first_push`, `unknown_field`) is over once it is told."""


class MessageShown(Given, frozen=True, kw_only=True):
    """One message to one recipient."""

    id: str
    to: str
    """`webhook`, or the id of the user."""
    state: str
    """`waiting`, `sent` or `given_up`."""
    tries: int
    created_at: str
    next_at: str | None
    finished_at: str | None
    failure: str | None


class AlertWithMessages(Given, frozen=True, kw_only=True):
    """One alert, and who was told of it."""

    alert: AlertShown
    messages: list[MessageShown]


class SettingsShown(Given, frozen=True, kw_only=True):
    """Of what people are told, and from when on."""

    off: list[AlertKind]
    """Kinds that nobody is told of."""
    error_percent: int
    """From so many failed pushes of a hundred on, within an hour."""
    fall_percent: int
    """From so many of a hundred people on who left a group, or lost a field's value, within a day."""
    key_days: int
    """So long before a key expires."""


class NewSettings(Taken, frozen=True, kw_only=True):
    """What is to be set; what is left out stays."""

    off: tuple[AlertKind, ...] | None = None
    error_percent: int | None = None
    fall_percent: int | None = None
    key_days: int | None = None


class FollowerShown(Given, frozen=True, kw_only=True):
    """Somebody who is told by e-mail."""

    id: str
    email: str
    name: str


class NewFollower(Taken, frozen=True, kw_only=True):
    """Who is to be told."""

    user: str
    """The id, or the address, of a user who may see the event."""


class AlertWebhookShown(Given, frozen=True, kw_only=True):
    """Where alerts are posted to."""

    url: str | None
    """Null where there is no webhook; only the host for who may not change it."""
    allow_private: bool
    last: MessageShown | None
    """The last message to it."""


class NewAlertWebhook(Taken, frozen=True, kw_only=True):
    """Where alerts are to be posted to."""

    url: str
    allow_private: bool = False
    """Whether it may be on a private network: for administrators."""


class MadeAlertWebhook(Given, frozen=True, kw_only=True):
    """The webhook, with its secret this once."""

    webhook: AlertWebhookShown
    secret: str
    """`whsec_…`"""


def list_alerts(call: Call) -> Items[AlertShown]:
    found, following = watching.list_alerts(
        call.database,
        call.event.id,
        only_open=call.read_choice("state", ("open", "all")) == "open",
        limit=call.read_number("limit", 50, MAX_LIMIT),
        before=call.query.get("before"),
    )
    return Items(items=[_show(call, one) for one in found], next=following)


def show_alert(call: Call) -> AlertWithMessages:
    alert = _get(call)
    messages = tell.list_messages(call.database, call.event.id, [alert.id])
    return AlertWithMessages(alert=_show(call, alert), messages=[_show_message(one) for one in messages])


def dismiss(call: Call) -> AlertShown:
    alert = _get(call)
    shown = _show(call, alert)
    with call.acting("alert.dismiss", target=alert.id) as deed:
        deed.after = {"name": shown.title}
        return _show(call, watching.dismiss(call.database, call.event.id, alert.id))


def show_settings(call: Call) -> SettingsShown:
    return _show_settings(watching.get_watch(call.database, call.event.id).settings)


def change_settings(call: Call) -> SettingsShown:
    wish: NewSettings = call.body
    known = watching.get_watch(call.database, call.event.id).settings
    wanted = AlertSettings(
        off=known.off if wish.off is None else frozenset(wish.off),
        error_percent=known.error_percent if wish.error_percent is None else wish.error_percent,
        fall_percent=known.fall_percent if wish.fall_percent is None else wish.fall_percent,
        key_days=known.key_days if wish.key_days is None else wish.key_days,
    )
    with call.acting("alert.set") as deed:
        before, after = watching.change_settings(call.database, call.event.id, wanted)
        deed.before, deed.after = describe_settings(before), describe_settings(after)
    return _show_settings(after)


def follow(call: Call) -> FollowerShown:
    return _follow(call, call.user)


def unfollow(call: Call) -> None:
    _unfollow(call, call.user)


def list_followers(call: Call) -> Items[FollowerShown]:
    return Items(items=[_show_follower(one) for one in watching.list_followers(call.database, call.event.id)])


def add_follower(call: Call) -> FollowerShown:
    wish: NewFollower = call.body
    return _follow(call, _find_by_email(call, wish.user) if "@" in wish.user else users.get(call.database, wish.user))


def _find_by_email(call: Call, email: str) -> User:
    """Raises NotFound, the same for who may not see the event: who else signs in here is not a manager's business."""
    wanted = fold_case(email.strip())
    for user in users.list_all(call.database):
        if fold_case(user.email) == wanted and roles.may(user, "viewer", call.event.id):
            return user
    raise errors.NotFound(f"There is no user {email.strip()} who may see this event.")


def remove_follower(call: Call) -> None:
    _unfollow(call, users.get(call.database, call.places["user"]))


def show_webhook(call: Call) -> AlertWebhookShown:
    webhook = watching.get_watch(call.database, call.event.id).webhook
    if webhook is None:
        return AlertWebhookShown(url=None, allow_private=False, last=None)
    parts, last = urlsplit(webhook.url), tell.latest_webhook_message(call.database, call.event.id)
    return AlertWebhookShown(
        url=webhook.url if call.may("manager") else f"{parts.scheme}://{parts.hostname}/…",
        allow_private=webhook.allow_private,
        last=None if last is None else _show_message(last),
    )


def put_webhook(call: Call) -> MadeAlertWebhook:
    wish: NewAlertWebhook = call.body
    if wish.allow_private and not call.may("administrator"):
        raise errors.NotAllowed("administrator")
    with call.acting("alert.webhook_set") as deed:
        secret = posting.put_webhook(call.database, call.event.id, wish.url.strip(), allow_private=wish.allow_private)
        # Of a chat the whole address is a secret.
        deed.after = {"host": urlsplit(wish.url.strip()).hostname}
    return MadeAlertWebhook(webhook=show_webhook(call), secret=secret)


def try_webhook(call: Call) -> TestResult:
    with call.acting("alert.webhook_test") as deed:
        attempt = posting.test(call.database, call.event.id)
        deed.after = {"answer": attempt.status}
    return TestResult(status=attempt.status, error=attempt.error, took_ms=attempt.took_ms)


def remove_webhook(call: Call) -> None:
    if watching.get_watch(call.database, call.event.id).webhook is None:
        raise errors.NotFound("The alerts of this event have no webhook.")
    with call.acting("alert.webhook_remove"):
        posting.remove_webhook(call.database, call.event.id)


def _follow(call: Call, user: User) -> FollowerShown:
    with call.acting("alert.follow", target=user.id):
        watching.follow(call.database, call.event.id, user.id)
    return _show_follower(user)


def _unfollow(call: Call, user: User) -> None:
    with call.acting("alert.unfollow", target=user.id):
        watching.unfollow(call.database, call.event.id, user.id)


def _get(call: Call) -> Alert:
    """The alert in the path. Raises NotFound."""
    return watching.get_alert(call.database, call.event.id, call.places["alert"])


def _show(call: Call, alert: Alert) -> AlertShown:
    told = in_words.describe(alert, call.configuration)
    return AlertShown(
        id=alert.id,
        kind=alert.kind,
        cause=alert.cause,
        facts=describe_facts(alert.facts),
        title=told.title,
        text=told.text,
        advice=told.advice,
        link=f"{call.product.public_url}/{told.way}",
        opened_at=say_time(alert.opened_at),
        seen_at=say_time(alert.seen_at),
        closed_at=as_time(alert.closed_at),
    )


def _show_settings(settings: AlertSettings) -> SettingsShown:
    return SettingsShown(
        off=[kind for kind in KINDS if kind in settings.off],
        error_percent=settings.error_percent,
        fall_percent=settings.fall_percent,
        key_days=settings.key_days,
    )


def _show_follower(user: User) -> FollowerShown:
    return FollowerShown(id=user.id, email=user.email, name=user.name)


def _show_message(message: AlertMessage) -> MessageShown:
    return MessageShown(
        id=message.id,
        to=message.user_id or "webhook",
        state=message.state,
        tries=message.tries,
        created_at=say_time(message.created_at),
        next_at=as_time(message.next_at),
        finished_at=as_time(message.finished_at),
        failure=message.failure,
    )


_EVENT = "events/{event}"
_ALERT = f"{_EVENT}/alerts/{{alert}}"
_WEBHOOK = f"{_EVENT}/alert-webhook"
operations = [
    Operation(
        "GET",
        f"{_EVENT}/alerts",
        "viewer",
        list_alerts,
        "Alerts, the latest first",
        "What is over stays for 90 days.",
        gives=Items[AlertShown],
        query={
            "state": "`open` for those that are not over; else `all`.",
            "before": "`next` of the page before.",
            "limit": f"How many at most, up to {MAX_LIMIT}; else 50.",
        },
    ),
    Operation("GET", _ALERT, "viewer", show_alert, "One alert, and who was told of it", gives=AlertWithMessages),
    Operation(
        "POST",
        f"{_ALERT}/dismiss",
        "manager",
        dismiss,
        "Close an alert by hand",
        "It is not told again for 7 days, though it may go on.",
        gives=AlertShown,
    ),
    Operation("GET", f"{_EVENT}/alert-settings", "viewer", show_settings, "What is told of", gives=SettingsShown),
    Operation(
        "PATCH",
        f"{_EVENT}/alert-settings",
        "manager",
        change_settings,
        "Change what is told of",
        takes=NewSettings,
        gives=SettingsShown,
    ),
    Operation("POST", f"{_EVENT}/follow", "viewer", follow, "Follow the event's alerts", gives=FollowerShown),
    Operation("DELETE", f"{_EVENT}/follow", "viewer", unfollow, "Stop following the event's alerts"),
    Operation("GET", f"{_EVENT}/followers", "manager", list_followers, "Who follows", gives=Items[FollowerShown]),
    Operation(
        "POST",
        f"{_EVENT}/followers",
        "manager",
        add_follower,
        "Let another user follow",
        takes=NewFollower,
        gives=FollowerShown,
    ),
    Operation("DELETE", f"{_EVENT}/followers/{{user}}", "manager", remove_follower, "Let a user follow no more"),
    Operation("GET", _WEBHOOK, "viewer", show_webhook, "Where alerts are posted to", gives=AlertWebhookShown),
    Operation(
        "POST",
        _WEBHOOK,
        "manager",
        put_webhook,
        "Post alerts there, in place of the address before",
        "Its secret is in this answer and in no other.",
        takes=NewAlertWebhook,
        gives=MadeAlertWebhook,
    ),
    Operation("POST", f"{_WEBHOOK}/test", "manager", try_webhook, "Send one test request", gives=TestResult),
    Operation("DELETE", _WEBHOOK, "manager", remove_webhook, "Post alerts no more"),
]
