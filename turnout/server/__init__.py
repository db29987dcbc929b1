"""The outermost layer: the socket, HTTP's bounds, start and stop. What a request means is the application's affair.

`listener.py` opens the port, `run.py` serves until told to stop, `connection.py` stands between a stranger and the
application. `workers.py` has several processes do it, `acceptor.py` shares connections out among them.
"""

from turnout.server.connection import Limits
from turnout.server.listener import CannotListen, open_listener
from turnout.server.post import Post
from turnout.server.run import Server, serve
from turnout.server.workers import WorkersFailed, supervise

__all__ = ["CannotListen", "Limits", "Post", "Server", "WorkersFailed", "open_listener", "serve", "supervise"]
