"""A way to PostgreSQL that is cut at a chosen moment: before a COMMIT arrives, or before its answer comes back."""

import socket
import threading
from contextlib import suppress
from typing import Literal, Self

Moment = Literal["before COMMIT", "after COMMIT"]


class CuttingWay:
    """Passes connections on to a server, and cuts the one that commits when it is told to."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._cut_at: list[Moment] = []
        self._one_at_a_time = threading.Lock()
        self.cuts = threading.Semaphore(0)
        """Counts the cuts that were made."""
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        for connection in list(self._open):
            _end(connection)

    def cut(self, moment: Moment) -> None:
        """The next COMMIT is cut off at this moment."""
        with self._one_at_a_time:
            self._cut_at.append(moment)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self._port))
            except OSError:
                client.close()
                continue
            self._open |= {client, server}
            pair = _Pair(self, client, server)
            for pump in (pair.pass_to_server, pair.pass_to_client):
                threading.Thread(target=pump, daemon=True).start()

    def take_cut(self) -> Moment | None:
        with self._one_at_a_time:
            return self._cut_at.pop(0) if self._cut_at else None


class _Pair:
    def __init__(self, way: CuttingWay, client: socket.socket, server: socket.socket) -> None:
        self._way = way
        self._client = client
        self._server = server
        self._is_deaf = False

    def pass_to_server(self) -> None:
        try:
            while content := self._client.recv(65_536):
                moment = self._way.take_cut() if b"COMMIT\0" in content else None
                if moment == "before COMMIT":
                    self._end()
                    self._way.cuts.release()
                    return
                self._is_deaf = moment == "after COMMIT"
                self._server.sendall(content)
        except OSError:
            pass
        self._end()

    def pass_to_client(self) -> None:
        try:
            while content := self._server.recv(65_536):
                if self._is_deaf:
                    self._end()
                    self._way.cuts.release()
                    return
                self._client.sendall(content)
        except OSError:
            pass
        self._end()

    def _end(self) -> None:
        _end(self._client)
        _end(self._server)


def _end(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
