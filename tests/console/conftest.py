"""Whoever sits in front of the console: signed in with any role, over HTTP or in a browser."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import sync_playwright
from sqlalchemy import bindparam, text

from tests.console.browser import Chromium, Screens
from tests.console.signed_in import Visitor, make_user
from tests.product import Product, TestedEvent
from turnout.model.user import Role

SignIn = Callable[..., Visitor]


@pytest.fixture
def sign_in(product: Product) -> Iterator[SignIn]:
    """Signs somebody in on the shared server: `sign_in("viewer", event, sees_personal=False)`; options of make_user."""
    database = product.server.database
    made: list[str] = []
    with ExitStack() as stack:

        def enter(role: Role = "administrator", *events: TestedEvent | str, **options: Any) -> Visitor:
            user = make_user(database, role, events, **options)
            if role != "administrator":
                made.append(user.id)
            return stack.enter_context(Visitor(product, user))

        yield enter
    # All tests share the server, which takes no more than a thousand. Without an administrator it would ask for one.
    if made:
        with database.write() as connection:
            connection.execute(
                text("DELETE FROM users WHERE id IN :ids").bindparams(bindparam("ids", expanding=True)), {"ids": made}
            )


@pytest.fixture
def nobody(product: Product) -> Iterator[Visitor]:
    """Somebody who is not signed in."""
    with Visitor(product, None) as visitor:
        yield visitor


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    with Chromium(tmp_path_factory.mktemp("chromium")) as running:
        yield running


@pytest.fixture
def screens(chromium: Chromium) -> Iterator[Screens]:
    """Windows: `page = screens.open(sign_in("viewer", event), "events")`. At the end nothing may be wrong with them."""
    with sync_playwright() as playwright:
        screens = Screens(playwright.chromium.connect_over_cdp(chromium.url))
        yield screens
        screens.close()
    assert screens.problems == []
