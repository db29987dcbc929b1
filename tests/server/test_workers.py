"""A parent and its workers, with a small application in place of the product."""

import os
import re
import select
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Generator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

import pytest

from tests.patience import PATIENCE_S
from turnout.server import open_listener

ROOT = Path(__file__).parent.parent.parent

PROGRAM = textwrap.dedent("""
    import asyncio, os, sys, time
    from pathlib import Path
    from turnout import logs
    from turnout.server import WorkersFailed, open_listener, serve, supervise
    from turnout.settings import Settings

    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            while True:
                message = await receive()
                await send({"type": message["type"] + ".complete"})
                if message["type"].endswith("shutdown"):
                    return
        match scope["path"]:
            case "/moment":
                os.write(1, b"asked\\n")
                await asyncio.sleep(0.2)
            case "/thread":
                os.write(1, b"asked\\n")
                await asyncio.to_thread(time.sleep, 600)
        answer = str(os.getpid()).encode()
        headers = [(b"content-length", b"%d" % len(answer))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    def work(post):
        starts = len(list(Path().glob(f"{post.number}-*")))
        Path(f"{post.number}-{os.getpid()}").touch()
        if how == "never" or (how == "one" and post.number == 2) or (how == "once" and post.number == 2 and starts):
            raise RuntimeError("there is no room")
        if how == "twice" and starts < 2:
            os._exit(7)
        serve(app, listener=listener, settings=settings, on_start=post.say_ready, post=post)

    how, timeout_s = sys.argv[1], float(sys.argv[2])
    logs.configure(with_pid=True)
    listener = open_listener("127.0.0.1", 0)
    print(listener.getsockname()[1], flush=True)
    print("not yet written")  # and never by a child
    settings = Settings(shutdown_timeout_s=timeout_s)
    try:
        supervise(
            2, work, listener=listener, shutdown_timeout_s=timeout_s,
            on_start=lambda: os.write(1, b"ready\\n"),
            on_end=lambda number: os.write(1, b"%d ended\\n" % number),
        )
    except WorkersFailed as error:
        sys.exit(str(error))
    print("closed", flush=True)
""")


class Program:
    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self.process = process
        self.folder = folder
        self.port = int(self.read_line())
        assert self.read_line() == "not yet written"

    def read_line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip()

    def workers(self) -> list[int]:
        """Their process ids, of all that were ever started."""
        return [
            int(path.name[2:]) for path in sorted(self.folder.glob("?-*"), key=lambda path: path.stat().st_mtime_ns)
        ]

    def connect(self, path: str = "/") -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S)
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: test\r\n\r\n".encode())
        return connection

    def ask(self) -> int:
        """Which process answers."""
        with closing(self.connect()) as connection:
            return read_answer(connection)

    def ask_until(self, answers: set[int]) -> None:
        """Returns when a worker answers that is none of these."""
        deadline = time.monotonic() + PATIENCE_S
        while self.ask() in answers:
            assert time.monotonic() < deadline


def read_answer(connection: socket.socket) -> int:
    received = b""
    while not (found := re.fullmatch(rb"HTTP/1.1 200 .*\r\n\r\n(\d+)", received, re.DOTALL)):
        data = connection.recv(10_000)
        assert data, received
        received += data
    return int(found[1])


def wait_for_end(processes: list[int]) -> None:
    """Of processes that are not our children."""
    for process in processes:
        with suppress(ProcessLookupError):
            descriptor = os.pidfd_open(process)
            ended = select.select([descriptor], [], [], PATIENCE_S)[0]
            os.close(descriptor)
            assert ended, f"{process} goes on."


@contextmanager
def program(folder: Path, how: str = "well", timeout_s: float = 5) -> Generator[Program]:
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", PROGRAM, how, str(timeout_s)],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            start_new_session=True,
        )
    running = Program(process, folder)
    try:
        yield running
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
        wait_for_end(running.workers())


def test_connections_are_shared_out(tmp_path: Path) -> None:
    with program(tmp_path) as running, ExitStack() as kept:
        assert running.read_line() == "ready"
        answers = [read_answer(kept.enter_context(closing(running.connect()))) for _ in range(40)]
        assert set(answers) == set(running.workers())
        assert min(answers.count(worker) for worker in running.workers()) >= 10


def test_what_the_parent_has_not_yet_written_is_written_once(tmp_path: Path) -> None:
    with program(tmp_path) as running:
        assert running.read_line() == "ready"
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(PATIENCE_S) == 0
        assert sorted([running.read_line(), running.read_line()]) == ["1 ended", "2 ended"]
        assert [running.read_line(), running.read_line()] == ["closed", ""]


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("to_all", [False, True], ids=["to_the_parent", "to_all_as_a_terminal_does"])
def test_a_signal_lets_running_requests_finish(tmp_path: Path, sent: signal.Signals, *, to_all: bool) -> None:
    with program(tmp_path) as running, ExitStack() as kept:
        assert running.read_line() == "ready"
        connections = [kept.enter_context(closing(running.connect("/moment"))) for _ in range(4)]
        assert [running.read_line() for _ in connections] == ["asked"] * 4
        (os.killpg if to_all else os.kill)(running.process.pid, sent)
        answers = {read_answer(connection) for connection in connections}
        assert answers <= set(running.workers())
        assert running.process.wait(PATIENCE_S) == 0
        open_listener("127.0.0.1", running.port).close()


