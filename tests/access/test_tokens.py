"""Personal tokens: shown once, good for what their user may, until they are revoked or over."""

from collections.abc import Callable

import pytest

from tests.access.conftest import DAY_US, MINUTE_US, add_user
from tests.databases import list_rows
from turnout.access import tokens, users
from turnout.errors import Conflict, InvalidRequest, NotFound
from turnout.store.database import Database


def test_only_the_token_itself_is_let_in_as_its_user(database: Database) -> None:
    ann, bob = add_user(database), add_user(database, "bob@example.org")
    issued = tokens.create(database, ann.id, " Nightly report ")
    other = tokens.create(database, bob.id, "x").text
    assert issued.token.name == "Nightly report"
    assert tokens.find(database, issued.text) == ann
    assert tokens.find(database, other) == bob
    _, token_id, secret = issued.text.split("_")
    for wrong in (
        "",
        issued.text[:-1],
        issued.text + "x",
        issued.text + "\n",
        issued.text.replace("trt_", "trn_"),
        f"trt_{token_id}_{other.split('_')[2]}",
        f"trt_{other.split('_')[1]}_{secret}",
        issued.text[:-1] + ("a" if issued.text[-1] != "a" else "b"),
        issued.text.swapcase(),
        "\0" + issued.text,
    ):
        assert tokens.find(database, wrong) is None, wrong


def test_no_token_can_be_made_of_what_is_stored(database: Database) -> None:
    text = tokens.create(database, add_user(database).id, "x").text
    assert text.split("_")[2][:32].encode() not in b"\n".join(list_rows(database))


def test_tokens_end_in_time_and_by_hand_and_nobody_elses(database: Database, pass_time: Callable[[int], None]) -> None:
    ann, bob = add_user(database), add_user(database, "bob@example.org")
    short = tokens.create(database, ann.id, "short", DAY_US)
    long = tokens.create(database, ann.id, "long")
    assert [one.name for one in tokens.list_of(database, ann)] == ["long", "short"]
    pass_time(DAY_US - 1_000_000)
    assert tokens.find(database, short.text) == ann
    pass_time(1_000_000)
    assert tokens.find(database, short.text) is None
    with pytest.raises(NotFound):
        tokens.revoke(database, bob.id, long.token.id)
    assert tokens.find(database, long.text) == ann
    tokens.revoke(database, ann.id, long.token.id)
    (revoked, _) = tokens.list_of(database, ann)
    pass_time(MINUTE_US)
    tokens.revoke(database, ann.id, long.token.id)
    assert tokens.list_of(database, ann)[0].revoked_at == revoked.revoked_at
    assert tokens.find(database, long.text) is None


def test_the_last_use_is_written_once_a_minute(database: Database, pass_time: Callable[[int], None]) -> None:
    ann = add_user(database)
    text = tokens.create(database, ann.id, "x").text

    def last_use() -> int | None:
        tokens.find(database, text)
        return tokens.list_of(database, ann)[0].last_used_at

    assert tokens.list_of(database, ann)[0].last_used_at is None
    first = last_use()
    assert first is not None
    pass_time(MINUTE_US // 2)
    assert last_use() == first
    pass_time(MINUTE_US)
    later = last_use()
    assert later is not None
    assert later >= first + MINUTE_US


def test_what_cannot_be_meant_makes_none(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    ann = add_user(database)
    for name, expires_in_us in (("", None), ("a\0", None), ("x", 0), ("x", -1)):
        with pytest.raises(InvalidRequest):
            tokens.create(database, ann.id, name, expires_in_us)
    with pytest.raises(NotFound):
        tokens.create(database, "usr_1", "x")
    monkeypatch.setattr(tokens, "MAX_TOKENS", 2)
    first, _ = (tokens.create(database, ann.id, "x") for _ in range(2))
    with pytest.raises(Conflict):
        tokens.create(database, ann.id, "x")
    tokens.revoke(database, ann.id, first.token.id)
    tokens.create(database, ann.id, "x")


def test_a_slip_is_explained(database: Database) -> None:
    text = tokens.create(database, add_user(database).id, "x").text
    assert tokens.explain_mistyped(text) is None
    assert "gateway" in (tokens.explain_mistyped("trn_1_2") or "")
    assert "begin with trt_" in (tokens.explain_mistyped("Bearer x") or "")
    for wrong in (text[:-1], text[:40] + "0" + text[41:] if text[40] != "0" else text[:40] + "1" + text[41:]):
        assert "mistyped" in (tokens.explain_mistyped(wrong) or "")


def test_a_token_of_somebody_with_another_role_is_of_that_role(database: Database) -> None:
    add_user(database)
    bob = add_user(database, "bob@example.org")
    text = tokens.create(database, bob.id, "x").text
    users.set_role(database, bob.id, "viewer")
    found = tokens.find(database, text)
    assert found is not None
    assert found.role == "viewer"
