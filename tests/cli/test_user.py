"""`turnout user`, and what of it `turnout audit` tells."""

from contextlib import closing

import pytest

from tests.access.conftest import PASSWORD
from tests.cli.conftest import Cli
from tests.databases import only_sqlite
from turnout.access import links, sign_in, tokens, users
from turnout.errors import LinkWorthless
from turnout.model.user import User

BEGIN = "https://feed.example.org/console/link/lnk_"


def accept(cli: Cli, url: str, email: str | None = None) -> User:
    """What the page behind the link does."""
    assert url.startswith(BEGIN)
    database = cli.open()
    try:
        return links.accept(database, url.rpartition("/")[2], "Ann", PASSWORD, email)
    finally:
        database.close()


def make_first(cli: Cli) -> User:
    return accept(cli, cli.json("user", "sign-in-link")["link"], "ann@example.org")


def test_the_first_administrator_comes_by_a_link_while_there_are_no_users(cli: Cli) -> None:
    former = cli.text("user", "sign-in-link").split()[-1]
    assert "turnout user sign-in-link" in cli.text("user", "list")
    ann = make_first(cli)
    with pytest.raises(LinkWorthless):
        accept(cli, former, "eve@example.org")
    assert "There are users already" in cli.error("user", "sign-in-link")
    (listed,) = cli.json("user", "list")["users"]
    assert (listed["id"], listed["role"], listed["lastSeenAt"]) == (ann.id, "administrator", None)


def test_somebody_is_invited_with_role_and_events(cli: Cli) -> None:
    cli.make_event("spring")
    cli.make_event("autumn")
    cli.run("user", "invite", "bob@example.org", "--event", "spring")
    made = cli.json(
        "user", "invite", "bob@example.org", "--role", "viewer", "--masked", "--event", "spring", "--event", "autumn"
    )
    (invited,) = cli.json("user", "list")["invitations"]
    assert (invited["id"], invited["email"], invited["role"]) == (made["id"], "bob@example.org", "viewer")
    assert (invited["events"], invited["seesPersonal"], invited["expiresAt"]) == (
        ["autumn", "spring"],
        False,
        made["expiresAt"],
    )
    assert "invited until" in cli.text("user", "list")
    accept(cli, made["link"])
    listed = cli.json("user", "list")
    assert listed["invitations"] == []
    assert (listed["users"][0]["events"], listed["users"][0]["seesPersonal"]) == (["autumn", "spring"], False)
    shown = cli.text("user", "list")
    assert "autumn, spring" in shown
    assert "sees masked" in shown


def test_what_cannot_be_meant_is_a_sentence(cli: Cli) -> None:
    cli.make_event()
    assert "no event nowhere" in cli.error("user", "invite", "bob@example.org", "--event", "nowhere")
    assert "Only a viewer" in cli.error("user", "invite", "bob@example.org", "--role", "manager", "--masked")
    assert "not an e-mail address" in cli.error("user", "invite", "bob")
    for command in ("link", "disable", "enable", "sign-out", "events"):
        assert "There is no user bob@example.org" in cli.error("user", command, "bob@example.org")
    cli.run("user", "invite", "bob@example.org", "--role", "owner", code=2)


def test_who_is_locked_out_gets_a_link(cli: Cli) -> None:
    ann = make_first(cli)
    assert accept(cli, cli.json("user", "link", "Ann@example.org")["link"]) == ann


@only_sqlite
def test_a_user_is_disabled_signed_out_and_given_another_role(cli: Cli) -> None:
    cli.make_event()
    make_first(cli)
    assert "last administrator" in cli.error("user", "disable", "ann@example.org")
    accept(cli, cli.json("user", "invite", "bob@example.org", "--all-events")["link"])
    database = cli.open()
    sign_in.sign_in(database, "bob@example.org", PASSWORD, "", "")
    database.close()
    assert cli.json("user", "sign-out", "bob@example.org") == {"email": "bob@example.org", "sessionsEnded": 1}
    assert "0 sessions" in cli.text("user", "sign-out", "bob@example.org")
    changed = cli.json("user", "role", "bob@example.org", "viewer", "--masked")
    assert (changed["role"], changed["seesPersonal"], changed["allEvents"]) == ("viewer", False, True)
    assert cli.json("user", "events", "bob@example.org", "--event", "spring")["events"] == ["spring"]
    assert "no event" in cli.text("user", "events", "bob@example.org")
    assert "is a manager now" in cli.text("user", "role", "bob@example.org", "manager")
    assert cli.json("user", "disable", "bob@example.org")["disabledAt"]
    assert "disabled" in cli.text("user", "list")
    assert "disabled" in cli.error("user", "link", "bob@example.org")
    assert cli.json("user", "enable", "bob@example.org")["disabledAt"] is None
    assert "can sign in again" in cli.text("user", "enable", "bob@example.org")
    database = cli.open()
    assert users.get_by_email(database, "bob@example.org").sees_personal
    database.close()


