"""When what failed is tried again: the whole schedule of the issue, without waiting for it."""

import itertools
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.downstream.webhooks import schedule
from turnout.downstream.webhooks.schedule import JITTER, LASTS_US, MAX_RETRY_AFTER_US, find_next, read_retry_after

SECOND_US = 1_000_000
HOUR_US = 3_600 * SECOND_US
NOW = 1_800_000_000 * SECOND_US


def list_tries(dice: float, took_us: int = 0) -> list[int]:
    """When a delivery to a receiver that always fails is tried, counted from the first try."""
    tries = [NOW]
    while (next_at := find_next(len(tries), NOW, tries[-1] + took_us, None, dice)) is not None:
        tries.append(next_at)
    return [at - NOW for at in tries]


def test_it_is_tried_after_5_s_30_s_2_min_10_min_30_min_1_h_3_h_then_every_6_h_up_to_three_days() -> None:
    tries = list_tries(0.0)
    pauses = [after - before for before, after in itertools.pairwise(tries)]
    assert [pause // SECOND_US for pause in pauses[:7]] == [5, 30, 120, 600, 1_800, 3_600, 10_800]
    assert set(pauses[7:-1]) == {6 * HOUR_US}
    assert tries[-1] == LASTS_US == 72 * HOUR_US
    assert len(tries) == 20


@given(dice=st.floats(0, 1, exclude_max=True), took_us=st.integers(0, 15 * SECOND_US))
def test_with_whatever_jitter_it_ends_after_three_days_and_is_never_early(dice: float, took_us: int) -> None:
    tries = list_tries(dice, took_us)
    assert LASTS_US - 15 * SECOND_US <= tries[-1] <= LASTS_US + 30 * SECOND_US
    for failures, (before, after) in enumerate(itertools.pairwise(tries[:-1]), 1):
        least = (*schedule.DELAYS_US, *[schedule.LATER_US] * 20)[failures - 1]
        assert took_us + least <= after - before <= took_us + least * (1 + JITTER) + 1


def test_a_receivers_wish_counts_where_it_is_later_and_within_the_three_days() -> None:
    assert find_next(1, NOW, NOW, 60 * SECOND_US, 0.5) == NOW + 60 * SECOND_US
    assert find_next(5, NOW, NOW, 60 * SECOND_US, 0.0) == NOW + 1_800 * SECOND_US
    last_at = NOW + LASTS_US
    assert find_next(18, NOW, last_at - HOUR_US, MAX_RETRY_AFTER_US, 0.0) == last_at
    assert find_next(19, NOW, last_at, 60 * SECOND_US, 0.0) is None


@pytest.mark.parametrize(
    ("said", "wait_us"),
    [
        (None, None),
        ("", None),
        ("120", 120 * SECOND_US),
        (" 120 ", 120 * SECOND_US),
        ("0", None),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("¹²", None),
        ("9" * 5_000, MAX_RETRY_AFTER_US),
        (format_datetime(datetime.fromtimestamp(NOW // SECOND_US + 90, UTC), usegmt=True), 90 * SECOND_US),
        (format_datetime(datetime.fromtimestamp(NOW // SECOND_US - 90, UTC), usegmt=True), None),
        ("Fri, 31 Dec 9999 23:59:59 GMT", MAX_RETRY_AFTER_US),
        ("Fri, 32 Foo 2026 23:59:59 GMT", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_a_date(said: str | None, wait_us: int | None) -> None:
    assert read_retry_after(said, NOW) == wait_us
