"""All parts of the shell on one page, served without the rest of the console."""

import queue
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from turnout import console
from turnout.browser.assets import asset_url, find_asset
from turnout.browser.serving import security_headers
from turnout.console.shown import FILTERS
from turnout.now import now_us

CONSOLE = Path(console.__file__).parent
_PUSHES = [0, 0, 1, 0, 2, 5, 12, 30, 44, 61, 80, 95, 70, 88, 120, 101, 77, 60, 44, 30, 20, 10, 4, 2]
_FAILED = [0] * 9 + [2, 0, 0, 0, 1, 7] + [0] * 6 + [3, 0, 0]
_FOUND = '<h2>Events</h2><ul><li><a href="#spring">Spring fair</a></li><li><a href="#autumn">Autumn fair</a></li></ul>'
_HEADERS = [(name.decode(), value.decode()) for name, value in security_headers(forms=True)]


def render(template: str, **shown: Any) -> str:
    """A template of the shell, or the gallery, as the site would."""
    environment = Environment(
        loader=FileSystemLoader([CONSOLE, Path(__file__).parent]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= FILTERS
    event = SimpleNamespace(name="Spring fair", slug="spring", time_zone="Europe/Berlin")
    visit = SimpleNamespace(
        user=SimpleNamespace(name="Ada Lovelace", email="ada@example.org"),
        event=event,
        configuration=SimpleNamespace(event=event),
        may=lambda need: True,
        open_alerts=3,
    )
    undo = SimpleNamespace(path="console/undo", label="Undo")
    shared: dict[str, Any] = {
        "visit": visit,
        "root": "../",
        "asset": asset_url,
        "version": "1.2.3",
        "csrf_token": "a-token",
        "csrf_input": Markup('<input type="hidden" name="_csrf_token" value="a-token">'),
        "said": [SimpleNamespace(text="The key is revoked.", undo=undo, kind="done")],
        "now": now_us(),
        "labels": [f"{hour:02}:00" for hour in range(24)],
        "values": _PUSHES,
        "bad": _FAILED,
        "grow": [10 + hour * hour * 14 for hour in range(24)],
    }
    return environment.get_template(template).render(shared | shown)


class Gallery:
    """A server with the gallery at /console/gallery, and a live message for each that a test sends."""

    def __init__(self) -> None:
        self._streams: list[queue.Queue[str]] = []
        """One for each page that is open, or was."""
        self.posted: queue.Queue[tuple[str, str]] = queue.Queue()
        """The path of each POST, and the token that came in its header."""
        gallery = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                gallery._get(self)

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                gallery.posted.put((self.path, self.headers.get("x-csrf-token", "")))
                _send(self, b"", "text/html", 204)

            def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.send("")
        self._server.shutdown()
        self._server.server_close()

    def send(self, message: str) -> None:
        """To all pages that are open; an empty one ends them."""
        for stream in self._streams:
            stream.put(message)

    def _get(self, handler: BaseHTTPRequestHandler) -> None:
        path = handler.path.partition("?")[0].removeprefix("/")
        if path == "console/gallery":
            _send(handler, render("gallery.html").encode(), "text/html; charset=utf-8")
        elif path == "console/search":
            _send(handler, _FOUND.encode(), "text/html; charset=utf-8")
        elif path == "console/live":
            self._go_on(handler)
        elif asset := find_asset(*(["reference", path] if path == "favicon.svg" else path.split("/")[-2:])):
            _send(handler, asset.content, asset.media_type)
        else:
            _send(handler, b"Nothing here.", "text/plain", 404)

    def _go_on(self, handler: BaseHTTPRequestHandler) -> None:
        stream: queue.Queue[str] = queue.Queue()
        self._streams.append(stream)
        handler.send_response(200)
        handler.send_header("content-type", "text/event-stream")
        handler.end_headers()
        handler.wfile.write(b"retry: 2000\n\n")
        handler.wfile.flush()
        with suppress(OSError):
            while message := stream.get():
                handler.wfile.write(f"data: {message}\n\n".encode())
                handler.wfile.flush()


def _send(handler: BaseHTTPRequestHandler, content: bytes, media_type: str, status: int = 200) -> None:
    handler.send_response(status)
    handler.send_header("content-type", media_type)
    handler.send_header("content-length", str(len(content)))
    for name, value in _HEADERS:
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(content)
