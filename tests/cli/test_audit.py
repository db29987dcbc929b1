"""What somebody does at the command line stands in the audit log, as what is done in the console does."""

from pathlib import Path

from tests.cli.conftest import Cli, person
from turnout.console.audit.words import DEEDS


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
