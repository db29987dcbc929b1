"""`turnout migrate-data`: what it says, where the target may come from, and that no password is ever shown."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Cli, person
from tests.installation import fill
from tests.postgresql import USER, shared_server
from tests.product import TURNOUT
from turnout.cli import migrate_data
from turnout.feed.by_hand.hand_in import name_actor

PASSWORD = "correct%20horse"


@pytest.fixture
def target() -> Iterator[str]:
    name = f"cli_moved_{os.getpid()}"
    yield shared_server().create_database(name)
    shared_server().drop_database(name)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """The command line on a filled file, in that file's folder."""
    fill(tmp_path / "turnout.db")
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith("TURNOUT_") and not name.startswith("TURNOUT_TEST_"):
            monkeypatch.delenv(name)
    url = f"sqlite:///{tmp_path / 'turnout.db'}"
    monkeypatch.setenv("TURNOUT_DATABASE_URL", url)
    return Cli(url)


def test_there_and_back(file: Cli, target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    said = file.text("migrate-data", "--to", target, "--dry-run")
    assert "Nothing was moved." in said
    assert "spring: 32 attendees" in said
    assert "probe stays: what `GET /health` commits to." in said
    assert "would be copied to" in said
    file.run("event", "list")
    said = file.text("migrate-data", "--to", target)
    assert "Moved from" in said
    assert "spring: 32 attendees" in said
    assert "All are there, counted and verified." in said
    assert "data/turnout.key" in said
    assert "Now set TURNOUT_DATABASE_URL to the new database" in said
    assert target.split(":")[2].split("@", maxsplit=1)[0] not in said
    for command in (["event", "list"], ["verify"], ["key", "list", "--event", "spring"], ["serve", "--port", "0"]):
        stopped = file.run(*command, code=1).stderr
        assert "was moved from here to PostgreSQL at 127.0.0.1" in " ".join(stopped.replace("│", " ").split())
    monkeypatch.setenv("TURNOUT_DATABASE_URL", target)
    assert file.json("verify")["ok"]
    line = file.json("audit", "list")["lines"][0]
    assert (line["action"], line["actor"], line["outcome"]) == ("installation.migrate", name_actor(), "done")
    assert PASSWORD not in str(line)
    assert "names PostgreSQL already" in file.error("migrate-data", "--to", target)
    assert "names PostgreSQL already" in file.error("migrate-data", "--undo")
    file.push(person("p1@example.org", title="CTO"))
    monkeypatch.setenv("TURNOUT_DATABASE_URL", file.url)
    assert "needs --yes" in file.error("migrate-data", "--undo", "--json")
    assert "Nothing was done." in file.text("migrate-data", "--undo", code=1, stdin="n\n")
    said = file.text("migrate-data", "--undo", stdin="y\n")
    assert "What came there since is not in" in said
    assert "is open again" in said
    assert file.json("verify")["ok"]
    line = file.json("audit", "list")["lines"][0]
    assert (line["action"], line["after"]) == (
        "installation.migrate_back",
        {"database": file.url.removeprefix("sqlite:///")},
    )
    assert "there is nothing to take back" in file.text("migrate-data", "--undo")
    assert file.json("migrate-data", "--undo") == {"undone": None}
    assert "is not empty" in file.error("migrate-data", "--to", target)


def test_as_json(file: Cli, target: str) -> None:
    planned = file.json("migrate-data", "--to", target, "--dry-run")
    moved = file.json("migrate-data", "--to", target)
    assert planned["dryRun"]
    assert not moved["dryRun"]
    assert planned["rows"] == moved["rows"]
    assert set(moved["leftOut"]) == {"leases", "commits", "probe"}
    assert [one["slug"] for one in moved["events"]] == ["spring", "autumn", "archived", "empty"]
    assert file.json("migrate-data", "--undo", "--yes")["undone"]["target"] == moved["target"]


def test_the_target_may_come_from_the_environment(file: Cli, target: str, tmp_path: Path) -> None:
    """So that the password is in no list of processes."""
    moved = subprocess.run(
        [*TURNOUT, "migrate-data", "--json"],
        env=os.environ | {"TURNOUT_MIGRATE_TO": target, "PYTHONPATH": str(Path(__file__).parents[2])},
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert moved.returncode == 0, moved.stderr
    assert json.loads(moved.stdout)["rows"]["events"] == 4
    assert (tmp_path / "data/turnout.key").exists()


def test_a_password_is_shown_nowhere(file: Cli, target: str, caplog: pytest.LogCaptureFixture) -> None:
    unreachable = f"postgresql://{USER}:{PASSWORD}@127.0.0.1:1/somewhere"
    refused = target.replace(f"{USER}:", f"{USER}:{PASSWORD}")
    for url, said in (
        (unreachable, "PostgreSQL at 127.0.0.1:1, database somewhere, cannot be reached: connection failed"),
        (f"postgresql://{USER}:{PASSWORD}@[half/somewhere", "cannot be read as a PostgreSQL URL"),
        (f"postgresql://{USER}:{PASSWORD}@host/", "must name a database"),
        (f"mysql://{USER}:{PASSWORD}@host/db", "must begin with"),
        (f"sqlite:///{PASSWORD}", "must be of PostgreSQL"),
        (refused, "password authentication failed"),
    ):
        for as_json in ([], ["--json"]):
            result = file.run("migrate-data", "--to", url, *as_json, code=1)
            assert said in result.stderr
            assert "horse" not in result.output
    assert "horse" not in caplog.text
    # Nothing of it has touched the file.
    file.run("event", "list")


def test_a_target_that_is_not_there_is_told_with_how_to_make_it(file: Cli, target: str) -> None:
    said = file.error("migrate-data", "--to", f"{target}_else", "--dry-run")
    name = f"{target.rpartition('/')[2]}_else"
    assert said.endswith(
        f'database "{name}" does not exist. Make it: createdb --encoding UTF8 --template template0 {name}\n'
    )
    assert "createdb" not in file.error("migrate-data", "--to", "postgresql://u@127.0.0.1:1/x", "--dry-run")


def test_where_nobody_looks_a_line_now_and_then_says_how_far_it_is(
    file: Cli, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate_data, "_TOLD_EVERY_S", 0.0)
    told = file.run("migrate-data", "--to", target).stderr.splitlines()
    assert told
    assert all(re.fullmatch(r"copying \w+: [\d,]+ of [\d,]+ rows", line) for line in told)


def test_whoever_wants_json_gets_nothing_else(file: Cli, target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrate_data, "_TOLD_EVERY_S", 0.0)
    assert file.run("migrate-data", "--to", target, "--json").stderr == ""


def test_without_a_target_or_a_file_a_sentence_says_so(file: Cli, tmp_path: Path, target: str) -> None:
    assert "Where to? Say --to postgresql://" in file.error("migrate-data")
    assert "--undo goes without --to" in file.error("migrate-data", "--undo", "--to", target)
    shutil.rmtree(tmp_path / "data", ignore_errors=True)
    (tmp_path / "turnout.db").unlink()
    assert "There is no database at" in file.error("migrate-data", "--to", target)
