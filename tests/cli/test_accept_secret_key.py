"""A lost secret key: the server does not start, the doctor says why, and somebody may go on without (F2)."""

import tarfile
from pathlib import Path

import msgspec
import pytest

from tests.cli.conftest import Cli, person
from tests.databases import SECRET_KEY, only_postgresql, only_sqlite, settings_of
from turnout.operations.doctor import diagnose
from turnout.store import secret_key
from turnout.store.sqlite.file_lock import hold_alone

JOHN, JANE = "john.doe@example.com", "jane.doe@example.com"
BACKUP = "monday.backup"
NOTHING_SEALED = {"webhooks": [], "alertWebhooks": [], "mailPassword": False}


@pytest.fixture(autouse=True)
def without_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that starts where it should not fails the test instead of running on."""

    def serve(*_: object, **__: object) -> None:
        raise AssertionError("It has started.")

    monkeypatch.setattr("turnout.server.serve", serve)


@pytest.fixture
def key_file(cli: Cli, tmp_path: Path) -> Path:
    """Of a database in which John was erased, of which there is a backup in `monday.backup`."""
    cli.make_event()
    cli.push(person(JOHN))
    cli.run("attendees", "erase", "--event", "spring", JOHN, "--yes")
    cli.run("backup", str(tmp_path / BACKUP))
    return secret_key.file_of(tmp_path / "turnout.db")


def push_john(cli: Cli) -> str:
    """What becomes of a push of him."""
    summary = cli.push(person(JOHN))
    (result,) = [result for result in ("created", "suppressed") if summary[result]]
    return result


def find_key_check(cli: Cli, code: int = 0) -> dict[str, str]:
    return next(one for one in cli.json("doctor", code=code)["checks"] if one["name"] == "secret key")


@only_sqlite
def test_f2_a_lost_key_is_told_and_no_other_is_made(cli: Cli, key_file: Path) -> None:
    """By a keyed digest of the address: without the key it cannot be known who is suppressed."""
    assert push_john(cli) == "suppressed"
    cli.make_event("autumn")
    cli.push(person(JANE), slug="autumn")
    key_file.unlink()
    assert "secret key of this database is missing" in cli.error("serve", "--port", "0")
    for command in (
        ("attendees", "erase", "--event", "autumn", JANE, "--yes"),
        ("suppressed", "lift", "--event", "spring", JOHN),
    ):
        assert f"there is no file {key_file}" in cli.error(*command)
        assert not key_file.exists()
    check = find_key_check(cli, code=1)
    assert check["state"] == "problem"
    assert str(key_file) in check["message"]


@only_sqlite
def test_a_backup_without_its_key_says_so(cli: Cli, key_file: Path, tmp_path: Path) -> None:
    key_file.unlink()
    said = cli.run("backup", str(tmp_path / "tuesday.backup"))
    assert "without the key that belongs to it" in said.stderr
    assert "no secret key yet" not in said.stdout


@only_sqlite
def test_f2_with_the_key_out_of_a_backup_all_is_as_before(cli: Cli, key_file: Path, tmp_path: Path) -> None:
    key_file.unlink()
    with tarfile.open(tmp_path / BACKUP) as backup:
        backup.extract("turnout.db.key", key_file.parent, filter="data")
    assert find_key_check(cli)["state"] == "ok"
    assert push_john(cli) == "suppressed"
    key_file.unlink()
    cli.run("restore", str(tmp_path / BACKUP), "--force")
    assert push_john(cli) == "suppressed"
    assert find_key_check(cli)["state"] == "ok"
    assert cli.json("accept-secret-key", "--yes") == {"accepted": None}


@only_sqlite
def test_a_restored_database_without_its_key_is_not_started(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backup of an installation whose key is in the settings has none in it; a new one is not made silently."""
    monkeypatch.setenv("TURNOUT_SECRET_KEY", bytes(range(32)).hex())
    cli.make_event()
    cli.run("backup", str(tmp_path / BACKUP))
    monkeypatch.delenv("TURNOUT_SECRET_KEY")
    monkeypatch.setenv("TURNOUT_DATABASE_URL", f"sqlite:///{tmp_path / 'elsewhere' / 'turnout.db'}")
    cli.run("restore", str(tmp_path / BACKUP))
    assert "TURNOUT_SECRET_KEY is not set" in cli.error("serve", "--port", "0")


@only_sqlite
def test_f2_whoever_goes_on_without_is_told_what_is_lost(cli: Cli, key_file: Path) -> None:
    key_file.unlink()
    asked = cli.run("accept-secret-key", stdin="n\n", code=1)
    assert "1 erased address will be suppressed no more" in asked.stdout
    assert not key_file.exists()
    accepted = cli.json("accept-secret-key", "--yes")["accepted"]
    key = secret_key.find(key_file)
    assert key is not None
    assert accepted == {"fingerprint": secret_key.fingerprint(key), "noLongerSuppressed": 1} | NOTHING_SEALED
    assert find_key_check(cli)["state"] == "ok"
    assert push_john(cli) == "created"
    assert "nothing to accept" in cli.text("accept-secret-key")


@only_sqlite
def test_beside_a_server_which_has_the_old_key_none_is_accepted(cli: Cli, key_file: Path) -> None:
    key_file.unlink()
    with hold_alone(key_file.with_name("turnout.db.server")):
        assert "A server runs on" in cli.error("accept-secret-key", "--yes")
    assert not key_file.exists()


