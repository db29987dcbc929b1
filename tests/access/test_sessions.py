"""Sessions: found by their cookie alone, over in time, ended by hand."""

from collections.abc import Callable

import pytest
from sqlalchemy import text

from tests.access.conftest import DAY_US, MINUTE_US, add_user
from tests.databases import list_rows
from turnout.access import sessions, users
from turnout.errors import NotFound, SignInFailed
from turnout.now import now_us
from turnout.store.database import Database


def test_only_the_cookie_itself_is_let_in(database: Database) -> None:
    ann = add_user(database)
    session, cookie = sessions.begin(database, ann.id, "192.0.2.1", "Firefox")
    _, other = sessions.begin(database, ann.id, "192.0.2.1", "Firefox")
    found = sessions.find(database, cookie, now_us())
    assert found == (session, users.get(database, ann.id))
    session_id, secret = cookie.split(".")
    assert session_id == session.id
    for wrong in (
        "",
        session_id,
        f"{session_id}.",
        f"{session_id}.{secret[:-1]}{'a' if secret[-1] != 'a' else 'b'}",
        f"{session_id}.{other.split('.')[1]}",
        cookie + "\n",
        cookie.replace("ses_", "lnk_"),
        f"{session_id[:-1]}\0.{secret}",
        "\udcff" * 69,
    ):
        assert sessions.find(database, wrong, now_us()) is None, wrong


def test_no_cookie_can_be_made_of_what_is_stored(database: Database) -> None:
    _, cookie = sessions.begin(database, add_user(database).id, "", "")
    assert cookie.split(".")[1].encode() not in b"\n".join(list_rows(database))


def test_a_session_that_is_not_used_is_over_in_two_weeks(database: Database) -> None:
    session, cookie = sessions.begin(database, add_user(database).id, "", "")
    over_at = session.created_at + 14 * DAY_US
    assert sessions.find_user(database, session.id, over_at - 1) is not None
    assert sessions.find_user(database, session.id, over_at) is None
    assert sessions.find(database, cookie, over_at) is None
    assert sessions.find(database, cookie, over_at - 1) is not None
    assert sessions.find(database, cookie, over_at) is not None


def test_a_session_is_over_in_90_days_however_often_it_is_used(database: Database) -> None:
    session, cookie = sessions.begin(database, add_user(database).id, "", "")
    for day in range(1, 90, 10):
        assert sessions.find(database, cookie, session.created_at + day * DAY_US) is not None
    assert sessions.find(database, cookie, session.created_at + 90 * DAY_US - 1) is not None
    assert sessions.find(database, cookie, session.created_at + 90 * DAY_US) is None


def test_when_it_was_seen_is_written_once_a_minute(database: Database) -> None:
    ann = add_user(database)
    session, cookie = sessions.begin(database, ann.id, "", "")
    seen = []
    for later in (1, MINUTE_US - 1, MINUTE_US, MINUTE_US + 1, 2 * MINUTE_US):
        sessions.find(database, cookie, session.created_at + later)
        seen.append(sessions.list_of(database, ann)[0].last_seen_at - session.created_at)
    assert seen == [0, 0, MINUTE_US, MINUTE_US, 2 * MINUTE_US]
    assert users.get(database, ann.id).last_seen_at == session.created_at + 2 * MINUTE_US


def test_a_users_sessions_are_listed_and_ended_and_nobody_elses(
    database: Database, pass_time: Callable[[int], None]
) -> None:
    ann, bob = add_user(database), add_user(database, "bob@example.org")
    first, second, third = (sessions.begin(database, ann.id, "", "")[0] for _ in range(3))
    bobs, _ = sessions.begin(database, bob.id, "", "")
    assert sessions.list_of(database, ann) == [third, second, first]
    for other in (bobs.id, "ses_1"):
        with pytest.raises(NotFound):
            sessions.revoke(database, ann.id, other)
    sessions.revoke(database, ann.id, second.id)
    assert sessions.list_of(database, ann) == [third, first]
    assert sessions.revoke_all(database, ann.id, but=first.id) == 1
    assert sessions.list_of(database, ann) == [first]
    assert sessions.revoke_all(database, ann.id) == 1
    assert sessions.list_of(database, bob) == [bobs]
    pass_time(15 * DAY_US)
    assert sessions.list_of(database, bob) == []


def test_of_very_many_sessions_the_oldest_go(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "MAX_SESSIONS", 3)
    ann, bob = add_user(database), add_user(database, "bob@example.org")
    bobs, _ = sessions.begin(database, bob.id, "", "")
    made = [sessions.begin(database, ann.id, "", "")[0] for _ in range(5)]
    assert sessions.list_of(database, ann) == made[:1:-1]
    assert sessions.list_of(database, bob) == [bobs]


def test_a_session_of_somebody_who_is_disabled_is_none(database: Database) -> None:
    """Even one that was not ended with it."""
    add_user(database)
    bob = add_user(database, "bob@example.org", role="viewer")
    session, cookie = sessions.begin(database, bob.id, "", "")
    with database.write() as connection:
        connection.execute(text("UPDATE users SET disabled_at = 1 WHERE id = :id"), {"id": bob.id})
    assert sessions.find(database, cookie, now_us()) is None
    assert sessions.find_user(database, session.id, now_us()) is None
    with pytest.raises(SignInFailed):
        sessions.begin(database, bob.id, "", "")
    with pytest.raises(SignInFailed):
        sessions.begin(database, "usr_1", "", "")
