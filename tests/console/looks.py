"""What has to hold of every page, however it looks: for those who cannot see it, and on a narrow screen."""

from functools import lru_cache
from pathlib import Path

from playwright.sync_api import Page

_AXE = Path(__file__).parents[2] / "node_modules/axe-core/axe.min.js"
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_RUN = """([within, rules]) => axe.run(within, {runOnly: rules}).then(({violations}) => violations
    .filter(({impact}) => impact === 'serious' || impact === 'critical')
    .map(({id, help, nodes}) => `${id}: ${help}: ${nodes.map(({html}) => html.slice(0, 200)).join(' | ')}`))"""
_PARTS_BEYOND = """() => [...document.querySelectorAll('body *')]
    .filter(one => one.getBoundingClientRect().right > innerWidth + 1)
    .filter(one => !one.closest('.table-scroll, pre, .tabs, .unseen'))
    .slice(0, 5).map(one => one.outerHTML.slice(0, 120))"""


def check_axe(page: Page, within: str = "html") -> None:
    """Axe has no serious finding in the page as it stands: WCAG 2.2 A and AA, in the colours that it is shown in.

    With a menu or a message open look `within` it: what it lies over counts as too small to be hit.
    """
    page.evaluate(_read_axe())
    findings: list[str] = page.evaluate(_RUN, [within, _RULES])
    assert findings == [], f"{page.url}\n" + "\n".join(findings)


def check_fits(page: Page) -> None:
    """Nobody has to scroll sideways."""
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        raise AssertionError(f"{page.url} is too wide: {page.evaluate(_PARTS_BEYOND)}")


@lru_cache(maxsize=1)
def _read_axe() -> str:
    return _AXE.read_text()
