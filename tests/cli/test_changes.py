"""`turnout changes`, in this process and as a process that follows."""

import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.cli.conftest import Cli, person
from tests.databases import settings_of
from tests.patience import PATIENCE_S
from tests.postgresql import PostgresServer
from turnout.feed.by_hand.hand_in import name_actor

TURNOUT = [sys.executable, "-m", "turnout"]


def test_changes_come_in_order_as_lines(cli: Cli) -> None:
    cli.make_event("spring", "null=clear")
    cli.push(person("a@x.org", ["VIP"], title="CTO"))
    cli.push({"profile": {"email": "a@x.org"}, "eventInfo": {"attending": False}})
    cli.run("group", "rename", "--event", "spring", "VIP", "Guests")
    setting, created, withdrawn, renamed = cli.lines("changes", "--event", "spring")
    assert list(created) == ["sequence", "kind", "at", "attendeeId", "email", "pushId", "source", "actor", "changes"]
    assert [one["sequence"] for one in (setting, created, withdrawn, renamed)] == [1, 2, 3, 4]
    assert setting["changes"] == [{"path": "settings.null", "old": "keep", "new": "clear"}]
    assert (setting["attendeeId"], setting["pushId"], setting["source"]) == (None, None, None)
    assert (created["kind"], created["source"], created["email"]) == ("created", "main", "a@x.org")
    # Each with the names of its time, as whoever followed was told.
    assert created["changes"][-1] == {"path": "eventInfo.groups.groupNames", "old": [], "new": ["VIP"]}
    assert withdrawn["kind"] == "withdrawn"
    assert withdrawn["changes"] == [{"path": "status", "old": "attending", "new": "withdrawn"}]
    assert renamed["changes"] == [{"path": "group", "old": "VIP", "new": "Guests"}]


def test_changes_begin_after_a_number_and_end_at_a_limit(cli: Cli) -> None:
    cli.make_event()
    cli.push(*(person(f"p{number}@x.org") for number in range(1_100)))
    lines = cli.lines("changes", "--event", "spring", "--after", "17", "--limit", "1050")
    assert [line["sequence"] for line in lines] == list(range(18, 1_068))
    assert cli.lines("changes", "--event", "spring", "--after", "1100") == []
    assert "no event autumn" in cli.error("changes", "--event", "autumn")


def test_people_get_a_line_each(cli: Cli) -> None:
    cli.make_event("spring", "time_zone=Europe/Berlin")
    cli.push(person("a@x.org", title="CTO"))
    last = cli.text("changes", "--event", "spring").splitlines()[-1]
    assert "created" in last
    assert 'profile.title: – → "CTO"' in last


def test_changes_name_who_acted_and_nobody_where_a_system_pushed(cli: Cli) -> None:
    cli.make_event()
    cli.push(person("a@x.org", ["VIP"]))
    # As if a system had sent it.
    with closing(cli.open()) as database, database.write() as connection:
        connection.exec_driver_sql("UPDATE changes SET actor = NULL")
    cli.push(person("a@x.org", title="CTO"))
    cli.run("attendees", "pin", "--event", "spring", "a@x.org", "profile.title")
    assert [line["actor"] for line in cli.lines("changes", "--event", "spring")] == [None, name_actor(), name_actor()]
    pushed, by_hand, act = cli.text("changes", "--event", "spring").splitlines()
    assert "a@x.org  (main)  " in pushed
    assert f"a@x.org  (main, {name_actor()})  " in by_hand
    assert act.endswith(f"a@x.org  ({name_actor()})  profile.title pinned")


def test_people_read_in_words_what_is_not_seen_in_the_values(cli: Cli) -> None:
    cli.make_event()
    cli.run("key", "create", "--event", "spring", "--label", "Shop")
    cli.push(person("a@x.org", ["VIP"]))
    for act in (("group", "a@x.org", "VIP", "in"), ("remove", "a@x.org"), ("rename", "a@x.org", "b@x.org")):
        cli.run("attendees", act[0], "--event", "spring", *act[1:])
    cli.push(person("b@x.org"), source="Shop")
    held, removed, renamed, expected = cli.text("changes", "--event", "spring").splitlines()[1:]
    assert held.endswith("held in the group VIP")
    assert removed.endswith("; removed")
    assert renamed.endswith('profile.email: "a@x.org" → "b@x.org"; known as a@x.org too')
    assert expected.endswith("(only what the source itself says)")


