"""Where the processor time of a push goes: the server keeps account of the functions below, each by its thread's clock.

It costs a push some microseconds itself, so the shares count and not the sums. Of statements it keeps the time by the
clock too: with PostgreSQL most of it is not ours.
"""

import functools
import importlib
import re
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, Literal

import msgspec

Thread = Literal["loop", "commit"]
_PARTS: tuple[tuple[Thread, str, str, str], ...] = (
    ("loop", "HTTP in: parser, scope, task", "turnout.server.connection", "Connection.data_received"),
    ("loop", "headers: key, type, address", "turnout.feed.reading", "Head.__init__"),
    ("loop", "body: bytes to object", "turnout.feed.intake", "decode"),
    ("loop", "key: digest, comparison", "turnout.feed.authenticate", "find_key"),
    ("loop", "parse: object to push", "turnout.feed.intake", "to_push"),
    ("loop", "digest of the body", "turnout.feed.intake", "digest_of"),
    ("loop", "receipt", "turnout.feed.intake", "render"),
    ("commit", "read clocks", "turnout.store.events", "lock_clocks"),
    ("commit", "read attendees: SQL", "turnout.store.attendees", "find_by_addresses"),
    ("commit", "read attendees: decode documents", "turnout.store.attendees", "_decode"),
    ("commit", "merge", "turnout.feed.settle.take", "merge"),
    ("commit", "take: names, document, change, outcome", "turnout.feed.settle.take", "take_push"),
    ("commit", "what the source may see", "turnout.feed.settle.take", "shown_to_source"),
    ("commit", "write: rows put together", "turnout.feed.commit", "_write"),
    ("commit", "write attendees", "turnout.store.attendees", "write_attendees"),
    ("commit", "write changes", "turnout.store.changes", "add_changes"),
    ("commit", "write pushes", "turnout.store.pushes", "add_pushes"),
    ("commit", "write bodies", "turnout.store.pushes", "add_bodies"),
    ("commit", "move clocks", "turnout.store.events", "move_clocks"),
    ("commit", "checkpoint", "turnout.store.sqlite.database", "SqliteDatabase.move_log"),
    ("commit", "wake the loop", "turnout.feed.group_commit", "GroupCommit._deliver"),
)
_BEGIN, _END = "BEGIN and lock", "COMMIT, with the flush's share of the kernel"
LOOP_REST = "rest: asyncio, HTTP out, sockets"
COMMIT_REST = "rest of the commit thread"


class Account(msgspec.Struct):
    """What has been used so far, in nanoseconds of processor time."""

    process: int = 0
    loop: int = 0
    parts: dict[str, int] = {}
    """By title, without what belongs to another part."""
    statements: dict[str, tuple[int, int, int, int]] = {}
    """By title: calls, rows given back or sent, nanoseconds by the clock, and of our own processor time."""


class StatementTime(msgspec.Struct, frozen=True):
    """One kind of statement between two accounts; times in nanoseconds."""

    title: str
    calls: int
    rows: int
    clock: int
    cpu: int
    planned: int
    executed: int

    SUMS: ClassVar = ("calls", "rows", "clock", "cpu", "planned", "executed")


SERVER_SIDE = """\
SELECT query, calls, total_plan_time, total_exec_time FROM pg_stat_statements
 JOIN pg_database ON pg_database.oid = dbid AND datname = current_database()"""
"""PostgreSQL's own account, in milliseconds."""


class _Frames(threading.local):
    """The parts that a thread is in, each with the time that belongs to parts inside it."""

    def __init__(self) -> None:
        self.inner: list[int] = []


_frames = _Frames()
_parts: dict[str, int] = {}
_statements: dict[str, list[int]] = {}


def install() -> None:
    """From now on the parts are timed, in this process."""
    for _, title, module, path in _PARTS:
        owner: Any = importlib.import_module(module)
        *parents, name = path.split(".")
        for parent in parents:
            owner = getattr(owner, parent, None)
        function = getattr(owner, name, None)
        if function is None:
            raise SystemExit(f"bench/profile.py: there is no {path} in {module} any more; say where {title!r} is now")
        if path == "find_by_addresses":
            function = _listed(function)
        setattr(owner, name, _timed(title, function))
    _time_transactions()
    _time_statements()


def read() -> Account:
    """Asked in the loop's thread; all nought unless installed."""
    if not _parts:
        return Account()
    statements = {title: (one[0], one[1], one[2], one[3]) for title, one in _statements.items()}
    return Account(time.process_time_ns(), time.thread_time_ns(), dict(_parts), statements)


def split(before: Account, after: Account) -> list[tuple[str, str, int]]:
    """Thread, part and nanoseconds between two accounts, what is left over included."""
    used = {title: after.parts[title] - before.parts.get(title, 0) for title in after.parts}
    loop, process = after.loop - before.loop, after.process - before.process
    by_thread: dict[str, list[tuple[str, str, int]]] = {"loop": [], "commit": []}
    for thread, title, _, _ in _PARTS:
        by_thread[thread].append((thread, title, used[title]))
    by_thread["commit"] += [("commit", title, used[title]) for title in (_BEGIN, _END)]
    loop_known = sum(spent for _, _, spent in by_thread["loop"])
    commit_known = sum(spent for _, _, spent in by_thread["commit"])
    return [
        *by_thread["loop"],
        ("loop", LOOP_REST, loop - loop_known),
        *by_thread["commit"],
        ("commit", COMMIT_REST, process - loop - commit_known),
    ]


