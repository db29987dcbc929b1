"""What may hang is waited for only so long, and is not asked twice at a time."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from turnout.operations.in_time import InTime

LONG_S = 30.0


class Slow:
    """Something that answers when it is told to."""

    def __init__(self) -> None:
        self.asked = 0
        self.may_answer = threading.Event()

    def __call__(self) -> int:
        self.asked += 1
        assert self.may_answer.wait(LONG_S)
        return self.asked


@pytest.fixture
def slow() -> Iterator[Slow]:
    slow = Slow()
    yield slow
    slow.may_answer.set()


def test_who_has_waited_for_long_enough_is_told_so_and_nobody_asks_a_second_time(slow: Slow) -> None:
    asking = InTime(slow, 0.01)
    for _ in range(50):
        with pytest.raises(TimeoutError):
            asking.get()
        with pytest.raises(TimeoutError):
            asyncio.run(asking.wait())
    assert slow.asked == 1


def test_all_who_ask_at_once_get_one_answer_and_whoever_comes_later_a_new_one(slow: Slow) -> None:
    asking = InTime(slow, LONG_S)

    async def ask_many() -> list[int]:
        waiting = [asyncio.ensure_future(asking.wait()) for _ in range(100)]
        await asyncio.sleep(0)
        gone = waiting.pop()
        gone.cancel()
        await asyncio.wait([gone])
        await asyncio.sleep(0)
        slow.may_answer.set()
        return await asyncio.gather(*waiting)

    assert asyncio.run(ask_many()) == [1] * 99
    assert asking.get() == 2
    assert asyncio.run(asking.wait()) == 3


def test_what_goes_wrong_is_raised_where_it_is_waited_for() -> None:
    def fail() -> None:
        raise KeyError("broken on purpose")

    asking = InTime(fail, LONG_S)
    for _ in range(2):
        with pytest.raises(KeyError):
            asking.get()
        with pytest.raises(KeyError):
            asyncio.run(asking.wait())
