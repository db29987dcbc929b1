"""What an answer says of what nobody can know."""

import json

import pytest

from turnout.errors import StorageUnavailable
from turnout.feed.receipt import render_error
from turnout.store.database import OutcomeUnknown


@pytest.mark.parametrize(
    ("kind", "says"), [(StorageUnavailable, "Nothing of it was stored."), (OutcomeUnknown, "It may have been stored")]
)
def test_an_answer_says_nothing_was_stored_where_that_is_certain_and_else_that_it_may_have_been(
    kind: type[StorageUnavailable], says: str
) -> None:
    answer = render_error(kind("The way broke."), precise=True, problems_url="")
    [problem] = json.loads(answer.body)["errors"]
    assert says in problem["help"]
    assert "Send the same again" in problem["help"]
