"""`turnout attendees pin, remove, rename, group, merge, erase` and `turnout suppressed`."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Cli, person
from turnout.feed.by_hand.hand_in import name_actor

JOHN = "john@x.org"
SPRING = ("--event", "spring")


@pytest.fixture
def spring(cli: Cli) -> Cli:
    cli.make_event()
    cli.run("key", "create", *SPRING, "--label", "Shop")
    cli.push(
        {
            "profile": {
                "email": JOHN,
                "title": "CTO",
                "thirdPartyId": "1",
                "customFields": [{"fieldName": "Shoe size", "fieldValue": "43"}],
            },
            "eventInfo": {"groups": {"groupNames": ["VIP"]}},
        }
    )
    return cli


def test_a_field_is_pinned_and_unpinned(spring: Cli) -> None:
    done = spring.json("attendees", "pin", *SPRING, JOHN, "profile.title")
    (line,) = done["changes"]
    assert done["changes"] == spring.lines("changes", *SPRING)[1:]
    assert (line["sequence"], line["kind"], line["email"], line["pushId"], line["source"], line["changes"]) == (
        2,
        "updated",
        JOHN,
        None,
        "console",
        [],
    )
    assert done["attendee"] == spring.json("attendees", "get", *SPRING, JOHN)
    assert done["attendee"]["pinned"] == ["profile.title"]
    assert spring.json("attendees", "pin", *SPRING, JOHN, "profile.title")["changes"] == []
    spring.push(person(JOHN, title="CEO"))
    assert spring.json("attendees", "get", *SPRING, JOHN)["profile"]["title"] == "CTO"
    assert "profile.title unpinned" in spring.text("attendees", "unpin", *SPRING, JOHN, "profile.title")
    assert "nothing changed" in spring.text("attendees", "unpin", *SPRING, JOHN, "profile.title")
    spring.push(person(JOHN, title="CFO"))
    assert spring.json("attendees", "get", *SPRING, JOHN)["profile"]["title"] == "CFO"


def test_a_custom_field_is_pinned_by_its_name(spring: Cli) -> None:
    done = spring.json("attendees", "pin", *SPRING, JOHN, "--custom-field", "shoe SIZE")
    assert done["attendee"]["pinned"] == ["profile.customFields.Shoe size"]
    assert spring.json("attendees", "unpin", *SPRING, JOHN, "--custom-field", "Shoe size")["attendee"]["pinned"] == []
    assert "no custom field 'Diet'" in spring.error("attendees", "pin", *SPRING, JOHN, "--custom-field", "Diet")
    assert "no field 'profile.jobTitel'" in spring.error("attendees", "pin", *SPRING, JOHN, "profile.jobTitel")
    spring.run("attendees", "pin", *SPRING, JOHN, code=2)
    spring.run("attendees", "pin", *SPRING, JOHN, "profile.title", "--custom-field", "Diet", code=2)


def test_somebody_is_removed_and_brought_back(spring: Cli) -> None:
    done = spring.json("attendees", "remove", *SPRING, JOHN)
    assert [line["kind"] for line in done["changes"]] == ["withdrawn"]
    assert done["changes"][0]["changes"] == [{"path": "status", "old": "attending", "new": "withdrawn"}]
    assert done["attendee"]["status"] == "withdrawn"
    assert spring.json("attendees", "list", *SPRING)["attendees"] == []
    assert "Removed" in spring.text("attendees", "get", *SPRING, JOHN)
    assert spring.json("attendees", "remove", *SPRING, JOHN)["changes"] == []
    done = spring.json("attendees", "remove", "--undo", *SPRING, JOHN)
    assert ([line["kind"] for line in done["changes"]], done["attendee"]["status"]) == (["returned"], "attending")


def test_an_address_is_changed_and_the_old_one_leads_there(spring: Cli) -> None:
    done = spring.json("attendees", "rename", *SPRING, JOHN, "johnny@x.org")
    assert done["changes"][0]["changes"] == [{"path": "profile.email", "old": JOHN, "new": "johnny@x.org"}]
    for reference in (JOHN, "johnny@x.org", done["attendee"]["id"]):
        shown = spring.json("attendees", "get", *SPRING, reference)
        assert (shown["email"], shown["aliases"]) == ("johnny@x.org", [JOHN])
    assert "Known as" in spring.text("attendees", "get", *SPRING, JOHN)
    spring.push(person("jane@x.org"))
    assert "somebody else" in spring.error("attendees", "rename", *SPRING, JOHN, "jane@x.org")
    assert "not an e-mail address" in spring.error("attendees", "rename", *SPRING, JOHN, "jane")


def test_somebody_is_held_in_and_out_of_groups(spring: Cli) -> None:
    done = spring.json("attendees", "group", *SPRING, JOHN, "Press", "in")
    assert done["attendee"]["groups"] == ["VIP", "Press"]
    assert spring.json("attendees", "group", *SPRING, JOHN, "vip", "out")["attendee"]["groups"] == ["Press"]
    spring.push(person(JOHN, ["VIP"]))
    shown = spring.text("attendees", "get", *SPRING, JOHN)
    assert "VIP (out), Press (in)" in shown
    explained = spring.json("attendees", "get", *SPRING, JOHN, "--explain")
    assert explained["origins"]["groups"] == {"Press": ["console"]}
    assert spring.json("attendees", "group", *SPRING, JOHN, "VIP", "release")["attendee"]["groups"] == ["VIP", "Press"]
    assert "no group 'Crew'" in spring.error("attendees", "group", *SPRING, JOHN, "Crew", "out")
    spring.run("attendees", "group", *SPRING, JOHN, "VIP", "maybe", code=2)


def test_a_held_group_does_not_hide_what_sources_say(spring: Cli) -> None:
    spring.push(person("jane@x.org", ["Crew"]))
    spring.run("attendees", "group", *SPRING, JOHN, "Press", "in")
    spring.run("attendees", "group", *SPRING, JOHN, "VIP", "out")
    spring.run("attendees", "group", *SPRING, JOHN, "Crew", "out")
    shown = spring.text("attendees", "get", *SPRING, JOHN, "--explain")
    assert "VIP    held out by staff; main says in\n" in shown
    spring.push(person(JOHN, ["VIP", "Press"]), source="Shop")
    spring.run("attendees", "group", *SPRING, JOHN, "Crew", "in")
    shown = spring.text("attendees", "get", *SPRING, JOHN, "--explain")
    assert "VIP    held out by staff; main, Shop say in\n" in shown
    assert "Press  held in by staff; Shop says in\n" in shown
    assert "Crew   held in by staff\n" in shown
    spring.run("attendees", "group", *SPRING, JOHN, "VIP", "release")
    assert "VIP    main, Shop\n" in spring.text("attendees", "get", *SPRING, JOHN, "--explain")
    origins = spring.json("attendees", "get", *SPRING, JOHN, "--explain")["origins"]
    assert origins["groups"] == {"VIP": ["main", "Shop"], "Press": ["Shop", "console"], "Crew": ["console"]}


def test_where_nobody_can_be_asked_the_error_says_yes(spring: Cli) -> None:
    error = json.loads(spring.error("attendees", "erase", *SPRING, JOHN, "--json"))["error"]
    assert error["code"] == "invalid_request"
    assert "needs --yes" in error["message"]
    assert error["help"] == "Say --yes to do it, or leave --json out to be asked."
    assert spring.json("attendees", "get", *SPRING, JOHN)["email"] == JOHN


def test_two_are_merged_after_a_question(spring: Cli) -> None:
    spring.push(
        {
            "profile": {
                "email": "jd@x.org",
                "phone": "555",
                "title": "CEO",
                "thirdPartyId": "2",
                "customFields": [{"fieldName": "Diet", "fieldValue": "vegan"}],
            },
            "eventInfo": {"groups": {"groupNames": ["Press"]}},
        }
    )
    other = spring.json("attendees", "get", *SPRING, "jd@x.org")["id"]
    spring.run("attendees", "pin", *SPRING, "jd@x.org", "profile.phone")
    spring.run("attendees", "group", *SPRING, "jd@x.org", "Crew", "in")
    command = ("attendees", "merge", *SPRING, "jd@x.org", JOHN)
    asked = spring.run(*command, code=1, stdin="n\n").stdout
    for said in (
        'profile.phone: – → "555"',
        'Diet: – → "vegan"',
        "groups, as main says: Press",
        "held in the group Crew",
        "pinned: profile.phone",
        "main's id: 2",
        "addresses: jd@x.org",
        "cannot be undone",
        "Nothing was done.",
    ):
        assert said in asked
    assert "title" not in asked
    assert "--yes" in spring.error(*command, "--json")
    before = len(spring.lines("changes", *SPRING))
    done = spring.json(*command, "--yes")
    assert [(line["kind"], line["attendeeId"] == other) for line in done["changes"]] == [
        ("merged", True),
        ("merged", False),
    ]
    assert done["changes"] == spring.lines("changes", *SPRING, "--after", str(before))
    assert {"path": "mergedInto", "old": None, "new": done["attendee"]["id"]} in done["changes"][0]["changes"]
    for reference in ("jd@x.org", other):
        assert spring.json("attendees", "get", *SPRING, reference)["id"] == done["attendee"]["id"]
    for status in ("attending", "all"):
        (one,) = spring.json("attendees", "list", *SPRING, "--status", status)["attendees"]
        assert one["email"] == JOHN
    assert "nothing changed" in spring.text(*command)
    spring.run("verify")


def test_the_history_shows_who_decided_what(spring: Cli) -> None:
    spring.run("attendees", "pin", *SPRING, JOHN, "profile.title")
    spring.run("attendees", "remove", *SPRING, JOHN)
    spring.run("attendees", "group", *SPRING, JOHN, "Press", "in")
    spring.run("attendees", "group", *SPRING, JOHN, "Press", "release")
    shown = spring.text("attendees", "get", *SPRING, JOHN, "--explain")
    for said in ("profile.title pinned", "removed", "held in the group Press", "released in the group Press"):
        assert said in shown
        assert said in spring.text("changes", *SPRING)
    # The first line is of a push by hand.
    assert shown.count(name_actor()) == 5


def test_an_erasure_says_what_goes_and_asks(spring: Cli, tmp_path: Path) -> None:
    spring.push(person(JOHN, motto="zqmotto"), source="Shop")
    spring.push(person("jane@x.org"))
    command = ("attendees", "erase", *SPRING, JOHN)
    asked = spring.run(*command, code=1, stdin="n\n").stdout
    for said in (f"addresses: {JOHN}", "the values in 2 changes", "what 2 pushes said", "bring", "main, Shop"):
        assert said in asked
    assert "--yes" in spring.error(*command, "--json")
    assert spring.json("attendees", "get", *SPRING, JOHN)["profile"]["motto"] == "zqmotto"
    erased = spring.json(*command, "--yes")
    assert erased["attendee"] is None
    assert [(line["kind"], line["email"], line["changes"]) for line in erased["changes"]] == [("erased", None, [])]
    assert erased["erased"] == {
        "attendees": 1,
        "changes": 2,
        "pushes": 2,
        "suppressed": ["main", "Shop"],
        "wiped": True,
    }
    assert "Nobody at spring has the address" in spring.error("attendees", "get", *SPRING, JOHN)
    assert "Nobody at spring" in spring.error(*command, "--yes")
    assert [line["email"] for line in spring.lines("changes", *SPRING)] == [None, None, "jane@x.org", None]
    assert b"zqmotto" not in b"".join(file.read_bytes() for file in tmp_path.iterdir())
    spring.run("verify")


def test_an_erasure_is_said_to_people_too(spring: Cli) -> None:
    said = spring.run("attendees", "erase", *SPRING, JOHN, stdin="y\n").stdout
    assert "Erased: 1 change and 1 push without values now." in said


def test_suppressions_are_listed_and_lifted(spring: Cli) -> None:
    assert spring.json("suppressed", "list", *SPRING) == {"suppressed": []}
    assert "Nobody is suppressed" in spring.text("suppressed", "list", *SPRING)
    spring.push(person(JOHN), source="Shop")
    spring.run("attendees", "erase", *SPRING, JOHN, "--yes")
    (one,) = spring.json("suppressed", "list", *SPRING)["suppressed"]
    assert (one["sources"], one["actor"]) == (["main", "Shop"], name_actor())
    listed = spring.text("suppressed", "list", *SPRING)
    assert one["digest"] in listed
    assert JOHN not in listed
    assert spring.push(person(JOHN))["suppressed"] == 1
    assert spring.json("suppressed", "lift", *SPRING, f" {JOHN.upper()}")["sources"] == ["main", "Shop"]
    assert spring.json("suppressed", "list", *SPRING) == {"suppressed": []}
    assert "No source is kept from bringing" in spring.error("suppressed", "lift", *SPRING, JOHN)
    assert spring.push(person(JOHN))["created"] == 1


def test_nobody_to_act_upon_is_told_in_a_sentence(spring: Cli) -> None:
    for arguments in (("remove",), ("erase", "--yes"), ("merge",), ("rename",)):
        more = {"merge": [JOHN], "rename": ["a@x.org"]}.get(arguments[0], [])
        said = spring.error("attendees", *arguments, *SPRING, "nobody@x.org", *more)
        assert said == "Error: Nobody at spring has the address nobody@x.org.\n"
    assert "There is no event autumn" in spring.error("attendees", "remove", "--event", "autumn", JOHN)
