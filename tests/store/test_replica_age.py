"""How old what a replica shows is told to be: never less than it is, and nothing where it has everything."""

import time
from collections.abc import Iterator

import pytest

from tests.patience import PATIENCE_S
from turnout.model.age import Age, Where
from turnout.now import now_us
from turnout.store.postgresql import replica_age
from turnout.store.postgresql.replica_age import Heads, Replayed

HOUR_US = 3_600 * 1_000_000


def replayed(place: int | None, *, committed_at: int | None = None, later_s: float = 0.0) -> Replayed:
    """A transaction that begins now, or will."""
    at = now_us() + round(later_s * 1_000_000)
    return Replayed(True, place, committed_at, began=time.monotonic() + later_s, began_at=at)


def answers(*places: int | None) -> tuple[Heads, Iterator[int | None]]:
    """What the primary will say, and what it has not been asked for."""
    left = iter(places)
    return Heads(lambda: next(left)), left


def test_where_nothing_is_written_for_long_it_is_not_old() -> None:
    heads, _ = answers(100)
    assert heads.find_age(replayed(100, committed_at=now_us() - HOUR_US)) == Age(0.0)


def test_many_lists_ask_the_primary_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replica_age, "HEAD_KEPT_S", PATIENCE_S)
    heads, left = answers(100, 200)
    ages = [heads.find_age(replayed(100, later_s=at_s)).seconds for at_s in (0.0, 1.0, 2.0)]
    assert list(left) == [200]
    # What may have come since that look is not known to be there.
    assert ages[0] == 0.0
    assert [round(age or 0, 1) for age in ages[1:]] == [1.0, 2.0]


def test_it_is_as_old_as_the_last_look_at_which_it_had_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not as old as the commit before, which may be of last night."""
    monkeypatch.setattr(replica_age, "HEAD_KEPT_S", 0.0)
    heads, _ = answers(100, 200, 300)
    night = now_us() - HOUR_US
    heads.find_age(replayed(100, committed_at=night))
    for later_s in (30.0, 70.0):
        age = heads.find_age(replayed(100, committed_at=night, later_s=later_s))
        assert age.seconds is not None
        assert round(age.seconds, 1) >= later_s
        assert age.seconds < HOUR_US / 1_000_000


def test_without_such_a_look_it_is_as_old_as_the_last_commit_in_it() -> None:
    heads, _ = answers(100)
    age = heads.find_age(replayed(99, committed_at=now_us() - HOUR_US))
    assert age.seconds == pytest.approx(3_600, abs=1)
    assert age.is_far


@pytest.mark.parametrize("head", [100, None])
def test_where_neither_is_known_nobody_can_tell(head: int | None) -> None:
    heads, _ = answers(head)
    age = heads.find_age(replayed(99))
    assert age == Age(None)
    assert (age.as_header, age.is_noticed, age.is_far) == ("unknown", True, False)


def test_one_that_takes_writes_itself_is_not_behind() -> None:
    heads, left = answers(100)
    assert heads.find_age(Replayed(False, None, None, began=0.0, began_at=0)) == Age(0.0)
    assert list(left) == [100]


@pytest.mark.parametrize(
    ("seconds", "told"), [(0.0, "0.0"), (0.001, "0.1"), (1.91, "2.0"), (3.0, "3.0"), (75.03, "75.1")]
)
def test_the_header_never_says_less_than_it_is(seconds: float, told: str) -> None:
    assert Age(seconds).as_header == told


def test_of_several_transactions_the_oldest_counts() -> None:
    where = Where()
    where.note(Age(2.0))
    where.note(Age(1.0))
    assert (where.oldest, where.is_of_primary) == (Age(2.0), False)
    where.note(None)
    where.note(Age(None))
    where.note(Age(3.0))
    assert (where.oldest, where.is_of_primary) == (Age(None), True)
