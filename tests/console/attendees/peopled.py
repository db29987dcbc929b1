"""What the tests of the pages about attendees share: whom a page shows, and somebody with something in every place."""

import html
import re
from collections.abc import Callable
from typing import Any

from tests.console.signed_in import Visitor
from tests.product import TestedEvent
from turnout.feed.acts.scene import on_stage
from turnout.feed.configurations import Configurations
from turnout.model.attendee import PROFILE_FIELDS

NASTY = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


STAFF = "staff@example.org"


def read_text(page: str) -> str:
    """A page without its tags."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def list_rows(page: str) -> list[str]:
    """The addresses of those in the list, in its order."""
    return [html.unescape(one) for one in re.findall(r'</a><span class="under">([^<]*)</span>', page)]


def find_line(page: str, label: str) -> str:
    """What the page says of one value, with the reason: the text behind its label."""
    lines = re.findall(r'<div id="known-\w+" class="known[^"]*"><dt>(.*?)</dt>(.*?)</dd></div>', page, re.DOTALL)
    (found,) = [said for name, said in lines if read_text(name).startswith(label)]
    return read_text(found)


def way_of(event: TestedEvent, email: str) -> str:
    """The page of one attendee."""
    return f"events/{event.slug}/attendees/{event.attendee(email)['id']}"


def get_ok(visitor: Visitor, path: str, **query: Any) -> str:
    answer = visitor.get(path, **query)
    assert answer.status_code == 200, f"{answer.status_code} {read_text(answer.text)[:1500]}"
    return answer.text


def make_full(event: TestedEvent, mark: str) -> dict[str, Any]:
    """A push that has something in every place, each with this in it and with another number."""
    values = {field: f"{mark} {field} {number}" for number, field in enumerate(PROFILE_FIELDS) if field != "email"}
    fields = [
        {"fieldName": "Diet", "fieldValue": f"{mark} diet"},
        {"fieldName": "Sizes", "fieldValue": [f"{mark} S", f"{mark} M"]},
    ]
    return {
        "profile": {"email": "full@example.org", **values, "customFields": fields, "unheard": f"{mark} unheard"},
        "eventInfo": {"groups": {"groupNames": ["VIP", "Press"]}},
        "status": f"{mark} said at the root",
    }


def decide(event: TestedEvent, what: Callable[..., Any], *arguments: Any, **options: Any) -> None:
    """Somebody of the staff acts."""
    with on_stage(event.database, Configurations(event.database), event.id, STAFF) as scene:
        what(scene, *arguments, **options)
