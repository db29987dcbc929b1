"""`turnout verify` and `turnout doctor`: what they print, and with which code they end."""

from pathlib import Path

import pytest

from tests.cli.conftest import Cli, person
from tests.databases import only_postgresql, only_sqlite


def test_a_sound_database_is_ok(cli: Cli) -> None:
    cli.make_event()
    cli.make_event("autumn")
    cli.push(person("a@x.org"), {"profile": {}}, code=1)
    assert cli.json("verify") == {
        "events": [
            {"slug": "spring", "attendees": 1, "changes": 1, "pushes": 2, "problems": [], "moreProblems": 0},
            {"slug": "autumn", "attendees": 0, "changes": 0, "pushes": 0, "problems": [], "moreProblems": 0},
        ],
        "ok": True,
    }
    assert [one["slug"] for one in cli.json("verify", "--event", "autumn")["events"]] == ["autumn"]
    assert "spring: 1 attendee, 1 change, 2 pushes: ok" in cli.text("verify")
    assert "no event winter" in cli.error("verify", "--event", "winter")


def test_damage_is_told_and_ends_with_1(cli: Cli) -> None:
    cli.make_event()
    cli.push(person("a@x.org"))
    database = cli.open()
    with database.write() as connection:
        connection.exec_driver_sql("DELETE FROM attendees")
    database.close()
    verified = cli.json("verify", code=1)
    assert not verified["ok"]
    assert {problem["code"] for problem in verified["events"][0]["problems"]} >= {"no_state", "no_attendee"}
    assert "who is not there" in cli.text("verify", code=1)


@only_sqlite
def test_doctor_finds_nothing_wrong(cli: Cli) -> None:
    cli.make_event()
    diagnosis = cli.json("doctor")
    assert diagnosis["ok"]
    assert {"settings", "folder", "SQLite", "durability", "schema", "commit", "clock", "server"} <= {
        check["name"] for check in diagnosis["checks"]
    }
    assert "No server runs" in cli.text("doctor")


@only_postgresql
def test_doctor_looks_at_the_database_server_in_place_of_files(cli: Cli) -> None:
    cli.make_event()
    checks = {check["name"]: check for check in cli.json("doctor", code=1)["checks"]}
    assert {"database", "PostgreSQL", "durability", "connections", "secret key", "schema", "commit"} <= set(checks)
    assert not {"folder", "disk", "file system", "SQLite"} & set(checks)
    # The tests' server may lose everything.
    assert [name for name, check in checks.items() if check["state"] == "problem"] == ["durability"]
    shown = cli.text("doctor", code=1)
    assert "Set fsync = on" in shown
    assert cli.url.split(":")[2].split("@")[0] not in shown


def test_doctor_says_what_to_do(cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TURNOUT_MAX_BODY", "huge")
    shown = cli.text("doctor", code=1)
    assert "TURNOUT_MAX_BODY" in shown
    assert "What to do" in shown
    assert "not checked" in shown
