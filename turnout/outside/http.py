"""Requests to addresses that somebody has given us: they reach nobody on the inside, and last no longer than said.

A name is looked up once, what it means is judged, and the connection goes to the very address that was judged: whatever
the spelling, and whatever the name means a moment later. Nothing is followed, unpacked, or taken from the environment.
Any port will do: who may set up a webhook may name one, and it is spoken to in HTTP only.
"""

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import httpcore2
import httpx2
import msgspec

from turnout.outside.addresses import find_fault, is_public

__all__ = ["Answer", "NoAnswer", "Outside", "Refused", "is_public"]

LIMIT_S = 15.0
"""For a request in all, from the look-up of the name to the last byte that is read."""
MAX_ANSWER_BYTES = 64 * 1024
"""Of an answer's body; no more is read, and the connection is closed."""
MAX_CONNECTIONS = 256
_KEPT_CONNECTIONS = 64
_KEPT_S = 30.0
_MAX_LOOKUPS = 32
"""Names that are looked up at once: the system may take half a minute for each, and cannot be told to stop."""
_MAX_TRIED = 4
"""Addresses of one name."""
_CONNECT_S = 5.0
"""For one of them where there are more."""

Resolve = Callable[[str, int], Sequence[str]]
"""The addresses of a name, in the order in which to try them. Blocks. Raises OSError."""


class NoAnswer(Exception):
    """There is none, or not a whole one; the message says why in words."""


class Refused(NoAnswer):
    """The request is not made, because of where it would go."""


class Answer(msgspec.Struct, frozen=True):
    status: int
    headers: Mapping[str, str]
    """By name in small letters; of those given several times the last."""
    body: bytes
    """At most `MAX_ANSWER_BYTES`, as they came."""


class Outside:
    """Connections to the outside, kept for a while. To be used in one event loop."""

    def __init__(self, *, allow_private: bool = False, resolve: Resolve | None = None) -> None:
        self._backend = _GuardedBackend(allow_private=allow_private, names=_Names(resolve or look_up))
        self._opening: asyncio.Task[httpcore2.AsyncConnectionPool] | None = None

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], limit_s: float = LIMIT_S) -> Answer:
        """What the address answers. Raises NoAnswer, and Refused for an address that is not public."""
        return await self._ask(_read_request("POST", url, body, headers), limit_s)

    async def get(self, url: str, headers: Mapping[str, str], limit_s: float = LIMIT_S) -> Answer:
        """What there is at the address. Raises as `post` does."""
        return await self._ask(_read_request("GET", url, b"", headers), limit_s)

    async def _ask(self, request: httpcore2.Request, limit_s: float) -> Answer:
        status: int | None = None
        try:
            async with asyncio.timeout(limit_s):
                pool = await self._get_pool()
                response = await pool.handle_async_request(request)
                status = response.status
                try:
                    return Answer(status, _read_headers(response.headers), await _read_body(response))
                finally:
                    await response.aclose()
        except TimeoutError as error:
            raise NoAnswer(f"no answer in {limit_s:g} s" if status is None else _cut_off(status, "in time")) from error
        except httpcore2.ConnectError as error:
            raise NoAnswer(_in_words(error)) from error
        # OSError is what OpenSSL's come as once a connection is there.
        except (httpcore2.ProtocolError, httpcore2.NetworkError, httpcore2.UnsupportedProtocol, OSError) as error:
            raise NoAnswer(_broke_off(error) if status is None else _cut_off(status, "")) from error

    async def close(self) -> None:
        if self._opening is not None:
            await (await self._opening).aclose()

    async def _get_pool(self) -> httpcore2.AsyncConnectionPool:
        if self._opening is None:
            self._opening = asyncio.create_task(self._open())
        # Whoever gives up leaves it to the others.
        return await asyncio.shield(self._opening)

    async def _open(self) -> httpcore2.AsyncConnectionPool:
        return httpcore2.AsyncConnectionPool(
            # Reads the system's certificates, which takes a while.
            ssl_context=await asyncio.to_thread(ssl.create_default_context),
            network_backend=self._backend,
            max_connections=MAX_CONNECTIONS,
            max_keepalive_connections=_KEPT_CONNECTIONS,
            keepalive_expiry=_KEPT_S,
        )


def _read_request(method: str, url: str, body: bytes, headers: Mapping[str, str]) -> httpcore2.Request:
    try:
        read = httpx2.URL(url)
    except (httpx2.InvalidURL, ValueError) as error:
        raise Refused(f"Refused: this is no URL: {error}") from error
    if read.scheme not in ("http", "https") or not read.host:
        raise Refused("Refused: the URL has to begin with http:// or https:// and a host")
    if read.userinfo:
        raise Refused("Refused: the URL holds a user or a password")
    given = {
        "host": read.netloc.decode("ascii"),
        # Nothing is unpacked, so that nothing grows beyond what was sent.
        "accept-encoding": "identity",
        **({} if method == "GET" else {"content-length": str(len(body))}),
        **headers,
    }
    return httpcore2.Request(
        method,
        httpcore2.URL(scheme=read.raw_scheme, host=read.raw_host, port=read.port, target=read.raw_path),
        headers=[(name.encode("ascii"), value.encode("ascii")) for name, value in given.items()],
        content=body,
    )


