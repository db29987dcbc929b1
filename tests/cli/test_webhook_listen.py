"""`turnout webhook listen`: what a developer sees at his desk."""

import json
import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Self

import httpx2
import pytest
from standardwebhooks import Webhook as Signer

from tests.patience import PATIENCE_S
from tests.product import TURNOUT

SECRET = "whsec_" + "YWFh" * 10 + "YWE="
OTHER = "whsec_" + "YmJi" * 10 + "YmI="
MESSAGE = {
    "type": "attendee.updated",
    "timestamp": "2027-01-01T10:00:00.000000Z",
    "data": {
        "event": {"id": "evt_1", "slug": "spring"},
        "sequence": 17,
        "attendee": {"id": "att_1", "email": "ann@example.org"},
        "changes": [
            {"path": "profile.title", "old": "CTO", "new": "CEO"},
            {"path": "profile.customFields", "fieldName": "Shoe size", "old": None, "new": "43"},
        ],
        "source": "main",
        "pushId": "psh_1",
    },
}


class Listening:
    """The command as a process, on a free port."""

    def __init__(self, *options: str, **environment: str) -> None:
        self._process = subprocess.Popen(
            [*TURNOUT, "webhook", "listen", "--port", "0", *options],
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stderr is not None
        found = re.search(r"http://\S+:(\d+)", self._process.stderr.readline())
        assert found
        self.port = int(found[1])
        self.url = f"http://127.0.0.1:{found[1]}/any/path"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self.end()

    def post(self, message: object = MESSAGE, secret: str = SECRET, its_id: str = "dlv_1", **headers: str) -> int:
        """Sends a delivery; gives the answer's status."""
        body = message if isinstance(message, bytes) else json.dumps(message).encode()
        moment = datetime.now(UTC)
        signed = {
            "webhook-id": its_id,
            "webhook-timestamp": str(int(moment.timestamp())),
            "webhook-signature": Signer(secret).sign(its_id, moment, body.decode("latin-1")),
        }
        return httpx2.post(self.url, content=body, headers=signed | headers, trust_env=False).status_code

    def read_note(self) -> str:
        """The next line of what is said to people."""
        assert self._process.stderr is not None
        return self._process.stderr.readline()

    def end(self) -> list[str]:
        """As Ctrl-C does; gives the lines that it has printed."""
        self._process.send_signal(signal.SIGINT)
        printed, _ = self._process.communicate(timeout=PATIENCE_S)
        assert self._process.returncode == 0
        return printed.splitlines()

    def documents(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.end()]


@pytest.fixture
def listening() -> Iterator[Listening]:
    with Listening("--secret", SECRET) as listening:
        yield listening


def test_what_comes_is_printed_with_its_changes(listening: Listening) -> None:
    assert listening.post() == 200
    head, title, shoe_size, end = listening.end()
    assert re.fullmatch(r"\d\d:\d\d:\d\d  attendee.updated  spring #17  ann@example.org  att_1", head)
    assert title.strip() == 'profile.title: "CTO" → "CEO"'
    assert shoe_size.strip() == 'profile.customFields Shoe size: – → "43"'
    assert end.strip() == "signature good, answered 200  dlv_1"


def test_what_comes_again_is_marked(listening: Listening) -> None:
    for its_id in ("dlv_1", "dlv_2", "dlv_1", "dlv_1", "dlv_1"):
        listening.post(its_id=its_id)
    ends = [line.strip() for line in listening.end() if "answered" in line]
    assert ends == [
        "signature good, answered 200  dlv_1",
        "signature good, answered 200  dlv_2",
        "signature good, the 2nd time, answered 200  dlv_1",
        "signature good, the 3rd time, answered 200  dlv_1",
        "signature good, the 4th time, answered 200  dlv_1",
    ]


def test_as_json_each_is_one_line() -> None:
    with Listening("--json", TURNOUT_WEBHOOK_SECRET=SECRET) as listening:
        listening.post()
        listening.post()
        first, second = listening.documents()
    assert (first["id"], first["signature"], first["times"], first["answered"]) == ("dlv_1", "good", 1, 200)
    assert first["message"] == MESSAGE
    assert second["times"] == 2


def test_a_bad_and_a_missing_signature_are_told_apart() -> None:
    with Listening("--json", "--secret", SECRET) as listening:
        listening.post(secret=OTHER)
        listening.post(**{"webhook-timestamp": "1000000000"})
        listening.post(**{"webhook-signature": "v1"})
        httpx2.post(listening.url, json=MESSAGE, trust_env=False)
        assert [one["signature"] for one in listening.documents()] == ["bad", "bad", "bad", "missing"]


def test_without_a_secret_nothing_is_checked_and_it_is_said_once() -> None:
    with Listening("--json", TURNOUT_WEBHOOK_SECRET="") as listening:
        assert "not checked: set TURNOUT_WEBHOOK_SECRET" in listening.read_note()
        listening.post(secret=OTHER)
        assert [one["signature"] for one in listening.documents()] == ["not checked"]


def test_one_of_two_signatures_is_enough(listening: Listening) -> None:
    """While a secret is rotated."""
    moment = datetime.now(UTC)
    text = json.dumps(MESSAGE)
    both = " ".join(Signer(secret).sign("dlv_1", moment, text) for secret in (OTHER, SECRET))
    listening.post(**{"webhook-signature": both, "webhook-timestamp": str(int(moment.timestamp()))})
    assert "signature good" in listening.end()[-1]


@pytest.mark.parametrize("status", [500, 410, 204])
def test_it_answers_as_it_is_told_to(status: int) -> None:
    with Listening("--answer", str(status), "--json") as listening:
        assert listening.post() == status
        assert [one["answered"] for one in listening.documents()] == [status]


def test_what_is_no_message_is_printed_as_it_is(listening: Listening) -> None:
    for body in (
        b"\x1b[31mred\xff",
        b"[1]",
        b'{"data": {"changes": "none", "attendee": 5}}',
        b'{"data":{"changes":[7]}}',
    ):
        assert listening.post(body) == 200
    printed = "\n".join(listening.end())
    assert "\x1b" not in printed
    assert "\\u001b[31mred" in printed


def test_a_body_that_is_too_large_or_cut_off_is_not_read(listening: Listening) -> None:
    for head in ("content-length: 99999999999\r\n", "content-length: x\r\n", ""):
        with socket.create_connection(("127.0.0.1", listening.port)) as connection:
            connection.sendall(f"POST / HTTP/1.1\r\nhost: x\r\n{head}\r\n".encode())
            assert connection.recv(100).split()[1] in (b"411", b"413")
    with socket.create_connection(("127.0.0.1", listening.port)) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nhalf")
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(100) == b""
    assert listening.post() == 200
    assert len([line for line in listening.end() if "answered" in line]) == 1


@pytest.mark.parametrize("secret", ["whsec_a", "abc", SECRET.removeprefix("whsec_")])
def test_a_secret_that_is_none_or_not_whole_is_refused(secret: str) -> None:
    done = subprocess.run(
        [*TURNOUT, "webhook", "listen", "--secret", secret],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 2
    assert "not whole" in " ".join(done.stderr.split())


def test_it_is_for_this_machine_alone_unless_told_otherwise(listening: Listening) -> None:
    """Whoever is in the same network cannot post to it."""
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.2", listening.port), timeout=5):
        pass


def test_a_port_that_is_taken_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        listening = subprocess.run(
            [*TURNOUT, "webhook", "listen", "--port", str(port)], capture_output=True, text=True, check=False
        )
    assert listening.returncode == 1
    assert f"Nothing can listen at 127.0.0.1:{port}" in listening.stderr
    assert "Choose another --port" in listening.stderr
    assert "Traceback" not in listening.stderr
