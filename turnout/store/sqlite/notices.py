"""SQLite's side of notices: who commits tells this process; what other processes commit is seen by looking."""

from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from typing import Any

from sqlalchemy import Connection

from turnout.store.notices import Notices


class SqliteNotices(Notices):
    """Looks at the number that SQLite raises when another connection has committed; costs a few microseconds."""

    look_every_s = 0.05

    def __init__(
        self,
        read: Callable[[], AbstractContextManager[Connection]],
        connect: Callable[[], Any],
        driver_error: type[Exception],
    ) -> None:
        """`connect` opens a connection as the driver has it, in no transaction, for any thread."""
        super().__init__(read)
        self._connect = connect
        self._driver_error = driver_error
        self._connection: Any = None
        self._seen: int | None = None

    def _look_if_due(self) -> None:
        # Before the look: what is committed during it raises the number again.
        version = self._find_version()
        if version is None or version != self._seen:
            self.look()
            self._seen = version

    def _find_version(self) -> int | None:
        try:
            if self._connection is None:
                self._connection = self._connect()
            # The number is this connection's own: another one would count from elsewhere.
            [(version,)] = self._connection.execute("PRAGMA data_version").fetchall()
        except self._driver_error:
            self._end_looking()
            return None
        return int(version)

    def _end_looking(self) -> None:
        if self._connection is not None:
            with suppress(self._driver_error):
                self._connection.close()
            self._connection = None
