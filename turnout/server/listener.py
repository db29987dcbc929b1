"""Opens the port to listen on, or says in a sentence why that is not possible and what to do."""

import errno
import socket
import sys
from typing import Any

BACKLOG = 2_048
"""Connections that wait to be accepted."""
UNACKNOWLEDGED_MS = 60_000
"""How long the other side may leave unacknowledged what was sent."""


class CannotListen(Exception):
    """There is no listening there. The message is one sentence for whoever started the server."""


def open_listener(host: str, port: int) -> socket.socket:
    """A socket that listens on that address; port 0 takes any free one. Raises CannotListen.

    It listens from here on, so that a port which somebody else has is found out now. Never with SO_REUSEPORT: with it,
    a server left over from yesterday would go on answering every other request.
    """
    if not 0 <= port <= 65_535:
        raise CannotListen(f"port {port} does not exist; choose one from 1024 to 65535 with --port")
    family, address = _resolve(host, port)
    if sys.platform != "linux" and port and _answers(address, family):
        # Elsewhere SO_REUSEADDR lets two programs have the port, one on the address and one on all addresses.
        raise CannotListen(_in_use(port))
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform == "win32":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            # Connections of the last run that linger in TIME_WAIT do not keep a new one from starting.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            # What is accepted inherits it: a client that is gone without a word does not keep its place for a quarter
            # hour.
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS)
        if family == socket.AF_INET6:
            # "::" means every address, IPv4's too.
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise CannotListen(_sentence(error, host, port)) from error
    return listener


def _resolve(host: str, port: int) -> tuple[socket.AddressFamily, tuple[Any, ...]]:
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise CannotListen(
            f"{host} is not a name or an address that this machine knows; choose another with --host "
            "(127.0.0.1 for this machine only, 0.0.0.0 for everyone)"
        ) from error
    # "localhost" is both: IPv4, because that is what programs without a care try.
    found.sort(key=lambda one: one[0] != socket.AF_INET)
    family, _, _, _, address = found[0]
    return family, address


def _answers(address: tuple[Any, ...], family: socket.AddressFamily) -> bool:
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(address) == 0


def _sentence(error: OSError, host: str, port: int) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return _in_use(port)
        case errno.EACCES | errno.EPERM:
            return (
                f"port {port} is not open to this account; choose one from 1024 to 65535 with --port, "
                "and let a proxy listen on the other"
            )
        case errno.EADDRNOTAVAIL:
            return (
                f"{host} is not an address of this machine; choose one of its own with --host "
                "(127.0.0.1 for this machine only, 0.0.0.0 for everyone)"
            )
        case errno.EAFNOSUPPORT:
            return f"this machine does not speak the protocol of {host}; choose another address with --host"
        case _:
            return f"listening on {host}, port {port} failed ({error.strerror}); choose others with --host and --port"


_LAST_PORT = 65_535


def _in_use(port: int) -> str:
    return (
        f"port {port} is in use; stop the other program or choose another with --port "
        f"(make run: make run ARGS='--port {port + 1 if port < _LAST_PORT else port - 1}')"
    )
