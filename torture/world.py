"""A server with its event, its senders and their ledger: what most kinds of torture are done to."""

import http.client
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from random import Random

from torture.broken import Broken
from torture.check import Seen, check
from torture.ledger import Ledger
from torture.running import ROOT, SERVE, Server
from torture.senders import Load, Sender, post
from torture.tally import Tally
from turnout.events import event, keys
from turnout.operations.verify.verify import verify
from turnout.store.connect import open_database
from turnout.store.database import Database

SLUG = "torture"
_SENDERS = 6


class World:
    """Begins with an empty database. `data` is where that lies, `home` what stays readable whatever is done to it."""

    def __init__(self, home: Path, data: Path, seed: str, tally: Tally, *, growing: bool = False) -> None:
        self.home = home
        self.data = data
        self.tally = tally
        self.ledger = Ledger()
        self.server = Server(data, home / "server.log")
        self.rounds = 0
        self._seen = Seen()
        self._counted = (0, 0, 0, 0)
        self.start()
        with opened(self.server) as database:
            made, key = event.create(database, "Torture", SLUG)
            self._keys = [key, *(keys.create(database, made.id, label=f"Source {one}").text for one in "ABC")]
        self.senders = [
            Sender(f"s{number}", SLUG, self._key(number), self.ledger, f"{seed}:{number}", growing=growing)
            for number in range(_SENDERS)
        ]

    @property
    def is_grown(self) -> bool:
        """Reading it all takes long enough for a fresh one."""
        return len(self._seen.lines) > 40_000

    def start(self) -> None:
        self.tally.starts += 1
        self.tally.slowest_start_s = max(self.tally.slowest_start_s, self.server.start(SERVE))

    def load(self) -> Load:
        return Load(self.senders, self.ledger, self.server)

    def kill(self) -> None:
        self.server.kill()
        self.tally.kills += 1

    def check(self, *, again: bool = False) -> None:
        """Compares the ledger with the store. The server runs, the senders do not. Raises Broken."""
        with opened(self.server) as database:
            faults = check(database, SLUG, self.ledger, self._seen, again=again)
        self._count()
        if faults:
            raise Broken(*faults)

    def verify(self) -> None:
        """`turnout verify` and SQLite's own check find nothing. Raises Broken."""
        verify_all(self.server)
        self.tally.verified += 1

    def repeat(self, chance: Random, times: int = 5) -> None:
        """Requests with a key are sent again, and get their first answers, byte by byte (D6). Raises Broken."""
        if not self.server.is_running:
            raise Broken(f"the server {self.server.state}")
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
        try:
            for answered in chance.sample(self.ledger.keyed, min(times, len(self.ledger.keyed))):
                sent, answer = answered.sent, answered.answer
                sender = next(one for one in self.senders if sent.said[0].token.startswith(f"{one.name}-"))
                _, content = post(connection, SLUG, self._key(self.senders.index(sender)), sent)
                if content != answer:
                    raise Broken(f"sent again, the answer to {sent.key} was {answer[:400]!r} and is {content[:400]!r}")
                self.tally.repeated += 1
        finally:
            connection.close()

    def end(self) -> None:
        """Everything is looked at once more. Raises Broken."""
        try:
            if not self.server.is_running:
                self.start()
            self.check(again=True)
            self.verify()
        finally:
            self.server.kill()
        shutil.rmtree(self.home, ignore_errors=True)

    def _key(self, number: int) -> str:
        # More senders than sources: some share one.
        return self._keys[number % len(self._keys)]

    def _count(self) -> None:
        ledger, tally = self.ledger, self.tally
        now = ledger.requests, ledger.unanswered, ledger.refusals, len(ledger.acknowledged)
        since = [one - before for one, before in zip(now, self._counted, strict=True)]
        self._counted = now
        tally.requests += since[0]
        tally.unanswered += since[1]
        tally.refused += since[2]
        tally.acknowledged += since[3]


@contextmanager
def opened(server: Server) -> Generator[Database]:
    """The server's database, opened beside it and closed again: to be open across a kill would help it to recover."""
    database = open_database(server.url)
    try:
        yield database
    finally:
        database.close()


def verify_all(server: Server) -> None:
    """`turnout verify`, and SQLite's own check of its file. Raises Broken."""
    with opened(server) as database:
        found = verify(database)
    if not found.ok:
        problems = [problem.message for one in found.events for problem in one.problems]
        raise Broken(f"verify found {len(problems)} problems: {problems[:10]}")
    connection = sqlite3.connect(f"file:{server.database_path}?mode=ro", uri=True)
    try:
        said = connection.execute("PRAGMA integrity_check").fetchall()
    finally:
        connection.close()
    if said != [("ok",)]:
        raise Broken(f"SQLite's integrity check says {said[:10]}")


def verify_by_command(server: Server) -> None:
    """`turnout verify` as an operator runs it. Raises Broken."""
    done = subprocess.run(
        [sys.executable, "-m", "turnout", "verify", "--json"],
        env={"PATH": "/usr/bin:/bin", "TURNOUT_DATABASE_URL": server.url},
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        raise Broken(f"`turnout verify` left with {done.returncode}: {done.stdout[-2000:]!r} {done.stderr[-2000:]!r}")
