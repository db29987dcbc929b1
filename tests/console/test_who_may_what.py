"""Every page of the console × everybody who may come, made from the pages themselves.

Which roles a page lets in is written down here once more, by hand: a role that gains something shows up.
"""

import re

import pytest

from tests.console.conftest import SignIn
from tests.console.signed_in import Visitor
from tests.product import Product
from turnout.console.page import Page
from turnout.console.pages import list_pages

PAGES = [page for _, page in list_pages()]
EVERYBODY = {"nobody", "viewer", "masked viewer", "viewer elsewhere", "manager", "manager elsewhere", "administrator"}
LETS_IN = {
    "everybody": EVERYBODY,
    "user": EVERYBODY - {"nobody"},
    "viewer": {"viewer", "masked viewer", "manager", "administrator"},
    "manager": {"manager", "administrator"},
    "administrator": {"administrator"},
}
# Managers of all events too: nobody here is one.
LETS_IN_BESIDES = {path: {"administrator"} for path in ("new-event", "new-event/address")}
SEES_EVENT = LETS_IN["viewer"]
NOT_FOR_YOU = "or it is not for you"


def show(page: Page) -> str:
    return f"{page.method} {page.path or '/'}"


def ask(visitor: Visitor, page: Page, slug: str) -> tuple[int, str, str]:
    """Status, where it leads, and what it says; of what goes on only the beginning."""
    path = re.sub(r"\{\w+\}", "nothing", page.path.replace("{event}", slug))
    if page.method == "POST":
        answer = visitor.post(path)
        return answer.status_code, answer.headers.get("location", ""), answer.text
    with visitor.client.stream("GET", path) as answer:
        if answer.headers.get("content-type", "").startswith("text/event-stream"):
            return answer.status_code, "", ""
        return answer.status_code, answer.headers.get("location", ""), answer.read().decode()


@pytest.mark.parametrize("page", PAGES, ids=show)
def test_a_page_lets_in_whom_it_should_and_nobody_else(
    page: Page, product: Product, sign_in: SignIn, nobody: Visitor
) -> None:
    event, other = product.make_event(), product.make_event()
    for who in sorted(EVERYBODY):
        role = who.partition(" ")[0].replace("masked", "viewer")
        its = other if who.endswith("elsewhere") else event
        visitor = nobody if who == "nobody" else sign_in(role, its, sees_personal=who != "masked viewer")
        status, leads_to, text = ask(visitor, page, event.slug)
        context = (show(page), who, status, leads_to)
        if who in LETS_IN_BESIDES.get(page.path, LETS_IN[page.needs]):
            assert "/sign-in" not in leads_to or "sign" in page.path or page.path == "" or "sessions" in page.path, (
                context
            )
            # A viewer who may not see whose data it is takes no files of it along.
            assert status not in (401, 403) or who == "masked viewer" or "sign-in" in page.path, context
            assert NOT_FOR_YOU not in text, context
        elif who == "nobody":
            assert (status, "console/sign-in" in leads_to) == (303, True), context
        elif "{event}" in page.path and who not in SEES_EVENT:
            # Which events there are is nobody's business who may not see them.
            assert (status, NOT_FOR_YOU in text) == (404, True), context
        else:
            assert status == 403, context


@pytest.mark.parametrize("page", [page for page in PAGES if page.method == "POST"], ids=show)
def test_a_form_without_the_mark_of_our_pages_does_nothing(page: Page, product: Product, sign_in: SignIn) -> None:
    """CSRF: neither without a token, nor with one that another browser was given."""
    event = product.make_event()
    path = re.sub(r"\{\w+\}", "nothing", page.path.replace("{event}", event.slug))
    administrator, other = sign_in(), sign_in()
    other.get("events")
    administrator.get("events")
    token = other.client.cookies["turnout_csrf"]
    for form in ({}, {"_csrf_token": token}, {"_csrf_token": ""}):
        answer = administrator.client.post(path, data=form)
        assert answer.status_code == 403, (show(page), form, answer.status_code)
        assert "Nothing was changed" in answer.text
