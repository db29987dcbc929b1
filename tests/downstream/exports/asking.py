"""What the tests of exports share: whoever asks for one and waits, and who is making it."""

import os
import signal
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.product import RunningServer, TestedEvent
from turnout.changes.turn import Turn
from turnout.errors import StorageUnavailable
from turnout.events import keys
from turnout.store import exports
from turnout.store.database import Database
from turnout.store.exports import Export
from turnout.store.leases import Lease
from turnout.store.sqlite.database import SqliteDatabase
from turnout.store.sqlite.file_lock import LockTimeout

TRIES = 6_000
REST_S = 0.02


class Asker:
    """A read key of an event, and what is done with it."""

    def __init__(self, event: TestedEvent, **limits: Any) -> None:
        self.event = event
        issued = keys.create(event.database, event.id, scope="read", **limits)
        self.key, self.key_id = issued.text, issued.key.id

    def ask(self, **wish: Any) -> httpx2.Response:
        return self.event.push(wish, path="/exports", key=self.key)

    def ask_ok(self, **wish: Any) -> str:
        """Its id."""
        response = self.ask(**wish)
        assert response.status_code == 202, response.text
        assert response.json()["state"] == "waiting"
        return str(response.json()["id"])

    def show(self, export_id: str) -> dict[str, Any]:
        response = self.event.get(f"/exports/{export_id}", key=self.key)
        assert response.status_code == 200, response.text
        shown: dict[str, Any] = response.json()
        return shown

    def wait(self, export_id: str, *states: str) -> dict[str, Any]:
        """Until it is in one of these states, or in any that is the end."""
        for _ in range(TRIES):
            shown = self.show(export_id)
            if shown["state"] in (states or ("done", "failed", "removed")):
                return shown
            time.sleep(REST_S)
        raise AssertionError(f"It never came that far: {shown}")

    def fetch(self, export_id: str, **headers: str) -> httpx2.Response:
        return self.event.product.client.get(
            f"{self.event.gateway}/exports/{export_id}/file", headers={"Api-Key": self.key, **headers}
        )

    def delete(self, export_id: str) -> httpx2.Response:
        return self.event.product.client.delete(
            f"{self.event.gateway}/exports/{export_id}", headers={"Api-Key": self.key}
        )

    def make(self, **wish: Any) -> bytes:
        """A file, from asking to fetching."""
        export_id = self.ask_ok(**wish)
        shown = self.wait(export_id)
        assert shown["state"] == "done", shown
        return self.fetch(export_id).content


def fill(event: TestedEvent, people: int, **profile: str) -> None:
    for start in range(0, people, 5_000):
        event.batch_ok(
            [
                {"profile": {"email": f"p{number}@example.com", "firstName": f"P{number}", **profile}}
                for number in range(start, min(start + 5_000, people))
            ],
            "?receipts=summary",
        )


@contextmanager
def nobody_makes(database: Database) -> Generator[Lease]:
    """Meanwhile this process has the lease, which it gives."""
    turn = Turn(database, "exports", 600_000_000)
    for _ in range(TRIES):
        if turn.take():
            break
        time.sleep(REST_S)
    assert turn.lease is not None
    try:
        yield turn.lease
    finally:
        turn.give_back()


def find_row(event: TestedEvent, export_id: str) -> Export:
    with event.database.read() as connection:
        export = exports.find_export(connection, event.id, export_id)
    assert export is not None
    return export


def wait_for_row(event: TestedEvent, export_id: str, state: str, attempts: int = 1) -> Export:
    """As the database has it, without asking the server."""
    for _ in range(TRIES):
        export = find_row(event, export_id)
        if export.state == state and export.attempts >= attempts:
            return export
        time.sleep(REST_S)
    raise AssertionError(f"It never came that far: {export}")


def find_makers(server: RunningServer) -> list[int]:
    """The processes that the server has started to make exports."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
                command = (folder / "cmdline").read_bytes()
            except OSError:
                continue
            if int(parent) == server.pid and b"turnout.downstream.exports" in command:
                found.append(int(folder.name))
    return found


def wait_until_ended(process: int) -> None:
    """Whether or not whoever started it has noticed."""
    for _ in range(TRIES):
        try:
            state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return
        if state == "Z":
            return
        time.sleep(REST_S)
    raise AssertionError("It goes on and on.")


def wait_until_told(server: RunningServer, maker: int) -> None:
    """Until the server has said to this maker that it is to stop, by the end of its input."""
    said_by = Path(f"/proc/{maker}/fd/0").readlink()
    for _ in range(TRIES):
        try:
            if said_by not in {one.readlink() for one in Path(f"/proc/{server.pid}/fd").iterdir()}:
                return
        except FileNotFoundError:
            # One was closed meanwhile.
            pass
        time.sleep(REST_S)
    raise AssertionError("It was never told.")


@contextmanager
def held_in_the_middle(event: TestedEvent, asker: Asker) -> Generator[tuple[str, int]]:
    """An export, and the process that makes it, which stands still meanwhile and holds no lock."""
    for _ in range(MOST_ASKED):
        export_id = asker.ask_ok(format="ndjson")
        maker = _stop_in_the_middle(event, export_id)
        if maker is not None:
            break
    else:
        raise AssertionError("They were all done before they could be stopped.")
    try:
        yield export_id, maker
    finally:
        with suppress(ProcessLookupError):
            os.kill(maker, signal.SIGCONT)


MOST_ASKED = 20
_A_LITTLE_S = 0.002


def _stop_in_the_middle(event: TestedEvent, export_id: str) -> int | None:
    """The process that makes it, stopped; None where it was done before that."""
    for _ in range(TRIES):
        if find_row(event, export_id).state != "waiting":
            break
        time.sleep(REST_S)
    for maker in find_makers(event.product.server):
        with suppress(ProcessLookupError):
            os.kill(maker, signal.SIGSTOP)
            while (state := find_row(event, export_id).state) == "running":
                if _holds_nothing(event.database, export_id):
                    return maker
                os.kill(maker, signal.SIGCONT)
                time.sleep(_A_LITTLE_S)
                os.kill(maker, signal.SIGSTOP)
            os.kill(maker, signal.SIGCONT)
            assert state == "done", state
    return None


def _holds_nothing(database: Database, export_id: str) -> bool:
    try:
        if isinstance(database, SqliteDatabase):
            with database._lock.held(0):
                return True
        with database.write() as connection:
            for table, column, value in (("exports", "id", export_id), ("leases", "name", "exports")):
                connection.execute(
                    text(f"SELECT 1 FROM {table} WHERE {column} = :value FOR UPDATE NOWAIT"), {"value": value}
                )
    except (LockTimeout, StorageUnavailable, DBAPIError):
        return False
    return True
