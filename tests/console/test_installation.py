"""How the installation is, as an administrator sees it; and how all pages about people and the installation look."""

import pytest

from tests.console.browser import NARROW, WIDE, Screens
from tests.console.conftest import SignIn
from tests.console.looks import check_axe, check_fits
from tests.databases import only_sqlite
from tests.product import Product, make_address
from turnout import __version__
from turnout.access import audit, links, tokens


def test_health_version_and_database_are_shown(product: Product, sign_in: SignIn, database_kind: str) -> None:
    page = sign_in().get("installation").text
    assert "all is well" in page
    assert __version__ in page
    assert {"sqlite": "SQLite", "postgresql": "PostgreSQL"}[database_kind] in page
    assert "turnout:" not in page.partition("The database is ")[2][:200]
    assert "/console/single-sign-on/back" in page


def test_what_doctor_finds_is_shown_and_no_secret(product: Product, sign_in: SignIn, database_kind: str) -> None:
    admin = sign_in()
    for fragment in (False, True):
        answer = admin.get("installation/checks", fragment=fragment)
        assert answer.status_code == 200
        assert "A commit takes" in answer.text
        assert "TURNOUT_DATABASE_URL" in answer.text
        assert ("<html" in answer.text) is not fragment
    # The server goes on as before.
    assert product.client.get(f"{product.server.url}/health").status_code == 200
    product.make_event().push_ok({"profile": {"email": "ann@example.org"}})


def test_single_sign_on_that_is_not_set_up_says_so(sign_in: SignIn) -> None:
    assert "It is not set up" in sign_in().get("installation/sign-on").text


@pytest.mark.parametrize("path", ["installation", "installation/checks", "installation/sign-on", "audit"])
def test_the_installation_is_the_administrators_alone(sign_in: SignIn, path: str) -> None:
    assert sign_in("manager", all_events=True).get(path).status_code == 403


@only_sqlite
@pytest.mark.parametrize(("width", "dark"), [(WIDE, False), (NARROW, True)], ids=["desk", "telephone"])
def test_pages_about_people_and_the_installation_look_right(
    product: Product, sign_in: SignIn, screens: Screens, width: int, dark: bool
) -> None:
    event = product.make_event()
    admin = sign_in()
    assert admin.user is not None
    database = product.server.database
    made = links.invite(database, product.server.url, f"{make_address()}@example.org", role="manager")
    tokens.create(database, admin.user.id, "Report on Mondays")
    with audit.acting(database, admin.user, "event.set", event_id=event.id, target=event.id) as deed:
        deed.before, deed.after = {"name": "Spring"}, {"name": "A long name " * 15}
    page = screens.open(admin, "sign-in", width=width, dark=dark)
    for path in (
        "account",
        "installation/users",
        "installation/invite",
        f"installation/users/{admin.user.id}",
        "installation",
        "audit",
        made.url.partition("/console/")[2],
    ):
        page.goto(path)
        if path == "installation":
            page.get_by_text("A commit takes").wait_for()
        check_axe(page)
        check_fits(page)
