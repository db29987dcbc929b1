"""Serves until told to stop, and stops in order.

No new connections, streams end, what was accepted is answered, the application closes.
"""

import asyncio
import contextlib
import functools
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Generator
from types import FrameType
from typing import Any, cast

import uvicorn
from uvicorn._types import ASGI3Application
from uvicorn.lifespan.on import LifespanOn

from turnout.server.acceptor import Acceptor
from turnout.server.connection import Connection, Limits, Watch
from turnout.server.listener import BACKLOG
from turnout.server.post import Post
from turnout.settings import Settings

log = logging.getLogger("turnout.server")

_SPARE_FILES = 256
"""Open files that are not connections: the database, its readers, pipes, logs."""


def serve(
    app: ASGI3Application,
    *,
    listener: socket.socket,
    settings: Settings,
    on_start: Callable[[], object] | None = None,
    on_stop: Callable[[], object] | None = None,
    limits: Limits | None = None,
    post: Post | None = None,
) -> None:
    """Serves the application on the listener until SIGTERM or SIGINT; returns when all is answered and closed.

    `on_start` is called once the application is ready, `on_stop` once when the end begins: both in the loop's thread,
    neither may block. `on_stop` is where an application ends its streams; pushes go on being answered until the
    lifespan's shutdown. A second SIGINT leaves at once, and so does the end of `settings.shutdown_timeout_s`: kill -9
    is survived anyway. With a `post` it is one of several on this listener, and also stops when its parent is gone.
    Raises SystemExit when the application's lifespan fails to start.
    """
    Server(
        app, listener=listener, settings=settings, on_start=on_start, on_stop=on_stop, limits=limits, post=post
    ).run()


class Server(uvicorn.Server):
    """One server, of which `stop` may be called from any thread."""

    def __init__(
        self,
        app: ASGI3Application,
        *,
        listener: socket.socket,
        settings: Settings,
        on_start: Callable[[], object] | None = None,
        on_stop: Callable[[], object] | None = None,
        limits: Limits | None = None,
        post: Post | None = None,
    ) -> None:
        self.watch = Watch(limits or Limits(), f"{settings.public_url or ''}/problems")
        super().__init__(
            uvicorn.Config(
                cast("Any", app),
                http=cast("Any", functools.partial(Connection, watch=self.watch)),
                ws="none",
                interface="asgi3",
                lifespan="on",
                log_config=None,
                access_log=False,
                proxy_headers=False,  # whom to believe is ours to say: feed/caller_address.py
                server_header=False,
                backlog=BACKLOG,
            )
        )
        self._listener = listener
        self._on_start = on_start
        self._on_stop = on_stop
        self._post = post
        self._timeout_s = settings.shutdown_timeout_s
        self._loop: asyncio.AbstractEventLoop | None = None
        self._told = asyncio.Event()
        self._acceptor: Acceptor | None = None
        self._last_resort: threading.Timer | None = None

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        _allow_files(self.watch.limits.connections + _SPARE_FILES)
        try:
            super().run([self._listener])
        finally:
            self._listener.close()
            if self._last_resort is not None:
                self._last_resort.cancel()

    def stop(self) -> None:
        """Begins the end, as SIGTERM does."""
        self.should_exit = True
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended already
                self._loop.call_soon_threadsafe(self._told.set)

    # What uvicorn's own server would do, in its order

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Unlike uvicorn's, this does not raise the signal again at the end: who called `serve` has things to close."""
        self._loop = asyncio.get_running_loop()
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        # signal.signal, not the loop's: it is heard even when the loop is stuck.
        before = {one: signal.signal(one, self.handle_exit) for one in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.should_exit:
            if sig == signal.SIGINT:
                os._exit(130)
            return
        self._stop_in_time()

    def _on_parent_gone(self) -> None:
        assert self._loop is not None
        assert self._post is not None
        self._loop.remove_reader(self._post.parent)
        if not self.should_exit:
            log.warning("the parent is gone: stopping")
            self._stop_in_time()

    def _stop_in_time(self) -> None:
        self._last_resort = threading.Timer(self._timeout_s, self._give_up)
        self._last_resort.daemon = True
        self._last_resort.start()
        self.stop()

    def _give_up(self) -> None:
        """A hung commit or a thread that does not end: what was acknowledged is on disk, so leaving is safe."""
        log.error("stopping took longer than %g s; leaving what is unfinished", self._timeout_s)
        os._exit(1)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        if self._post is None:
            await super().startup(sockets)
        else:
            asyncio.get_running_loop().add_reader(self._post.parent, self._on_parent_gone)
            await super().startup([])
            connections = self.server_state.connections
            self._acceptor = Acceptor(self._listener, self._post, self._make_connection, lambda: len(connections))
            self._acceptor.start()
        self.watch.start(self.server_state.connections)
        if self._on_start is not None and not self.should_exit:
            self._on_start()

    def _make_connection(self) -> Connection:
        lifespan = cast("LifespanOn", self.lifespan)
        return Connection(self.config, self.server_state, lifespan.state, watch=self.watch)

    async def main_loop(self) -> None:
        while not self.should_exit:
            await self.on_tick(0)  # the date header
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1 - time.time() % 1):
                    await self._told.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stops within the time: four fifths of it for requests, the rest for the application's own end."""
        log.info("stopping: answering what was accepted")
        for server in self.servers:
            server.close()
        if self._acceptor is not None:
            self._acceptor.stop()
        for listener in sockets or []:
            listener.close()
        self.watch.draining = True
        if self._on_stop is not None:
            self._on_stop()
        # A request that is on its way in a connection kept alive still gets its answer.
        await asyncio.sleep(min(self.watch.limits.settle_s, self._timeout_s / 20))
        for connection in list(self.server_state.connections):
            connection.shutdown()
        try:
            async with asyncio.timeout(self._timeout_s * 0.8):
                # Looked at again and again: uvicorn's sets tell nobody when they are empty.
                while self.server_state.connections or self.server_state.tasks:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
        except TimeoutError:
            log.warning("stopping: %d requests take too long and are cut off", len(self.server_state.tasks))
            for task in list(self.server_state.tasks):
                task.cancel()
            await asyncio.sleep(0)
        try:
            async with asyncio.timeout(self._timeout_s * 0.2):
                await cast("LifespanOn", self.lifespan).shutdown()
        except TimeoutError:
            log.warning("stopping: the application did not end in time")
        self.watch.stop()
        if self._post is not None:
            asyncio.get_running_loop().remove_reader(self._post.parent)


def _allow_files(wanted: int) -> None:
    """As many open files as the connections need, where the system lets us; 1,024 is a common start."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard)
        )
