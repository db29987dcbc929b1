"""The outermost layer: the socket, HTTP's bounds, start and stop. What a request means is the application's affair.

`listener.py` opens the port, `run.py` serves until told to stop, `connection.py` stands between a stranger and the
application.
"""

from turnout.server.connection import Limits
from turnout.server.listener import CannotListen, open_listener
from turnout.server.run import Server, serve

__all__ = ["CannotListen", "Limits", "Server", "open_listener", "serve"]
