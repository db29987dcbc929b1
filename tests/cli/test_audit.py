"""What somebody does at the command line stands in the audit log, as what is done in the console does."""

import io
import json
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.conftest import Cli, person
from tests.databases import only_sqlite, open_one
from tests.patience import PATIENCE_S
from tests.product import Product
from turnout.access import audit
from turnout.cli.push import items
from turnout.console.audit.words import DEEDS
from turnout.events import event
from turnout.feed.by_hand.hand_in import name_actor
from turnout.store.sqlite import database as sqlite_database
from turnout.store.sqlite.file_lock import FileLock


def list_done(cli: Cli) -> list[str]:
    """The actions at the event, the first first."""
    return [line["action"] for line in reversed(cli.json("audit", "list", "--event", "spring")["lines"])]


def test_what_is_set_up_and_decided_leaves_a_line_with_who_and_what(cli: Cli, tmp_path: Path) -> None:
    at = ("--event", "spring")
    cli.make_event()
    cli.run("event", "set", "spring", "blank=keep")
    key = cli.json("key", "create", *at, "--label", "Shop")["id"]
    other = cli.json("key", "rotate", key, "--overlap", "1h")["id"]
    cli.run("key", "revoke", other)
    cli.run("source", "set", *at, "Shop", "mode=rehearsal")
    cli.run("source", "go-live", *at, "Shop")
    handout = cli.json("handout", "create", *at, "--source", "Zapier", "--tool", "zapier")["id"]
    cli.run("handout", "revoke", *at, handout)
    cli.push(person("ann@x.org", ["Crew"]), person("bob@x.org"))
    cli.run("group", "rename", *at, "Crew", "Staff")
    cli.run("group", "set", *at, "Staff", "staff_only=yes")
    cli.run("attendees", "pin", *at, "ann@x.org", "profile.title")
    cli.run("attendees", "remove", *at, "ann@x.org")
    cli.run("attendees", "remove", *at, "ann@x.org", "--undo")
    cli.run("attendees", "merge", *at, "bob@x.org", "ann@x.org", "--yes")
    cli.run("attendees", "export", *at, "--output", str(tmp_path / "all.csv"))
    push = cli.json("pushes", "list", *at)["pushes"][0]["id"]
    cli.run("pushes", "replay", push, "--dry-run")
    cli.run("pushes", "replay", push)
    cli.run("attendees", "erase", *at, "ann@x.org", "--yes")
    cli.run("suppressed", "lift", *at, "ann@x.org")
    cli.run("source", "retire", *at, "Shop", "--yes")
    cli.run("event", "archive", "spring")
    cli.run("event", "archive", "spring", "--undo")
    done = list_done(cli)
    assert done == [
        "event.create",
        "event.set",
        "key.create",
        "key.rotate",
        "key.revoke",
        "source.set",
        "source.go_live",
        "handout.create",
        "handout.revoke",
        "pushes.hand_in",
        "group.rename",
        "group.set",
        "attendee.pin",
        "attendee.remove",
        "attendee.bring_back",
        "attendee.merge",
        "attendees.export",
        "pushes.replay",
        "attendee.erase",
        "attendee.lift",
        "source.retire",
        "event.archive",
        "event.unarchive",
    ]
    assert {*done} <= {*DEEDS}
    lines = cli.json("audit", "list", *at)["lines"]
    assert {line["outcome"] for line in lines} == {"done"}
    assert all(line["actor"].startswith("cli:") for line in lines)
    assert "x.org" not in str([(line["before"], line["after"]) for line in lines])


def test_of_a_webhook_only_the_host_is_kept_and_what_was_refused_says_so(cli: Cli) -> None:
    cli.make_event()
    url = "https://hooks.invalid/turnout?token=quite-secret"
    webhook = cli.json("webhook", "create", "--event", "spring", "--url", url)["id"]
    for deed in ("pause", "resume", "rotate"):
        cli.run("webhook", deed, webhook)
    cli.run("webhook", "delete", webhook, "--yes")
    cli.error("key", "revoke", "key_none")
    assert list_done(cli) == [
        f"webhook.{deed}" if deed else "event.create" for deed in ("", "create", "pause", "resume", "rotate", "delete")
    ]
    lines = cli.json("audit", "list")["lines"]
    assert "hooks.invalid/…" in str(lines)
    assert "quite-secret" not in str(lines)
    assert (lines[0]["action"], lines[0]["outcome"], lines[0]["after"]) == (
        "key.revoke",
        "refused",
        {"code": "not_found"},
    )


def test_what_reads_many_people_at_once_leaves_a_line_and_a_look_at_some_does_not(cli: Cli) -> None:
    at = ("--event", "spring")
    cli.make_event()
    cli.push(person("ann@x.org"), person("bob@x.org", ["Crew"]))
    cli.push(person("eve@x.org"))
    before = list_done(cli)
    assert before == ["event.create", "pushes.hand_in", "pushes.hand_in"]
    cli.run("attendees", "list", *at)
    cli.run("attendees", "list", *at, "--limit", "1000", "--json")
    cli.run("changes", *at, "--limit", "1000")
    cli.run("pushes", "list", *at)
    assert list_done(cli) == before
    cli.run("attendees", "list", *at, "--json")
    cli.run("changes", *at)
    cli.run("pushes", "list", *at, "--limit", "1001")
    assert list_done(cli)[3:] == ["attendees.list", "changes.read", "pushes.list"]


