"""The search: under the box on every page as one types, and as a page of its own."""

import msgspec

from turnout.access import roles
from turnout.console.page import Page, Visit
from turnout.downstream.search import MAX_TEXT, Found, FoundPerson, search
from turnout.events import event
from turnout.feed.receipt import Answer
from turnout.model.age import Where

QUICK_S = 0.5
"""Under the box somebody waits for each letter."""
THOROUGH_S = 3.0
FEW = 5
MANY = 50


def find(visit: Visit) -> Answer:
    wanted, where = visit.query.get("q", "").strip()[:MAX_TEXT], Where()
    if not wanted:
        found = Found()
    else:
        seen = roles.visible_events(visit.user, event.list_all(visit.database))
        found = search(
            visit.database,
            visit.product.feed.configurations,
            wanted,
            seen,
            sees_personal=visit.sees_personal,
            most=FEW if visit.is_fragment else MANY,
            within_s=QUICK_S if visit.is_fragment else THOROUGH_S,
            thorough=not visit.is_fragment,
            where=where,
        )
    if not visit.is_fragment and wanted in {one.push.id for one in found.pushes}:
        # Who gives a push's id wants that push.
        return visit.redirect(f"events/{found.pushes[0].event.slug}/pushes/{wanted}")
    found.people = [_mask(visit, one) for one in found.people]
    return visit.render("_box.html" if visit.is_fragment else "show.html", wanted=wanted, found=found, age=where.oldest)


def _mask(visit: Visit, person: FoundPerson) -> FoundPerson:
    return msgspec.structs.replace(person, name=visit.mask(person.name) or "", email=visit.mask(person.email) or "")


pages = [
    Page("GET", "search", "user", find),
]
