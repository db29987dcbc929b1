"""PostgreSQL's side of notices: NOTIFY on one connection of its own, LISTEN on another, which may both be away."""

import logging
import os
import selectors
import socket
import time
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager, closing

import psycopg
from sqlalchemy import Connection

from turnout.now import new_id
from turnout.store.notices import Notices, Seldom
from turnout.store.postgresql.connection import DriverConnection, Hung, connect
from turnout.store.postgresql.faults import in_words

CHANNEL = "turnout"
EVERYTHING = "*"
"""In a notice, for more events than are worth naming."""
_MAX_PAYLOAD_BYTES = 7_900
"""PostgreSQL takes less than 8,000."""
_MAX_PAYLOADS = 8
_ANSWER_S = 2.0
"""So long a NOTIFY may take; who waits has looked by then."""
_SEND_AGAIN_S = 1.0
"""Before the way to the database is tried again; what is announced meanwhile is not sent."""
_SHORTEST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 10.0
"""Before listening is tried again: twice as long each time."""
_FOUND_WITHOUT_NOTICE = 3
"""So many changes that no notice told of are no accident."""

log = logging.getLogger("turnout.store")


class PostgresNotices(Notices):
    """Tells other processes of what this one has committed, and hears what they have."""

    look_every_s = 1.0
    reaches_others = True

    def __init__(self, read: Callable[[], AbstractContextManager[Connection]], url: str) -> None:
        super().__init__(read)
        self._url = url
        self._id = new_id("run")
        self._sender: DriverConnection | None = None
        self._send_again_at = float("-inf")
        self._bell: tuple[socket.socket, socket.socket] | None = None
        """Ends the wait of the thread that listens."""
        self._is_listening = False
        self._found = 0
        self._sending_fails, self._listening_fails, self._looking_finds = Seldom(), Seldom(), Seldom()

    @property
    def _name(self) -> str:
        """This process's, by which it knows its own notices. A fork has another."""
        return f"{self._id}-{os.getpid()}"

    def _send(self, event_ids: Collection[str]) -> None:
        if time.monotonic() < self._send_again_at:
            return
        while True:
            is_new = self._sender is None
            try:
                if self._sender is None:
                    self._sender = connect(self._url, wait_s=_ANSWER_S)
                self._notify(self._sender, event_ids)
                return
            except psycopg.Error as error:
                self._end_sending()
                # One that was cut meanwhile is replaced at once.
                if is_new or isinstance(error, Hung):
                    self._send_again_at = time.monotonic() + _SEND_AGAIN_S
                    if self._sending_fails.is_due():
                        log.warning("notices of changes cannot be sent, followers have to look: %s", in_words(error))
                    return

    def _end_sending(self) -> None:
        if self._sender is not None:
            self._sender.close()
            self._sender = None

    def _notify(self, connection: DriverConnection, event_ids: Collection[str]) -> None:
        connection.give_time(_ANSWER_S)
        # It writes nothing else, so PostgreSQL neither flushes for it nor waits for a standby.
        connection.execute(
            "SELECT pg_notify(%s, payload) FROM unnest(%s::text[]) AS payload",
            (CHANNEL, payloads(self._name, event_ids)),
        )

    def _note_found(self) -> None:
        if not self._is_listening:
            return
        self._found += 1
        if self._found >= _FOUND_WITHOUT_NOTICE and self._looking_finds.is_due():
            log.warning(
                "changes were found of which no notice had told: does TURNOUT_NOTICE_DATABASE_URL, or "
                "TURNOUT_DATABASE_URL where that is not set, go through a pooler? LISTEN needs a way without one"
            )

    def _begin_listening(self) -> None:
        if self._bell is None and not self._stopping.is_set():
            self._bell = socket.socketpair()
            self._start("notices-listen", self._keep_listening)

    def _interrupt(self) -> None:
        if self._bell is not None:
            # The other end may be read from then, and is closed by the thread.
            self._bell[1].close()

    def _keep_listening(self) -> None:
        pause_s = _SHORTEST_PAUSE_S
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                with closing(connect(self._url)) as connection:
                    connection.execute(f"LISTEN {CHANNEL}")
                    self._found = 0
                    self._is_listening = True
                    # Whatever was told before.
                    self.wake_all()
                    self._listen(connection)
            except psycopg.Error as error:
                if self._listening_fails.is_due():
                    log.warning("notices of changes cannot be heard, followers have to look: %s", in_words(error))
            except Exception:
                if self._listening_fails.is_due():
                    log.exception("notices of changes cannot be heard")
            finally:
                self._is_listening = False
            if time.monotonic() - began > _LONGEST_PAUSE_S:
                # It was good for a while.
                pause_s = _SHORTEST_PAUSE_S
            self._stopping.wait(pause_s)
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
        assert self._bell is not None
        self._bell[0].close()

    def _listen(self, connection: DriverConnection) -> None:
        assert self._bell is not None
        # Not select, which ends at the 1,024th open file.
        with selectors.DefaultSelector() as selector:
            selector.register(connection.fileno(), selectors.EVENT_READ)
            selector.register(self._bell[0], selectors.EVENT_READ)
            while not self._stopping.is_set():
                selector.select()
                connection.pgconn.consume_input()
                while (notice := connection.pgconn.notifies()) is not None:
                    self._take(notice.extra.decode("utf-8", "replace"))

    def _take(self, payload: str) -> None:
        self._found = 0
        sender, *event_ids = payload.split(" ")
        if sender == self._name:
            # They were woken before it was sent.
            return
        if event_ids == [EVERYTHING]:
            self.wake_all()
        else:
            self.wake(event_ids)


def payloads(sender: str, event_ids: Collection[str]) -> list[str]:
    """Notices that name these events, each short enough; or one that means all."""
    found = []
    names: list[str] = []
    size = 0
    for event_id in sorted(event_ids):
        if size + len(event_id) + 1 > _MAX_PAYLOAD_BYTES - len(sender) and names:
            found.append(" ".join([sender, *names]))
            names, size = [], 0
        names.append(event_id)
        size += len(event_id) + 1
    found.append(" ".join([sender, *names]))
    return found if len(found) <= _MAX_PAYLOADS else [f"{sender} {EVERYTHING}"]