def test_a_file_of_attendees_leaves_a_line_with_what_became_of_them(cli: Cli) -> None:
    cli.make_event()
    cli.push(person("ann@x.org"), person("not an address"), code=1)
    cli.run("push", "--event", "spring", "--dry-run", "-", stdin='{"profile": {"email": "bob@x.org"}}')
    line = cli.json("audit", "list", "--event", "spring")["lines"][0]
    source = cli.json("source", "list", "--event", "spring")["sources"][0]["id"]
    assert (line["action"], line["target"], line["outcome"]) == ("pushes.hand_in", source, "done")
    assert line["after"] == {"created": 1, "failed": 1}


def test_what_keeps_an_installation_well_leaves_lines_too(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    at = ("--event", "spring")
    cli.make_event()
    cli.run("source", "set", *at, "main", "mode=rehearsal")
    cli.push(person("ann@x.org"))
    cli.run("source", "go-live", *at, "main", "--with-rehearsed", "--dry-run")
    cli.run("source", "go-live", *at, "main", "--with-rehearsed")
    cli.run("reindex", *at)
    (key,) = cli.json("token", "rotate", *at, "--at-once", "--yes")["signingKeys"]
    replayed, reindexed, rotated = reversed(cli.json("audit", "list", *at)["lines"][:3])
    assert (replayed["action"], replayed["after"]) == (
        "source.replay_rehearsed",
        {"replayed": 1, "failed": 0, "gone": 0},
    )
    assert reindexed["action"] == "event.reindex"
    assert (rotated["action"], rotated["target"], rotated["after"]) == (
        "signing_key.rotate",
        key["id"],
        {"atOnce": True},
    )
    monkeypatch.setenv("TURNOUT_SECRET_KEY", bytes(range(40, 72)).hex())
    accepted = cli.json("accept-secret-key", "--yes")["accepted"]
    line = cli.json("audit", "list")["lines"][0]
    assert (line["action"], line["after"]["fingerprint"]) == ("installation.accept_key", accepted["fingerprint"])


@only_sqlite
def test_a_backup_leaves_a_line_and_what_is_restored_says_from_where(cli: Cli, tmp_path: Path) -> None:
    cli.make_event()
    manifest = cli.json("backup", str(tmp_path / "monday.backup"))["manifest"]
    line = cli.json("audit", "list")["lines"][0]
    assert (line["action"], line["outcome"]) == ("installation.backup", "done")
    assert line["after"] == {"file": "monday.backup", "at": manifest["at"]}
    cli.run("restore", str(tmp_path / "monday.backup"), "--force")
    restored, backed_up, _ = cli.json("audit", "list")["lines"]
    assert (restored["action"], restored["outcome"], restored["actor"]) == (
        "installation.restore",
        "done",
        name_actor(),
    )
    assert restored["after"] == {"file": "monday.backup", "madeAt": manifest["at"]}
    # Nobody knew yet how it would end.
    assert (backed_up["action"], backed_up["outcome"]) == ("installation.backup", "begun")


@only_sqlite
def test_where_the_audit_log_cannot_be_written_there_is_a_backup_all_the_same(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another program is writing all the time, or the database is of a version that had none."""
    cli.make_event()
    monkeypatch.setattr(sqlite_database, "LOCK_TIMEOUT_S", 0.05)
    with closing(FileLock(tmp_path / "turnout.db.lock")) as lock, lock.held(PATIENCE_S):
        assert "has no line of this backup" in cli.run("backup", str(tmp_path / "busy.backup")).stderr
    with closing(open_one(cli.url)) as database, database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0008'")
    assert "has no line of this backup" in cli.run("backup", str(tmp_path / "old.backup")).stderr
    cli.run("restore", str(tmp_path / "old.backup"), "--force")


class Archiving(io.BytesIO):
    """A file in whose third line somebody archives the event."""

    def __init__(self, content: bytes, cli: Cli) -> None:
        super().__init__(content)
        self._cli = cli

    def __next__(self) -> bytes:
        line = super().__next__()
        if b"third" in line:
            with closing(self._cli.open()) as database:
                event.archive(database, event.list_all(database)[0].id)
        return line


def test_a_file_of_which_part_has_taken_effect_is_not_called_refused(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(items, "MAX_CHUNK_BYTES", 1)
    cli.make_event()
    content = "\n".join(json.dumps(person(f"{name}@x.org")) for name in ("first", "second", "third")).encode()
    assert "is archived" in cli.run("push", "--event", "spring", "-", stdin=Archiving(content, cli), code=1).stderr
    cli.run("push", "--event", "spring", "-", stdin=content, code=1)
    refused, broken_off = cli.json("audit", "list", "--action", "pushes.hand_in")["lines"]
    assert (broken_off["outcome"], broken_off["after"]) == ("done", {"created": 1, "trouble": True})
    assert (refused["outcome"], refused["after"]) == ("refused", {"code": "conflict"})


def test_a_server_that_prints_the_link_for_the_first_administrator_leaves_a_line(product: Product) -> None:
    lines = audit.list_lines(product.server.database, action="user.first_link", limit=1_000)
    assert (lines[-1].actor, lines[-1].outcome) == (name_actor(), "done")
