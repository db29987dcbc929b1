"""`turnout event`, `turnout source`, `turnout group`, `turnout field`."""

from contextlib import closing

import pytest

from tests.cli.conftest import Cli, person
from turnout.alerts.look import look
from turnout.feed.configurations import Configurations
from turnout.now import now_us
from turnout.store import events, push_counts


def test_a_new_event_has_a_gateway_and_a_key(cli: Cli) -> None:
    made = cli.json("event", "create", "Spring Conference")
    assert set(made) == {"event", "gateway", "key"}
    assert made["event"].keys() == {"id", "slug", "name"}
    assert made["event"]["slug"] == "spring-conference"
    assert made["gateway"] == "https://feed.example.org/e/spring-conference"
    assert made["key"].startswith("trn_")


def test_people_get_a_command_to_paste(cli: Cli) -> None:
    shown = cli.text("event", "create", "Spring", "--slug", "s1")
    assert "curl https://feed.example.org/e/s1/attendees" in shown
    assert "shown this once" in shown


def test_a_slug_is_given_once(cli: Cli) -> None:
    cli.make_event("spring")
    assert "There is an event spring already" in cli.error("event", "create", "Spring")


def test_a_new_event_like_another_has_its_settings_and_webhooks_with_secrets_of_their_own(cli: Cli) -> None:
    cli.make_event("spring")
    cli.run("event", "set", "spring", "null=clear", "time_zone=Europe/Berlin")
    hook = cli.json("webhook", "create", "--url", "https://192.0.2.1/hook", "--event", "spring", "--allow-private")
    made = cli.json("event", "create", "Autumn", "--like", "spring")
    assert made["webhooks"][0]["secret"].startswith("whsec_")
    assert made["webhooks"][0]["secret"] != hook["secret"]
    settings = cli.json("event", "show", "autumn")["settings"]
    assert settings == cli.json("event", "show", "spring")["settings"] | {"name": "Autumn"}
    assert made["webhooks"][0]["secret"] not in cli.text("webhook", "list")
    assert "no event winter" in cli.error("event", "create", "Summer", "--like", "winter")


def test_an_archived_event_is_out_of_the_list_until_it_is_taken_back(cli: Cli) -> None:
    cli.make_event("spring")
    cli.run("event", "archive", "spring")
    assert cli.json("event", "list") == {"events": []}
    assert cli.json("event", "list", "--all")["events"][0]["archivedAt"]
    cli.run("event", "archive", "spring", "--undo")
    assert [one["slug"] for one in cli.json("event", "list")["events"]] == ["spring"]


def test_settings_are_set_and_shown(cli: Cli) -> None:
    cli.make_event("spring")
    cli.run("event", "set", "spring", "null=clear", "time_zone=Europe/Berlin", "name=Autumn", "host=feed.autumn.org")
    shown = cli.json("event", "show", "spring")
    assert shown["settings"] == {
        "name": "Autumn",
        "host": "feed.autumn.org",
        "time_zone": "Europe/Berlin",
        "identity": "email",
        "null": "clear",
        "blank": "clear",
        "groups": "source",
        "lists": "none",
        "status_codes": "seed",
        "mode": "live",
        "ends_at": None,
        "purge_after": None,
        "keep_bodies": "30d",
        "cors": "none",
    }
    assert shown["gateway"] == "https://feed.autumn.org"
    assert shown["lastSequence"] == 1


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("nul=clear", "Did you mean null?"),
        ("null=maybe", "keep or clear"),
        ("null", "name=value"),
        ("time_zone=Mars", "no time zone"),
        ("cor=*", "Did you mean cors?"),
        ("cors=app.example.org", "did you mean https://app.example.org?"),
        ("cors=https://app.example.org/page", "has no path"),
        ("cors=https://*.example.org", "Name each origin by itself"),
        ("cors=htps://app.example.org", "Did you mean https://app.example.org?"),
        ("cors=https://app.example.org:99999", "a port is a number"),
        ("cors=https://bücher.example", "xn--"),
        ("cors=null", "it cannot be let in"),
        ("cors=https://a.example.org,*", "no other is of use"),
        ("cors=" + ",".join(f"https://a{number}.example.org" for number in range(101)), "100 origins"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_explained(cli: Cli, setting: str, says: str) -> None:
    cli.make_event("spring")
    assert says in cli.error("event", "set", "spring", setting)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("", "none"),
        ("none", "none"),
        ("*", "*"),
        ("https://App.example.org:443/", "https://app.example.org"),
        ("http://localhost:5173, http://localhost:80", "http://localhost:5173,http://localhost"),
        ("http://[::1]:3000,capacitor://localhost", "http://[::1]:3000,capacitor://localhost"),
        ("https://a.example,https://a.example", "https://a.example"),
    ],
)
def test_origins_are_kept_as_browsers_write_them(cli: Cli, given: str, kept: str) -> None:
    cli.make_event("spring", "cors=https://before.example.org")
    assert cli.json("event", "set", "spring", f"cors={given}")["settings"]["cors"] == kept


def test_an_event_shows_how_much_is_in_it(cli: Cli) -> None:
    cli.make_event("spring")
    cli.push(person("a@x.org", ["VIP"]), person("b@x.org"), {**person("b@x.org"), "eventInfo": {"attending": False}})
    shown = cli.json("event", "show", "spring")
    assert shown["attendees"] == {"attending": 1, "withdrawn": 1}
    assert shown["groups"] == 1
    assert "1 attending, 1 withdrawn" in cli.text("event", "show", "spring")


