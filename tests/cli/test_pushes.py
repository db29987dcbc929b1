"""`turnout pushes`."""

from contextlib import closing

import pytest

from tests.cli.conftest import Cli, person
from tests.product import Product
from turnout.store import leases

BAD = {"profile": {"email": "nobody"}}


def test_pushes_are_listed_latest_first(cli: Cli) -> None:
    cli.make_event()
    cli.push(person("a@x.org"), BAD, person("a@x.org", title="CTO"), code=1)
    listed = cli.json("pushes", "list", "--event", "spring")
    assert [one["result"] for one in listed["pushes"]] == ["updated", "failed", "created"]
    assert listed["next"] is None
    assert "nobody" in listed["pushes"][1]["detail"]
    assert "nobody" in cli.text("pushes", "list", "--event", "spring", "--result", "failed")


def test_pushes_come_in_pages(cli: Cli) -> None:
    cli.make_event()
    cli.push(*(person(f"p{number}@x.org") for number in range(5)))
    first = cli.json("pushes", "list", "--event", "spring", "--limit", "3")
    second = cli.json("pushes", "list", "--event", "spring", "--limit", "3", "--before", first["next"])
    emails = [one["email"] for one in first["pushes"] + second["pushes"]]
    assert emails == [f"p{number}@x.org" for number in (4, 3, 2, 1, 0)]


def test_pushes_of_one_source_are_listed(cli: Cli) -> None:
    cli.make_event()
    cli.run("key", "create", "--event", "spring", "--label", "Shop")
    cli.push(person("a@x.org"))
    cli.push(person("b@x.org"), source="Shop")
    listed = cli.json("pushes", "list", "--event", "spring", "--source", "shop")["pushes"]
    assert [one["email"] for one in listed] == ["b@x.org"]
    assert "It has: main, Shop" in cli.error("pushes", "list", "--event", "spring", "--source", "x")


def test_a_push_is_shown_with_its_errors_and_its_body(cli: Cli) -> None:
    cli.make_event()
    (failed,) = cli.push({**BAD, "key": "trn_0_0"}, code=1)["results"]
    shown = cli.json("pushes", "show", failed["id"])
    assert shown["event"] == "spring"
    assert shown["errors"][0]["code"] == "invalid_email"
    assert "trn_" not in shown["body"]
    text = cli.text("pushes", "show", failed["id"])
    assert "What was wrong" in text
    assert '"nobody"' in text


def test_a_push_is_shown_with_what_it_changed(cli: Cli) -> None:
    cli.make_event()
    cli.push(person("a@x.org", title="CTO", jobTitle="x"))
    (push,) = cli.json("pushes", "list", "--event", "spring")["pushes"]
    shown = cli.json("pushes", "show", push["id"])
    assert {"path": "profile.title", "old": None, "new": "CTO"} in shown["changes"]
    assert shown["warnings"][0]["code"] == "unknown_field"
    assert shown["actor"].startswith("cli:")
    assert "What was odd" in cli.text("pushes", "show", push["id"])
    assert "no push psh_0" in cli.error("pushes", "show", "psh_0")


@pytest.mark.parametrize(
    ("query", "size", "part"),
    [
        ("?dryRun=perhaps", 1, "its address or a header was refused"),
        ("?dryRunn=true", 1, "its address or a header was refused"),
        ("", 2_000_000, "its body as a whole was refused"),
    ],
)
def test_d3_a_push_of_which_no_body_was_kept_says_what_was_refused_and_what_to_do(
    cli: Cli, product: Product, monkeypatch: pytest.MonkeyPatch, query: str, size: int, part: str
) -> None:
    """An invalid push is stored with its error, so that it can be looked at; without a body it cannot be replayed."""
    event = product.make_event()
    problem = event.push_failed(person("a@x.org", title="x" * size), path=f"/attendees{query}")
    monkeypatch.setenv("TURNOUT_DATABASE_URL", event.database.url)
    shown = cli.text("pushes", "show", problem["id"]).partition("\nBody\n")[2]
    assert part in shown
    assert "send it again" in shown
    refused = cli.error("pushes", "replay", problem["id"])
    assert part in refused
    assert problem["detail"] in refused
    assert "send it again" in refused
    assert "its time was over" not in shown + refused
    told = cli.run("pushes", "replay", "--event", event.slug, "--failed").stderr
    assert "1 push whose address, headers or whole body was refused" in told
    assert "not kept any more" not in told


def test_a_push_without_its_body_says_why(cli: Cli) -> None:
    cli.make_event()
    cli.push(person("a@x.org", title="CTO"))
    cli.push({"profile": {"email": "a@x.org", "title": ["x"], "phone": {"a": 1}}}, code=1)
    cli.json("push", "--event", "spring", "--source", "main", "--dry-run", "-", stdin='{"profile.email": "a@x.org"}')
    cli.push(person("b@x.org"))
    cli.run("attendees", "erase", "--event", "spring", "a@x.org", "--yes")
    cli.push(person("a@x.org"))
    with closing(cli.open()) as database, database.write() as connection:
        connection.exec_driver_sql("DELETE FROM bodies")
    listed = cli.json("pushes", "list", "--event", "spring")["pushes"]
    told = [cli.text("pushes", "show", one["id"]).partition("\nBody\n")[2] for one in listed]
    erased = "It was erased, with somebody whom it was about.\n"
    kept = "It is not kept: it was a dry run, or its time is over.\n"
    assert [one["result"] for one in listed] == ["suppressed", "created", "unchanged", "failed", "created"]
    assert told[0].startswith("It was suppressed: of somebody who was erased")
    assert told[1:] == [kept, erased, erased, erased]