def split_statements(before: Account, after: Account, counted: list[tuple[Any, ...]]) -> list[StatementTime]:
    """By kind of statement, with what PostgreSQL says (rows of `SERVER_SIDE`)."""
    server: dict[str, list[float]] = {}
    for query, _, planned_ms, executed_ms in counted:
        for place, spent in enumerate((planned_ms, executed_ms)):
            server.setdefault(_title(query), [0.0, 0.0])[place] += spent * 1e6
    found = []
    for title, used in after.statements.items():
        calls, rows, clock, cpu = (
            new - old for new, old in zip(used, before.statements.get(title, (0,) * 4), strict=True)
        )
        if calls:
            planned, executed = server.get(title, (0.0, 0.0))
            found.append(StatementTime(title, calls, rows, clock, cpu, round(planned), round(executed)))
    return found


def _title(statement: str) -> str:
    """`INSERT changes`: what it does, and to which table."""
    if statement.startswith(("BEGIN", "SET")):
        return "BEGIN"
    if statement.startswith("COPY"):
        return "COPY " + statement.split()[1]
    verb = "UPDATE" if " UPDATE " in statement and statement.startswith("WITH") else statement.split(maxsplit=1)[0]
    found = re.search(rf"(?:{'UPDATE' if verb == 'UPDATE' else 'INTO|FROM'}) ([a-z_]+)", statement)
    return f"{verb} {found[1]}" if found else verb


def _time_statements() -> None:
    """In whatever module they are run from."""
    from turnout.store import statements
    from turnout.store.postgresql import database as postgresql

    run, copy, commit = statements.run, statements._copy_postgresql, postgresql._commit

    def note(title: str, rows: int, clock: int, cpu: int) -> None:
        entry = _statements.setdefault(title, [0, 0, 0, 0])
        for place, value in enumerate((1, rows, clock, cpu)):
            entry[place] += value

    def timed_run(connection: Any, statement: str, parameters: Any = ()) -> list[Any]:
        clock, cpu = time.perf_counter_ns(), time.thread_time_ns()
        found = run(connection, statement, parameters)
        cpu, clock = time.thread_time_ns() - cpu, time.perf_counter_ns() - clock
        title = _title(statement)
        note(title, len(found) or statement.count("), (") + 1 if parameters else 0, clock, cpu)
        return found

    def timed_copy(connection: Any, table: str, columns: str, rows: Any) -> None:
        clock, cpu = time.perf_counter_ns(), time.thread_time_ns()
        copy(connection, table, columns, rows)
        note(f"COPY {table}", len(rows), time.perf_counter_ns() - clock, time.thread_time_ns() - cpu)

    def timed_commit(driver: Any) -> None:
        clock, cpu = time.perf_counter_ns(), time.thread_time_ns()
        commit(driver)
        note("COMMIT", 0, time.perf_counter_ns() - clock, time.thread_time_ns() - cpu)

    for module in list(sys.modules.values()):
        if getattr(module, "run", None) is run:
            vars(module)["run"] = timed_run
    statements._copy_postgresql = timed_copy  # ty: ignore[invalid-assignment]
    postgresql._commit = timed_commit  # ty: ignore[invalid-assignment]


def _timed(title: str, function: Callable[..., Any]) -> Callable[..., Any]:
    _parts[title] = 0

    @functools.wraps(function)
    def timed(*arguments: Any, **options: Any) -> Any:
        inner = _frames.inner
        inner.append(0)
        began = time.thread_time_ns()
        try:
            return function(*arguments, **options)
        finally:
            took = time.thread_time_ns() - began
            _parts[title] += took - inner.pop()
            if inner:
                inner[-1] += took

    return timed


def _listed(function: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
    """A generator's work done when it is called, so that it can be timed."""
    return lambda *arguments: iter(list(function(*arguments)))


def _time_transactions() -> None:
    from turnout.store.postgresql.database import PostgresDatabase
    from turnout.store.sqlite.database import SqliteDatabase

    for title in (_BEGIN, _END):
        _parts[title] = 0
    for database in (SqliteDatabase, PostgresDatabase):
        database.write = _with_ends_timed(database.write)  # ty: ignore[invalid-assignment]


def _with_ends_timed(write: Callable[..., Any]) -> Callable[..., Any]:
    @contextmanager
    def timed_write(self: Any, **waiting: Any) -> Generator[Any]:
        transaction = write(self, **waiting)
        connection = _timed_once(_BEGIN, transaction.__enter__)
        try:
            yield connection
        except BaseException:
            if not transaction.__exit__(*sys.exc_info()):
                raise
        else:
            _timed_once(_END, transaction.__exit__, None, None, None)

    return timed_write


def _timed_once(title: str, function: Callable[..., Any], *arguments: Any) -> Any:
    began = time.thread_time_ns()
    try:
        return function(*arguments)
    finally:
        _parts[title] += time.thread_time_ns() - began
