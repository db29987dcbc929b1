"""A real SMTP server (aiosmtpd) that keeps what it is sent and says what a test wants; one that follows a script."""

import asyncio
import contextlib
import email
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from email import policy
from email.message import EmailMessage
from typing import Any, Self

import msgspec
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.patience import PATIENCE_S

ACCOUNT = ("turnout", "kétchup 7")
"""Whom it lets in, where it asks who comes."""


class Received(msgspec.Struct, frozen=True):
    """What the server has taken."""

    sender: str
    recipients: list[str]
    message: EmailMessage
    raw: bytes
    is_safe: bool
    """Whether it came by TLS."""
    signed_in: bool

    @property
    def text(self) -> str:
        body = self.message.get_body(("plain",))
        assert body is not None
        return str(body.get_content()).replace("\r\n", "\n")

    @property
    def html(self) -> str:
        body = self.message.get_body(("html",))
        assert body is not None
        return str(body.get_content())


class MailServer:
    """Listens on a free port of this machine. `answers` is what it says to a command instead of "fine"."""

    def __init__(
        self,
        *,
        tls: ssl.SSLContext | None = None,
        starttls: ssl.SSLContext | None = None,
        auth: bool = False,
        utf8: bool = True,
    ) -> None:
        self.received: list[Received] = []
        self.answers: dict[str, str] = {}
        """By command: MAIL, RCPT, DATA; or RCPT and an address behind it."""
        self.commands: list[str] = []
        """MAIL, RCPT and DATA as they came, those that were refused too."""
        self.on_data: Callable[[MailServer], None] = lambda _: None
        """Done when a message has come, before that is said."""
        self._news = threading.Condition()
        options: dict[str, Any] = {"enable_SMTPUTF8": utf8, "hostname": "localhost"}
        if auth:
            options |= {"auth_require_tls": False, "authenticator": _authenticate}
        if starttls is not None:
            options |= {"tls_context": starttls, "require_starttls": True}
        self._options, self._tls, self._auth = options, tls, auth
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._serve(), self._loop).result(PATIENCE_S)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(PATIENCE_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE_S)
        self._loop.close()

    async def _serve(self) -> None:
        # Theirs for a thread of its own makes a connection first, to see that it listens; TLS has that fail.
        self._server = await self._loop.create_server(
            lambda: SMTP(self, loop=self._loop, **self._options), sock=self._listener, ssl=self._tls
        )

    async def _end(self) -> None:
        self._server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.sleep(0)

    def wait_for(self, number: int) -> list[Received]:
        """So many messages, at least."""
        with self._news:
            enough = self._news.wait_for(lambda: len(self.received) >= number, PATIENCE_S)
            assert enough, f"{len(self.received)} messages came: {[one.message['subject'] for one in self.received]}"
            return list(self.received)

    # As aiosmtpd asks, by these names.

    async def handle_MAIL(  # noqa: N802
        self, _: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.commands.append(f"MAIL {address}")
        if "MAIL" in self.answers:
            return self.answers["MAIL"]
        if self._auth and not session.authenticated:
            return "530 5.7.0 Sign in first"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, _: SMTP, __: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.commands.append(f"RCPT {address}")
        answer = self.answers.get(f"RCPT {address}", self.answers.get("RCPT"))
        if answer is not None:
            return answer
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.commands.append("DATA")
        if "DATA" in self.answers:
            return self.answers["DATA"]
        raw = envelope.content
        assert isinstance(raw, bytes)
        message = email.message_from_bytes(raw, policy=policy.default)
        assert isinstance(message, EmailMessage)
        with self._news:
            self.received.append(
                Received(
                    envelope.mail_from or "",
                    list(envelope.rcpt_tos),
                    message,
                    raw,
                    server.transport is not None and server.transport.get_extra_info("ssl_object") is not None,
                    bool(session.authenticated),
                )
            )
            self._news.notify_all()
        await self._loop.run_in_executor(None, self.on_data, self)
        return "250 OK"


def _authenticate(_: SMTP, __: Session, ___: Envelope, mechanism: str, data: Any) -> AuthResult:
    name, password = ACCOUNT
    is_right = (
        mechanism in ("PLAIN", "LOGIN")
        and isinstance(data, LoginPassword)
        and (data.login.decode(), data.password.decode()) == (name, password)
    )
    return AuthResult(success=is_right, handled=False)


Step = str | bytes | Callable[[socket.socket], None]
"""What is said first, and to each line that comes: a line, bytes, or something done with the connection."""


class ScriptedServer:
    """Says line by line what it is told to, whatever comes; hangs up at the end."""

    def __init__(self, *steps: Step) -> None:
        self._steps: Sequence[Step] = steps
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.lines: list[str] = []
        """What came."""
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(PATIENCE_S)

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            connection, _ = self._listener.accept()
            with connection, connection.makefile("rb") as stream:
                for number, step in enumerate(self._steps):
                    if number and not self._read(stream):
                        return
                    if callable(step):
                        step(connection)
                    else:
                        connection.sendall(step if isinstance(step, bytes) else f"{step}\r\n".encode())

    def _read(self, stream: Any) -> bool:
        line = stream.readline()
        self.lines.append(line.decode("utf-8", "replace").rstrip())
        return bool(line)


def trickle(connection: socket.socket) -> None:
    """A letter now and then, until whoever listens has enough."""
    for _ in range(500):
        connection.sendall(b"2")
        time.sleep(0.02)


def read_body(connection: socket.socket) -> None:
    """Takes a message to its very end, and then hangs up without a word."""
    came = b""
    connection.sendall(b"354 Go on\r\n")
    while not came.endswith(b"\r\n.\r\n"):
        came += connection.recv(65_536)
    connection.shutdown(socket.SHUT_RDWR)