def test_a_replay_gives_its_receipt(cli: Cli) -> None:
    cli.make_event()
    cli.push(person("a@x.org", title="CTO"))
    (push,) = cli.json("pushes", "list", "--event", "spring")["pushes"]
    receipt = cli.json("pushes", "replay", push["id"], "--dry-run")
    assert (receipt["replayOf"], receipt["result"], receipt["dryRun"]) == (push["id"], "unchanged", True)
    assert cli.json("pushes", "replay", push["id"])["result"] == "unchanged"
    assert "unchanged" in cli.text("pushes", "replay", push["id"])


def test_failed_pushes_are_replayed_until_they_succeed(cli: Cli) -> None:
    cli.make_event()
    cli.push(person("a@x.org"))
    cli.push(BAD, code=1)
    replays = cli.json("pushes", "replay", "--event", "spring", "--failed", code=1)["replays"]
    assert [one["result"] for one in replays] == ["failed"]
    assert replays[0]["errors"][0]["code"] == "invalid_email"
    # The replay failed too; only the original is tried again.
    assert len(cli.json("pushes", "replay", "--event", "spring", "--failed", code=1)["replays"]) == 1


def test_a_push_of_another_event_is_not_found_where_an_event_is_named(cli: Cli) -> None:
    cli.make_event()
    cli.make_event("autumn")
    cli.push(person("a@x.org", title="CTO"))
    (push,) = cli.json("pushes", "list", "--event", "spring")["pushes"]
    assert cli.json("pushes", "show", push["id"], "--event", "spring")["id"] == push["id"]
    assert cli.json("pushes", "replay", push["id"], "--event", "spring")["replayOf"] == push["id"]
    for asked in (["show"], ["replay"], ["replay", "--dry-run"]):
        told = cli.error("pushes", *asked, push["id"], "--event", "autumn")
        assert f"no push {push['id']} of the event autumn" in told
        assert "no event winter" in cli.error("pushes", *asked, push["id"], "--event", "winter")
    assert len(cli.json("pushes", "list", "--event", "spring")["pushes"]) == 2


def test_a_replay_needs_to_know_what(cli: Cli) -> None:
    cli.run("pushes", "replay", code=2)
    cli.run("pushes", "replay", "psh_1", "--event", "x", "--failed", code=2)
    cli.run("pushes", "replay", "--failed", code=2)
    cli.run("pushes", "replay", "--event", "x", code=2)
    cli.make_event()
    assert "no push psh_1" in cli.error("pushes", "replay", "psh_1")


def test_pushes_are_found_by_what_was_wrong_and_when(cli: Cli) -> None:
    cli.make_event()
    cli.push(person("ann@x.org", titel="CTO"), BAD, person("bob@y.org"), code=1)

    def find(*filters: str) -> list[str]:
        return [one["email"] for one in cli.json("pushes", "list", "--event", "spring", *filters)["pushes"]]

    assert find("--email", "X.ORG") == ["ann@x.org"]
    assert find("--code", "unknown_field") == find("--path", "profile.ti") == ["ann@x.org"]
    assert find("--code", "invalid_email") == find("--result", "failed")
    assert len(find("--since", "2020-01-01")) == len(find("--effect", "live")) == 3
    assert find("--until", "2020-01-01T00:00:00Z") == find("--effect", "rehearsed") == []
    attendee = cli.json("attendees", "get", "--event", "spring", "bob@y.org")["id"]
    assert find("--attendee", attendee) == ["bob@y.org"]
    assert "is not a time" in cli.run("pushes", "list", "--event", "spring", "--since", "soon", code=2).stderr


def test_all_pushes_that_fit_are_replayed_and_the_audit_log_says_how_it_ended(cli: Cli) -> None:
    cli.make_event("spring", "mode=rehearsal")
    cli.push(*(person(f"p{number}@x.org") for number in range(3)))
    cli.run("event", "set", "spring", "mode=live")
    fit = ("pushes", "replay-many", "--event", "spring", "--effect", "rehearsed")
    plan = cli.json(*fit, "--dry-run")
    assert (plan["pushes"], plan["counts"]["created"], len(plan["differences"])) == (3, 3, 3)
    assert "3 created" in cli.text(*fit, "--dry-run")
    assert cli.json("event", "show", "spring")["attendees"]["attending"] == 0
    assert "needs --yes" in cli.run(*fit, "--json", code=1).stderr
    assert "Nothing was done" in cli.run(*fit, code=1, stdin="n\n").stdout
    done = cli.json(*fit, "--yes")
    assert (done["counts"]["created"], done["failed"], done["trouble"], done["stopped"]) == (3, [], None, False)
    assert "3 pushes replayed: 3 unchanged" in cli.text(*fit, "--yes")
    assert "There is nothing to replay" in cli.text(*fit, "--email", "nobody@")
    last = cli.json("audit", "list", "--event", "spring", "--action", "pushes.replay")["lines"][-1]
    assert (last["outcome"], last["before"], last["after"]["created"]) == ("done", {"pushes": 3}, 3)


def test_a_replay_of_many_that_fails_says_which_and_waits_for_one_under_way(cli: Cli) -> None:
    cli.make_event()
    cli.push(BAD, code=1)
    failed = cli.json("pushes", "replay-many", "--event", "spring", "--yes", code=1)
    assert (failed["counts"]["failed"], len(failed["failed"])) == (1, 1)
    with closing(cli.open()) as database:
        event_id = cli.json("event", "show", "spring")["event"]["id"]
        with database.write() as connection:
            leases.take(connection, f"replay {event_id}", "{}", 60 * 1_000_000)
        assert "is under way" in cli.error("pushes", "replay-many", "--event", "spring", "--yes")
