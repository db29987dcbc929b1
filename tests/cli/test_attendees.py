"""`turnout attendees`."""

from tests.cli.conftest import Cli, person
from turnout.model.attendee import PROFILE_FIELDS


def test_an_attendee_is_shown_with_all_fields(cli: Cli) -> None:
    cli.make_event()
    cli.push(
        {
            "profile": {
                "email": "John.Doe@example.com",
                "title": "CTO",
                "jobTitel": "x",
                "customFields": [{"fieldName": "Shoe size", "fieldValue": "43"}],
            },
            "eventInfo": {"groups": {"groupNames": ["VIP"]}},
        }
    )
    shown = cli.json("attendees", "get", "--event", "spring", " john.doe@EXAMPLE.com ")
    assert list(shown) == [
        "id",
        "email",
        "status",
        "profile",
        "customFields",
        "groups",
        "unknownFields",
        "pinned",
        "aliases",
        "createdAt",
        "updatedAt",
    ]
    assert shown["email"] == "John.Doe@example.com"
    assert shown["status"] == "attending"
    assert list(shown["profile"]) == [field for field in PROFILE_FIELDS if field != "email"]
    assert shown["profile"]["title"] == "CTO"
    assert shown["profile"]["motto"] is None
    assert shown["customFields"] == {"Shoe size": "43"}
    assert shown["groups"] == ["VIP"]
    assert shown["unknownFields"] == {"profile.jobTitel": "x"}
    assert (shown["pinned"], shown["aliases"]) == ([], [])


def test_explain_says_where_each_value_comes_from(cli: Cli) -> None:
    cli.make_event()
    cli.run("key", "create", "--event", "spring", "--label", "Shop")
    cli.push(person("a@x.org", ["VIP"], title="CTO", motto="Carpe diem"))
    cli.push(person("a@x.org", ["VIP", "Press"], title="CEO"), source="Shop")
    shown = cli.json("attendees", "get", "--event", "spring", "a@x.org", "--explain")
    _, last = cli.lines("changes", "--event", "spring")
    origins = shown["origins"]
    assert origins["profile"]["title"] == {
        "sequence": 2,
        "push": last["pushId"],
        "source": "Shop",
        "at": last["at"],
        "old": "CTO",
    }
    assert (origins["profile"]["motto"]["source"], origins["profile"]["motto"]["old"]) == ("main", None)
    assert origins["groups"] == {"VIP": ["main", "Shop"], "Press": ["Shop"]}


def test_explain_tells_people_the_history(cli: Cli) -> None:
    cli.make_event("spring", "time_zone=Europe/Berlin")
    cli.push(person("a@x.org", title="CTO"))
    cli.push(person("a@x.org", title=""))
    shown = cli.text("attendees", "get", "--event", "spring", "a@x.org", "--explain")
    assert 'profile.title: – → "CTO"' in shown
    assert 'profile.title: "CTO" → –' in shown
    assert " CET" in shown or " CEST" in shown


def test_a_cleared_value_still_has_an_origin(cli: Cli) -> None:
    cli.make_event()
    cli.push(person("a@x.org", title="CTO"), person("a@x.org", title=""))
    shown = cli.json("attendees", "get", "--event", "spring", "a@x.org", "--explain")
    assert shown["profile"]["title"] is None
    assert shown["origins"]["profile"]["title"]["old"] == "CTO"


def test_nobody_has_this_address(cli: Cli) -> None:
    cli.make_event()
    assert "Nobody at spring has the address b@x.org" in cli.error("attendees", "get", "--event", "spring", "b@x.org")


def list_emails(cli: Cli, *options: str) -> list[str]:
    return [one["email"] for one in cli.json("attendees", "list", "--event", "spring", *options)["attendees"]]


def test_attendees_are_found_by_text_group_and_status(cli: Cli) -> None:
    cli.make_event()
    cli.push(
        person("a@x.org", ["VIP"], firstName="Änne", lastName="Groß"),
        person("b@x.org", company="ACME"),
        {"profile": {"email": "b@x.org"}, "eventInfo": {"attending": False}},
        person("c_d@x.org"),
    )
    assert list_emails(cli) == ["a@x.org", "c_d@x.org"]
    assert list_emails(cli, "--status", "all") == ["a@x.org", "b@x.org", "c_d@x.org"]
    assert list_emails(cli, "--status", "withdrawn", "--search", "acme") == ["b@x.org"]
    assert list_emails(cli, "--search", "ÄNNE GROSS") == ["a@x.org"]
    assert list_emails(cli, "--search", "c_") == ["c_d@x.org"]
    assert list_emails(cli, "--search", "_") == []
    assert list_emails(cli, "--group", "vip") == ["a@x.org"]
    assert 'no group "Crew"' in cli.error("attendees", "list", "--event", "spring", "--group", "Crew")


def test_json_gives_everybody_and_people_a_page(cli: Cli) -> None:
    cli.make_event()
    cli.push(*(person(f"p{number}@x.org") for number in range(1_205)))
    assert len(list_emails(cli)) == 1_205
    assert len(list_emails(cli, "--limit", "1100")) == 1_100
    result = cli.run("attendees", "list", "--event", "spring")
    assert len(result.stdout.splitlines()) == 101
    assert "more than these 100" in result.stderr


def test_an_empty_list_is_a_document_too(cli: Cli) -> None:
    cli.make_event()
    assert cli.json("attendees", "list", "--event", "spring") == {"attendees": []}


def test_attendees_are_found_by_source_custom_field_and_time_and_sorted(cli: Cli) -> None:
    cli.make_event()
    cli.run("key", "create", "--event", "spring", "--label", "Shop")
    size = {"customFields": [{"fieldName": "Shoe size", "fieldValue": "43"}]}
    cli.push({"profile": {"email": "c@x.org", "lastName": "Ängström", **size}})
    cli.push(person("a@x.org", lastName="Zorn"))
    cli.push(person("b@x.org", lastName="Meier"), source="Shop")
    assert list_emails(cli, "--source", "shop") == ["b@x.org"]
    assert list_emails(cli, "--custom-field", "shoe size=43") == ["c@x.org"]
    assert list_emails(cli, "--sort", "email") == ["a@x.org", "b@x.org", "c@x.org"]
    assert list_emails(cli, "--sort=-lastName") == ["a@x.org", "b@x.org", "c@x.org"]
    assert list_emails(cli, "--sort=-updated", "--limit", "2") == ["b@x.org", "a@x.org"]
    (since,) = (one["at"] for one in cli.lines("changes", "--event", "spring") if one["email"] == "a@x.org")
    assert list_emails(cli, "--updated-since", since) == ["a@x.org", "b@x.org"]
    assert "There is no source" in cli.error("attendees", "list", "--event", "spring", "--source", "Crew")
    assert 'Say which value: --custom-field "Shoe size=43"' in cli.run(
        "attendees", "list", "--event", "spring", "--custom-field", "Shoe size", code=2
    ).stderr.replace("\n", " ")


def test_without_a_server_the_command_brings_the_index_up_to_date_itself(cli: Cli) -> None:
    cli.make_event()
    # The last one too is a Doe.
    cli.push(*(person(f"p{number}@x.org", lastName="Roe" if number % 100 else "Doe") for number in range(3_001)))
    result = cli.run("attendees", "list", "--event", "spring", "--sort=-email", "--limit", "1")
    assert "p9@x.org" in result.stdout
    assert "Bringing what lists go by up to date" in result.stderr
    assert len(list_emails(cli, "--search", "doe")) == 31
