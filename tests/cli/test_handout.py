"""`turnout handout`."""

from tests.cli.conftest import Cli
from turnout.events import handouts


def test_a_hand_out_is_made_listed_and_revoked(cli: Cli) -> None:
    cli.make_event()
    create = ("handout", "create", "--event", "spring", "--source", "Zapier", "--tool", "zapier", "--label", "Ann")
    made = cli.json(*create, "--expires", "2d")
    address, _, text = made["link"].partition("/console/h/")
    assert address == "https://feed.example.org"
    database = cli.open()
    found, configuration = handouts.find(database, text)
    assert found.id == made["id"]
    assert (configuration.sources[found.source_number].policy.lists, found.actor) == (",", found.actor)
    handouts.take_key(database, found)
    database.close()
    (listed,) = cli.json("handout", "list", "--event", "spring")["handouts"]
    assert (listed["label"], listed["source"], listed["tool"], listed["state"]) == ("Ann", "Zapier", "zapier", "good")
    assert listed["keyId"]
    assert text not in cli.text("handout", "list", "--event", "spring")
    said = cli.text("handout", "revoke", "--event", "spring", made["id"])
    assert listed["keyId"] in said
    assert cli.json("handout", "list", "--event", "spring")["handouts"][0]["state"] == "revoked"


def test_people_are_shown_the_link_once_and_what_it_is_good_for(cli: Cli) -> None:
    cli.make_event()
    said = cli.text("handout", "create", "--event", "spring", "--source", "Shop", "--tool", "python")
    assert "https://feed.example.org/console/h/hnd_" in said
    assert "Python" in said


def test_a_new_source_rehearses_unless_it_is_to_be_live(cli: Cli) -> None:
    cli.make_event()
    cli.run("handout", "create", "--event", "spring", "--source", "A", "--tool", "curl")
    cli.run("handout", "create", "--event", "spring", "--source", "B", "--tool", "curl", "--live")
    modes = {one["name"]: one["mode"] for one in cli.json("source", "list", "--event", "spring")["sources"]}
    assert (modes["A"], modes["B"]) == ("rehearsal", "live")


def test_an_unknown_tool_and_an_unknown_hand_out_are_named(cli: Cli) -> None:
    cli.make_event()
    create = ("handout", "create", "--event", "spring", "--source", "A", "--tool")
    assert "There are: curl" in cli.error(*create, "zapierr")
    assert "no hand-out hnd_0" in cli.error("handout", "revoke", "--event", "spring", "hnd_0")


def test_a_hand_out_gives_a_new_key_when_it_is_told_to(cli: Cli) -> None:
    cli.make_event()
    made = cli.json("handout", "create", "--event", "spring", "--source", "Zapier", "--tool", "zapier")
    database = cli.open()
    handout, _ = handouts.find(database, made["link"].rpartition("/")[2])
    handouts.take_key(database, handout)
    assert cli.json("handout", "give-again", "--event", "spring", handout.id)["keyId"] is None
    handouts.take_key(database, handout)
    database.close()
    assert cli.json("audit", "list", "--event", "spring")["lines"][0]["action"] == "handout.give_again"
