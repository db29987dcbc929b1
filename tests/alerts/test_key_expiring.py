"""Keys that are about to expire, as far as anybody uses them and nothing takes their place."""

import msgspec
import pytest

from tests.alerts.watched import DAY, HOUR, MINUTE, Watched, causes
from tests.feed.builders import MAIN
from turnout.alerts import watching
from turnout.alerts.causes.key_expiring import is_news
from turnout.events import event, keys, sources
from turnout.model.alert import AlertSettings
from turnout.model.event import Configuration
from turnout.model.key import Key
from turnout.now import now_us
from turnout.store import events

NOW = 60 * 365 * DAY


def make_key(watched: Watched, days: float, *, used: bool = True, **options: str) -> Key:
    """A key that lasts for so many days from now on."""
    its = keys.create(watched.database, watched.id, source="main", expires_in_us=int(days * DAY)).key
    if used:
        use(watched, its, now_us())
    return its


def use(watched: Watched, key: Key, at: int) -> None:
    with watched.database.write() as connection:
        events.touch_keys(connection, [(watched.id, key.id, at, "198.51.100.7")])


def retire_first_key(watched: Watched) -> None:
    keys.revoke(watched.database, watched.hall.key_id())


def test_a_key_in_use_is_told_of_some_time_before_its_end(watched: Watched) -> None:
    retire_first_key(watched)
    key = make_key(watched, 90)
    at = now_us()
    assert causes(watched.look(at + 75 * DAY)) == ([], [])
    use(watched, key, at + 75 * DAY)
    assert causes(watched.look(at + 76 * DAY + HOUR)) == ([f"key_expiring:{key.id}"], [])
    (alert,) = watched.list_all()
    told = watched.describe(alert)
    assert told.title == "A key of main expires in 13 days"
    assert "The key main expires on" in told.text
    assert told.way == f"console/events/{watched.slug}/connect/sources/{MAIN}"
    assert causes(watched.look(at + 90 * DAY + HOUR)) == ([], [])
    assert watched.describe(watched.list_all()[0]).title == "A key of main has expired"
    assert causes(watched.look(at + 97 * DAY + HOUR)) == ([], [f"key_expiring:{key.id}"])


def test_people_may_want_to_know_earlier_or_later(watched: Watched) -> None:
    retire_first_key(watched)
    make_key(watched, 90)
    at = now_us()
    watching.change_settings(watched.database, watched.id, AlertSettings(key_days=3))
    assert causes(watched.look(at + 86 * DAY)) == ([], [])
    # Nobody has used it for so long.
    assert causes(watched.look(at + 88 * DAY)) == ([], [])
    watching.change_settings(watched.database, watched.id, AlertSettings(key_days=80))
    assert len(watched.look(at + 68 * DAY).opened) == 0
    assert len(watched.look(at + 29 * DAY).opened) == 0


def test_a_key_that_was_made_for_a_few_days_is_no_news_at_once(watched: Watched) -> None:
    retire_first_key(watched)
    key = make_key(watched, 8)
    at = now_us()
    assert causes(watched.look(at)) == ([], [])
    assert causes(watched.look(at + 5 * DAY)) == ([], [])
    assert causes(watched.look(at + 6 * DAY + HOUR))[0] == [f"key_expiring:{key.id}"]


@pytest.mark.parametrize("how", ["unused", "revoked", "retired", "ended", "another key"])
def test_nobody_needs_to_know_of_a_key_that_may_go(watched: Watched, how: str) -> None:
    if how != "another key":
        retire_first_key(watched)
    key = make_key(watched, 20, used=how != "unused")
    at = now_us()
    if how == "revoked":
        keys.revoke(watched.database, key.id)
    elif how == "retired":
        sources.retire(watched.database, watched.id, "main")
    elif how == "ended":
        event.set_up(watched.database, watched.id, {"ends_at": "2020-01-01"})
    assert causes(watched.look(at + 19 * DAY)) == ([], [])


def test_a_rotated_key_is_told_of_when_it_is_still_used_near_its_end(watched: Watched) -> None:
    old = watched.hall.configuration.keys[watched.hall.key_id()]
    use(watched, old, now_us())
    keys.rotate(watched.database, old.id, 7 * DAY)
    at = now_us()
    assert causes(watched.look(at)) == ([], [])
    use(watched, old, at + 5 * DAY)
    assert causes(watched.look(at + 5 * DAY)) == ([], [])
    assert causes(watched.look(at + 6 * DAY + 2 * HOUR)) == ([], [])
    use(watched, old, at + 6 * DAY + 2 * HOUR)
    (alert,) = watched.look(at + 6 * DAY + 2 * HOUR + MINUTE).opened
    assert "It was rotated, but the new key is not used by everybody yet" in watched.describe(alert).text
    # Once it is used no more it is well.
    assert causes(watched.look(at + 6 * DAY + 4 * HOUR))[1] == [f"key_expiring:{old.id}"]


def test_a_short_overlap_is_no_alarm_at_once(watched: Watched) -> None:
    old = watched.hall.configuration.keys[watched.hall.key_id()]
    keys.rotate(watched.database, old.id, HOUR)
    use(watched, old, now_us())
    at = now_us()
    assert causes(watched.look(at)) == ([], [])
    assert causes(watched.look(at + 20 * MINUTE)) == ([], [])
    assert len(watched.look(at + 40 * MINUTE).opened) == 1


def test_a_read_key_is_followed_only_by_one_for_the_same(watched: Watched) -> None:
    configuration = watched.hall.configuration
    read = Key(
        id="key_1", event_id=watched.id, source_number=None, scope="read", label="app", digest=b"", created_at=NOW,
        expires_at=NOW + 40 * DAY, last_used_at=NOW + 39 * DAY,
    )  # fmt: skip
    at = NOW + 39 * DAY

    def is_told(*others: Key) -> bool:
        its = {key.id: key for key in (read, *others)}
        return is_news(read, with_keys(configuration, its), at, 14)

    another = msgspec.structs.replace(read, id="key_2", expires_at=None, created_at=at - 2 * DAY)
    assert is_told()
    assert is_told(msgspec.structs.replace(another, label="board"))
    assert is_told(msgspec.structs.replace(another, groups=(1,)))
    assert is_told(msgspec.structs.replace(another, scope="push", source_number=MAIN))
    assert is_told(another)
    assert not is_news(
        msgspec.structs.replace(read, last_used_at=at - 2 * HOUR),
        with_keys(configuration, {"key_2": another}),
        at,
        14,
    )


def with_keys(configuration: Configuration, its: dict[str, Key]) -> Configuration:
    return msgspec.structs.replace(configuration, keys=its)
