"""How long the end of the log is left alone between two looks. By figures, not by the clock."""

from turnout.downstream.following.tail import find_pause


def settle(lines_a_second: int, waiters: int, pause_s: float) -> float:
    """The pause in the long run, where lines come so fast, and it began with this one."""
    for _ in range(50):
        pause_s = find_pause(int(lines_a_second * pause_s), waiters)
    return pause_s


def test_a_burst_keeps_nobody_waiting_who_comes_behind_it() -> None:
    for lines_a_second in (10, 500, 2_500):
        assert settle(lines_a_second, 1, pause_s=find_pause(1_000, 1)) < 0.001


def test_where_lines_come_by_the_thousand_they_come_in_few_batches_whoever_follows() -> None:
    for waiters in (1, 10, 100, 1_000):
        assert 0.05 < settle(7_000, waiters, pause_s=0.01) < 0.1


def test_no_line_waits_long_for_others() -> None:
    assert find_pause(1_000_000, 1_000_000) < 0.1
