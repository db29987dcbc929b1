"""`turnout key`."""

import pytest

from tests.cli.conftest import Cli
from turnout.cli.durations import Duration
from turnout.store.refusals import Refusal, add_refusals


def test_a_label_makes_a_source_and_its_key(cli: Cli) -> None:
    cli.make_event()
    made = cli.json("key", "create", "--event", "spring", "--label", "Ticket shop")
    assert made.keys() == {"id", "key"}
    _, key = cli.json("key", "list", "--event", "spring")["keys"]
    assert key["id"] == made["id"]
    assert (key["label"], key["source"], key["scope"], key["state"]) == ("Ticket shop", "Ticket shop", "push", "good")
    assert key["expiresAt"] is None


def test_another_key_of_a_source_is_of_that_source(cli: Cli) -> None:
    cli.make_event()
    cli.run("key", "create", "--event", "spring", "--label", "Shop")
    cli.run("key", "create", "--event", "spring", "--source", "shop")
    cli.run("key", "create", "--event", "spring")
    assert [key["source"] for key in cli.json("key", "list", "--event", "spring")["keys"]] == [
        "main",
        "Shop",
        "Shop",
        "main",
    ]


def test_a_read_key_belongs_to_the_event(cli: Cli) -> None:
    cli.make_event()
    cli.run("key", "create", "--event", "spring", "--scope", "read", "--label", "Wall", "--expires", "90d")
    key = cli.json("key", "list", "--event", "spring")["keys"][1]
    assert (key["source"], key["scope"], key["label"]) == (None, "read", "Wall")
    assert key["expiresAt"] > key["createdAt"]


def test_a_rotated_key_is_good_for_the_overlap(cli: Cli) -> None:
    cli.make_event()
    (first,) = cli.json("key", "list", "--event", "spring")["keys"]
    made = cli.json("key", "rotate", first["id"], "--overlap", "24h")
    assert made.keys() == {"id", "key"}
    assert [key["state"] for key in cli.json("key", "list", "--event", "spring")["keys"]] == ["good", "good"]
    cli.run("key", "rotate", made["id"])
    assert [key["state"] for key in cli.json("key", "list", "--event", "spring")["keys"]] == ["good", "expired", "good"]


def test_a_revoked_key_is_good_no_longer(cli: Cli) -> None:
    cli.make_event()
    (first,) = cli.json("key", "list", "--event", "spring")["keys"]
    assert cli.json("key", "revoke", first["id"])["state"] == "revoked"
    assert cli.json("key", "list", "--event", "spring")["keys"][0]["state"] == "revoked"
    assert "revoked or expired" in cli.error("key", "rotate", first["id"])
    assert "no key key_0" in cli.error("key", "revoke", "key_0")


def test_a_key_is_said_whose_it_is(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    key = cli.make_event()
    checked = cli.json("key", "check", stdin=f"{key}\n")
    assert (checked["state"], checked["event"], checked["source"], checked["scope"]) == (
        "good",
        "spring",
        "main",
        "push",
    )
    assert key not in str(checked)
    monkeypatch.setenv("TURNOUT_KEY", key)
    assert "The key is good" in cli.text("key", "check", "--event", "spring")


def test_it_is_said_what_is_wrong_with_a_key(cli: Cli) -> None:
    key = cli.make_event()
    other = cli.make_event("autumn")
    wrong = key[:-8] + ("A" if key[-8] != "A" else "B") + key[-7:]
    for given, state in ((wrong, "mistyped"), (key[:-1], "mistyped"), ("hello", "mistyped"), ("", "missing")):
        assert cli.json("key", "check", code=1, stdin=given)["state"] == state
    assert cli.json("key", "check", "--event", "spring", code=1, stdin=other)["state"] == "other_event"
    cli.run("event", "archive", "autumn")
    assert cli.json("key", "check", code=1, stdin=other)["state"] == "archived"
    (first,) = cli.json("key", "list", "--event", "spring")["keys"]
    cli.run("key", "revoke", first["id"])
    assert cli.json("key", "check", code=1, stdin=key)["state"] == "revoked"


def test_a_key_of_another_server_is_unknown(cli: Cli, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = cli.make_event()
    monkeypatch.setenv("TURNOUT_DATABASE_URL", f"sqlite:///{tmp_path / 'other.db'}")
    cli.make_event()
    assert cli.json("key", "check", code=1, stdin=key)["state"] == "unknown"


def test_it_is_listed_who_was_refused(cli: Cli) -> None:
    cli.make_event()
    event_id = cli.json("event", "list")["events"][0]["id"]
    database = cli.open()
    with database.write() as connection:
        add_refusals(connection, [Refusal(event_id, "203.0.113.7", "", 3, 1_000_000, 2_000_000)])
    database.close()
    assert cli.json("key", "refusals", "--event", "spring")["refusals"] == [
        {
            "address": "203.0.113.7",
            "keyId": None,
            "count": 3,
            "firstAt": "1970-01-01T00:00:01.000000Z",
            "lastAt": "1970-01-01T00:00:02.000000Z",
        }
    ]


@pytest.mark.parametrize(
    ("text", "seconds"), [("90d", 7_776_000), ("24h", 86_400), ("30m", 1_800), ("45s", 45), ("0", 0)]
)
def test_spans_of_time_are_read(text: str, seconds: int) -> None:
    assert Duration().convert(text, None, None) == seconds * 1_000_000
