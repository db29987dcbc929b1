"""Taking pictures: Chromium signs in as anybody does, and sees each page wide and narrow, light and dark."""

import base64
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, Self

import msgspec
from playwright.sync_api import Browser, BrowserContext, Page, StorageState, sync_playwright

from screenshots.pages import Sight
from screenshots.running import ADMINISTRATOR, NOW, Api, Running
from tests.console.browser import Chromium

WIDE, NARROW = 1440, 390
_HEIGHT = {WIDE: 900, NARROW: 844}
_TALLEST = 6_000
"""Pixels of a picture; of a page that goes on it is the beginning."""
_PATIENCE_MS = 60_000


class Look(msgspec.Struct, frozen=True):
    """How a page is looked at."""

    width: int
    colours: Literal["light", "dark"]

    @property
    def name(self) -> str:
        return f"{self.width}-{self.colours}"


LOOKS = tuple(Look(width, colours) for width in (WIDE, NARROW) for colours in ("light", "dark"))


class Camera:
    """A browser in front of one server."""

    def __init__(self, browser: Browser, running: Running) -> None:
        self._browser = browser
        self._running = running
        self._signed_in: StorageState | None = None
        self._windows: dict[tuple[Look, bool], Page] = {}

    def sign_in(self) -> Api:
        """The link that the server has printed makes the administrator, and the page of the account a token."""
        context = self._open(LOOKS[0], signed_in=False)
        page = context.new_page()
        page.goto(self._running.sign_in_way)
        email, name, password = ADMINISTRATOR
        page.get_by_label("E-mail address").fill(email)
        page.get_by_label("Your name").fill(name)
        page.get_by_label("Password", exact=True).fill(password)
        page.get_by_label("The same password again").fill(password)
        page.get_by_role("button", name="Begin").click()
        page.wait_for_url("**/console/events")
        made = page.evaluate(_MAKE_TOKEN)
        context.close()
        return Api(self._running, made["text"])

    def sign_in_again(self) -> None:
        """With the password: who signed in weeks ago, by the server's clock, is signed out by now."""
        context = self._open(LOOKS[0], signed_in=False)
        page = context.new_page()
        page.goto("sign-in")
        email, _, password = ADMINISTRATOR
        page.get_by_label("E-mail address").fill(email)
        page.get_by_label("Password", exact=True).fill(password)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/console/events")
        self._signed_in = context.storage_state()
        context.close()

    def wait_for(self, sight: Sight, text: str) -> None:
        """Until the page has it; asked for again and again."""
        while not self.show(sight, LOOKS[0]).get_by_text(text).count():
            pass

    def take(self, sights: Iterable[Sight], looks: Iterable[Look], folder: Path) -> Iterator[Path]:
        """All of a page, each in a file of its own."""
        looks = list(looks)
        for sight in sights:
            for look in looks:
                page = self.show(sight, look)
                height = min(_TALLEST, page.evaluate("document.documentElement.scrollHeight"))
                path = folder / f"{sight.name}-{look.name}.png"
                page.screenshot(path=path, clip={"x": 0, "y": 0, "width": look.width, "height": height}, full_page=True)
                yield path

    def take_small(self, sight: Sight, look: Look, path: Path, *, pressed: str = "", height: int = 860) -> None:
        """A window's worth, after that was clicked, as WebP: small enough to lie in the repository."""
        page = self.show(sight, look, height)
        if pressed:
            page.locator(pressed).click()
        clip = {"x": 0, "y": 0, "width": look.width, "height": height, "scale": 1}
        talk = page.context.new_cdp_session(page)
        taken = talk.send("Page.captureScreenshot", {"format": "webp", "quality": 70, "clip": clip})
        path.write_bytes(base64.b64decode(taken["data"]))

    def show(self, sight: Sight, look: Look, height: int | None = None) -> Page:
        page = self._windows.get((look, sight.is_signed_in))
        if page is None:
            context = self._open(look, signed_in=sight.is_signed_in)
            page = self._windows[look, sight.is_signed_in] = context.new_page()
            # They would take their share of the width, which on a telephone they do not.
            context.new_cdp_session(page).send("Emulation.setScrollbarsHidden", {"hidden": True})
        page.set_viewport_size({"width": look.width, "height": height or _HEIGHT[look.width]})
        page.goto(sight.way)
        # Live pages never come to rest: what is awaited is that they say so.
        page.wait_for_function(_IS_READY)
        return page

    def _open(self, look: Look, *, signed_in: bool) -> BrowserContext:
        context = self._browser.new_context(
            base_url=f"{self._running.url}/console/",
            viewport={"width": look.width, "height": _HEIGHT[look.width]},
            color_scheme=look.colours,
            reduced_motion="reduce",
            locale="en-GB",
            timezone_id="Europe/Copenhagen",
            storage_state=self._signed_in if signed_in else None,
        )
        context.set_default_timeout(_PATIENCE_MS)
        context.clock.set_fixed_time(NOW)
        return context

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for page in self._windows.values():
            page.context.close()


_MAKE_TOKEN = """() => fetch('../api/me/tokens', {
    method: 'POST', headers: {'content-type': 'application/json'}, body: JSON.stringify({name: 'Pictures'}),
}).then(answer => answer.json())"""
_IS_READY = """() => document.readyState === 'complete' && !document.querySelector('.htmx-request')
    && ![...document.querySelectorAll('[data-live]')].some(one => one.dataset.live === 'waiting')
    && [...document.querySelectorAll('time[data-when]')].every(one => one.dataset.when !== undefined)"""


@contextmanager
def open_camera(running: Running, folder: Path) -> Generator[Camera]:
    """Chromium with its files in that folder."""
    with (
        Chromium(folder) as chromium,
        sync_playwright() as playwright,
        Camera(playwright.chromium.connect_over_cdp(chromium.url), running) as camera,
    ):
        yield camera
