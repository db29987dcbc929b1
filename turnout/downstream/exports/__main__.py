"""`python -m turnout.downstream.exports`: makes the export that waits longest, beside the server that started it.

The server hands over its lease on the first line of standard input. When that input ends, the server is stopping or
gone, and so is this process: in order, or after a few seconds anyhow.
"""

import os
import tempfile
import threading
from contextlib import closing, suppress
from pathlib import Path

import msgspec
import structlog

from turnout import logs, settings
from turnout.downstream.exports.making import Maker
from turnout.errors import StorageUnavailable
from turnout.store import exports, leases
from turnout.store.connect import open_configured
from turnout.store.database import Database
from turnout.store.leases import Lease, LeaseLost
from turnout.store.sqlite.work_folder import work_folder

NICER = 10
"""The feed comes first."""
_LEAVES_WITHIN_S = 5.0
_INPUT = 0
log = structlog.get_logger()


def main() -> None:
    os.nice(NICER)
    lease = msgspec.json.decode(_read_line(), type=Lease)
    configured = settings.read(os.environ)
    logs.configure(configured.log_format, configured.log_level, with_pid=True)
    stopping = threading.Event()
    threading.Thread(target=_wait_for_end, args=(stopping,), daemon=True).start()
    # What a killed one has left there goes too.
    beside = Path(tempfile.gettempdir(), "turnout-export")
    try:
        with closing(open_configured(configured)) as database, work_folder(beside) as folder:
            _make_next(Maker(database, lease, stopping, configured.max_export), database, lease, folder, stopping)
    except (LeaseLost, StorageUnavailable) as error:
        log.warning("export_interrupted", reason=str(error))
        raise SystemExit(1) from None


def _make_next(maker: Maker, database: Database, lease: Lease, folder: Path, stopping: threading.Event) -> None:
    with database.read() as connection:
        export = exports.find_next(connection)
    if export is not None:
        maker.make(export, folder)
    if stopping.is_set():
        # Who goes on after us need not wait until the lease is over.
        with suppress(StorageUnavailable), database.write() as connection:
            leases.give_back(connection, lease)


def _read_line() -> bytes:
    # Not by `sys.stdin`: it cannot be let go while a thread waits in it.
    line = b""
    while not line.endswith(b"\n") and (piece := os.read(_INPUT, 1)):
        line += piece
    return line


def _wait_for_end(stopping: threading.Event) -> None:
    while os.read(_INPUT, 1):
        pass
    stopping.set()
    threading.Event().wait(_LEAVES_WITHIN_S)
    os._exit(1)


if __name__ == "__main__":
    main()