# --- PostgreSQL: the key is in the setting, or in the working directory ----------------------------------------------


@pytest.fixture
def erased(cli: Cli) -> Cli:
    """John was erased under the key in the setting."""
    cli.make_event()
    cli.push(person(JOHN))
    cli.run("attendees", "erase", "--event", "spring", JOHN, "--yes")
    assert push_john(cli) == "suppressed"
    return cli


@only_postgresql
def test_f2_with_another_key_in_the_setting_nothing_starts_until_somebody_accepts_it(
    erased: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = bytes(range(1, 33))
    monkeypatch.setenv("TURNOUT_SECRET_KEY", other.hex())
    assert "TURNOUT_SECRET_KEY is not the secret key of this database" in erased.error("serve", "--port", "0")
    asked = erased.run("accept-secret-key", stdin="n\n", code=1)
    assert "1 erased address will be suppressed no more" in asked.stdout
    accepted = erased.json("accept-secret-key", "--yes")["accepted"]
    assert accepted == {"fingerprint": secret_key.fingerprint(other), "noLongerSuppressed": 1} | NOTHING_SEALED
    assert push_john(erased) == "created"
    monkeypatch.setenv("TURNOUT_SECRET_KEY", SECRET_KEY.hex())
    assert "is not the secret key of this database" in erased.error("serve", "--port", "0")


@only_postgresql
def test_f2_without_the_setting_the_key_is_looked_for_in_the_working_directory(
    erased: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TURNOUT_SECRET_KEY")
    file = tmp_path / "data" / "turnout.key"
    assert "The secret key of this database is missing" in erased.error("serve", "--port", "0")
    assert f"there is no file {file}" in erased.error("suppressed", "lift", "--event", "spring", JOHN)
    assert not file.exists()
    # Where somebody puts it there all is as before.
    secret_key.put(file, SECRET_KEY)
    assert push_john(erased) == "suppressed"
    assert erased.json("accept-secret-key", "--yes") == {"accepted": None}
    file.unlink()
    accepted = erased.json("accept-secret-key", "--yes")["accepted"]
    key = secret_key.find(file)
    assert key is not None
    assert accepted["fingerprint"] == secret_key.fingerprint(key)


@only_postgresql
def test_a_first_key_is_made_in_the_working_directory(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TURNOUT_SECRET_KEY")
    cli.make_event()
    cli.push(person(JOHN))
    cli.run("attendees", "erase", "--event", "spring", JOHN, "--yes")
    assert secret_key.find(tmp_path / "data" / "turnout.key") is not None
    assert push_john(cli) == "suppressed"


# --- Webhooks: what is sealed with a key that is gone ----------------------------------------------------------------


def test_webhooks_under_a_lost_key_are_off_until_they_have_new_secrets(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli.make_event()
    active, paused = (
        cli.json("webhook", "create", "--event", "spring", "--url", "https://1.1.1.1/")["id"] for _ in range(2)
    )
    cli.run("webhook", "pause", paused, "--reason", "Mine")
    monkeypatch.setenv("TURNOUT_SECRET_KEY", bytes(range(1, 33)).hex())
    assert "2 webhooks will be sent nothing" in cli.run("accept-secret-key", stdin="n\n", code=1).stdout
    said = cli.text("accept-secret-key", "--yes")
    for its_id in (active, paused):
        assert f"turnout webhook rotate {its_id}" in said
    described = {one["id"]: one for one in cli.json("webhook", "list")["webhooks"]}
    assert [one["secretGood"] for one in described.values()] == [False, False]
    assert (described[active]["state"], described[paused]["state"]) == ("off", "paused")
    assert "turnout webhook rotate" in described[active]["reason"]
    assert "turnout webhook rotate" in cli.error("webhook", "resume", paused)
    assert "cannot be opened" in cli.error("webhook", "test", active)
    found = {check["message"].split()[3]: check["state"] for check in list_webhook_checks(cli)}
    assert found == {active: "problem", paused: "problem"}
    for its_id, state in ((active, "active"), (paused, "paused")):
        cli.run("webhook", "rotate", its_id)
        assert cli.json("webhook", "show", its_id)["state"] == state
    cli.run("webhook", "resume", paused)
    assert [check["state"] for check in list_webhook_checks(cli)] == ["ok"]


def test_what_alerts_are_told_by_under_a_lost_key_is_set_up_again(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    cli.make_event()
    cli.run("alert", "webhook", "set", "--event", "spring", "--url", "https://1.1.1.1/")
    server = ("--host", "smtp.example.org", "--user", "turnout", "--from", "turnout@example.org")
    cli.run("mail", "set", *server, "--password-stdin", stdin="a password\n")
    monkeypatch.setenv("TURNOUT_SECRET_KEY", bytes(range(1, 33)).hex())
    asked = cli.run("accept-secret-key", stdin="n\n", code=1).stdout
    assert "Alerts of 1 event are posted nowhere" in asked
    assert "No e-mail is sent until" in asked
    said = cli.text("accept-secret-key", "--yes")
    assert "turnout alert webhook set --event spring" in said
    assert "turnout mail set" in said


def list_webhook_checks(cli: Cli) -> list[dict[str, str]]:
    environ = settings_of(cli.url) | {"TURNOUT_SECRET_KEY": bytes(range(1, 33)).hex()}
    checks = msgspec.to_builtins(diagnose(environ).checks)
    return [check for check in checks if check["name"] == "webhooks"]