def test_a_source_is_shown_with_the_settings_in_effect(cli: Cli) -> None:
    cli.make_event("spring", "blank=keep")
    cli.run("key", "create", "--event", "spring", "--label", "Ticket shop")
    cli.run("source", "set", "--event", "spring", "ticket shop", "null=clear")
    main, shop = cli.json("source", "list", "--event", "spring")["sources"]
    assert (main["name"], shop["name"]) == ("main", "Ticket shop")
    assert main["settings"]["null"] == "keep"
    assert shop["settings"] == {
        "null": "clear",
        "blank": "keep",
        "groups": "source",
        "lists": "none",
        "status_codes": "seed",
    }
    assert shop["own"] == {"null": "clear"}
    assert [key["state"] for key in shop["keys"]] == ["good"]
    assert shop["lastPushAt"] is None
    cli.run("source", "set", "--event", "spring", "Ticket shop", "null=default")
    assert cli.json("source", "list", "--event", "spring")["sources"][1]["own"] == {}


def test_a_source_shows_its_last_push(cli: Cli) -> None:
    cli.make_event("spring")
    cli.push(person("a@x.org"))
    assert cli.json("source", "list", "--event", "spring")["sources"][0]["lastPushAt"]


def test_a_group_is_listed_renamed_and_kept_for_staff(cli: Cli) -> None:
    cli.make_event("spring")
    cli.push(person("a@x.org", ["Group1", "VIP"]))
    cli.run("group", "rename", "--event", "spring", "group1", "Speakers")
    cli.run("group", "set", "--event", "spring", "VIP", "staff_only=yes")
    speakers, vip = cli.json("group", "list", "--event", "spring")["groups"]
    assert (speakers["name"], speakers["formerNames"], speakers["attendees"]) == ("Speakers", ["group1"], 1)
    assert (vip["name"], vip["staffOnly"], vip["firstSource"]) == ("VIP", True, "main")
    assert "staff_only=yes or staff_only=no" in cli.error("group", "set", "--event", "spring", "VIP", "staff_only=ja")
    assert "no group 'Crew'" in cli.error("group", "rename", "--event", "spring", "Crew", "Staff")


def test_a_custom_field_is_listed_and_renamed(cli: Cli) -> None:
    cli.make_event("spring")
    cli.push({"profile": {"email": "a@x.org", "customFields": [{"fieldName": "Shoesize", "fieldValue": "43"}]}})
    cli.run("field", "rename", "--event", "spring", "shoesize", "Shoe size")
    (field,) = cli.json("field", "list", "--event", "spring")["fields"]
    assert (field["name"], field["formerNames"]) == ("Shoe size", ["shoesize"])
    assert cli.json("attendees", "get", "--event", "spring", "a@x.org")["customFields"] == {"Shoe size": "43"}


def test_vital_signs_are_shown_with_what_is_odd(cli: Cli) -> None:
    cli.make_event()
    assert "nobody can say yet" in cli.text("event", "signs", "spring")
    cli.push(person("ann@x.org", ["Crew"], titel="CTO"), {"profile": {"email": "nobody"}}, code=1)
    shown = cli.json("event", "signs", "spring", "--period", "1h")
    assert (shown["pushes"], shown["byResult"]["failed"], shown["attendees"]["attending"]) == (2, 1, 1)
    assert [(one["path"], one["suggestion"]) for one in shown["unknownFields"]] == [("profile.titel", "profile.title")]
    assert [one["name"] for one in shown["newNames"]] == ["Crew"]
    text = cli.text("event", "signs", "spring")
    assert "2, 1 of them failed" in text
    assert "profile.titel" in text


def test_an_event_with_a_source_that_is_silent_for_too_long_ends_with_1(cli: Cli) -> None:
    cli.make_event()
    with closing(cli.open()) as database:
        with database.write() as connection:
            event_id = events.list_events(connection)[0].id
            slots = [now_us() // push_counts.SLOT_US - 6 * hours for hours in range(8, 500)]
            push_counts.add_counts(connection, [(event_id, slot, 1, "updated", 40) for slot in slots])
        assert "about 40 an hour at this time of a" in cli.run("event", "signs", "spring").stdout
        look(database, Configurations(database), event_id, now_us())
    assert "longer than usual" in cli.run("event", "signs", "spring", code=1).stdout
    assert cli.json("event", "signs", "spring", code=1)["rhythm"]["isOverdue"] is True


def test_a_source_is_renamed(cli: Cli) -> None:
    cli.make_event()
    cli.run("key", "create", "--event", "spring", "--label", "Shop")
    renamed = ("source", "rename", "--event", "spring")
    assert cli.json(*renamed, "shop", "Box office")["source"]["name"] == "Box office"
    assert "already" in cli.error(*renamed, "Box office", "main")
    assert "has no source" in cli.error(*renamed, "Shop", "Other")
    assert "is called Shop" in cli.text(*renamed, "Box office", "Shop")
    cli.push(person("ann@x.org"), source="Shop")
    lines = cli.json("audit", "list", "--event", "spring", "--action", "source.rename")["lines"]
    assert lines[0]["after"] == {"name": "Shop"}
