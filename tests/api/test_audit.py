"""Whatever changes something over /api/, or hands out a file of people, leaves a line in the audit log."""

from tests.deeds import find_actions
from turnout.api.operations import list_operations

TRIES = {"POST events/{event}/try", "POST events/{event}/replay/plan"}
"""They say what would become of something, and change nothing."""
FILES = {"GET events/{event}/exports/{export}/file"}


def test_every_operation_that_changes_something_leaves_a_line() -> None:
    """A new one fails here until it leaves its line, or is said to change nothing."""
    leaving = {f"{one.method} {one.path}" for one in list_operations() if find_actions(one.handler, "turnout.api")}
    changing = {f"{one.method} {one.path}" for one in list_operations() if one.method != "GET"}
    assert sorted(leaving ^ (changing - TRIES | FILES)) == []
