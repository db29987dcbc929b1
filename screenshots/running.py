"""The server that is photographed: started with an empty database, its clock moved, spoken to over HTTP."""

import json
import os
import re
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import httpx2

from screenshots.server import make_clock

NOW = datetime(2026, 9, 15, 12, 32, 20, tzinfo=UTC)
"""When all pictures are taken."""
PUBLIC_URL = "https://feed.example.org"
"""Where the server believes to be; no picture has a port in it that is another one tomorrow."""
ADMINISTRATOR = ("mara@example.org", "Mara Lindqvist", "correct horse battery")
_HOST = "127.0.0.1"


def _find_port() -> int:
    """One that is free: what the server prints has only the public URL in it."""
    with socket.create_server((_HOST, 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


class Running:
    """One server on a free port of this machine, and its clock."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._clock = make_clock(folder / "clock")
        self.url = ""
        self.sign_in_way = ""
        """The way of the link that makes the administrator."""
        self.client = httpx2.Client(trust_env=False, timeout=120, verify=False)
        self.callers = 0

    def __enter__(self) -> Self:
        self.at = NOW - timedelta(days=24)
        self._set_clock()
        environment = {name: value for name, value in os.environ.items() if not name.startswith("TURNOUT_")} | {
            "TURNOUT_DATABASE_URL": f"sqlite:///{self._folder / 'turnout.db'}",
            "TURNOUT_PUBLIC_URL": PUBLIC_URL,
            "TURNOUT_TRUSTED_PROXIES": _HOST,
            "TURNOUT_LOG_LEVEL": "warning",
        }
        port = _find_port()
        self.url = f"http://{_HOST}:{port}"
        command = [
            sys.executable,
            "-m",
            "screenshots.server",
            str(self._folder / "clock"),
            "serve",
            "--port",
            str(port),
        ]
        log = (self._folder / "server.log").open("w")
        with log:
            self._process = subprocess.Popen(
                command,
                env=environment,
                cwd=Path(__file__).parent.parent,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self.sign_in_way = self._read_link()
        return self

    def _read_link(self) -> str:
        assert self._process.stdout is not None
        said = ""
        for line in self._process.stdout:
            said += line
            if found := re.search(r"/console/link/\S+", said):
                return found[0]
        raise AssertionError(f"The server did not start: {said}{(self._folder / 'server.log').read_text()[-2000:]}")

    def __exit__(self, *_: object) -> None:
        self.client.close()
        self._process.terminate()
        self._process.wait(30)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def move_to(self, at: datetime) -> None:
        """Only onwards."""
        assert at >= self.at, f"{at} is before {self.at}"
        self.at = at
        self._set_clock()

    def _set_clock(self) -> None:
        self._clock.set(round(self.at.timestamp() * 1e6) * 1_000)

    def push(self, slug: str, key: str, body: object, *, path: str = "/attendees", caller: str = "198.51.100.7") -> Any:
        """What a system sends: a text as it is, anything else as JSON. Gives the answer, whatever it says."""
        content = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
        return self.client.post(
            f"{self.url}/e/{slug}{path}",
            content=content.encode(),
            headers={"Api-Key": key, "Content-Type": "application/json", "X-Forwarded-For": caller},
        ).json()

    def local(self, link: str) -> str:
        """A link of the server's as it is reached from here."""
        return self.url + urlsplit(link).path


class Api:
    """The console's operations, by a token of the administrator's."""

    def __init__(self, running: Running, token: str) -> None:
        self._running = running
        self._headers = {"Authorization": f"Bearer {token}"}

    def get(self, way: str) -> Any:
        return self._ask("GET", way, None)

    def post(self, way: str, body: object = None) -> Any:
        return self._ask("POST", way, {} if body is None else body)

    def patch(self, way: str, body: object) -> Any:
        return self._ask("PATCH", way, body)

    def _ask(self, method: str, way: str, body: object) -> Any:
        answer = self._running.client.request(
            method, f"{self._running.url}/api/{way}", json=body, headers=self._headers
        )
        assert answer.is_success, f"{method} {way}: {answer.status_code} {answer.text[:500]}"
        return answer.json()