def test_what_concerns_the_event_says_who_did_it_to_what(cli: Cli) -> None:
    cli.make_event("spring", "null=clear")
    cli.push(person("a@x.org", ["VIP"]))
    cli.run("key", "create", "--event", "spring", "--label", "Ticket shop")
    cli.run("source", "set", "--event", "spring", "Ticket shop", "mode=rehearsal")
    cli.run("source", "go-live", "--event", "spring", "Ticket shop")
    cli.run("group", "rename", "--event", "spring", "VIP", "Guests")
    cli.run("group", "set", "--event", "spring", "Guests", "staff_only=yes")
    cli.run("source", "retire", "--event", "spring", "Ticket shop", "--yes")
    lines = cli.lines("changes", "--event", "spring")
    about_event = [line for line in lines if line["attendeeId"] is None]
    assert len(about_event) == 6
    assert {line["actor"] for line in about_event} == {name_actor()}
    told = cli.text("changes", "--event", "spring")
    assert f'setting_changed  ({name_actor()})  settings.null: "keep" → "clear"' in told
    assert told.count(f"setting_changed  settings of Ticket shop  ({name_actor()})  settings.") == 3
    assert "(Ticket shop" not in told


@contextmanager
def following(cli: Cli) -> Generator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [*TURNOUT, "changes", "--event", "spring", "--follow", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=dict(os.environ),
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_following_waits_for_what_is_added_and_ends_with_ctrl_c(cli: Cli) -> None:
    cli.make_event()
    cli.push(person("a@x.org"))
    with following(cli) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert json.loads(process.stdout.readline())["email"] == "a@x.org"
        # A group that was new after the follower began.
        cli.push(person("b@x.org", ["VIP"]))
        assert json.loads(process.stdout.readline())["changes"][-1]["new"] == ["VIP"]
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_S) == 0
        assert process.stderr.read() == ""


def test_following_shows_what_another_process_does_within_a_moment(cli: Cli) -> None:
    """A push, and an act whose process ends right after it."""
    cli.make_event()
    cli.push(person("a@x.org"))
    with following(cli) as process:
        assert process.stdout is not None
        process.stdout.readline()
        for goes in range(10):
            pushed, pinned = measure(cli, process, goes)
            # Of most, in one of a few goes: this machine may be busy.
            if max(statistics.median(pushed), statistics.median(pinned)) < 0.1:
                break
        else:
            pytest.fail(f"It took {pushed} after a push, {pinned} after an act.")


def measure(cli: Cli, process: subprocess.Popen[str], goes: int) -> tuple[list[float], list[float]]:
    """Seconds from the end of what another process does to the line that tells of it."""
    assert process.stdout is not None
    pushed, pinned = [], []
    for number in range(3):
        name = f"p{goes}-{number}@x.org"
        cli.push(person(name))
        ended_at = time.monotonic()
        assert json.loads(process.stdout.readline())["kind"] == "created"
        pushed.append(time.monotonic() - ended_at)
        subprocess.run(
            [*TURNOUT, "attendees", "pin", "--event", "spring", name, "profile.title"], check=True, capture_output=True
        )
        ended_at = time.monotonic()
        assert json.loads(process.stdout.readline())["actor"] == name_actor()
        pinned.append(time.monotonic() - ended_at)
    return pushed, pinned


def test_following_goes_on_when_the_database_is_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with PostgresServer(tmp_path / "server") as server:
        cli = Cli(server.create_database("away"))
        for name, value in settings_of(cli.url).items():
            monkeypatch.setenv(name, value)
        cli.make_event()
        cli.push(person("a@x.org"))
        with following(cli) as process:
            assert process.stdout is not None
            process.stdout.readline()
            server.kill()
            server.start()
            cli.push(person("b@x.org"))
            assert json.loads(process.stdout.readline())["email"] == "b@x.org"
            process.send_signal(signal.SIGINT)
            assert process.wait(PATIENCE_S) == 0


def test_following_ends_when_nobody_reads_any_more(cli: Cli) -> None:
    cli.make_event()
    cli.push(person("a@x.org"))
    with following(cli) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(PATIENCE_S) == 0
        assert process.stderr.read() == ""


def test_a_closed_pipe_is_no_error(cli: Cli) -> None:
    cli.make_event()
    cli.push(*(person(f"p{number}@x.org", biography="x" * 500) for number in range(300)))
    done = subprocess.run(
        f"set -o pipefail; {' '.join(TURNOUT)} changes --event spring --json | head -n 1",
        shell=True,
        executable="/bin/bash",
        capture_output=True,
        text=True,
        env={**os.environ, "TURNOUT_DATABASE_URL": cli.url},
        check=False,
    )
    assert done.returncode == 0
    assert json.loads(done.stdout)["sequence"] == 1
    assert done.stderr == ""
