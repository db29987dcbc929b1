"""`python -m turnout.downstream.exports`: makes the exports that wait, one by one, beside the server that started it.

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
from turnout.store.leases import Lease, LeaseLost
from turnout.store.sqlite.work_folder import work_folder

NICER = 10
"""The feed comes first."""
_LEAVES_WITHIN_S = 5.0
_INPUT = 0
log = structlog.get_logger()


def main() -> None:
    os.nice(NICER)
    # Linux may share a core evenly among what began apart from one another, however nice: we are a session of our own.
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(NICER))
    lease = msgspec.json.decode(_read_line(), type=Lease)
    configured = settings.read(os.environ)
    logs.configure(configured.log_format, configured.log_level, with_pid=True)
    stopping = threading.Event()
    threading.Thread(target=_wait_for_end, args=(stopping,), daemon=True).start()
    # What a killed one has left there goes too.
    beside = Path(tempfile.gettempdir(), "turnout-export")
    try:
        with closing(open_configured(configured)) as database, work_folder(beside) as folder:
            make_waiting(Maker(database, lease, stopping, configured.max_export), folder)
            if stopping.is_set():
                # Who goes on after us need not wait until the lease is over.
                with suppress(StorageUnavailable), database.write() as connection:
                    leases.give_back(connection, lease)
    except (LeaseLost, StorageUnavailable) as error:
        log.warning("export_interrupted", reason=str(error))
        raise SystemExit(1) from None


def make_waiting(maker: Maker, folder: Path) -> None:
    """All that wait, the longest first: to begin a process for each takes longer than most of them.

    Raises LeaseLost and StorageUnavailable.
    """
    last = None
    while not maker.is_stopping:
        with maker.database.read() as connection:
            export = exports.find_next(connection)
        # The same once more would be one that ended and is not finished: whoever started us sees to that.
        if export is None or export.id == last:
            return
        maker.make(export, folder)
        last = export.id


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
