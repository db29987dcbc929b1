"""`turnout key`."""

from typing import Any

import pytest

from tests.cli.conftest import Cli, person
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


def read_keys(cli: Cli) -> list[dict[str, Any]]:
    return [key for key in cli.json("key", "list", "--event", "spring")["keys"] if key["scope"] == "read"]


def make_people(cli: Cli) -> str:
    """An event with groups and a custom field; gives its push key."""
    key = cli.make_event()
    body = person("ada@example.org", ["Speakers", "Press, TV", "Crew"], firstName="Ada")
    body["profile"]["customFields"] = [{"fieldName": "Shoe size", "fieldValue": "43"}]
    cli.push(body)
    return key


def test_a_read_key_is_limited_to_groups_and_fields(cli: Cli) -> None:
    make_people(cli)
    create = ("key", "create", "--event", "spring", "--scope", "read")
    cli.run(*create, "--groups", "crew, SPEAKERS", "--fields", "shoe size,profile.lastName,firstName,email")
    cli.run(*create, "--groups", "Press, TV", "--groups", "Crew", "--fields", "profile.customFields.Shoe size")
    cli.run(*create)
    limited, with_comma, unlimited = read_keys(cli)
    assert limited["groups"] == ["Speakers", "Crew"]
    assert limited["fields"] == ["email", "firstName", "lastName", "Shoe size"]
    assert (with_comma["groups"], with_comma["fields"]) == (["Press, TV", "Crew"], ["Shoe size"])
    assert (unlimited["groups"], unlimited["fields"]) == (None, None)
    assert "everybody" in cli.text(*create)


def test_a_limited_key_goes_on_when_a_name_changes_and_when_it_is_rotated(cli: Cli) -> None:
    make_people(cli)
    cli.run("key", "create", "--event", "spring", "--scope", "read", "--groups", "Crew", "--fields", "Shoe size")
    cli.run("group", "rename", "--event", "spring", "Crew", "Helpers")
    cli.run("field", "rename", "--event", "spring", "Shoe size", "Size")
    (key,) = read_keys(cli)
    assert (key["groups"], key["fields"]) == (["Helpers"], ["Size"])
    made = cli.json("key", "rotate", key["id"])
    assert [(key["groups"], key["fields"]) for key in read_keys(cli)] == [(["Helpers"], ["Size"])] * 2
    checked = cli.json("key", "check", stdin=made["key"])
    assert (checked["groups"], checked["fields"]) == (["Helpers"], ["Size"])
    assert "It sees who is in Helpers. It shows Size." in cli.text("key", "check", stdin=made["key"])


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--groups", "Speekers"), 'Did you mean Speakers? There are: "Speakers", "Press, TV", "Crew".'),
        (("--groups", "Nobody"), "has no group 'Nobody'"),
        (("--groups", ""), "names no group"),
        (("--groups", ","), "names no group"),
        (("--fields", " "), "names no field"),
        (("--fields", "firstNam"), "Did you mean firstName?"),
        (("--fields", "Shoe"), "Shoe size"),
        (("--scope", "push", "--fields", "firstName"), "Add --scope read"),
        (("--scope", "push", "--groups", ""), "Add --scope read"),
    ],
)
def test_a_limit_that_cannot_be_meant_is_explained_and_no_key_is_made(
    cli: Cli, options: tuple[str, ...], says: str
) -> None:
    make_people(cli)
    assert says in cli.error("key", "create", "--event", "spring", "--scope", "read", *options)
    assert read_keys(cli) == []


def test_the_read_keys_of_an_archived_event_are_good(cli: Cli) -> None:
    push_key = cli.make_event()
    key = cli.json("key", "create", "--event", "spring", "--scope", "read")["key"]
    assert "read keys go on reading" in cli.text("event", "archive", "spring")
    assert cli.json("key", "check", stdin=key)["state"] == "good"
    assert cli.json("key", "check", code=1, stdin=push_key)["state"] == "archived"


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
