"""The command line, run in this process on a database of its own."""

import json
from typing import IO, Any

import pytest
from click.testing import CliRunner, Result

from tests.databases import open_one, settings_of
from turnout.cli import main
from turnout.store import schema
from turnout.store.database import Database


class Cli:
    """Runs commands; whatever is not asserted here a test says itself."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._runner = CliRunner()

    def run(self, *arguments: str, code: int = 0, stdin: str | bytes | IO[bytes] | None = None) -> Result:
        """The result of a command that has to end with this code."""
        result = self._runner.invoke(main, list(arguments), input=stdin)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, result.output
        return result

    def text(self, *arguments: str, code: int = 0, stdin: str | bytes | None = None) -> str:
        """What it says to people."""
        return self.run(*arguments, code=code, stdin=stdin).stdout

    def json(self, *arguments: str, code: int = 0, stdin: str | bytes | None = None) -> Any:
        """Its one JSON document."""
        return json.loads(self.run(*arguments, "--json", code=code, stdin=stdin).stdout)

    def lines(self, *arguments: str) -> list[Any]:
        """Its JSON lines."""
        return [json.loads(line) for line in self.run(*arguments, "--json").stdout.splitlines()]

    def error(self, *arguments: str) -> str:
        """What it says on standard error when it fails with 1."""
        return self.run(*arguments, code=1).stderr

    def make_event(self, slug: str = "spring", *settings: str) -> str:
        """A new event; gives its key."""
        key = self.json("event", "create", "Spring", "--slug", slug)["key"]
        if settings:
            self.run("event", "set", slug, *settings)
        return key

    def push(self, *bodies: object, slug: str = "spring", source: str = "main", code: int = 0) -> Any:
        """Pushes attendees; gives the summary."""
        return self.json(
            "push", "--event", slug, "--source", source, "-", code=code, stdin="\n".join(map(json.dumps, bodies))
        )

    def open(self) -> Database:
        database = open_one(self.url)
        schema.prepare(database)
        return database


@pytest.fixture
def cli(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """The command line on a fresh database."""
    for name, value in settings_of(database_url).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TURNOUT_PUBLIC_URL", "https://feed.example.org")
    for name in ("TURNOUT_KEY", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    return Cli(database_url)


def person(email: str, groups: list[str] | None = None, **profile: str) -> dict[str, Any]:
    """A body that says this of one person."""
    body: dict[str, Any] = {"profile": {"email": email, **profile}}
    if groups is not None:
        body["eventInfo"] = {"groups": {"groupNames": groups}}
    return body
