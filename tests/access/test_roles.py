"""Who may do what, as a table; and what holds for everybody."""

from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.access.roles import mask, may, visible_events
from turnout.model.event import Event
from turnout.model.policy import Policy
from turnout.model.user import ROLES, Need, Role, User

HIS, OTHER = "evt_his", "evt_other"


def make_user(role: Role, *, events: tuple[str, ...] = (HIS,), all_events: bool = False) -> User:
    return User(
        id="usr_1",
        email="ann@example.org",
        name="Ann",
        role=role,
        sees_personal=True,
        all_events=all_events,
        events=frozenset(events),
        has_password=True,
        subject=None,
        created_at=1,
    )


# role, then whether that is allowed: everybody, user, viewer and manager of an event of his, of another, of none,
# administrator.
TABLE = """
    nobody          +  -   - -   - -   - -  -
    viewer          +  +   + -   - -   - -  -
    manager         +  +   + +   - -   - -  -
    administrator   +  +   + +   + +   + +  +
"""
_EVENT_NEEDS: tuple[Need, ...] = ("viewer", "manager")
COLUMNS: list[tuple[Need, str | None]] = [
    ("everybody", None),
    ("user", None),
    *[(need, event) for event in (HIS, OTHER, None) for need in _EVENT_NEEDS],
    ("administrator", None),
]
ROWS = [line.split() for line in TABLE.strip().splitlines()]


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_each_role_may_what_the_table_says(row: list[str]) -> None:
    name, *signs = row
    user = next((make_user(role) for role in ROLES if role == name), None)
    assert ["+" if may(user, need, event) else "-" for need, event in COLUMNS] == signs


def test_who_has_all_events_has_those_to_come_and_no_more_than_the_role() -> None:
    for role in ("viewer", "manager"):
        user = make_user(role, events=(), all_events=True)
        assert may(user, "viewer", OTHER)
        assert may(user, "manager", OTHER) == (role == "manager")
        assert not may(user, "administrator", OTHER)
        assert not may(user, "viewer", "")


needs = st.sampled_from(get_args(Need.__value__ if hasattr(Need, "__value__") else Need))
users = st.builds(
    make_user,
    st.sampled_from(ROLES),
    events=st.lists(st.sampled_from([HIS, OTHER]), max_size=2).map(tuple),
    all_events=st.booleans(),
)
events = st.sampled_from([HIS, OTHER, "", None])


@given(users, needs, events)
def test_who_is_disabled_is_nobody(user: User, need: Need, event_id: str | None) -> None:
    assert may(msgspec.structs.replace(user, disabled_at=1), need, event_id) == may(None, need, event_id)


@given(users, events)
def test_whoever_may_more_may_less(user: User, event_id: str | None) -> None:
    allowed = [may(user, need, event_id) for need in ("administrator", "manager", "viewer", "user", "everybody")]
    assert allowed == sorted(allowed)


@given(users)
def test_the_events_that_are_seen_are_those_that_may_be_seen(user: User) -> None:
    made = [Event(id=one, slug=one[4:], name=one, policy=Policy(), created_at=1) for one in (OTHER, HIS)]
    seen = visible_events(user, made)
    assert seen == [one for one in made if may(user, "viewer", one.id)]
    assert visible_events(None, made) == []


@pytest.mark.parametrize(
    ("text", "masked"),
    [("Ann Lee", "A… L…"), ("ann.lee@example.org", "a…@e…"), ("", ""), ("Ö", "Ö…"), ("  Ann  ", "A…"), ("@", "@…")],
)
def test_a_masked_text_shows_initials_alone(text: str, masked: str) -> None:
    assert mask(text) == masked


@given(st.text())
def test_any_text_can_be_masked(text: str) -> None:
    assert all(len(word) <= 5 for word in mask(text).split())
