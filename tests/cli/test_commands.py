"""What all commands have in common: help, errors, speed."""

import errno
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from tests.cli.conftest import Cli
from tests.databases import only_postgresql, only_sqlite
from tests.deeds import find_actions
from tests.postgresql import shared_server
from turnout.cli import main
from turnout.store.sqlite import file_lock

GROUPS = (
    "event",
    "source",
    "key",
    "group",
    "field",
    "attendees",
    "suppressed",
    "pushes",
    "webhook",
    "token",
    "handout",
    "user",
    "audit",
    "alert",
    "alert webhook",
    "mail",
)


READING = (
    "alert followers",
    "alert list",
    "alert show",
    "alert webhook show",
    "attendees get",
    "audit list",
    "doctor",
    "event list",
    "event show",
    "event signs",
    "field list",
    "group list",
    "handout list",
    "key check",
    "key list",
    "key refusals",
    "mail show",
    "pushes show",
    "source list",
    "suppressed list",
    "token keys",
    "user list",
    "user sessions",
    "user tokens",
    "verify",
    "webhook deliveries",
    "webhook list",
    "webhook listen",
    "webhook show",
)
"""Commands that change nothing, and show no more people at once than a page does: they leave no line."""


def list_all(group: click.Group = main, before: str = "") -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield before + name, command
        if isinstance(command, click.Group):
            yield from list_all(command, f"{before}{name} ")


COMMANDS = dict(list_all())


def test_every_file_with_a_command_is_a_command() -> None:
    assert {"event", "key", "push", "pushes", "changes", "verify", "doctor", "serve"} <= set(COMMANDS)
    assert "output" not in COMMANDS


def test_help_does_not_promise_what_three_commands_do_not_keep() -> None:
    for name in ("restore", "migrate-data", "accept-secret-key"):
        assert name in (main.help or "")
        assert "No server may run" in (COMMANDS[name].help or "").replace("\n", " ")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_explained_with_an_example(name: str) -> None:
    text = COMMANDS[name].help or ""
    assert f"turnout {name}" in text
    assert "Example: " in text


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in (*GROUPS, "serve", "start")])
def test_every_command_can_give_json(name: str) -> None:
    assert any("--json" in parameter.opts for parameter in COMMANDS[name].params)


def test_every_command_that_does_more_than_read_a_little_leaves_a_line_in_the_audit_log() -> None:
    """A new one fails here until it leaves its line, or is said to read only."""
    without = [
        name
        for name, command in COMMANDS.items()
        if command.callback is not None
        and name not in GROUPS
        and not find_actions(command.callback, "turnout.cli", "turnout.operations")
    ]
    assert sorted(without) == list(READING)


def test_a_known_error_is_one_sentence_and_exit_code_1(cli: Cli) -> None:
    cli.make_event()
    result = cli.run("event", "show", "nowhere", code=1)
    assert result.stdout == ""
    assert result.stderr == "Error: There is no event nowhere. `turnout event list` shows the events that there are.\n"


