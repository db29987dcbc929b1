"""The installation's secret key: from the settings or from a file, made once, for its owner alone."""

import os
import threading
from contextlib import closing
from pathlib import Path

import pytest

from turnout.errors import StorageUnavailable
from turnout.store import secret_key
from turnout.store.sqlite.database import SqliteDatabase


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "turnout.db"


def test_it_is_made_when_first_asked_for_and_is_the_same_ever_after(path: Path) -> None:
    with closing(SqliteDatabase(f"sqlite:///{path}")) as database:
        assert not secret_key.file_of(path).exists()
        key = database.secret_key
    assert len(key) == 32
    assert secret_key.file_of(path).stat().st_mode & 0o777 == 0o600
    with closing(SqliteDatabase(f"sqlite:///{path}")) as database:
        assert database.secret_key == key


def test_what_the_setting_gives_is_taken_and_no_file_is_made(path: Path) -> None:
    with closing(SqliteDatabase(f"sqlite:///{path}", secret_key=bytes(range(32)))) as database:
        assert database.secret_key == bytes(range(32))
    assert not secret_key.file_of(path).exists()


def test_of_many_that_make_it_at_once_all_get_the_same(path: Path) -> None:
    found: list[bytes] = []
    ready = threading.Barrier(8)

    def ask() -> None:
        ready.wait()
        found.append(secret_key.get(secret_key.file_of(path)))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1
    assert [file.name for file in path.parent.iterdir()] == ["turnout.db.key"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o666])
def test_a_file_that_others_may_read_is_refused(path: Path, mode: int) -> None:
    secret_key.get(secret_key.file_of(path))
    secret_key.file_of(path).chmod(mode)
    with pytest.raises(StorageUnavailable, match="chmod 600"):
        secret_key.get(secret_key.file_of(path))


@pytest.mark.parametrize("content", [b"", b"a letter", b"\xff" * 32, b"0" * 64])
def test_a_file_that_holds_no_key_is_refused_and_stays_as_it_is(path: Path, content: bytes) -> None:
    file = secret_key.file_of(path)
    file.write_bytes(content)
    file.chmod(0o600)
    with pytest.raises(StorageUnavailable, match="does not hold a secret key"):
        secret_key.get(secret_key.file_of(path))
    assert file.read_bytes() == content


def test_where_it_cannot_be_made_a_sentence_says_so(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(StorageUnavailable, match="No space left"):
        secret_key.get(secret_key.file_of(path))
    assert list(path.parent.iterdir()) == []


def test_a_fingerprint_tells_two_keys_apart() -> None:
    assert secret_key.fingerprint(b"a" * 32) != secret_key.fingerprint(b"b" * 32)
    assert secret_key.fingerprint(b"a" * 32) == secret_key.fingerprint(b"a" * 32)
