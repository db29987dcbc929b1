"""What PostgreSQL's and the driver's errors mean for whoever stores something."""

import logging
from collections.abc import Generator
from contextlib import contextmanager

import psycopg
from psycopg import errors
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from turnout.errors import StorageUnavailable
from turnout.logs import Thinned
from turnout.store.database import StillLocked, TransactionLost, Unreachable
from turnout.store.postgresql.connection import Hung
from turnout.store.postgresql.replica_state import ReplicaAway

log = logging.getLogger("turnout.store")
_away, _broken = Thinned(), Thinned()


@contextmanager
def translated() -> Generator[None]:
    try:
        yield
    except Unreachable as error:
        if not isinstance(error, ReplicaAway):
            _warn(_away, f"{error.detail.rstrip('.')}: {error.why}")
        raise
    except PoolTimeout as error:
        raise StorageUnavailable("Too much is being read from the database and written to it.") from error
    except (DBAPIError, psycopg.Error) as error:
        fault = fault_of(error)
        try:
            if not isinstance(fault, psycopg.Error):
                raise
            if isinstance(fault, Hung):
                raise StorageUnavailable("The database takes what is sent and answers nothing.") from error
            if isinstance(fault, errors.LockNotAvailable):
                raise StillLocked("Another transaction holds what this concerns, and has not ended in time.") from error
            if isinstance(fault, errors.SerializationFailure | errors.DeadlockDetected):
                raise TransactionLost("The database ended the transaction in favour of another one.") from error
            if is_lost(fault):
                _warn(_broken, f"the connection to the database broke: {in_words(fault)}")
                raise TransactionLost("The connection to the database broke.") from error
            if _is_storage_fault(fault):
                raise StorageUnavailable(f"The database cannot be used at the moment: {in_words(fault)}.") from error
            raise
        finally:
            # Else it, its traceback and all that was to be stored hold one another until they are collected.
            del fault


def _warn(thinned: Thinned, text: str) -> None:
    times = thinned.count(text)
    if times is not None:
        log.warning("%s%s", text, "" if times == 1 else f" ({times:,} times since this was said last)")


def fault_of(error: BaseException) -> BaseException | None:
    """What the driver says."""
    return error.orig if isinstance(error, DBAPIError) else error


def is_lost(fault: psycopg.Error) -> bool:
    """Whether the connection, or the server process behind it, is gone."""
    if fault.sqlstate is None:
        return isinstance(fault, psycopg.OperationalError | psycopg.InterfaceError)
    return fault.sqlstate.startswith("08") or fault.sqlstate in ("57P01", "57P02", "57P03", "57P05", "25P03")


def _is_storage_fault(fault: psycopg.Error) -> bool:
    """Whether it is the database's state that failed and not our statement."""
    return (fault.sqlstate or "").startswith(_FAULTS)


_FAULTS = (
    "25006",  # read-only: a standby, or a primary that was told to be
    "28",  # who we are is not accepted
    "3D000",  # no such database
    "53",  # no disk, no memory, no connections
    "57",  # cancelled, or about to stop
    "58",  # its files fail
    "F0",  # its configuration fails
    "XX",  # it found itself damaged
    "42501",  # we have no right to
)


def in_words(fault: BaseException | None) -> str:
    """What the server or the driver says, on one line, without what was sent and without an end of its own."""
    text = (fault.diag.message_primary if isinstance(fault, psycopg.Error) else None) or str(fault)
    said = ""
    for line in text.splitlines():
        words = " ".join(line.split())
        # libpq puts guesses behind, further in: "Is the server running on that host and accepting TCP/IP connections?"
        if words and not (said and line.startswith("\t")):
            said += ("" if not said else " " if said.endswith((".", ":", ";", ",")) else "; ") + words
    return said.rstrip(".")[:800] or type(fault).__name__
