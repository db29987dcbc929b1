"""How an event is watched, who follows it, and its alerts: what the console, /api/ and the command line offer."""

from collections.abc import Sequence

import msgspec

from turnout.access import roles
from turnout.alerts import begin
from turnout.errors import Conflict, InvalidRequest, NotFound
from turnout.model.alert import KINDS, Alert, AlertSettings, Watch
from turnout.model.event import DAY_US
from turnout.model.user import User
from turnout.now import now_us
from turnout.store import alert_pushes, alerts, events, users
from turnout.store.database import Database

MAX_PAGE = 100
MAX_FOLLOWERS = 100
"""Of one event."""
MAX_KEY_DAYS = 90
MAX_UNMENDED = 1_000
"""Of the latest failed pushes, which are looked at for a replay."""


def get_watch(database: Database, event_id: str) -> Watch:
    """How the event is watched, from now on if nobody has looked yet. Raises NotFound and StorageUnavailable."""
    with database.read() as connection:
        configuration = events.load_configuration(connection, event_id)
        if configuration is None:
            raise NotFound("There is no such event.")
        watch, begun = begin.find_watch(connection, configuration, now_us())
    if begun is not None:
        with database.write() as connection:
            begin.write(connection, begun)
    return watch


def change_settings(database: Database, event_id: str, settings: AlertSettings) -> tuple[AlertSettings, AlertSettings]:
    """What was set before, and what is now. Raises InvalidRequest, NotFound and StorageUnavailable."""
    check_settings(settings)
    get_watch(database, event_id)
    with database.write() as connection:
        before = alerts.find_watch(connection, event_id)
        alerts.set_settings(connection, event_id, settings)
    return (AlertSettings() if before is None else before.settings), settings


def check_settings(settings: AlertSettings) -> None:
    """Raises InvalidRequest."""
    unknown = sorted(settings.off.difference(KINDS))
    if unknown:
        raise InvalidRequest(f"There are no alerts of the kind {unknown[0]!r}. There are: {', '.join(KINDS)}.")
    for what, percent in (("failed pushes", settings.error_percent), ("people who left", settings.fall_percent)):
        if not 1 <= percent <= 100:
            raise InvalidRequest(f"The share of {what} is 1 to 100 percent.")
    if not 1 <= settings.key_days <= MAX_KEY_DAYS:
        raise InvalidRequest(f"Keys are told of 1 to {MAX_KEY_DAYS} days before they expire.")


def follow(database: Database, event_id: str, user_id: str) -> None:
    """From now on the user gets the event's alerts. Raises NotFound, Conflict and StorageUnavailable."""
    with database.write() as connection:
        user = users.find_user(connection, user_id)
        if user is None:
            raise NotFound("There is no such user.")
        if not user.is_active:
            raise Conflict("This user is disabled and gets nothing.")
        if not roles.may(user, "viewer", event_id):
            # By no name: who else signs in here is not a manager's business.
            raise Conflict("This user may not see this event. Give them the event first.")
        followers = alerts.list_followers(connection, event_id)
        if len(followers) >= MAX_FOLLOWERS and user_id not in followers:
            raise Conflict(f"{MAX_FOLLOWERS} people follow this event: that is as many as can.")
        alerts.add_follower(connection, event_id, user_id)


def unfollow(database: Database, event_id: str, user_id: str) -> None:
    """Raises StorageUnavailable."""
    with database.write() as connection:
        alerts.remove_follower(connection, event_id, user_id)


def list_followers(database: Database, event_id: str) -> list[User]:
    """In the order of their addresses; also who is disabled, or may not see it any more, and so gets nothing.

    Raises StorageUnavailable.
    """
    with database.read() as connection:
        found = [users.find_user(connection, user_id) for user_id in alerts.list_followers(connection, event_id)]
    return sorted((user for user in found if user is not None), key=lambda user: user.email)


def list_followed(database: Database, user_id: str) -> list[str]:
    """The ids of the events that the user follows. Raises StorageUnavailable."""
    with database.read() as connection:
        return alerts.list_followed(connection, user_id)


def list_alerts(
    database: Database, event_id: str, *, only_open: bool = False, limit: int = 50, before: str | None = None
) -> tuple[list[Alert], str | None]:
    """A page of alerts, the latest opened first, and what is `before` of the next one. Raises StorageUnavailable."""
    limit = max(1, min(limit, MAX_PAGE))
    with database.read() as connection:
        found = alerts.list_alerts(connection, event_id, limit=limit + 1, before=before, only_open=only_open)
    return found[:limit], (found[limit - 1].id if len(found) > limit else None)


def get_alert(database: Database, event_id: str, alert_id: str) -> Alert:
    """Raises NotFound and StorageUnavailable."""
    with database.read() as connection:
        alert = alerts.find_alert(connection, event_id, alert_id.replace("\0", "\1"))
    if alert is None:
        raise NotFound("There is no such alert of this event.")
    return alert


def count_open(database: Database, event_ids: Sequence[str]) -> dict[str, int]:
    """By event; those without one are left out. Raises StorageUnavailable."""
    with database.read() as connection:
        return alerts.count_open(connection, event_ids) if event_ids else {}


def count_unmended(database: Database, event_id: str) -> int:
    """How many of the last day's pushes failed and did not succeed as a replay since, up to MAX_UNMENDED.

    Raises StorageUnavailable.
    """
    with database.read() as connection:
        return alert_pushes.count_unmended(connection, event_id, now_us() - DAY_US, MAX_UNMENDED)


def dismiss(database: Database, event_id: str, alert_id: str) -> Alert:
    """Closes an alert by hand: it is left alone for seven days, or until its cause was gone meanwhile.

    Raises NotFound, Conflict where it is closed already, StorageUnavailable.
    """
    alert = get_alert(database, event_id, alert_id)
    at = now_us()
    closed = msgspec.structs.replace(alert, closed_at=at, facts=alert.facts | {"dismissed": at})
    with database.write() as connection:
        if not alerts.close_alert(connection, alert, at, closed.facts):
            raise Conflict("This alert is closed already.")
    return closed
