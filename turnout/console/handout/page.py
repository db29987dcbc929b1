"""The hand-out: the address, the key, shown once, the steps, a file to drop, and what arrives.

Whoever has the link sees it. It knows one source, and shows nothing of others; the key comes by POST alone.
"""

from collections.abc import Callable
from contextlib import suppress
from urllib.parse import quote

from turnout import errors
from turnout.console.connect import tools
from turnout.console.handout import dropping, live
from turnout.console.handout.given import Given, find, no_index, render
from turnout.console.handout.written import write, write_for
from turnout.console.page import Page, Visit
from turnout.events import handouts
from turnout.events.handouts import BadLink
from turnout.feed.receipt import Answer
from turnout.recipes import get_recipe
from turnout.recipes.recipe import Snippet, Written


def _with_link(show: Callable[[Visit, Given], Answer]) -> Callable[[Visit], Answer]:
    """The page for whoever has a good link; for all others the same one, whatever the reason."""

    def answer(visit: Visit) -> Answer:
        try:
            return show(visit, find(visit))
        except BadLink as error:
            return visit.render("over.html", status=error.status, headers=no_index(), error=error)

    return answer


def show_page(visit: Visit, given: Given) -> Answer:
    if visit.is_fragment and "tool" in visit.query:
        return visit.render(
            "_recipe.html", headers=no_index(), given=given, shown=write(visit, given), tools=tools.list_tools()
        )
    with suppress(errors.StorageUnavailable):
        handouts.note_opened(visit.database, given.handout)
    return _render(visit, given)


def show_key(visit: Visit, given: Given) -> Answer:
    """The key, in this answer and in no other; where it was shown before, the page says so."""
    try:
        with visit.acting("handout.show_key", target=given.handout.id, event_id=given.event.id) as deed:
            text = handouts.take_key(visit.database, given.handout)
            given = find(visit)
            deed.after = {"key": given.handout.key_id, "source": given.source.number}
    except errors.Conflict as error:
        return _render(visit, find(visit), status=error.status)
    return _render(visit, given, key=text)


def go_back(visit: Visit, given: Given) -> Answer:
    """Who asks for the page with the key again sees the hand-out."""
    return visit.redirect(given.way)


def send_file(visit: Visit, given: Given) -> Answer:
    """What a recipe has as a file, without the key."""
    recipe = get_recipe(visit.places["tool"])
    snippet = _find_file(write_for(given, recipe))
    if snippet is None or snippet.file_name is None:
        raise errors.NotFound(f"The recipe for {recipe.title} has no file.")
    name = quote(snippet.file_name)
    headers = (
        (b"content-type", b"application/octet-stream"),
        (b"content-disposition", f"attachment; filename*=UTF-8''{name}".encode()),
        *no_index(),
    )
    return Answer(200, snippet.text.encode(), headers)


def _find_file(written: Written) -> Snippet | None:
    """The first thing in a recipe that is kept in a file."""
    return next((snippet for snippet in written.snippets if snippet.file_name), None)


def _render(visit: Visit, given: Given, *, status: int = 200, key: str | None = None) -> Answer:
    return render(
        visit,
        given,
        "show.html",
        status=status,
        shown=write(visit, given, key),
        key=key,
        tools=tools.list_tools(),
    )


pages = [
    Page("GET", "h/{link}", "everybody", _with_link(show_page)),
    Page("POST", "h/{link}/key", "everybody", _with_link(show_key)),
    Page("GET", "h/{link}/key", "everybody", _with_link(go_back)),
    Page("GET", "h/{link}/files/{tool}", "everybody", _with_link(send_file)),
    Page("POST", "h/{link}/csv", "everybody", _with_link(dropping.take), dropping.MAX_FORM_BYTES),
    Page("GET", "h/{link}/csv", "everybody", _with_link(go_back)),
    Page("GET", "h/{link}/live", "everybody", live.watch),
]
