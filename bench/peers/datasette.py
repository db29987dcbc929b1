"""Datasette: rows upserted through its JSON API, one by one or as many as it is allowed to take."""

import subprocess

from bench.peers.loads import COLUMNS
from bench.peers.peer import BIN, Peer, open_sqlite
from bench.refused import Refused

PACKAGE = "datasette"
_SECRET = "bench-0123456789"
_FACTORY = "bench.peers.datasette_app:build"


class Datasette(Peer):
    """Upserts by primary key, the e-mail."""

    way = "datasette"

    @property
    def path(self) -> str:
        return "/bench/attendees/-/upsert"

    def prepare(self) -> None:
        columns = ", ".join(f'"{name}" TEXT' + (" PRIMARY KEY" if name == "email" else "") for name in COLUMNS)
        with open_sqlite(self.database) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(f"CREATE TABLE attendees ({columns})")
        made = subprocess.run(
            [BIN / "datasette", "create-token", "feed", "--secret", _SECRET],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        if made.returncode != 0:
            raise Refused(f"Datasette made no token: {made.stderr.strip()[-300:]}")
        self.headers = {"Authorization": f"Bearer {made.stdout.strip()}"}

    def command(self) -> tuple[str, ...]:
        return uvicorn(_FACTORY, self.port)

    def environment(self) -> dict[str, str]:
        return {"BENCH_DATABASE": str(self.database), "BENCH_SECRET": _SECRET}


class DatasetteAsInstalled(Datasette):
    """The same as its installation alone makes it."""

    def command(self) -> tuple[str, ...]:
        return uvicorn(_FACTORY, self.port, tuned=False)


def uvicorn(factory: str, port: int, *, tuned: bool = True) -> tuple[str, ...]:
    """An application in the peers' environment.

    Tuned as Turnout is: uvloop and httptools, which neither Datasette nor FastAPI brings along, and no line in a log
    for each request.
    """
    options = ("--loop", "uvloop", "--http", "httptools", "--no-access-log")
    if not tuned:
        options = ("--loop", "asyncio", "--http", "h11")
    return (str(BIN / "python"), "-m", "uvicorn", "--factory", factory, "--port", str(port), *options)
