"""New pushes as they come: each once, to all who watch, and never more than somebody can take."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from tests.feed.builders import JOHN, Hall, make_item, make_push
from tests.patience import PATIENCE_S
from turnout.errors import StorageUnavailable
from turnout.feed import pushes_live
from turnout.feed.commit import write
from turnout.feed.pushes_live import BEHIND_US, PushesLive, Watch
from turnout.now import first_id, now_us
from turnout.store import pushes
from turnout.store.database import Database


@pytest.fixture
def hall(database: Database, monkeypatch: pytest.MonkeyPatch) -> Hall:
    monkeypatch.setattr(pushes_live, "LOOK_EVERY_S", 0.01)
    monkeypatch.setattr(pushes_live, "_AGAIN_S", 0.01)
    return Hall(database)


async def say(hall: Hall, *emails: str) -> list[str]:
    """The ids of pushes that are committed together."""
    (outcomes,) = await asyncio.to_thread(
        write, hall.database, hall.configurations, [hall.submit(*map(make_push, emails))]
    )
    assert isinstance(outcomes, list)
    return [outcome.push_id for outcome in outcomes]


async def take(watch: Watch, number: int) -> list[str]:
    """The ids of so many pushes, the oldest first, however many come at once."""
    found: list[str] = []
    async with asyncio.timeout(PATIENCE_S):
        while len(found) < number:
            new = await anext(watch)
            assert new.more == 0
            found += [push.id for push in reversed(new.pushes)]
    return found


def run(test: Callable[[], Awaitable[None]]) -> None:
    async def until_over() -> None:
        await test()

    asyncio.run(until_over())


def test_what_comes_is_told_once_to_all_who_watch_and_what_was_there_is_not(hall: Hall) -> None:
    other = Hall(hall.database, slug="fair")
    live = PushesLive(hall.database)

    async def test() -> None:
        await say(hall, "before@example.com")
        async with live.watching(hall.event.id) as one, live.watching(hall.event.id) as another:
            assert len(live._looks) == 1
            first = await say(hall, "a@example.com", "b@example.com")
            assert await take(one, 2) == first
            await say(other, "elsewhere@example.com")
            second = await say(hall, "c@example.com")
            assert await take(one, 1) == second
            assert await take(another, 3) == first + second
        assert live._looks == {}

    run(test)


def test_a_line_shows_all_that_the_log_has(hall: Hall) -> None:
    async def test() -> None:
        async with PushesLive(hall.database).watching(hall.event.id) as watch:
            (push_id,) = await say(hall, JOHN)
            async with asyncio.timeout(PATIENCE_S):
                new = await anext(watch)
        with hall.database.read() as connection:
            line = pushes.find_push(connection, push_id, hall.event.id)
        assert line is not None
        assert (new.pushes, new.more) == ([line], 0)

    run(test)


def test_a_push_that_waited_for_its_commit_is_told_behind_younger_ones(hall: Hall) -> None:
    async def test() -> None:
        late = msgspec.structs.replace(
            make_item(make_push("late@example.com"), hall.sender()), id=first_id("psh", now_us() - BEHIND_US // 2)
        )
        async with PushesLive(hall.database).watching(hall.event.id) as watch:
            young = await say(hall, "young@example.com")
            assert await take(watch, 1) == young
            await asyncio.to_thread(write, hall.database, hall.configurations, [hall.submit(late)])
            assert await take(watch, 1) == [late.id]
            assert await take_after(hall, watch) == 1

    run(test)


def test_what_was_long_there_is_not_new_because_the_latest_is_a_little_old(hall: Hall) -> None:
    async def test() -> None:
        for email, age_us in (("long-there@example.com", BEHIND_US + 1_000_000), ("latest@example.com", 3_000_000)):
            one = msgspec.structs.replace(
                make_item(make_push(email), hall.sender()), id=first_id("psh", now_us() - age_us)
            )
            await asyncio.to_thread(write, hall.database, hall.configurations, [hall.submit(one)])
        async with PushesLive(hall.database).watching(hall.event.id) as watch:
            assert await take_after(hall, watch) == 1

    run(test)


def test_an_id_from_the_future_hides_nothing(hall: Hall) -> None:
    async def test() -> None:
        ahead = msgspec.structs.replace(
            make_item(make_push("ahead@example.com"), hall.sender()), id=first_id("psh", now_us() + 60 * BEHIND_US)
        )
        async with PushesLive(hall.database).watching(hall.event.id) as watch:
            await asyncio.to_thread(write, hall.database, hall.configurations, [hall.submit(ahead)])
            assert await take(watch, 1) == [ahead.id]
            assert await take_after(hall, watch) == 1

    run(test)


async def take_after(hall: Hall, watch: Watch) -> int:
    """How many come with one more push."""
    push_ids = await say(hall, "last@example.com")
    taken = await take(watch, 1)
    assert taken == push_ids
    return len(taken)


def test_of_very_many_the_latest_are_read_and_the_others_counted(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pushes_live, "MAX_ROWS", 3)

    async def test() -> None:
        async with PushesLive(hall.database).watching(hall.event.id) as watch:
            push_ids = await say(hall, *(f"p{number}@example.com" for number in range(10)))
            async with asyncio.timeout(PATIENCE_S):
                new = await anext(watch)
            assert [push.id for push in new.pushes] == push_ids[:-4:-1]
            assert new.more == 7

    run(test)


def test_what_is_before_those_that_are_looked_at_is_counted_too(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pushes_live, "MAX_ROWS", 2)
    monkeypatch.setattr(pushes_live, "MAX_IDS", 3)

    async def test() -> None:
        async with PushesLive(hall.database).watching(hall.event.id) as watch:
            for number in (10, 1, 7):
                push_ids = await say(hall, *(f"p{one}-of-{number}@example.com" for one in range(number)))
                async with asyncio.timeout(10):
                    new = await anext(watch)
                assert [push.id for push in new.pushes] == push_ids[: -min(number, 2) - 1 : -1]
                assert new.more == max(0, number - 2)

    run(test)


def test_what_all_who_watch_make_alike_is_made_once(hall: Hall) -> None:
    async def test() -> None:
        live = PushesLive(hall.database)
        async with live.watching(hall.event.id) as one, live.watching(hall.event.id) as another:
            await say(hall, JOHN)
            news = [await anext(one), await anext(another)]
            made: list[int] = []

            def make() -> int:
                made.append(1)
                return len(made)

            assert await asyncio.gather(*(new.shared.once("alike", make) for new in news)) == [1, 1]
            assert await news[0].shared.once("otherwise", make) == 2

    run(test)


def test_who_is_slow_gets_the_latest_and_how_many_he_missed(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pushes_live, "MAX_ROWS", 3)

    async def test() -> None:
        live = PushesLive(hall.database)
        async with live.watching(hall.event.id) as slow, live.watching(hall.event.id) as quick:
            said: list[str] = []
            for number in range(5):
                said += await say(hall, f"p{number}@example.com")
                assert await take(quick, 1) == said[-1:]
            async with asyncio.timeout(PATIENCE_S):
                new = await anext(slow)
            assert [push.id for push in new.pushes] == said[:1:-1]
            assert new.more == 2

    run(test)


def test_it_goes_on_when_the_database_is_back(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    real, failed = pushes.list_latest_ids, asyncio.Event()

    async def test() -> None:
        loop = asyncio.get_running_loop()
        errors = [StorageUnavailable("Away."), ZeroDivisionError()]

        def fail(*arguments: Any) -> list[str]:
            if errors:
                raise errors.pop()
            loop.call_soon_threadsafe(failed.set)
            return real(*arguments)

        async with PushesLive(hall.database).watching(hall.event.id) as watch:
            monkeypatch.setattr(pushes_live.pushes, "list_latest_ids", fail)
            await asyncio.wait_for(failed.wait(), PATIENCE_S)
            push_ids = await say(hall, JOHN)
            assert await take(watch, 1) == push_ids

    run(test)


def test_watching_ends_with_the_process(hall: Hall) -> None:
    async def test() -> None:
        live = PushesLive(hall.database)
        async with live.watching(hall.event.id) as watch:
            live.stop()
            assert [new async for new in watch] == []
        async with live.watching(hall.event.id) as watch:
            assert [new async for new in watch] == []

    run(test)
