"""Users on a database, and a clock that can be put forward."""

import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest

from turnout import now
from turnout.model.names import fold_case
from turnout.model.user import Role, User
from turnout.store import users
from turnout.store.database import Database

PASSWORD = "correct horse battery"
HASHED = "$argon2id$v=19$m=19456,t=2,p=1$tMJFmiwNGl14JKA3CfsPUQ$Mr6wh6Zp0qEf6IyvavkcT9tvQF7cCmIt+DW4iHHz36o"
"""What is kept of it: to make one takes long on purpose."""
BASE = "https://feed.example.org"
MINUTE_US = 60_000_000
DAY_US = 86_400_000_000


def add_user(
    database: Database,
    email: str = "ann@example.org",
    *,
    role: Role = "administrator",
    events: tuple[str, ...] = (),
    all_events: bool = False,
    password: str | None = None,
) -> User:
    """A user whose password is PASSWORD."""
    user = User(
        id=now.new_id("usr"),
        email=email,
        name=email.partition("@")[0].title(),
        role=role,
        sees_personal=True,
        all_events=all_events,
        events=frozenset(events),
        has_password=True,
        subject=None,
        created_at=now.now_us(),
    )
    with database.write() as connection:
        assert users.add_user(connection, user, fold_case(email), password or HASHED)
    return user


@pytest.fixture
def pass_time(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], None]]:
    """A clock that stands still, however long the test takes, and is put forward by so many microseconds."""
    stands_at = time.time_ns()
    monkeypatch.setattr(now, "time", SimpleNamespace(time_ns=lambda: stands_at))
    before = passed = now._offset_us

    def move(by_us: int) -> None:
        nonlocal passed
        passed += by_us
        now.set_offset(passed)

    yield move
    now.set_offset(before)
