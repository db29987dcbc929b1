"""The product under test: `turnout serve` as a process, and what a test does with it over HTTP and beside it."""

import itertools
import json
import os
import re
import signal
import subprocess
import sys
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Self

import httpx2
import msgspec
from sqlalchemy import text

from tests.databases import as_file, open_one, settings_of
from tests.forked import Forked
from tests.patience import PATIENCE_S
from turnout.changes.attendee_view import view
from turnout.changes.fold import as_folded, fold
from turnout.events import event, keys, sources
from turnout.model.change import Change
from turnout.model.names import fold_case
from turnout.store import attendees, changes, events
from turnout.store.database import Database

TURNOUT = [sys.executable, "-m", "turnout"]
_names = itertools.count(1)
_callers = itertools.count(1)


class RunningServer:
    """`turnout serve` on a free port, with its data in a folder of its own."""

    def __init__(self, folder: Path, database_url: str, **settings: str) -> None:
        self.folder = folder
        self.log_path = folder / "server.log"
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("TURNOUT_")},
            **settings_of(database_url),
            **settings,
        }
        self.url = ""
        self._process: subprocess.Popen[str] | Forked | None = None
        self._database: Database | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def database_path(self) -> Path:
        """The server's file."""
        return as_file(self.database).path

    @property
    def database(self) -> Database:
        """The server's database, opened by another process: this one."""
        if self._database is None:
            self._database = open_one(self.environment["TURNOUT_DATABASE_URL"])
        return self._database

    def start(self, *command_prefix: str) -> None:
        """Starts it, behind another command where one is given, and waits until it says that it listens."""
        with self.log_path.open("a") as log:
            if command_prefix:
                self._process = subprocess.Popen(
                    [*command_prefix, *TURNOUT, "serve", "--port", "0"],
                    env=self.environment,
                    cwd=self.folder,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    text=True,
                )
            else:
                self._process = Forked("serve", "--port", "0", env=self.environment, cwd=self.folder, stderr=log)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        found = re.search(r"http://localhost:(\d+)", line)
        assert found, f"The server did not start: {line!r} {self.log_path.read_text()[-2000:]}"
        self.url = f"http://127.0.0.1:{found[1]}"

    def stop(self) -> None:
        """As an operator does."""
        self.end(signal.SIGTERM)
        if self._database is not None:
            self._database.close()
            self._database = None

    def kill(self) -> None:
        """As a power cut does."""
        self.end(signal.SIGKILL)

    def end_turns(self) -> None:
        """As if it had been killed so long ago that its leases are over, and nobody has to wait for that any more."""
        with self.database.write() as connection:
            connection.execute(
                text("UPDATE leases SET expires_at = 0 WHERE holder LIKE :holder"),
                {"holder": f"%, process {self.pid}, %"},
            )

    def end(self, with_signal: signal.Signals) -> int:
        """Sends the signal and gives the exit code."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(with_signal)
        code = self._process.wait(PATIENCE_S)
        assert self._process.stdout is not None
        self._process.stdout.close()
        return code


class Product:
    """What users do with a server: staff make events, integrators push to them."""

    def __init__(self, server: RunningServer) -> None:
        self.server = server
        # Nothing here is HTTPS, and to load the certificates would take longer than most tests.
        self.client = httpx2.Client(
            trust_env=False, timeout=PATIENCE_S, verify=False, event_hooks={"request": [_come_from_elsewhere]}
        )
        self.events: list[TestedEvent] = []
        """Those that this test has made."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    def make_event(self, **settings: str) -> "TestedEvent":
        """A new event with a key of its first source; settings as `turnout event set` takes them."""
        made, key = event.create(self.server.database, "Test", f"test-{os.getpid()}-{next(_names)}")
        if settings:
            event.set_up(self.server.database, made.id, settings)
        self.events.append(TestedEvent(self, made.id, made.slug, key))
        return self.events[-1]

    def check(self) -> None:
        """Every event's log has no gap and folds to its state."""
        for tested in self.events:
            tested.check()


