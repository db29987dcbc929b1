"""One connection: made as the URL says, given up on a server that hangs, let go by a server that hears nothing more."""

import time
from typing import Any

import psycopg
from psycopg import conninfo, errors

from turnout.store.database import ANSWER_TIMEOUT_S, LOCK_TIMEOUT_S
from turnout.store.postgresql.replica_age import Replayed

_CONNECT_TIMEOUT_S = 5
"""For all hosts of the URL together, each after the other."""
_SHORTEST_CONNECT_TIMEOUT_S = 2


def describe(url: str) -> str:
    """Hosts and database as people know them, without any password."""
    parts = conninfo.conninfo_to_dict(url)
    hosts = str(parts.get("host") or parts.get("hostaddr") or "localhost").split(",")
    ports = str(parts.get("port") or "").split(",")
    if len(ports) == 1:
        # One is that of all hosts.
        ports *= len(hosts)
    places = []
    for host, port in zip(hosts, ports, strict=False):
        name = f"[{host}]" if ":" in host and port else host or "localhost"
        places.append(f"{name}:{port}" if port else name)
    return f"PostgreSQL at {','.join(places)}, database {parts.get('dbname') or parts.get('user') or ''}"


def connect(url: str, *, wait_s: float | None = ANSWER_TIMEOUT_S) -> "DriverConnection":
    """A connection as the URL says, with what matters to us where it says nothing. Raises psycopg.Error."""
    given = conninfo.conninfo_to_dict(url)
    hosts = 1 + max(str(given.get(name, "")).count(",") for name in ("host", "hostaddr"))
    usual: dict[str, Any] = {
        "connect_timeout": max(_SHORTEST_CONNECT_TIMEOUT_S, _CONNECT_TIMEOUT_S // hosts),
        "fallback_application_name": "turnout",
        # A machine that is gone does not say so.
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": int(ANSWER_TIMEOUT_S * 1000),
        "client_encoding": "UTF8",
    }
    if hosts > 1:
        # Of several machines the one that takes writes.
        usual["target_session_attrs"] = "read-write"
    connection = DriverConnection.connect(
        url,
        autocommit=True,
        # Never kept: a plan made while tables were empty is three times slower for ever, and behind pgbouncer the next
        # transaction may find another server connection.
        prepare_threshold=None,
        **{name: value for name, value in usual.items() if name not in given},
    )
    connection.give_time(wait_s)
    try:
        connection.execute(_LET_GO)
    except psycopg.Error:
        connection.close()
        raise
    return connection


_LET_GO = (
    "SET tcp_keepalives_idle = 4; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 3;"
    # Of what it has sent and nobody has acknowledged.
    " SET tcp_user_timeout = 10000"
)
"""The server's half: a machine that has vanished in mid-transaction holds its event for ten seconds, not for a quarter
of an hour. Behind a pooler these are of the pooler's connection: they do no harm, and the pooler's own settings count.
"""


class DriverConnection(psycopg.Connection):
    """One that gives up waiting: a server that hangs keeps its connections open."""

    replayed: Replayed | None = None
    """Of a replica: how far it was when the transaction began."""
    is_weak = False
    """Whether commits would be acknowledged before they are on disk, if we did not ask for more."""
    left_s: float | None = None
    """How long the server is waited for from now on; None: as long as it takes."""
    lock_s = LOCK_TIMEOUT_S
    """How long a transaction that writes waits for what another one has locked."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.warnings: list[str] = []
        self.add_notice_handler(self._note)

    def give_time(self, wait_s: float | None) -> None:
        """From now on so long in all is waited for the server; what we do in between does not count."""
        self.left_s = wait_s

    def raw_cursor(self) -> psycopg.RawCursor:
        """For statements with PostgreSQL's own placeholders."""
        return psycopg.RawCursor(self)

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        if self.left_s is None or timeout is not None:
            return super().wait(gen, interval, timeout)
        began = time.monotonic()
        try:
            return super().wait(gen, interval, self.left_s)
        except errors._WaitTimeout as error:
            self.close()
            raise Hung("it takes what is sent and answers nothing") from error
        finally:
            self.left_s = max(0.0, self.left_s - (time.monotonic() - began))

    def _note(self, notice: errors.Diagnostic) -> None:
        if notice.severity_nonlocalized == "WARNING":
            self.warnings.append(notice.message_primary or "")


class Hung(psycopg.OperationalError):
    """The server takes what we send, and answers nothing."""
