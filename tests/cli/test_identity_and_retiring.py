"""`turnout event set S identity=…` and `turnout source retire`: said first, asked, then done."""

import json
from typing import Any

import pytest

from tests.cli.conftest import Cli, person

BY_ID = ("event", "set", "spring", "identity=third_party_id")
BY_EMAIL = ("event", "set", "spring", "identity=email")


def error_of(cli: Cli, *arguments: str) -> Any:
    return json.loads(cli.run(*arguments, "--json", code=1).stderr)["error"]


def kinds(cli: Cli) -> list[str]:
    return [line["kind"] for line in cli.lines("changes", "--event", "spring")]


def test_c6_with_nobody_there_the_setting_is_just_set(cli: Cli) -> None:
    cli.make_event()
    assert cli.json("event", "show", "spring")["settings"]["identity"] == "email"
    assert cli.json(*BY_ID)["settings"]["identity"] == "third_party_id"
    assert cli.json(*BY_EMAIL)["settings"]["identity"] == "email"
    changes = [line["changes"] for line in cli.lines("changes", "--event", "spring")]
    assert changes == [
        [{"path": "settings.identity", "old": "email", "new": "third_party_id"}],
        [{"path": "settings.identity", "old": "third_party_id", "new": "email"}],
    ]


def test_c6_with_people_there_it_is_said_and_asked(cli: Cli) -> None:
    cli.make_event()
    cli.push(person("a@x.org", thirdPartyId="1"), person("b@x.org", thirdPartyId="1"), person("c@x.org"))
    said = cli.run(*BY_ID, stdin="n\n", code=1).stdout
    assert "Of 3 people here 2 have an id of a source, 1 have none." in said
    assert "Ids that several people have: 1: 1 of main (2 people)." in said
    assert "Nothing was done." in said
    assert cli.json("event", "show", "spring")["settings"]["identity"] == "email"
    cli.run(*BY_ID, stdin="y\n")
    assert cli.json("event", "show", "spring")["settings"]["identity"] == "third_party_id"
    assert "setting_changed" in kinds(cli)
    # What is so already is not asked.
    cli.run(*BY_ID)
    assert "no address belongs to several" in cli.run(*BY_EMAIL, "--yes").stdout


def test_c6_with_json_nobody_is_asked_so_it_needs_yes(cli: Cli) -> None:
    cli.make_event()
    cli.push(person("a@x.org", thirdPartyId="1"))
    assert "--yes" in error_of(cli, *BY_ID)["message"]
    assert cli.json(*BY_ID, "--yes")["settings"]["identity"] == "third_party_id"


@pytest.mark.parametrize("asked", ["--yes", "--json"])
def test_c6_there_is_no_way_back_to_addresses_that_several_people_have(cli: Cli, asked: str) -> None:
    cli.make_event("spring", "identity=third_party_id")
    cli.push(*(person(f"p{one // 2}@x.org", thirdPartyId=str(one)) for one in range(14)))
    said = cli.run(*BY_EMAIL, asked, code=1).stderr
    assert "7 addresses belong to several people each" in said
    assert "p0@x.org (2 people), p1@x.org (2 people)" in said
    assert "turnout attendees merge --event spring" in said
    assert "turnout attendees rename --event spring" in said
    assert cli.json("event", "show", "spring")["settings"]["identity"] == "third_party_id"


def test_c6_identity_is_not_a_sources(cli: Cli) -> None:
    cli.make_event()
    assert "a setting of the event" in cli.error("source", "set", "--event", "spring", "main", "identity=email")
    assert "email or third_party_id" in cli.error("event", "set", "spring", "identity=phone")


def retire(*more: str) -> tuple[str, ...]:
    return ("source", "retire", "--event", "spring", "shop", *more)


def make_shop(cli: Cli) -> None:
    cli.make_event()
    cli.run("key", "create", "--event", "spring", "--label", "Shop")
    cli.run("source", "set", "--event", "spring", "Shop", "blank=keep")
    cli.push(person("a@x.org", ["VIP"]), person("b@x.org", ["VIP"]), source="Shop")
    cli.push(person("b@x.org", ["VIP"]))


def test_retiring_is_said_asked_and_done(cli: Cli) -> None:
    make_shop(cli)
    said = cli.run(*retire(), stdin="n\n", code=1).stdout
    assert "Shop has 1 good key, which will stop at once." in said
    assert "It puts 2 people in groups or expects them." in said
    assert "1 person leaves groups that nobody else puts them in" in said
    assert "1 person is withdrawn, because nobody else expects them" in said
    assert cli.json("attendees", "list", "--event", "spring")["attendees"][0]["status"] == "attending"
    assert "setting_changed" not in kinds(cli)[3:]

    done = cli.run(*retire(), stdin="y\n").stdout
    assert "What it said of 2 people was taken back: 1 left groups, 1 were withdrawn." in done
    everybody = cli.json("attendees", "list", "--event", "spring", "--status", "all")["attendees"]
    assert {one["email"]: (one["status"], one["groups"]) for one in everybody} == {
        "a@x.org": ("withdrawn", []),
        "b@x.org": ("attending", ["VIP"]),
    }
    assert cli.json("verify", "--event", "spring")["ok"]


def test_a_retired_source_is_shown_as_such_and_keeps_its_settings(cli: Cli) -> None:
    make_shop(cli)
    answer = cli.json(*retire("--yes"))
    assert (answer["people"], answer["leftGroups"], answer["withdrawn"]) == (2, 1, 1)
    assert answer["source"]["retiredAt"]
    shown = {one["name"]: one for one in cli.json("source", "list", "--event", "spring")["sources"]}
    assert (shown["Shop"]["retiredAt"], shown["main"]["retiredAt"]) == (answer["source"]["retiredAt"], None)
    assert shown["Shop"]["settings"]["blank"] == "keep"
    assert [key["state"] for key in shown["Shop"]["keys"]] == ["revoked"]
    assert "is retired" in cli.error("key", "create", "--event", "spring", "--source", "Shop")
    assert "is retired" in cli.error("key", "create", "--event", "spring", "--label", "shop")


def test_retiring_once_more_asks_nothing_where_nothing_is_left(cli: Cli) -> None:
    make_shop(cli)
    cli.run(*retire("--yes"))
    assert "There was nothing to take back." in cli.text(*retire())
    assert cli.json(*retire())["people"] == 0


def test_retiring_with_json_needs_yes(cli: Cli) -> None:
    make_shop(cli)
    assert "--yes" in error_of(cli, *retire())["message"]
    assert "no source 'nobody'" in cli.error("source", "retire", "--event", "spring", "nobody", "--yes")


def test_what_a_retired_source_sent_is_not_replayed(cli: Cli) -> None:
    make_shop(cli)
    cli.push({"profile": {"email": "broken"}}, source="Shop", code=1)
    cli.run(*retire("--yes"))
    assert cli.json("pushes", "replay", "--event", "spring", "--failed") == {"replays": []}
    push_id = cli.json("pushes", "list", "--event", "spring")["pushes"][0]["id"]
    assert "is retired" in cli.error("pushes", "replay", push_id)