@only_sqlite
def test_all_of_it_is_in_the_audit_log(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "kim")
    with closing(cli.open()):
        assert cli.text("audit", "list") == "Nothing was done yet.\n"
    cli.make_event()
    ann = make_first(cli)
    link = cli.json("user", "invite", "bob@example.org", "--event", "spring")["link"]
    bob = accept(cli, link)
    cli.run("user", "role", "bob@example.org", "manager")
    cli.error("user", "disable", "ann@example.org")
    lines = cli.json("audit", "list")["lines"]
    assert [(line["action"], line["outcome"]) for line in lines] == [
        ("user.disable", "refused"),
        ("user.role", "done"),
        ("user.invite", "done"),
        ("user.first_link", "done"),
        ("event.create", "done"),
    ]
    refused, role, invited, _, _ = lines
    assert {line["actor"] for line in lines} == {"cli:kim"}
    assert (refused["target"], refused["after"]) == (ann.id, {"code": "conflict"})
    assert (role["target"], role["before"], role["after"]) == (bob.id, {"role": "viewer"}, {"role": "manager"})
    assert invited["after"]["email"] == "bob@example.org"
    assert link.rpartition(".")[2] not in str(lines)
    assert cli.json("audit", "list", "--action", "user.role")["lines"] == [role]
    assert cli.json("audit", "list", "--limit", "1", "--before", role["id"])["lines"] == [invited]
    assert [one["action"] for one in cli.json("audit", "list", "--event", "spring")["lines"]] == ["event.create"]
    assert cli.json("audit", "list", "--user", "ann@example.org")["lines"] == []
    assert '{"role":"manager"}' in cli.text("audit", "list")


def test_browsers_and_tokens_are_listed_and_ended_one_by_one(cli: Cli) -> None:
    make_first(cli)
    assert "signed in nowhere" in cli.text("user", "sessions", "ann@example.org")
    database = cli.open()
    for browser in ("Firefox", "Edge"):
        sign_in.sign_in(database, "ann@example.org", PASSWORD, "192.0.2.1", browser)
    first, _ = cli.json("user", "sessions", "ann@example.org")["sessions"]
    assert (first["browser"], first["address"]) == ("Edge", "192.0.2.1")
    assert "Edge" in cli.text("user", "sessions", "ann@example.org")
    cli.run("user", "sign-out", "ann@example.org", "--session", first["id"])
    (left,) = cli.json("user", "sessions", "ann@example.org")["sessions"]
    assert left["browser"] == "Firefox"
    assert "no such session" in cli.error("user", "sign-out", "ann@example.org", "--session", first["id"])
    made = cli.json("user", "create-token", "ann@example.org", "Night job", "--expires", "90d")
    found = tokens.find(database, made["token"])
    assert found is not None
    assert found.email == "ann@example.org"
    assert "shown this once" in cli.text("user", "create-token", "ann@example.org", "Other")
    listed = cli.json("user", "tokens", "ann@example.org")["tokens"]
    assert {(one["name"], one["expiresAt"] is None) for one in listed} == {("Night job", False), ("Other", True)}
    assert made["token"] not in str(listed)
    cli.run("user", "revoke-token", "ann@example.org", made["id"])
    assert tokens.find(database, made["token"]) is None
    assert "revoked" in cli.text("user", "tokens", "ann@example.org")
    assert "revoked already" in cli.error("user", "revoke-token", "ann@example.org", made["id"])
    database.close()
    done = [line["action"] for line in cli.json("audit", "list")["lines"] if line["outcome"] == "done"]
    assert done[:4] == ["token.revoke", "token.create", "token.create", "user.end_session"]


def test_an_invitation_is_withdrawn(cli: Cli) -> None:
    make_first(cli)
    made = cli.json("user", "invite", "bob@example.org")
    assert "is withdrawn" in cli.text("user", "withdraw", "BOB@example.org")
    with pytest.raises(LinkWorthless):
        accept(cli, made["link"])
    assert "Nobody is invited" in cli.error("user", "withdraw", "bob@example.org")
