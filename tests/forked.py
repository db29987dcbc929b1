"""`turnout` without the second that importing it all takes: a copy of a process that has done so, once for all tests.

Run as a script, this file is that process. What it does after the fork is what `python -m turnout` does after its
imports, with environment, folder and output of its own, in a process of its own.
"""

import atexit
import gc
import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import IO, Any

IMPORTED = (
    *("alembic.op", "alembic.runtime.environment", "alembic.script", "httptools", "psycopg", "uvloop"),
    *("turnout.app", "turnout.cli.serve", "turnout.server", "turnout.operations.worker_figures"),
    *("turnout.store.connect", "turnout.store.schema"),
    *("anyio._backends._asyncio", "litestar.plugins.attrs", "litestar.plugins.pydantic", "uvicorn.loops.uvloop"),
)
"""All that `turnout serve` comes to before it listens …"""
DISCOVERED = (("turnout.console", "pages", "list_pages"), ("turnout.api", "operations", "list_operations"))
"""… and what finds the rest."""


class Forked:
    """As much of `subprocess.Popen` as a running server needs."""

    def __init__(self, *arguments: str, env: dict[str, str], cwd: Path, stderr: IO[Any]) -> None:
        self.returncode: int | None = None
        read, write = os.pipe()
        self._status, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        task = json.dumps({"arguments": arguments, "env": env, "cwd": str(cwd)})
        self.stdout = os.fdopen(read)
        with theirs, suppress(BrokenPipeError):
            socket.send_fds(_original(os.getpid()).way, [task.encode()], [write, stderr.fileno(), theirs.fileno()])
        os.close(write)
        told = self._status.recv(64)
        if not told:
            _original(os.getpid()).end()
            _original.cache_clear()
            raise RuntimeError("What is copied has ended by itself; standard error says why.")
        self.pid = int(told)

    def poll(self) -> int | None:
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            self._status.settimeout(timeout)
            try:
                self.returncode = int(self._status.recv(64))
            except (TimeoutError, BlockingIOError):
                raise subprocess.TimeoutExpired("turnout", timeout or 0) from None
            self._status.close()
        return self.returncode

    def send_signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)


class _Original:
    """The process that is copied, and the way to it; when that is closed, with us, it ends."""

    def __init__(self) -> None:
        self.way, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-P", __file__], stdin=theirs.fileno(), stdout=subprocess.DEVNULL
            )

    def end(self) -> None:
        self.way.close()
        self.process.wait()


@cache
def _original(process: int) -> _Original:
    """That of this process alone: a fork of it has another."""
    original = _Original()
    atexit.register(lambda: original.end() if os.getpid() == process else None)
    return original


def main() -> None:
    """Copies itself for whoever asks, until nobody can any more."""
    for name in IMPORTED:
        importlib.import_module(name)
    for package, file, declared in DISCOVERED:
        getattr(importlib.import_module(f"{package}.{file}"), declared)()
    # What is there by now is not looked through by any copy.
    gc.freeze()
    # Copies that have ended leave nothing; Ctrl-C is for those who asked for them.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with socket.socket(fileno=0) as asked:
        while True:
            task, (*handles,), _, _ = socket.recv_fds(asked, 1 << 20, 3)
            if not task:
                return
            if not os.fork():
                break
            for handle in handles:
                os.close(handle)
        # A copy from here on, which starts another one and waits for it.
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        output, errors, status = handles
        if not (copy := os.fork()):
            signal.signal(signal.SIGINT, signal.default_int_handler)
            os.close(status)
            be_turnout(**json.loads(task), output=output, errors=errors)
    os.close(output)
    os.close(errors)
    with socket.socket(fileno=status) as told:
        told.send(b"%d" % copy)
        _, code = os.waitpid(copy, 0)
        told.send(b"%d" % os.waitstatus_to_exitcode(code))
    os._exit(0)


def be_turnout(arguments: list[str], env: dict[str, str], cwd: str, output: int, errors: int) -> None:
    """Ends with SystemExit."""
    from turnout.cli import main

    os.environ.clear()
    os.environ.update(env)
    time.tzset()
    os.chdir(cwd)
    with Path(os.devnull).open() as nothing:
        for number, handle in enumerate((nothing.fileno(), output, errors)):
            os.dup2(handle, number)
    os.close(output)
    os.close(errors)
    sys.argv = ["turnout", *arguments]
    main(prog_name="turnout")


if __name__ == "__main__":
    main()
