"""Takes connections from a listener that other workers have too, so that each gets its share.

An event loop's own server takes all that wait at once: a sender that opens sixteen connections and keeps them would
have all of them with one worker.
"""

import asyncio
import logging
import socket
from collections.abc import Callable

from turnout.server.post import Post

log = logging.getLogger("turnout.server")

_YIELD_S = 0.001
"""For so long a worker leaves a connection to those who have fewer …"""
_AFTER_YIELDING = 4
"""… and then takes up to so many, because the others are busy."""
_PAUSE_S = 1.0
"""After accepting has failed, for want of open files say."""


class Acceptor:
    """Accepts one connection at a time, and not at once where another worker has fewer."""

    def __init__(
        self,
        listener: socket.socket,
        post: Post,
        make_connection: Callable[[], asyncio.Protocol],
        count_connections: Callable[[], int],
    ) -> None:
        self._listener = listener
        self._post = post
        self._make_connection = make_connection
        self._count_connections = count_connections
        self._loop = asyncio.get_running_loop()
        self._beginning: set[asyncio.Task[None]] = set()
        self._later: asyncio.TimerHandle | None = None

    def start(self) -> None:
        self._listener.setblocking(False)
        self._note()
        self._resume()

    def stop(self) -> None:
        """Accepts no more. What was accepted goes on."""
        self._loop.remove_reader(self._listener.fileno())
        self._post.load.clear(self._post.number)
        if self._later is not None:
            self._later.cancel()

    def _resume(self) -> None:
        self._loop.add_reader(self._listener.fileno(), self._take_or_yield)

    def _wait(self, seconds: float, then: Callable[[], None]) -> None:
        self._loop.remove_reader(self._listener.fileno())
        self._later = self._loop.call_later(seconds, then)

    def _take_or_yield(self) -> None:
        # All who are idle are woken by a connection: what they note is fresh when it is asked for.
        if self._note() > self._post.load.find_fewest() + 1:
            self._wait(_YIELD_S, self._take_what_is_left)
        else:
            self._take()

    def _take_what_is_left(self) -> None:
        self._resume()
        for _ in range(_AFTER_YIELDING):
            if not self._take():
                break

    def _note(self) -> int:
        connections = self._count_connections() + len(self._beginning)
        self._post.load.note(self._post.number, connections)
        return connections

    def _take(self) -> bool:
        """Accepts one connection if there is one."""
        try:
            accepted, _ = self._listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return False  # another worker was first, or the client has gone
        except OSError as error:
            log.error("no connection can be accepted: %s", error.strerror)
            self._wait(_PAUSE_S, self._resume)
            return False
        accepted.setblocking(False)
        task = self._loop.create_task(self._begin(accepted))
        self._beginning.add(task)
        task.add_done_callback(self._beginning.discard)
        self._note()
        return True

    async def _begin(self, accepted: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._make_connection, accepted)
        except OSError:
            accepted.close()  # it has gone already
