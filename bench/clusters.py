"""A PostgreSQL of its own for each store: on a disk, durable, with the settings it comes with."""

import math
import os
import statistics as arithmetic
import threading
import time
from pathlib import Path
from typing import Any

from bench import processes
from bench.loads import Measured
from bench.refused import Refused
from bench.running import Cores
from bench.stores import Store, check_room
from tests.postgresql import PostgresServer, run

DATABASE = "bench"
_DURABLE = ("fsync", "synchronous_commit", "full_page_writes")
_SETTLED_AFTER_S = 1.0
"""By then pgbench has opened its connections."""


def start(folder: Path, rows: int, *, autovacuum: bool, counting: bool = False) -> PostgresServer:
    """A new one. `counting` keeps account of statements, which costs it a little."""
    server = PostgresServer(folder, durable=True)
    check_room(server.data.parent, rows)
    try:
        server.start()
        server.configure(
            # Those who measure alone and one after the other must not find another's waiting for them.
            max_connections=150,
            autovacuum=None if autovacuum else False,
            shared_preload_libraries="pg_stat_statements" if counting else None,
        )
        if counting:
            server.configure(**{"pg_stat_statements.track_planning": True})
        server.create_database(DATABASE)
        if counting:
            server.execute("CREATE EXTENSION pg_stat_statements", database=DATABASE)
    except BaseException:
        server.close()
        raise
    return server


def pid_of(server: PostgresServer) -> int:
    """Of its first process, which has started all others."""
    return int((server.data / "postmaster.pid").read_text().split()[0])


def settle(server: PostgresServer, *, analyse: bool) -> None:
    """After a store was filled: nothing of it is left to do, and the planner knows the tables or does not."""
    if analyse:
        server.execute("VACUUM (ANALYZE, FREEZE)", database=DATABASE)
    server.execute("CHECKPOINT")


def check_durable(server: PostgresServer) -> None:
    """Raises Refused where a commit may be lost with the power."""
    weak = [name for name in _DURABLE if server.execute(f"SHOW {name}", database=DATABASE) != [("on",)]]
    if weak:
        raise Refused(f"PostgreSQL has not switched on {', '.join(weak)}")


def count_flushes(server: PostgresServer) -> int:
    """Of its log, by its own account, in which what is still connected may not have told everything yet."""
    [(version,)] = server.execute("SHOW server_version_num")
    table = "pg_stat_io WHERE object = 'wal'" if int(version) >= 180_000 else "pg_stat_wal"
    what = "sum(fsyncs)" if int(version) >= 180_000 else "wal_sync"
    return int(server.execute(f"SELECT {what}::bigint FROM {table}")[0][0])


def run_script(
    server: PostgresServer, store: Store, cores: Cores, *, clients: int, seconds: float, folder: Path
) -> Measured:
    """pgbench with `SCRIPT` on the product's own tables, on the generator's core: what a plain program would do."""
    check_durable(server)
    script = folder / "script.sql"
    script.write_text(_make_script(server, store))
    script.chmod(0o644)
    failures: list[RuntimeError] = []

    def pgbench() -> None:
        allowed = os.sched_getaffinity(0)
        # Of this thread, and so of what it starts.
        os.sched_setaffinity(0, {cores.generator})
        try:
            run(
                "pgbench",
                *("--no-vacuum", "--protocol=prepared", f"--client={clients}", "--jobs=1"),
                *(f"--time={math.ceil(seconds + 2 * _SETTLED_AFTER_S)}", f"--file={script}"),
                store.url,
            )
        except RuntimeError as error:
            failures.append(error)
        finally:
            os.sched_setaffinity(0, allowed)

    thread = threading.Thread(target=pgbench)
    thread.start()
    time.sleep(_SETTLED_AFTER_S)
    pid = pid_of(server)
    began, cpu_before, rows_before = time.perf_counter(), processes.cpu_s(pid), _count_rows(server)
    time.sleep(seconds)
    rows, cpu_s, took = (
        _count_rows(server) - rows_before,
        processes.cpu_s(pid) - cpu_before,
        time.perf_counter() - began,
    )
    thread.join()
    if failures:
        raise Refused(f"pgbench failed: {failures[0]}")
    return Measured(
        requests=rows,
        rows=rows,
        seconds=took,
        cpu_s=cpu_s,
        database_cpu_s=cpu_s,
        # It is not asked for the latency of each, and its own time counts for nothing.
        p50_s=clients * took / max(rows, 1),
        p99_s=math.nan,
        busy=math.nan,
        sent_bytes=0,
        results={},
        commits=rows,
    )


SCRIPT = """\
\\set n random(1, {attendees})
BEGIN;
INSERT INTO attendees (event_id, id, status, email_key, name_key, company_key, updated_at, document)
 VALUES ('{event_id}', 'att_' || lpad(:n::text, 26, '0'), 'attending', 'attendee.' || :n || '@example.com',
 'amelie abernathy', 'northwind logistics holding', 1, rpad(:n::text, {document}, 'attendee feed '))
 ON CONFLICT (event_id, id) DO UPDATE SET status = excluded.status, email_key = excluded.email_key,
 name_key = excluded.name_key, company_key = excluded.company_key, updated_at = excluded.updated_at,
 document = excluded.document;
INSERT INTO changes (event_id, sequence, kind, at, true_at, attendee_id, email, push_id, source_number, entries)
 VALUES ('{event_id}', nextval('bench_serial'), 'updated', 1, 1, 'att_' || lpad(:n::text, 26, '0'),
 'attendee.' || :n || '@example.com', 'psh_' || lpad(:n::text, 26, '0'), 1,
 rpad(:n::text, {entries}, 'attendee feed '));
INSERT INTO bodies (event_id, push_id, body)
 VALUES ('{event_id}', 'psh_' || lpad(currval('bench_serial')::text, 26, '0'),
 rpad(:n::text, {body}, 'attendee feed '));
END;
"""
"""An upsert and two inserts in one transaction, as wide as a push makes them."""


def _make_script(server: PostgresServer, store: Store) -> str:
    server.execute(f"CREATE SEQUENCE IF NOT EXISTS bench_serial START {10 * store.attendees}", database=DATABASE)

    def width(table: str, column: str) -> int:
        widths: list[tuple[Any, ...]] = server.execute(
            f"SELECT length({column}) FROM {table} LIMIT 1000", database=DATABASE
        )
        return round(arithmetic.median(length for (length,) in widths))

    return SCRIPT.format(
        attendees=store.attendees,
        event_id=store.event_id,
        document=width("attendees", "document"),
        entries=width("changes", "entries"),
        body=width("bodies", "body"),
    )


def _count_rows(server: PostgresServer) -> int:
    [(serial,)] = server.execute("SELECT last_value FROM bench_serial", database=DATABASE)
    return serial