def _read_headers(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}


async def _read_body(response: httpcore2.Response) -> bytes:
    pieces, size = [], 0
    async with contextlib.aclosing(response.aiter_stream()) as stream:
        async for piece in stream:
            pieces.append(piece)
            size += len(piece)
            if size >= MAX_ANSWER_BYTES:
                break
    return b"".join(pieces)[:MAX_ANSWER_BYTES]


def _cut_off(status: int, how: str) -> str:
    return f"the answer ({status}) did not come to its end {how}".rstrip()


def _broke_off(error: Exception) -> str:
    if isinstance(error, httpcore2.RemoteProtocolError) and "without sending" not in str(error):
        # Not the library's words: they quote what came, which may name somebody.
        return "what came back is not HTTP"
    return "the connection was closed without an answer"


def _in_words(error: BaseException) -> str:
    """The reason behind an attempt to connect, as the system gives it."""
    causes = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) is not None and len(causes) < 10:
        causes.append(cause)
    for one in causes:
        if isinstance(one, ssl.SSLError):
            return f"no safe connection: {getattr(one, 'verify_message', None) or one.reason or one}"
    for one in causes:
        if isinstance(one, OSError) and one.strerror:
            return f"cannot connect: {one.strerror}"
    return f"cannot connect: {error}"


class _GuardedBackend(httpcore2.AsyncNetworkBackend):
    """Opens connections only to addresses that are allowed."""

    def __init__(self, *, allow_private: bool, names: "_Names") -> None:
        self._allow_private = allow_private
        self._names = names
        self._plain: Any = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the library's name for it
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        found = await self._names.find(host, port)
        allowed = [address for address in found if self._allow_private or is_public(address)]
        if not allowed:
            address = found[0]
            where = host if host == address else f"{host} ({address})"
            raise Refused(f"Refused: {where} is {find_fault(address)}")
        tried = allowed[:_MAX_TRIED]
        for address in tried[:-1]:
            with contextlib.suppress(httpcore2.ConnectError, httpcore2.ConnectTimeout):
                return _Stream(await self._plain.connect_tcp(address, port, _CONNECT_S, None, socket_options))
        return _Stream(await self._plain.connect_tcp(tried[-1], port, timeout, None, socket_options))

    async def connect_unix_socket(self, *_: Any, **__: Any) -> httpcore2.AsyncNetworkStream:
        raise Refused("Refused: a socket of this machine")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class _Stream(httpcore2.AsyncNetworkStream):
    """A connection that is closed, too, when it is given up while it is made safe: the library leaves it open then."""

    def __init__(self, plain: httpcore2.AsyncNetworkStream) -> None:
        self._plain = plain

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        return await self._plain.read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        await self._plain.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._plain.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> httpcore2.AsyncNetworkStream:
        try:
            return await self._plain.start_tls(ssl_context, server_hostname, timeout)
        except asyncio.CancelledError:
            await self._plain.aclose()
            raise

    def get_extra_info(self, info: str) -> Any:
        return self._plain.get_extra_info(info)


class _Names:
    """Looks names up, each by one thread however many ask: a name server that hangs holds up its own names only."""

    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve
        self._pending: dict[tuple[str, int], asyncio.Future[Sequence[str]]] = {}

    async def find(self, host: str, port: int) -> Sequence[str]:
        """At least one address. Raises NoAnswer."""
        place = (host, port)
        pending = self._pending.get(place)
        if pending is None:
            if len(self._pending) >= _MAX_LOOKUPS:
                raise NoAnswer("too many names are being looked up at once")
            pending = self._pending[place] = self._begin(host, port)
            pending.add_done_callback(lambda done: self._end(place, done))
        try:
            # Whoever gives up leaves it to the others.
            found = await asyncio.shield(pending)
        except OSError as error:
            raise NoAnswer(f"the name {host} cannot be looked up: {error.strerror or error}") from error
        if not found:
            raise NoAnswer(f"the name {host} has no address")
        return found

    def _begin(self, host: str, port: int) -> asyncio.Future[Sequence[str]]:
        loop = asyncio.get_running_loop()
        found: asyncio.Future[Sequence[str]] = loop.create_future()

        def tell(addresses: Sequence[str] | None, error: OSError | None) -> None:
            if not found.done():
                if addresses is None:
                    found.set_exception(error or OSError("no address"))
                else:
                    found.set_result(addresses)

        def look() -> None:
            addresses, failure = None, None
            try:
                addresses = self._resolve(host, port)
            except OSError as error:
                failure = error
            except (UnicodeError, ValueError) as error:
                failure = OSError(str(error))
            # A loop that has ended has nobody waiting.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(tell, addresses, failure)

        # Not of a pool, which the end of the process would wait for.
        threading.Thread(target=look, name="look-up", daemon=True).start()
        return found

    def _end(self, place: tuple[str, int], done: asyncio.Future[Sequence[str]]) -> None:
        del self._pending[place]
        if not done.cancelled():
            # Seen, also where nobody waits any more.
            done.exception()


def look_up(host: str, port: int) -> Sequence[str]:
    """The system's answer, which also knows the numbers that are no names: `0x7f.1`, `2130706433`."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))