def test_whoever_takes_too_long_is_cut_off(tmp_path: Path) -> None:
    with program(tmp_path, timeout_s=0.5) as running:
        assert running.read_line() == "ready"
        with closing(running.connect("/thread")):
            assert running.read_line() == "asked"
            running.process.send_signal(signal.SIGTERM)
            # What it is at would take ten minutes.
            assert running.process.wait(PATIENCE_S) == 1


def test_a_second_interrupt_leaves_at_once(tmp_path: Path) -> None:
    with program(tmp_path, timeout_s=600) as running:
        assert running.read_line() == "ready"
        with closing(running.connect("/thread")):
            assert running.read_line() == "asked"
            running.process.send_signal(signal.SIGINT)
            # Two signals that come together are one; and a third one would meet who is ending.
            deadline = time.monotonic() + PATIENCE_S
            while "stopping" not in (tmp_path / "log").read_text():
                assert time.monotonic() < deadline
                time.sleep(0.01)
            running.process.send_signal(signal.SIGINT)
            assert running.process.wait(PATIENCE_S) == 130


def test_whoever_dies_is_replaced_and_the_others_go_on(tmp_path: Path) -> None:
    with program(tmp_path) as running:
        assert running.read_line() == "ready"
        before = running.workers()
        os.kill(before[0], signal.SIGKILL)
        assert running.ask() in before  # the other one
        running.ask_until(set(before))
        assert "ended with SIGKILL; another takes its place" in (tmp_path / "log").read_text()


def test_one_that_is_told_to_stop_finishes_first_and_is_replaced(tmp_path: Path) -> None:
    with program(tmp_path) as running, ExitStack() as kept:
        assert running.read_line() == "ready"
        before = running.workers()
        connections = [kept.enter_context(closing(running.connect("/moment"))) for _ in range(4)]
        assert [running.read_line() for _ in connections] == ["asked"] * 4
        os.kill(before[0], signal.SIGTERM)
        for connection in connections:
            assert read_answer(connection) in before
        running.ask_until(set(before))


def test_without_their_parent_workers_finish_and_leave_the_port(tmp_path: Path) -> None:
    with program(tmp_path) as running, ExitStack() as kept:
        assert running.read_line() == "ready"
        connections = [kept.enter_context(closing(running.connect("/moment"))) for _ in range(4)]
        assert [running.read_line() for _ in connections] == ["asked"] * 4
        running.process.kill()
        running.process.wait()
        for connection in connections:
            assert read_answer(connection) in running.workers()
        wait_for_end(running.workers())
        open_listener("127.0.0.1", running.port).close()


def test_a_bad_start_or_two_is_made_good(tmp_path: Path) -> None:
    with program(tmp_path, "twice") as running:
        assert [running.read_line() for _ in range(5)][-1] == "ready"
        assert running.ask() in running.workers()
        assert len(running.workers()) == 6


@pytest.mark.parametrize("how", ["never", "one"])
def test_where_workers_do_not_start_the_reason_is_given(tmp_path: Path, how: str) -> None:
    with program(tmp_path, how) as running:
        assert running.process.wait(PATIENCE_S) == 1
        assert len(running.workers()) <= 8
        last = (tmp_path / "log").read_text().splitlines()[-1]
        assert re.fullmatch(
            r"The workers do not start: worker \d was process \d+ and ended with exit code 1, 4 times in a row\."
            r" It said: RuntimeError: there is no room",
            last,
        )


def test_a_worker_that_cannot_be_replaced_is_tried_ever_more_seldom_and_the_others_go_on(tmp_path: Path) -> None:
    with program(tmp_path, "once") as running:
        assert running.read_line() == "ready"
        first, second = sorted(running.workers(), key=lambda worker: not (tmp_path / f"1-{worker}").exists())
        os.kill(second, signal.SIGKILL)
        assert [running.read_line() for _ in range(5)] == ["2 ended"] * 5
        assert {running.ask() for _ in range(10)} == {first}
        delays = re.findall(r"another takes its place in (\S+) s", (tmp_path / "log").read_text())
        assert delays[:4] == ["0.1", "0.2", "0.4", "0.8"]


def test_log_lines_say_which_process_it_was(tmp_path: Path) -> None:
    with program(tmp_path) as running:
        assert running.read_line() == "ready"
        running.process.send_signal(signal.SIGTERM)
        running.process.wait(PATIENCE_S)
        pids = re.findall(r"stopping.* pid=(\d+)", (tmp_path / "log").read_text())
        assert set(map(int, pids)) == set(running.workers())
