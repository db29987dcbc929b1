"""An event whose alerts a test looks at: pushes at any time, looks at any time, and who was told."""

import itertools
from collections.abc import Generator, Iterable
from contextlib import contextmanager

import msgspec
import pytest

from tests.feed import builders
from tests.feed.builders import MAIN, Hall, make_item, make_push
from turnout.alerts import moves, words
from turnout.alerts.look import Looked, look
from turnout.alerts.words import Told
from turnout.changes.follow import Follower
from turnout.events import keys
from turnout.feed.commit import write
from turnout.feed.configurations import Configurations
from turnout.feed.settle import draft
from turnout.feed.submission import Overlay
from turnout.model.alert import Alert
from turnout.model.push import Push
from turnout.model.receipt import Failure, Problem
from turnout.model.user import User
from turnout.now import first_id, new_id, now_us
from turnout.store import alert_messages, alerts, push_counts, pushes, users
from turnout.store.database import Database
from turnout.store.push_counts import SLOT_US

MINUTE = 60 * 1_000_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
BROKEN = Failure("invalid_push", "It is no good.", [Problem("profile.email", "missing", "There is none.", "Send it.")])


_slugs = itertools.count(1)


class Watched:
    """An event with one follower."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.slug = f"conf-{next(_slugs)}"
        self.hall = Hall(database, slug=self.slug)
        self.id = self.hall.event.id
        self.configurations = Configurations(database)
        self.follower = make_user(database)
        with database.write() as connection:
            alerts.add_follower(connection, self.id, self.follower.id)

    def push(self, *said: Push | str, source: int = MAIN, dry: bool = False) -> None:
        """Now; an address stands for a quiet push."""
        pushes = [make_push(one) if isinstance(one, str) else one for one in said]
        submission = self.hall.submit(*pushes, source=source, dry_run=Overlay() if dry else None)
        write(self.database, self.hall.configurations, [submission])

    @contextmanager
    def clock_at(self, at: int) -> Generator[None]:
        """Pushes come at that time."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(draft, "now_us", lambda: at)
            patch.setattr(builders, "new_id", lambda prefix: f"{first_id(prefix, at)[:-8]}{new_id('x')[-8:]}")
            yield

    def fail(
        self,
        times: int,
        *,
        source: int = MAIN,
        actor: str | None = None,
        replay_of: str | None = None,
        dry: bool = False,
    ) -> None:
        """Pushes that fail now."""
        sender = msgspec.structs.replace(self.hall.sender(source), actor=actor)
        items = [
            make_item(None, sender, failure=BROKEN, body=new_id("body"), replay_of=replay_of) for _ in range(times)
        ]
        submission = self.hall.submit(*items, source=source, dry_run=Overlay() if dry else None)
        write(self.database, self.hall.configurations, [submission])

    def replay(self, push_id: str, email: str, *, source: int = MAIN) -> None:
        """A push that succeeds as the replay of one that failed, by hand."""
        sender = msgspec.structs.replace(self.hall.sender(source), actor="cli:ada")
        item = make_item(make_push(email), sender, replay_of=push_id)
        write(self.database, self.hall.configurations, [self.hall.submit(item, source=source)])

    def count(self, at: int, result: str = "updated", times: int = 1, source: int = MAIN) -> None:
        """As if so many pushes had come then."""
        with self.database.write() as connection:
            push_counts.add_counts(connection, [(self.id, at // SLOT_US, source, result, times)])

    def look(self, at: int | None = None, *, up_since: int = 0) -> Looked:
        return look(self.database, self.configurations, self.id, at or now_us(), up_since=up_since)

    def follow_moves(self) -> None:
        """Counts who left and came until now."""
        assert Follower(self.database, moves.consumer).catch_up(self.id)

    def list_all(self) -> list[Alert]:
        """The latest first."""
        with self.database.read() as connection:
            return alerts.list_alerts(connection, self.id, limit=1_000)

    def list_failed(self) -> list[str]:
        """The ids of the pushes that failed, the first one first."""
        with self.database.read() as connection:
            return sorted(push.id for push in pushes.list_pushes(connection, self.id, result="failed"))

    def list_pushed(self) -> list[str]:
        """The ids of all pushes, the first one first."""
        with self.database.read() as connection:
            return sorted(push.id for push in pushes.list_pushes(connection, self.id))

    def list_open(self) -> list[str]:
        """The causes."""
        with self.database.read() as connection:
            return sorted(alert.cause for alert in alerts.list_open(connection, self.id))

    def list_told(self) -> list[str]:
        """The causes of which the follower was told, in order, each time."""
        with self.database.read() as connection:
            alert_ids = [alert.id for alert in alerts.list_alerts(connection, self.id, limit=1_000)]
            told = alert_messages.list_of_alerts(connection, self.id, alert_ids, 1_000) if alert_ids else []
            found = [alerts.find_alert(connection, self.id, message.alert_id or "") for message in told]
        return [alert.cause for alert in found if alert is not None]

    def describe(self, alert: Alert) -> Told:
        return words.describe(alert, self.hall.configuration)

    def add_source(self, name: str) -> int:
        """Its number."""
        issued = keys.create(self.database, self.id, label=name)
        assert issued.key.source_number is not None
        return issued.key.source_number


def make_user(database: Database, name: str = "ada") -> User:
    user = User(
        id=new_id("usr"),
        email=f"{name}-{new_id('x')}@example.com",
        name=name,
        role="manager",
        sees_personal=True,
        all_events=True,
        events=frozenset(),
        has_password=False,
        subject=None,
        created_at=now_us(),
    )
    with database.write() as connection:
        assert users.add_user(connection, user, user.email, None)
    return user


def causes(looked: Looked) -> tuple[list[str], list[str]]:
    """What was opened, and closed."""
    return _causes(looked.opened), _causes(looked.closed)


def _causes(found: Iterable[Alert]) -> list[str]:
    return [alert.cause for alert in found]
