"""`turnout source go-live`: from rehearsal to live, with or without what was rehearsed (A7)."""

import os
import subprocess
import time
from contextlib import closing
from typing import Any

import pytest

from tests.cli.conftest import Cli, person
from tests.product import TURNOUT
from turnout.feed.by_hand import go_live
from turnout.operations.verify.verify import verify


@pytest.fixture
def rehearsing(cli: Cli) -> Cli:
    """An event with the live source main, and the source Shop, which rehearses."""
    cli.make_event("spring")
    cli.run("key", "create", "--event", "spring", "--label", "Shop")
    cli.run("source", "set", "--event", "spring", "Shop", "mode=rehearsal")
    return cli


def go(cli: Cli, *options: str) -> Any:
    return cli.json("source", "go-live", "--event", "spring", "shop", *options)


def titles(cli: Cli) -> dict[str, str | None]:
    return {
        one["email"]: one["profile"]["title"] for one in cli.json("attendees", "list", "--event", "spring")["attendees"]
    }


def test_a_mode_is_set_and_shown(rehearsing: Cli) -> None:
    shop = rehearsing.json("source", "list", "--event", "spring")["sources"][1]
    assert (shop["mode"], shop["own"]) == ("rehearsal", {"mode": "rehearsal"})
    assert "rehearsal (own)" in rehearsing.text("source", "list", "--event", "spring")
    assert "mode" in rehearsing.text("source", "set", "--event", "spring", "Shop", "mode=default")
    assert "live or rehearsal" in rehearsing.error("event", "set", "spring", "mode=maybe")


def test_rehearsed_pushes_are_shown_as_such(rehearsing: Cli) -> None:
    rehearsing.push(person("a@x.org"), source="Shop")
    (push,) = rehearsing.json("pushes", "list", "--event", "spring")["pushes"]
    assert (push["rehearsed"], push["dryRun"], push["result"]) == (True, True, "created")
    assert "created (rehearsed)" in rehearsing.text("pushes", "list", "--event", "spring")
    shown = rehearsing.text("pushes", "show", push["id"])
    assert "created (rehearsed)" in shown
    assert "a@x.org" in shown
    assert "Their source is rehearsing" in rehearsing.run("pushes", "replay", push["id"]).stderr
    assert titles(rehearsing) == {}


def test_without_a_word_nothing_rehearsed_takes_effect(rehearsing: Cli) -> None:
    rehearsing.push(person("a@x.org"), person("b@x.org"), source="Shop")
    assert go(rehearsing) == {"source": {**go(rehearsing)["source"], "mode": "live"}, "waiting": 2, "rehearsed": None}
    assert "2 rehearsed pushes stay without effect" in rehearsing.text("source", "go-live", "--event", "spring", "Shop")
    assert titles(rehearsing) == {}
    rehearsing.push(person("c@x.org"), source="Shop")
    assert titles(rehearsing) == {"c@x.org": None}


def test_the_last_state_of_each_person_results_and_live_pushes_win(rehearsing: Cli) -> None:
    rehearsing.push(person("a@x.org", title="old"), person("b@x.org", ["VIP"], title="B"), source="Shop")
    rehearsing.push(person("a@x.org", title="newer"), person("nobody", title="x"), source="Shop", code=1)
    rehearsing.push({**person("a@x.org", title="older"), "observedAt": 1_700_000_000}, source="Shop")
    rehearsing.push({**person("b@x.org"), "eventInfo": {"attending": False}}, source="Shop")
    rehearsing.push(person("b@x.org", title="live"))
    foreseen = go(rehearsing, "--with-rehearsed", "--dry-run")
    assert foreseen["dryRun"] is True
    assert titles(rehearsing) == {"b@x.org": "live"}
    assert rehearsing.json("source", "list", "--event", "spring")["sources"][1]["mode"] == "rehearsal"
    done = go(rehearsing, "--with-rehearsed")
    counts = ("created", "updated", "unchanged", "suppressed", "failed", "gone")
    assert [foreseen["rehearsed"][name] for name in counts] == [done["rehearsed"][name] for name in counts]
    assert [done["rehearsed"][name] for name in counts] == [1, 3, 1, 0, 1, 0]
    assert [one["replayOf"] for one in done["rehearsed"]["failures"]]
    assert titles(rehearsing) == {"a@x.org": "newer", "b@x.org": "live"}
    lines = rehearsing.json("pushes", "list", "--event", "spring")["pushes"]
    replays = [one for one in lines if "replayOf" in one and "dryRun" not in one]
    originals = {one["id"]: one for one in lines}
    assert len(replays) == 6
    for one in replays:
        assert originals[one["replayOf"]]["rehearsed"]
        assert one["source"] == "Shop"
    again = go(rehearsing, "--with-rehearsed")
    assert (again["waiting"], [again["rehearsed"][name] for name in counts]) == (0, [0] * 6)
    with closing(rehearsing.open()) as database:
        assert verify(database).ok