@only_sqlite
def test_a_file_of_another_account_is_told_in_a_sentence(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """As for root every file is open, the refusal is made up."""

    def refuse(path: Path) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(file_lock, "hold_alone", refuse)
    for command in ("start", "serve"):
        result = cli.run(command, "--port", "0", code=1)
        assert "turnout.db.server is not for this account to open. Run this as" in result.stderr


@only_sqlite
def test_reading_where_there_is_no_database_says_so_and_makes_none(cli: Cli, tmp_path: Path) -> None:
    result = cli.run("attendees", "list", "--event", "spring", code=1)
    assert "There is no database at" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_known_error_is_an_object_on_standard_error_where_json_is_wanted(cli: Cli) -> None:
    cli.make_event()
    result = cli.run("event", "show", "nowhere", "--json", code=1)
    assert result.stdout == ""
    error = json.loads(result.stderr)["error"]
    assert error["code"] == "not_found"
    assert "nowhere" in error["message"]
    assert error["help"]


def test_a_mistake_in_the_command_line_is_exit_code_2(cli: Cli) -> None:
    assert "did you mean event" in cli.run("evnt", code=2).stderr.lower()
    cli.run("event", "create", code=2)
    cli.run("key", "create", "--event", "spring", "--expires", "soon", code=2)


@only_sqlite
def test_a_folder_that_cannot_be_written_to_is_no_traceback(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TURNOUT_DATABASE_URL", "sqlite:////proc/turnout/turnout.db")
    assert "/proc/turnout cannot be written to" in cli.error("event", "list")


def test_a_newer_schema_is_no_traceback(cli: Cli) -> None:
    database = cli.open()
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    assert "made by a newer version" in cli.error("event", "list")


def test_settings_that_cannot_be_meant_are_named(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TURNOUT_DATABAS_URL", "x")
    assert "Did you mean TURNOUT_DATABASE_URL?" in cli.error("event", "list")


@only_sqlite
def test_a_file_that_is_no_database_is_no_traceback(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "turnout.db").write_text("This is a letter to my aunt. " * 100)
    assert "cannot be used" in cli.error("event", "list")


@only_postgresql
@pytest.mark.parametrize("command", [("event", "list"), ("serve", "--port", "0")])
def test_a_database_that_cannot_be_reached_is_told_with_the_reason_and_what_to_do_and_without_the_password(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, command: tuple[str, ...]
) -> None:
    for url, why, cure in (
        ("postgresql://turnout:zqpassword@127.0.0.1:1/turnout", "Connection refused. ", "See that PostgreSQL runs"),
        (f"{cli.url}x", "does not exist. ", "createdb"),
        (cli.url.replace("@", "zq@"), 'password authentication failed for user "postgres". ', "See that user and pass"),
        (f"{cli.url}?sslmode=verify-full", "SSL was required. ", "sslrootcert"),
    ):
        monkeypatch.setenv("TURNOUT_DATABASE_URL", url)
        said = cli.error(*command).rpartition("Error: ")[2]
        assert said.startswith("The database cannot be reached: ")
        assert why in said
        assert cure in said.partition(why)[2]
        password = url.split(":")[2].split("@")[0]
        assert password not in said + caplog.text


@only_postgresql
def test_a_server_whose_account_may_not_write_does_not_start_and_says_what_to_grant(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = cli.url.rpartition("/")[2]
    server = shared_server()
    server.execute(
        "CREATE ROLE app LOGIN PASSWORD 'zqpassword'; GRANT SELECT ON alembic_version TO app", database=database
    )
    try:
        monkeypatch.setenv("TURNOUT_DATABASE_URL", f"postgresql://app:zqpassword@{cli.url.partition('@')[2]}")
        said = cli.error("serve", "--port", "0")
    finally:
        server.execute("DROP OWNED BY app; DROP ROLE app", database=database)
    assert "The account app may not read and write the tables" in said
    assert "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO app" in said


@only_postgresql
def test_what_a_failing_command_says_is_not_said_twice(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("TURNOUT_DATABASE_URL", "postgresql://turnout@127.0.0.1:1/turnout")
    assert json.loads(cli.run("event", "list", "--json", code=1).stderr)["error"]["help"].startswith("See that")
    assert caplog.text == ""


def test_what_comes_from_outside_cannot_command_the_terminal(cli: Cli) -> None:
    cli.make_event()
    cli.push({"profile": {"email": "a@x.org", "firstName": "\x1b[31mAnn\u202e"}})
    shown = cli.text("attendees", "list", "--event", "spring")
    assert "\x1b" not in shown
    assert "\\u001b[31mAnn\\u202e" in shown


def count_calls(code: str) -> int:
    """How many functions Python calls for it: what it costs, however busy the machine is."""
    counted = (
        "import sys\nnumber = 0\ndef count(frame, what, _):\n    global number\n    number += what == 'call'\n"
        f"sys.setprofile(count)\ntry:\n    exec({code!r})\nexcept SystemExit: pass\n"
        "finally:\n    sys.setprofile(None)\n    print(number, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", counted], check=True, capture_output=True, text=True)
    return int(done.stderr)


def test_help_is_quick() -> None:
    """0.2 s on an idle machine; here it is held against the library that draws it."""
    drawn = count_calls("import rich_click, rich.table, rich.panel")
    assert count_calls("from turnout.cli import main; main(['--help'])") < 4 * drawn


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from turnout.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'sqlalchemy', 'msgspec', 'litestar', 'httpx2', 'uvicorn', 'alembic'} & set(sys.modules)\n"
        "sys.exit(f'loaded: {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
