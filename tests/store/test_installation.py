"""Which secret key a database is used with: it knows, and no other takes its place without a word."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from turnout.errors import StorageUnavailable
from turnout.store import installation, schema, secret_key, suppressions
from turnout.store.connect import open_database
from turnout.store.database import Database
from turnout.store.suppressions import Suppression

KEY, OTHER = bytes(range(32)), bytes(range(1, 33))


@pytest.fixture
def database(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """One whose key is in no setting: it lies beside the file, or in the working directory."""
    monkeypatch.chdir(tmp_path)
    with closing(open_database(database_url)) as database:
        schema.prepare(database)
        yield database


def again(database: Database, given: bytes | None = None) -> Database:
    """The same, as the next process opens it."""
    return open_database(database.url, given)


def known(database: Database) -> str | None:
    with database.read() as connection:
        return installation.find_fingerprint(connection)


def refusal(database: Database) -> str:
    """Why the key is not to be had; asking for it has changed nothing."""
    before = list_files(database)
    with closing(database), pytest.raises(StorageUnavailable) as refused:
        _ = database.secret_key
    assert list_files(database) == before
    with closing(again(database)) as database, pytest.raises(StorageUnavailable):
        installation.prepare_key(database)
    assert list_files(database) == before
    return refused.value.detail


def list_files(database: Database) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in database.key_file.parent.glob("*.key*")}


def test_a_server_that_starts_has_a_key_and_the_database_knows_it(database: Database) -> None:
    key = installation.prepare_key(database)
    assert key == database.secret_key == secret_key.find(database.key_file)
    assert known(database) == secret_key.fingerprint(key)
    with closing(again(database)) as next_one:
        assert installation.prepare_key(next_one) == key
    assert key.hex() not in (known(database) or "")


def test_nothing_is_noted_as_long_as_there_is_no_key(database: Database) -> None:
    installation.note_key(database)
    assert known(database) is None
    assert list_files(database) == {}


def test_a_key_that_is_lost_is_missed_and_not_replaced(database_kind: str, database: Database) -> None:
    key = installation.prepare_key(database)
    file = database.key_file
    file.unlink()
    said = refusal(again(database))
    assert f"there is no file {file}" in said
    # Where there is no such backup, none is promised.
    assert ("part of every backup" in said) == ("tar -xf" in said) == (database_kind == "sqlite")
    assert ("No backup of PostgreSQL holds it" in said) == (database_kind == "postgresql")
    assert "turnout accept-secret-key" in said
    assert "no longer recognised" in said
    secret_key.write(file, key)
    with closing(again(database)) as restored:
        assert installation.prepare_key(restored) == key


def test_another_key_is_refused_wherever_it_comes_from(database: Database) -> None:
    key = installation.prepare_key(database)
    file = database.key_file
    said = refusal_given(database, OTHER)
    assert f"TURNOUT_SECRET_KEY is not the secret key of this database; the one in {file} is." in said
    file.unlink()
    assert "TURNOUT_SECRET_KEY is not the secret key" in refusal_given(database, OTHER)
    secret_key.write(file, OTHER)
    said = refusal(again(database))
    assert f"The secret key in {file} is not the secret key of this database" in said
    assert secret_key.fingerprint(key) in said
    assert secret_key.fingerprint(OTHER) in said


def refusal_given(database: Database, given: bytes) -> str:
    with closing(again(database, given)) as other, pytest.raises(StorageUnavailable) as refused:
        installation.prepare_key(other)
    return refused.value.detail


def test_the_same_key_may_move_into_the_setting(database: Database) -> None:
    key = installation.prepare_key(database)
    database.key_file.unlink()
    with closing(again(database, key)) as moved:
        assert installation.prepare_key(moved) == key


def test_f2_where_somebody_is_suppressed_and_no_key_is_there_none_is_made(database: Database) -> None:
    """A database of before fingerprints were noted: its suppressions show that a key has been lost."""
    with database.write() as connection:
        one = Suppression(source_number=1, digest="d", created_at=1, actor=None)
        suppressions.add(connection, "evt_1", [one])
    assert "is missing" in refusal(again(database))
    with closing(again(database, KEY)) as given:
        assert installation.prepare_key(given) == KEY
    assert known(database) == secret_key.fingerprint(KEY)


def test_of_two_that_start_at_once_with_different_keys_one_is_refused(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    note_key = installation.note_key

    def be_late(late: Database) -> None:
        monkeypatch.setattr(installation, "note_key", note_key)
        with closing(again(database, OTHER)) as first:
            installation.prepare_key(first)
        note_key(late)

    monkeypatch.setattr(installation, "note_key", be_late)
    with closing(again(database, KEY)) as late, pytest.raises(StorageUnavailable, match="TURNOUT_SECRET_KEY is not"):
        installation.prepare_key(late)
    assert known(database) == secret_key.fingerprint(OTHER)
