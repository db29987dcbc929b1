"""The server under torture as a process: started as operators start it, killed, stopped, looked at."""

import http.client
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from torture.broken import Broken, NotHere

ROOT = Path(__file__).parent.parent
SERVE = ("serve", "--port", "0")
START = ("start", "--port", "0")
_PATIENCE_S = 90
_KEPT_LINES = 30
_started: "list[Server]" = []


class Server:
    """One database, and the process that serves it. It is started again and again, on a port of its own each time."""

    def __init__(self, data: Path, log: Path) -> None:
        self.database_path = data / "turnout.db"
        self.log = log
        self.url = f"sqlite:///{self.database_path}"
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def state(self) -> str:
        """In words."""
        code = None if self._process is None else self._process.poll()
        return "runs" if code is None else f"ended by itself, with exit code {code}"

    def start(self, command: Sequence[str] = SERVE) -> float:
        """Starts it and waits until it says where it listens; gives how long that took. Raises Broken."""
        began = time.monotonic()
        self.launch(command)
        self.wait_until_ready()
        return time.monotonic() - began

    def launch(self, command: Sequence[str] = SERVE, prefix: Sequence[str] = ()) -> None:
        """Starts it, behind another command where one is given, and does not wait."""
        assert not self.is_running
        _started.append(self)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*prefix, sys.executable, "-m", "turnout", *command],
                env=self._environment(),
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
            )

    def wait_until_ready(self) -> None:
        """Raises Broken when it ends before it listens, or takes longer than anybody would wait."""
        assert self._process is not None
        assert self._process.stdout is not None
        impatience = threading.Timer(_PATIENCE_S, self._process.kill)
        impatience.start()
        try:
            said = b""
            # What `turnout start` says has more than one line; the address is in it.
            while found := self._process.stdout.readline():
                said += found
                if address := re.search(rb"http://localhost:(\d+)", found):
                    self.port = int(address[1])
                    return
        finally:
            impatience.cancel()
        code = self.wait()
        raise Broken(f"the server did not start (exit {code}): {said.decode()!r} {self.last_words()}")

    def run_command(self, *command: str) -> subprocess.Popen[bytes]:
        """A command beside the server; what it says goes into the server's log."""
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "turnout", *command],
                env=self._environment(),
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def _environment(self) -> dict[str, str]:
        theirs = {name: value for name, value in os.environ.items() if not name.startswith("TURNOUT_")}
        return theirs | {"TURNOUT_DATABASE_URL": self.url}

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        self.wait()

    def signal(self, which: signal.Signals) -> None:
        if self.is_running:
            assert self._process is not None
            self._process.send_signal(which)

    def wait(self) -> int:
        """Until it has ended; its exit code."""
        assert self._process is not None
        code = self._process.wait(_PATIENCE_S)
        if self in _started:
            _started.remove(self)
        if self._process.stdout is not None:
            self._process.stdout.close()
        return code

    def health(self) -> tuple[int, str]:
        """The answer of `GET /health`. Raises Broken."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", "/health")
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except OSError as error:
            raise Broken(f"/health cannot be asked ({error}); the server {self.state}") from error
        finally:
            connection.close()

    def last_words(self) -> str:
        """The end of what it has logged."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-_KEPT_LINES:])


def kill_all() -> None:
    """Whatever runs still, because something was interrupted."""
    while _started:
        server = _started.pop()
        server.signal(signal.SIGKILL)
        server.wait()


def find_strace() -> str:
    """Raises NotHere."""
    strace = shutil.which("strace")
    if strace is None:
        raise NotHere("there is no strace; install it (on Debian and Ubuntu: apt-get install strace)")
    return strace