def test_people_are_told_what_would_become_of_them(rehearsing: Cli) -> None:
    rehearsing.push(person("a@x.org", title="x"), source="Shop")
    rehearsing.push(person("nobody"), source="Shop", code=1)
    foreseen = rehearsing.text("source", "go-live", "--event", "spring", "Shop", "--dry-run")
    assert "2 rehearsed pushes would be: 1 created, 0 updated, 0 unchanged, 1 failed." in foreseen
    assert "This was a dry run" in foreseen
    done = rehearsing.text("source", "go-live", "--event", "spring", "Shop", "--with-rehearsed")
    assert "Shop is live (mode=live)" in done
    assert "2 rehearsed pushes replayed: 1 created" in done


def test_one_is_spoken_of_as_one_and_a_mode_by_its_name(rehearsing: Cli) -> None:
    """As `event show` and `source list` say it: mode is live or rehearsal."""
    rehearsing.push(person("a@x.org"), source="Shop")
    assert go(rehearsing, "--dry-run")["source"]["mode"] == "rehearsal"
    assert rehearsing.json("source", "list", "--event", "spring")["sources"][1]["mode"] == "rehearsal"
    foreseen = rehearsing.text("source", "go-live", "--event", "spring", "Shop", "--dry-run")
    assert "1 rehearsed push would be: 1 created" in foreseen
    assert "mode=live" not in foreseen
    said = rehearsing.text("source", "go-live", "--event", "spring", "Shop")
    assert "Shop is live (mode=live)" in said
    assert "1 rehearsed push stays without effect; with --with-rehearsed it takes effect" in said
    with closing(rehearsing.open()) as database, database.write() as connection:
        connection.exec_driver_sql("DELETE FROM bodies")
    done = rehearsing.text("source", "go-live", "--event", "spring", "Shop", "--with-rehearsed")
    assert "1 push is left out: its body is not kept any more" in done


def test_bodies_that_are_gone_are_left_out(rehearsing: Cli) -> None:
    rehearsing.push(person("a@x.org"), person("b@x.org"), source="Shop")
    with closing(rehearsing.open()) as database, database.write() as connection:
        connection.exec_driver_sql("DELETE FROM bodies WHERE push_id = (SELECT min(push_id) FROM bodies)")
    done = go(rehearsing, "--with-rehearsed")["rehearsed"]
    assert (done["created"], done["gone"]) == (1, 1)


def test_ids_are_foreseen_where_they_decide(rehearsing: Cli) -> None:
    rehearsing.run("event", "set", "spring", "identity=third_party_id", "--yes")
    for number in range(3):
        rehearsing.push(person(f"a{number}@x.org", thirdPartyId="crm-1"), source="Shop")
    foreseen = go(rehearsing, "--dry-run")["rehearsed"]
    done = go(rehearsing, "--with-rehearsed")["rehearsed"]
    assert (done["created"], done["updated"]) == (foreseen["created"], foreseen["updated"]) == (1, 2)


def test_two_at_once_do_nothing_twice(rehearsing: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    rehearsing.push(*(person(f"p{number}@x.org", title="x") for number in range(5)), source="Shop")
    listed = go_live.list_waiting
    monkeypatch.setattr(go_live, "list_waiting", lambda *given: _remember(listed(*given)))
    go(rehearsing, "--with-rehearsed")
    monkeypatch.setattr(go_live, "list_waiting", lambda *_: _remembered)
    go(rehearsing, "--with-rehearsed")
    lines = rehearsing.json("pushes", "list", "--event", "spring")["pushes"]
    assert len(lines) == 10


_remembered: list[str] = []


def _remember(ids: list[str]) -> list[str]:
    _remembered[:] = ids
    return ids


def test_killed_it_goes_on_and_does_nothing_twice(rehearsing: Cli) -> None:
    rehearsing.push(*(person(f"p{number}@x.org", title="x") for number in range(600)), source="Shop")
    command = [*TURNOUT, "source", "go-live", "--event", "spring", "Shop", "--with-rehearsed"]
    replays = "SELECT count(*), count(DISTINCT replay_of) FROM pushes WHERE replay_of IS NOT NULL"
    with closing(rehearsing.open()) as database:

        def count() -> tuple[int, ...]:
            with database.read() as connection:
                return tuple(connection.exec_driver_sql(replays).one())

        for _ in range(2):
            before = count()
            process = subprocess.Popen(command, env=os.environ, stdout=subprocess.DEVNULL)
            while process.poll() is None and count() == before:
                time.sleep(0.001)
            process.kill()
            process.wait()
            assert before < count() < (600, 600)
        assert go(rehearsing, "--with-rehearsed")["rehearsed"]["created"] < 500
        assert count() == (600, 600)
        assert verify(database).ok


def test_an_archived_event_and_an_unknown_source_are_refused(rehearsing: Cli) -> None:
    assert "no source 'Nope'" in rehearsing.error("source", "go-live", "--event", "spring", "Nope")
    rehearsing.run("event", "archive", "spring")
    assert "archived" in rehearsing.error("source", "go-live", "--event", "spring", "Shop")
    assert rehearsing.json("source", "list", "--event", "spring")["sources"][1]["mode"] == "rehearsal"