def _come_from_elsewhere(request: httpx2.Request) -> None:
    """Gives every request a caller of its own, or a test's refusals would slow down those of all others (A4)."""
    request.headers.setdefault("X-Forwarded-For", make_address())


def make_address() -> str:
    """An address that nobody else comes from."""
    # Counted, not generated: tests ask from several threads at once.
    return str(ip_address("198.18.0.0") + next(_callers) % 131_072)


class TestedEvent:
    """One event, its gateway and a key."""

    __test__ = False

    def __init__(self, product: Product, event_id: str, slug: str, key: str) -> None:
        self.product = product
        self.id = event_id
        self.slug = slug
        self.key = key
        self.gateway = f"{product.server.url}/e/{slug}"

    @property
    def database(self) -> Database:
        return self.product.server.database

    def move_to(self, server: RunningServer) -> None:
        """The server has started again, on another port."""
        self.gateway = f"{server.url}/e/{self.slug}"

    def make_source(self, name: str, **settings: str) -> str:
        """The key of a new source."""
        issued = keys.create(self.database, self.id, label=name)
        if settings:
            sources.set_up(self.database, self.id, name, settings)
        return issued.text

    def send(
        self,
        content: bytes | str,
        *,
        path: str = "/attendees",
        key: str | None = "",
        headers: dict[str, str] | None = None,
    ) -> httpx2.Response:
        """POSTs a body as it is. The key goes into the header; None sends none."""
        sent = dict(headers or {})
        if key is not None:
            sent["Api-Key"] = key or self.key
        return self.product.client.post(self.gateway + path, content=content, headers=sent)

    def push(self, body: object, **options: Any) -> httpx2.Response:
        """POSTs a body as JSON."""
        return self.send(json.dumps(body), **options)

    def push_ok(self, body: object, **options: Any) -> dict[str, Any]:
        """The receipt of a push that has to succeed."""
        response = self.push(body, **options)
        assert response.status_code == 200, response.text
        return response.json()

    def push_failed(self, body: object, **options: Any) -> dict[str, Any]:
        """The problem document of a push that has to fail, with the seed's 500."""
        response = self.push(body, **options)
        assert response.status_code == 500, response.text
        return response.json()

    def batch(self, body: object, query: str = "", **options: Any) -> httpx2.Response:
        """POSTs a batch: bytes or text as they are, anything else as JSON."""
        content = body if isinstance(body, bytes | str) else json.dumps(body)
        return self.send(content, path=f"/attendees/batch{query}", **options)

    def batch_ok(self, body: object, query: str = "", **options: Any) -> dict[str, Any]:
        """The answer to a batch that can be read."""
        response = self.batch(body, query, **options)
        assert response.status_code == 200, response.text
        return response.json()

    def get(self, path: str, *, key: str | None = "") -> httpx2.Response:
        headers = {} if key is None else {"Api-Key": key or self.key}
        return self.product.client.get(self.gateway + path, headers=headers)

    def changes(self) -> list[Change]:
        """The whole change log."""
        with self.database.read() as connection:
            return changes.list_changes(connection, self.id, limit=1_000_000)

    def attendee(self, email: str) -> dict[str, Any]:
        """What `turnout attendees get` shows of the one with this address."""
        with self.database.read() as connection:
            configuration = events.load_configuration(connection, self.id)
            found = next(iter(attendees.list_by_address(connection, self.id, fold_case(email))), None)
        assert configuration is not None
        assert found is not None, f"Nobody has the address {email}."
        shown: dict[str, Any] = msgspec.to_builtins(view(found, configuration))
        return shown

    def check(self) -> None:
        """The log has no gap, and folding it gives the state."""
        with self.database.read() as connection:
            log = changes.list_changes(connection, self.id, limit=1_000_000)
            state = attendees.list_attendees(connection, self.id, with_merged=True, status=None, limit=1_000_000)
        assert [change.sequence for change in log] == list(range(1, len(log) + 1))
        assert {one.id: as_folded(one) for one in state} == {
            attendee_id: as_folded(one) for attendee_id, one in fold(log).items()
        }
