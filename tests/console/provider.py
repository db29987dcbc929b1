"""A provider of single sign-on as there are: `oidc-provider-mock` in a process of its own, which warns at import."""

import subprocess
import sys
from typing import Any, Self

import httpx2

from tests.patience import PATIENCE_S

_RUN = """
import sys
from oidc_provider_mock import run_server_in_thread
with run_server_in_thread(require_nonce=True) as server:
    print(server.server_port, flush=True)
    sys.stdin.read()
"""


class Provider:
    """It runs until its input ends."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self.url = ""
        self._client = httpx2.Client(trust_env=False, timeout=PATIENCE_S, verify=False)

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", _RUN],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout is not None
        self.url = f"http://localhost:{int(self._process.stdout.readline())}"
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()
        assert self._process is not None
        self._process.communicate(timeout=PATIENCE_S)

    def know(self, subject: str, **claims: Any) -> None:
        """Somebody who can sign in there."""
        self._client.put(f"{self.url}/users/{subject}", json=claims).raise_for_status()

    def sign_in(self, way: str, subject: str) -> str:
        """Somebody signs in where the browser was sent; gives where it is sent then."""
        answer = self._client.post(way, data={"sub": subject})
        assert answer.status_code == 302, answer.text
        return answer.headers["location"]

    def refuse(self, way: str) -> str:
        """Somebody says no there."""
        return self._client.post(way, data={"action": "deny"}).headers["location"]
