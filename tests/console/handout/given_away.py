"""A hand-out as its two sides have it: staff who make it, and whoever opens the link."""

import html
import re
from typing import Any

from tests.console.signed_in import Visitor
from tests.product import TestedEvent
from turnout.events import handouts


def read_code(page: str, code_id: str) -> str:
    """What an element with a copy button holds."""
    found = re.search(rf'<code id="{code_id}"[^>]*>(.*?)</code>', page, re.DOTALL)
    assert found, f"There is no {code_id} on the page."
    return html.unescape(found[1])


def read_text(page: str) -> str:
    """A page without its tags, as it is read."""
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", page).split()))


def make_link(event: TestedEvent, source: str = "Sheet", tool: str = "curl", **options: Any) -> str:
    """The link of a new hand-out, below /console/."""
    _, text = handouts.create(event.database, event.id, source, tool, actor="mara@example.org", **options)
    return f"h/{text}"


def take_key(visitor: Visitor, link: str) -> str:
    """The key, as somebody with the link gets it."""
    answer = visitor.post(f"{link}/key")
    assert answer.status_code == 200, answer.text
    return read_code(answer.text, "key")
