"""What there is to see: every page of the route table, and some of them in another state."""

from collections.abc import Iterator
from string import Formatter

import msgspec

from screenshots.summit import Filled
from turnout.console.pages import list_pages

PARTS = (
    *(
        "/live",
        "/plan",
        "new-event/address",
        "installation/checks",
        "installation/sign-on",
        "h/{link}/key",
        "h/{link}/csv",
    ),
    *("/files/{tool}", "/files/{file}", "single-sign-on", "single-sign-on/back", "/single-sign-on"),
)
"""Ends of paths that answer with a part of a page, a file, or a way to somewhere else."""
_MORE = {
    "overview-week": "events/{event}?period=7d",
    "pushes-failed": "events/{event}/pushes?result=failed",
    "attendees-found": "events/{event}/attendees?q=holm",
    "names-fields": "events/{event}/settings/names?kind=fields",
    "try-push": "events/{event}/try?push={push}",
    "search-found": "search?q=northwind",
    "not-found": "no-such-page",
    "sign-in": "sign-in",
}
_SIGNED_OUT = ("sign-in", "link/", "h/")


class Sight(msgspec.Struct, frozen=True):
    """One picture's page."""

    name: str
    way: str
    """Below /console/."""
    is_signed_in: bool


def list_routes() -> list[str]:
    """The paths of all pages that somebody sees."""
    return [page.path for _, page in list_pages() if page.method == "GET" and page.path and not _is_part(page.path)]


def _is_part(path: str) -> bool:
    return path.endswith(PARTS)


def list_sights(filled: Filled) -> Iterator[Sight]:
    """Those whose places are filled, by the names of their files."""
    ways = {path.replace("/", "-").replace("{", "").replace("}", ""): path for path in list_routes()} | _MORE
    for name, path in ways.items():
        way = _fill_in(path, filled)
        if way is not None:
            yield Sight(name, way, not path.startswith(_SIGNED_OUT))


def _fill_in(path: str, filled: Filled) -> str | None:
    for beginning, link in filled.links.items():
        if path == beginning + "{link}":
            return link.partition("/console/")[2]
    places = dict(filled.places)
    for name in list(places):
        # `installation/invitations/link` is the {link} of paths that begin like that.
        beginning, slash, place = name.rpartition("/")
        if slash and path.startswith(beginning):
            places[place] = places[name]
    wanted = [name for _, name, _, _ in Formatter().parse(path) if name]
    return path.format(**places) if all(name in places for name in wanted) else None
