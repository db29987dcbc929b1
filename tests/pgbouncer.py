"""A pooler in transaction mode: every transaction gets whichever connection is free."""

import os
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
from psycopg import conninfo

from tests.patience import PATIENCE_S

PROGRAM = Path("/usr/sbin/pgbouncer")


@contextmanager
def pooled_url(url: str, folder: Path, *, pool_size: int = 20) -> Generator[str]:
    """The URL of the same database through a pooler of its own."""
    parts = conninfo.conninfo_to_dict(url)
    port = int(str(parts["port"])) + 1_000
    home = folder / "pgbouncer"
    home.mkdir()
    (home / "users").write_text(f'"{parts["user"]}" "{parts["password"]}"\n')
    (home / "pgbouncer.ini").write_text(
        f"[databases]\n* = host=127.0.0.1 port={parts['port']} user={parts['user']} password={parts['password']}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\npool_mode = transaction\n"
        f"auth_type = any\ndefault_pool_size = {pool_size}\n"
    )
    process = subprocess.Popen(
        [PROGRAM, "-q", *(["-u", "nobody"] if os.geteuid() == 0 else []), home / "pgbouncer.ini"],
        stderr=subprocess.DEVNULL,
    )
    pooled = url.replace(f":{parts['port']}/", f":{port}/")
    try:
        deadline = time.monotonic() + PATIENCE_S
        while not _answers(pooled):
            assert process.poll() is None
            assert time.monotonic() < deadline
        yield pooled
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def _answers(url: str) -> bool:
    with suppress(psycopg.OperationalError), psycopg.connect(url, prepare_threshold=None) as connection:
        connection.execute("SELECT 1")
        return True
    return False
