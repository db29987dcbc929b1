"""Whose turn it is to do what must be done once, of all the processes on one database."""

import os
import socket
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress

from turnout.errors import StorageUnavailable
from turnout.now import new_id
from turnout.store import leases
from turnout.store.database import Database
from turnout.store.leases import Lease, LeaseLost
from turnout.store.statements import Connection

LASTS_US = 60 * 1_000_000
"""So long others wait for one that was killed; no step takes nearly as long."""


class Turn:
    """One process's place in it. Nothing is written as long as there is nothing to do."""

    def __init__(self, database: Database, name: str, lasts_us: int = LASTS_US) -> None:
        self._database = database
        self._name = name
        self._lasts_us = lasts_us
        self._holder = f"{socket.gethostname()}, process {os.getpid()}, {new_id('run')}"
        self._lease: Lease | None = None
        self._asked_at: dict[str, float] = {}

    @property
    def lease(self) -> Lease | None:
        """What a process that works for this one needs to record anything."""
        return self._lease

    def is_due(self, what: str, every_s: float) -> bool:
        """Whether this process has not asked so for that long; whose turn it is shows `take`."""
        now = time.monotonic()
        if now - self._asked_at.get(what, now - every_s) < every_s:
            return False
        self._asked_at[what] = now
        return True

    def take(self) -> bool:
        """Whether it is this process's turn. Raises StorageUnavailable."""
        with self.taking() as connection:
            return connection is not None

    @contextmanager
    def taking(self) -> Generator[Connection | None]:
        """A transaction in which it is this process's turn, if need be from now on; None where it is another's.

        For what is not decided under a former turn. Raises StorageUnavailable.
        """
        with self._database.write() as connection:
            yield connection if self._take(connection) else None

    def _take(self, connection: Connection) -> bool:
        if self._lease is not None:
            with suppress(LeaseLost):
                leases.renew(connection, self._lease, self._lasts_us)
                return True
        self._lease = leases.take(connection, self._name, self._holder, self._lasts_us)
        return self._lease is not None

    def keep(self, connection: Connection) -> None:
        """For every transaction that records something: raises LeaseLost where it is somebody else's turn."""
        if self._lease is None:
            raise LeaseLost(self._name)
        leases.renew(connection, self._lease, self._lasts_us)

    @contextmanager
    def recording(self) -> Generator[Connection]:
        """A transaction that counts only if it is still this process's turn. Raises LeaseLost, StorageUnavailable."""
        with self._database.write() as connection:
            self.keep(connection)
            yield connection

    def give_back(self) -> None:
        """At the end, so that the next one need not wait."""
        if self._lease is not None:
            lease, self._lease = self._lease, None
            with suppress(StorageUnavailable), self._database.write() as connection:
                leases.give_back(connection, lease)
