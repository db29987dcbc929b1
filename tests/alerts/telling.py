"""Alerts as the engine opens them, with whoever follows; and what became of their messages."""

import itertools
import time
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import text

from tests.console.signed_in import make_user
from tests.mail_server import MailServer
from tests.patience import PATIENCE_S
from turnout.alerts import mail, tell, watching
from turnout.alerts.tell import Teller
from turnout.events import event as events
from turnout.model.alert import Alert, AlertKind, AlertMessage, Facts, MailSettings
from turnout.model.event import Event
from turnout.model.user import User
from turnout.now import new_id, now_us
from turnout.store import alerts
from turnout.store.database import Database

PUBLIC_URL = "https://turnout.example.org"
ERRORS: Facts = {"source": 1, "failed": 12, "pushes": 40, "percent": 30, "code": "invalid_email", "path": "email"}
_numbers = itertools.count(1)


def make_event(database: Database, name: str = "Spring Summit", slug: str | None = None) -> Event:
    made, _ = events.create(database, name, slug or f"spring-{next(_numbers)}")
    return made


def make_followers(database: Database, event: Event, number: int = 1, **options: Any) -> list[User]:
    """Viewers of this event who follow it."""
    made = [make_user(database, "viewer", [event.id], **options) for _ in range(number)]
    for user in made:
        watching.follow(database, event.id, user.id)
    return made


def open_alert(
    database: Database, event: Event, kind: AlertKind = "errors", facts: Facts | None = None, cause: str = ""
) -> Alert:
    """An alert with the messages for who follows the event, as the engine makes them: in one transaction."""
    at = now_us()
    alert = Alert(
        event_id=event.id,
        id=new_id("alr"),
        kind=kind,
        cause=cause or f"{kind}:{next(_numbers)}",
        facts=ERRORS if facts is None else facts,
        opened_at=at,
        seen_at=at,
    )
    watch = watching.get_watch(database, event.id)
    with database.write() as connection:
        assert alerts.add_alert(connection, alert)
        tell.queue(connection, alert, alerts.list_followers(connection, event.id), watch, at)
    return alert


def set_up_mail(
    database: Database,
    server: MailServer | int,
    *,
    user_name: str | None = None,
    password: str | None = None,
    sender_name: str = "Turnout",
) -> MailSettings:
    """Lets messages go there, in the clear."""
    return mail.change(
        database,
        host="localhost",
        port=server if isinstance(server, int) else server.port,
        security="none",
        user_name=user_name,
        password=password,
        sender="turnout@example.org",
        sender_name=sender_name,
    )


def tell_now(database: Database) -> None:
    Teller(database, PUBLIC_URL).tell_now()


def list_messages(database: Database, *opened: Alert) -> list[AlertMessage]:
    return tell.list_messages(database, opened[0].event_id, [one.id for one in opened])


def make_due(database: Database, made_ago_us: int = 0) -> None:
    """Lets the time come for whatever waits, which was made so long ago."""
    with database.write() as connection:
        connection.execute(
            text("UPDATE alert_messages SET next_at = 1, created_at = created_at - :ago WHERE next_at IS NOT NULL"),
            {"ago": made_ago_us},
        )


def wait_until(is_so: Callable[[], bool]) -> None:
    """For what another process does."""
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def states(messages: Sequence[AlertMessage]) -> list[str]:
    return [one.state for one in messages]
