"""Chromium, started once for all tests of a process, and pages in it as somebody signed in sees them."""

import os
import re
import shutil
import signal
import subprocess
import threading
from collections import deque
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect

from tests.console.signed_in import Visitor
from tests.patience import PATIENCE_S
from tests.product import make_address
from turnout.console import cookies

WIDE, NARROW = 1440, 390
"""Pixels: a desk's, and a telephone's."""
_PROGRAMS = ("chromium-headless-shell", "chromium", "google-chrome")
"""Any of them; the first is made for this, and takes a quarter of what a window costs the others."""
_ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--no-first-run",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--remote-debugging-port=0",
)
expect.set_options(timeout=PATIENCE_S * 1_000)


class Chromium:
    """The browser's process, talked to by Playwright, which comes and goes: beside it no test could run a loop."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self.url = ""
        """Where it is talked to."""

    def __enter__(self) -> Self:
        path = next(filter(None, map(shutil.which, _PROGRAMS)), None)
        assert path, f"There is no Chromium: apt-get install {_PROGRAMS[0]}"
        self._process = subprocess.Popen(
            [path, *_ARGUMENTS, f"--user-data-dir={self._folder}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            # What is called so is a script, which does not end the browser with it.
            start_new_session=True,
        )
        assert self._process.stderr is not None
        said = []
        for line in self._process.stderr:
            said.append(line)
            if found := re.search(r"listening on (ws://\S+)", line):
                self.url = found[1]
                break
        assert self.url, f"Chromium did not start: {''.join(said)[-2000:]}"
        # Whatever else it says, so that it need not wait for somebody to read it.
        self._reader = threading.Thread(target=deque, args=(self._process.stderr, 0), daemon=True)
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGTERM)
        self._process.wait(PATIENCE_S)
        if self._reader is not None:
            self._reader.join(PATIENCE_S)
        assert self._process.stderr is not None
        self._process.stderr.close()


class Screens:
    """The windows of one test. What is wrong with any page in them is gathered, and there may be nothing."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self.contexts: list[BrowserContext] = []
        self.problems: list[str] = []
        """Errors on the browser's console, and requests to other hosts. Who provokes one takes it off."""

    def open(
        self,
        visitor: Visitor,
        path: str,
        *,
        width: int = WIDE,
        height: int = 900,
        dark: bool = False,
        script: bool = True,
    ) -> Page:
        """A page below /console/ in a window of its own, or without script."""
        page = self.open_at(visitor.product.server.url, visitor.cookie, width, height, dark=dark, script=script)
        page.goto(path)
        return page

    def open_at(
        self,
        server_url: str,
        cookie: str | None = None,
        width: int = WIDE,
        height: int = 900,
        *,
        dark: bool = False,
        script: bool = True,
    ) -> Page:
        """An empty window, whose addresses begin at this server's /console/."""
        context = self._browser.new_context(
            base_url=f"{server_url}/console/",
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
            java_script_enabled=script,
            extra_http_headers={"X-Forwarded-For": make_address()},
        )
        self.contexts.append(context)
        context.set_default_timeout(PATIENCE_S * 1_000)
        if cookie is not None:
            context.add_cookies([{"name": cookies.SESSION, "value": cookie, "url": server_url}])
        page = context.new_page()
        host = urlsplit(server_url).netloc

        def hear(message: ConsoleMessage) -> None:
            if message.type in ("error", "warning"):
                self.problems.append(f"{page.url}: {message.text}")

        def see(request: Request) -> None:
            asked = urlsplit(request.url)
            if asked.scheme in ("http", "https", "ws", "wss") and asked.netloc != host:
                self.problems.append(f"{page.url} asks {asked.netloc}")

        page.on("console", hear)
        page.on("pageerror", lambda error: self.problems.append(f"{page.url}: {error}"))
        page.on("request", see)
        return page

    def close(self) -> None:
        """Live pages hang on to the server until then."""
        for context in self.contexts:
            context.close()
