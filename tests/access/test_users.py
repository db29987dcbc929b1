"""Users as they are set up: what changes, whom it signs out, and that somebody is always left to administer."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.access.conftest import PASSWORD, add_user
from turnout.access import sessions, sign_in, tokens, users
from turnout.errors import Conflict, InvalidRequest, NotFound, SignInFailed, TooManyAttempts
from turnout.now import now_us
from turnout.store.database import Database

NEW = "another long password"


def test_they_are_found_by_id_and_address_and_listed_by_address(database: Database) -> None:
    zoe, ann = add_user(database, "Zoe@example.org"), add_user(database, "ann@example.org", events=("evt_1", "evt_2"))
    assert users.list_all(database) == [ann, zoe]
    assert users.get(database, ann.id) == ann
    assert users.get_by_email(database, " ZOE@example.org ") == zoe
    with pytest.raises(NotFound):
        users.get(database, "usr_1")
    with pytest.raises(NotFound, match="eve@example"):
        users.get_by_email(database, "eve@example.org")


def test_a_new_role_signs_out_all_but_who_gave_it(database: Database) -> None:
    add_user(database)
    bob = add_user(database, "bob@example.org", role="viewer")
    kept, _ = sessions.begin(database, bob.id, "", "")
    sessions.begin(database, bob.id, "", "")
    changed = users.set_role(database, bob.id, "manager", but=kept.id)
    assert changed.role == "manager"
    assert users.get(database, bob.id) == changed
    assert sessions.list_of(database, bob) == [kept]
    users.set_role(database, bob.id, "manager")
    assert sessions.list_of(database, bob) == [kept]
    users.set_role(database, bob.id, "administrator")
    assert sessions.list_of(database, bob) == []


def test_only_a_viewer_sees_masked_names(database: Database) -> None:
    add_user(database)
    bob = add_user(database, "bob@example.org", role="viewer")
    assert not users.set_role(database, bob.id, "viewer", sees_personal=False).sees_personal
    assert not users.set_role(database, bob.id, "viewer").sees_personal
    for role in ("manager", "administrator"):
        with pytest.raises(InvalidRequest, match="Only a viewer"):
            users.set_role(database, bob.id, role, sees_personal=False)
    assert not users.get(database, bob.id).sees_personal
    assert users.set_role(database, bob.id, "manager").sees_personal
    with pytest.raises(InvalidRequest, match="no role"):
        users.set_role(database, bob.id, "Viewer")


def test_events_are_given_in_place_of_those_before(database: Database) -> None:
    bob = add_user(database, "bob@example.org", role="viewer", events=("evt_1",))
    eve = add_user(database, "eve@example.org", role="viewer", events=("evt_1",))
    _, cookie = sessions.begin(database, bob.id, "", "")
    assert users.set_events(database, bob.id, ["evt_2", "evt_3", "evt_2"]).events == {"evt_2", "evt_3"}
    found = sessions.find(database, cookie, now_us())
    assert found is not None
    assert found[1].events == {"evt_2", "evt_3"}
    everywhere = users.set_events(database, bob.id, [], all_events=True)
    assert (everywhere.all_events, everywhere.events) == (True, frozenset())
    assert not users.set_events(database, bob.id, []).all_events
    assert users.get(database, eve.id).events == {"evt_1"}
    with pytest.raises(NotFound):
        users.set_events(database, "usr_1", [])


def test_who_is_disabled_is_out_at_once_and_comes_back(database: Database) -> None:
    add_user(database)
    bob = add_user(database, "bob@example.org", role="viewer")
    _, cookie = sessions.begin(database, bob.id, "", "")
    token = tokens.create(database, bob.id, "script").text
    disabled = users.disable(database, bob.id)
    assert disabled.disabled_at is not None
    assert users.disable(database, bob.id) == disabled
    assert sessions.find(database, cookie, now_us()) is None
    assert tokens.find(database, token) is None
    with pytest.raises(SignInFailed):
        sign_in.sign_in(database, bob.email, PASSWORD, "", "")
    enabled = users.enable(database, bob.id)
    assert enabled.is_active
    assert sessions.find(database, cookie, now_us()) is None
    assert tokens.find(database, token) == enabled
    sign_in.sign_in(database, bob.email, PASSWORD, "", "")


def test_the_last_administrator_stays_one(database: Database) -> None:
    ann = add_user(database)
    bob = add_user(database, "bob@example.org")
    add_user(database, "eve@example.org", role="manager", all_events=True)
    users.disable(database, bob.id)
    for lose in (lambda: users.disable(database, ann.id), lambda: users.set_role(database, ann.id, "manager")):
        with pytest.raises(Conflict, match="last administrator"):
            lose()
    assert users.get(database, ann.id) == ann
    users.set_role(database, bob.id, "viewer")
    users.set_role(database, ann.id, "administrator")
    users.enable(database, bob.id)
    users.set_role(database, bob.id, "administrator")
    users.disable(database, ann.id)


@pytest.mark.parametrize("way", ["disable", "set_role"])
def test_two_administrators_who_end_each_other_at_once_do_not_both_succeed(database: Database, way: str) -> None:
    ids = [add_user(database, f"x{number}@example.org").id for number in range(4)]

    def end(user_id: str) -> bool:
        try:
            if way == "disable":
                users.disable(database, user_id)
            else:
                users.set_role(database, user_id, "viewer")
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(end, ids)) == [False, True, True, True]
    left = [user for user in users.list_all(database) if user.is_active and user.role == "administrator"]
    assert len(left) == 1


def test_a_new_password_needs_the_present_one_and_ends_the_other_sessions(database: Database) -> None:
    ann = add_user(database)
    here, _ = sessions.begin(database, ann.id, "", "")
    sessions.begin(database, ann.id, "", "")
    with pytest.raises(InvalidRequest, match="present password"):
        users.change_password(database, ann.id, "something else", NEW, but=here.id)
    with pytest.raises(InvalidRequest, match="at least"):
        users.change_password(database, ann.id, PASSWORD, "short", but=here.id)
    assert len(sessions.list_of(database, ann)) == 2
    users.change_password(database, ann.id, PASSWORD, NEW, but=here.id)
    assert sessions.list_of(database, ann) == [here]
    sign_in.sign_in(database, ann.email, NEW, "", "")
    with pytest.raises(SignInFailed):
        sign_in.sign_in(database, ann.email, PASSWORD, "", "")


def test_who_guesses_the_present_password_is_slowed_down(database: Database, pass_time: Callable[[int], None]) -> None:
    ann = add_user(database)
    for _ in range(sign_in.FREE):
        with pytest.raises(InvalidRequest):
            users.change_password(database, ann.id, "something else", NEW, address="192.0.2.1")
    with pytest.raises(TooManyAttempts):
        users.change_password(database, ann.id, PASSWORD, NEW, address="192.0.2.2")


def test_a_name_is_one_line(database: Database) -> None:
    ann = add_user(database)
    assert users.rename(database, ann.id, " Ann Lee ").name == "Ann Lee"
    for wrong in ("", "  ", "a\nb", "a\0", "x" * 256, "\ud800"):
        with pytest.raises(InvalidRequest):
            users.rename(database, ann.id, wrong)
    assert users.get(database, ann.id).name == "Ann Lee"


def test_what_a_change_altered_is_told_and_nothing_else(database: Database) -> None:
    add_user(database)
    bob = add_user(database, "bob@example.org", role="viewer", events=("evt_1",))
    manager = users.set_role(database, bob.id, "manager")
    assert users.describe_change(bob, manager) == ({"role": "viewer"}, {"role": "manager"})
    moved = users.set_events(database, bob.id, ["evt_2"])
    assert users.describe_change(manager, moved) == ({"events": ["evt_1"]}, {"events": ["evt_2"]})
