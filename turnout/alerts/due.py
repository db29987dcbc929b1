"""What is due, with all that is needed to say it; or why it is not said any more. Of one moment of the database."""

from collections.abc import Sequence

import msgspec
import structlog

from turnout.access import roles
from turnout.alerts import digest
from turnout.alerts.letters import Shown, page_of
from turnout.alerts.mail_message import Letter
from turnout.alerts.words import describe
from turnout.model.alert import AlertMessage, AlertWebhook
from turnout.model.event import Configuration
from turnout.model.user import User
from turnout.now import now_us
from turnout.store import alerts, events, users
from turnout.store.statements import Connection

LINK_WANTED_US = 3_600 * 1_000_000
"""So long somebody waits for a link; then he has asked again, or somebody else."""
log = structlog.get_logger()


class Mail(msgspec.Struct, frozen=True):
    """A message that somebody gets by e-mail."""

    message: AlertMessage
    user: User
    shown: Shown | None
    """The alert; None for anything else."""
    letter: Letter | None = None
    """The digest; None for a link, which is made when it is sent: it is kept nowhere."""


class Post(msgspec.Struct, frozen=True):
    """A message that goes to an event's webhook."""

    message: AlertMessage
    webhook: AlertWebhook
    shown: Shown


class Moot(msgspec.Struct, frozen=True):
    """A message that nobody gets any more."""

    message: AlertMessage
    why: str


class Broken(msgspec.Struct, frozen=True):
    """A message that could not be made, which is our own mistake."""

    message: AlertMessage


Ready = Mail | Post | Moot | Broken


class Reading:
    """Reads what is due, each event and user once."""

    def __init__(self, connection: Connection, public_url: str) -> None:
        self._connection = connection
        self._public_url = public_url
        self._configurations: dict[str, Configuration | None] = {}
        self._followers: dict[str, Sequence[str]] = {}
        self._users: dict[str, User | None] = {}
        self._day: digest.Day | None = None

    def read(self, message: AlertMessage) -> Ready:
        try:
            if message.kind == "alert":
                return self._read_alert(message)
            user = self._find_user(message.user_id or "")
            if user is None or not user.is_active:
                return Moot(message, "There is no such user any more.")
            return self._read_digest(message, user) if message.kind == "digest" else _read_link(message, user)
        except Exception:
            # One that cannot be said holds up no other.
            log.exception("alert_not_written", message=message.id, event_id=message.event_id)
            return Broken(message)

    def _read_alert(self, message: AlertMessage) -> Ready:
        configuration = self._find_configuration(message.event_id)
        alert = alerts.find_alert(self._connection, message.event_id, message.alert_id or "")
        if configuration is None or alert is None:
            return Moot(message, "The alert is gone.")
        told = describe(alert, configuration)
        shown = Shown(configuration.event, alert, told, f"{self._public_url}/{told.way}")
        if message.user_id is None:
            watch = alerts.find_watch(self._connection, message.event_id)
            if watch is None or watch.webhook is None:
                return Moot(message, "There is no webhook any more.")
            return Post(message, watch.webhook, shown)
        user = self._find_user(message.user_id)
        if user is None or not roles.may(user, "viewer", message.event_id):
            return Moot(message, "This user may not see the event, or not any more.")
        if user.id not in self._list_followers(message.event_id):
            return Moot(message, "This user does not follow the event any more.")
        return Mail(message, user, shown if _may_mend(user, shown) else self._only_show(shown))

    def _read_digest(self, message: AlertMessage, user: User) -> Ready:
        # Those that were queued together tell of the same day.
        if self._day is None or self._day.at != message.created_at:
            self._day = digest.read_day(self._connection, message.created_at)
        return Mail(message, user, None, digest.write(self._day, user, self._public_url, self._find_configuration))

    def _only_show(self, shown: Shown) -> Shown:
        """With a link that opens for those, too, who may look and not mend."""
        told = msgspec.structs.replace(shown.told, label="See the alert")
        url = f"{page_of(self._public_url, shown.event)}#{shown.alert.id}"
        return msgspec.structs.replace(shown, told=told, url=url)

    def _find_configuration(self, event_id: str) -> Configuration | None:
        if event_id not in self._configurations:
            self._configurations[event_id] = events.load_configuration(self._connection, event_id)
        return self._configurations[event_id]

    def _list_followers(self, event_id: str) -> Sequence[str]:
        if event_id not in self._followers:
            self._followers[event_id] = alerts.list_followers(self._connection, event_id)
        return self._followers[event_id]

    def _find_user(self, user_id: str) -> User | None:
        if user_id not in self._users:
            self._users[user_id] = users.find_user(self._connection, user_id)
        return self._users[user_id]


def _may_mend(user: User, shown: Shown) -> bool:
    """Whether the page that mends it opens for this user: sources and keys are managers' only."""
    return "/connect" not in shown.told.way or roles.may(user, "manager", shown.event.id)


def _read_link(message: AlertMessage, user: User) -> Ready:
    if now_us() - message.created_at > LINK_WANTED_US:
        return Moot(message, "Nobody waits for it any more.")
    return Mail(message, user, None)
