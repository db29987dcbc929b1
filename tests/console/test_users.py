"""Users as an administrator sees to them: invited, given a role and events, shut out and let in again."""

import html
import re

import pytest
from playwright.sync_api import expect

from tests.access.conftest import HASHED, PASSWORD
from tests.console.browser import Screens
from tests.console.conftest import SignIn
from tests.console.looks import check_axe
from tests.console.signed_in import Visitor, make_user
from tests.databases import only_sqlite
from tests.product import Product, make_address
from turnout.access import audit, links, sessions, users
from turnout.console.users.page import say_events
from turnout.model.user import Invitation
from turnout.store.database import Database


def find_link(text: str) -> str:
    """The way below /console/ that a page shows once."""
    return "link/" + text.partition('<code id="link"')[2].partition("/console/link/")[2].partition("<")[0]


def find_undo(page: str) -> str:
    """Where the page that says what was done takes it back, within the console."""
    found = re.search(r'action="[^"]*console/([^"]*undo[^"]*)"', page)
    assert found, page
    return html.unescape(found[1])


def last_deed(database: Database, action: str) -> audit.AuditLine:
    return audit.list_lines(database, action=action, limit=1)[0]


def test_an_invitation_is_a_link_that_is_shown_once_with_a_message_to_send(
    product: Product, sign_in: SignIn, nobody: Visitor
) -> None:
    event = product.make_event()
    email = f"{make_address()}@example.org"
    admin = sign_in()
    assert admin.user is not None
    page = admin.post(
        "installation/invite", email=email, name="Ann", role="viewer", scope="chosen", events=[event.id], masked="on"
    )
    link = find_link(page.text)
    assert page.text.count(link.removeprefix("link/")) >= 2
    assert "Hello Ann," in page.text
    assert f"mailto:{email}?subject=" in page.text
    assert email in admin.get("installation/users").text
    assert link.removeprefix("link/") not in admin.get("installation/users").text

    nobody.follow(nobody.post(link, name="Ann", password=PASSWORD, again=PASSWORD))
    ann = users.get_by_email(product.server.database, email)
    assert (ann.role, ann.sees_personal, ann.all_events, ann.events) == ("viewer", False, False, frozenset({event.id}))
    line = audit.list_lines(product.server.database, action="user.invite", user_id=admin.user.id)[0]
    assert line.after is not None
    assert (line.after["email"], line.after["events"]) == (email, [event.id])


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"email": "no address", "role": "viewer"}, "is not an e-mail address"),
        ({"email": "a@example.org", "role": "emperor"}, "There is no role"),
        ({"email": "a@example.org", "role": "viewer", "name": "x" * 256}, "A name has"),
    ],
    ids=["address", "role", "name"],
)
def test_an_invitation_that_cannot_be_is_shown_again_with_what_was_typed(
    sign_in: SignIn, form: dict[str, str], said: str
) -> None:
    email, role, name = (form.get(field, "") for field in ("email", "role", "name"))
    answer = sign_in().post("installation/invite", email=email, role=role, name=name)
    assert answer.status_code == 400
    assert said in answer.text
    assert f'value="{form["email"]}"' in answer.text


def test_who_is_a_user_already_is_not_invited(product: Product, sign_in: SignIn) -> None:
    known = make_user(product.server.database)
    answer = sign_in().post("installation/invite", email=known.email.upper(), role="viewer")
    assert answer.status_code == 409
    assert f"There is a user {known.email} already" in answer.text


def test_an_invitation_can_be_withdrawn(product: Product, sign_in: SignIn, nobody: Visitor) -> None:
    made = links.invite(product.server.database, product.server.url, f"{make_address()}@example.org")
    admin = sign_in()
    way = f"installation/invitations/{made.link.id}/withdraw"
    assert "opens nothing from then on" in admin.get(way).text
    assert "is withdrawn" in admin.follow(admin.post(way)).text
    assert nobody.get(made.url.partition("/console/")[2]).status_code == 410
    assert admin.post(way).status_code == 404


def test_a_role_and_events_hold_with_the_next_request(product: Product, sign_in: SignIn) -> None:
    event, other = product.make_event(), product.make_event()
    admin, ann = sign_in(), sign_in("viewer", event)
    assert ann.user is not None
    way = f"installation/users/{ann.user.id}"
    assert ann.get(f"events/{event.slug}").status_code == 200
    assert ann.get(f"events/{other.slug}").status_code == 404
    # Events alone: they stay signed in.
    admin.follow(admin.post(f"{way}/access", role="viewer", scope="chosen", events=[other.id, "evt_none"]))
    assert ann.get(f"events/{event.slug}").status_code == 404
    assert ann.get(f"events/{other.slug}").status_code == 200
    # With another role they sign in again.
    admin.follow(admin.post(f"{way}/access", role="manager", scope="all", masked="on"))
    now = users.get(product.server.database, ann.user.id)
    assert (now.role, now.all_events, now.events, now.sees_personal) == ("manager", True, frozenset(), True)
    assert ann.get("events").status_code == 303
    line = last_deed(product.server.database, "user.role")
    assert line.before == {"role": "viewer", "allEvents": False, "events": [other.id]}
    assert line.after == {"role": "manager", "allEvents": True, "events": []}


def test_a_role_is_taken_back_as_long_as_nobody_has_changed_it_since(product: Product, sign_in: SignIn) -> None:
    event = product.make_event()
    admin, ann = sign_in(), sign_in("viewer", event, sees_personal=False)
    assert ann.user is not None
    database, way = product.server.database, f"installation/users/{ann.user.id}"
    page = admin.follow(admin.post(f"{way}/access", role="manager", scope="all"))
    undo = find_undo(page.text)
    assert undo.startswith(f"{way}/undo-access?line=aud_")
    assert f"{ann.user.name} is a viewer again" in admin.follow(admin.post(undo)).text
    now = users.get(database, ann.user.id)
    assert (now.role, now.sees_personal, now.all_events, now.events) == ("viewer", False, False, {event.id})
    assert last_deed(database, "user.role").after == {
        "role": "viewer",
        "seesPersonal": False,
        "allEvents": False,
        "events": [event.id],
    }
    # It is so no more: whoever clicks late takes back what nobody meant.
    assert admin.post(undo).status_code == 409
    other = sign_in("viewer")
    assert other.user is not None
    assert admin.post(undo.replace(ann.user.id, other.user.id)).status_code == 404
    assert admin.post(f"{way}/undo-access?line=aud_none").status_code == 404
    same = admin.follow(admin.post(f"{way}/access", role="viewer", scope="chosen", events=[event.id], masked="on"))
    assert "undo-access" not in same.text


def test_one_browser_of_somebody_is_signed_out(product: Product, sign_in: SignIn) -> None:
    admin, ann = sign_in(), sign_in("viewer")
    assert ann.user is not None
    sessions.begin(product.server.database, ann.user.id, "192.0.2.77", "Mozilla/5.0 Firefox/140.0")
    way = f"installation/users/{ann.user.id}"
    page = admin.get(way).text
    assert "192.0.2.77" in page
    assert "Firefox" in page
    [other] = [one for one in sessions.list_of(product.server.database, ann.user) if one.address == "192.0.2.77"]
    admin.follow(admin.post(f"{way}/sessions/{other.id}/end"))
    assert len(sessions.list_of(product.server.database, ann.user)) == 1
    assert ann.get("account").status_code == 200
    assert admin.post(f"{way}/sessions/{other.id}/end").status_code == 404
    assert last_deed(product.server.database, "user.end_session").after == {"code": "not_found"}


def test_an_administrator_who_steps_down_stays_signed_in_and_sees_no_users_any_more(
    product: Product, sign_in: SignIn
) -> None:
    sign_in()
    admin = sign_in()
    assert admin.user is not None
    page = admin.follow(admin.post(f"installation/users/{admin.user.id}/access", role="viewer", scope="all"))
    assert page.url.path == "/console/account"
    assert admin.get("installation/users").status_code == 403


def test_who_is_disabled_is_out_at_once_and_can_be_let_in_again(product: Product, sign_in: SignIn) -> None:
    admin, ann = sign_in(), sign_in("manager")
    assert ann.user is not None
    way = f"installation/users/{ann.user.id}"
    assert "signed out everywhere at once" in admin.get(f"{way}/disable").text
    page = admin.follow(admin.post(f"{way}/disable"))
    assert f'/{way}/enable">' in page.text
    assert "Undo" in page.text
    assert ann.get("events").status_code == 303
    assert admin.post(f"{way}/link").status_code == 409
    admin.follow(admin.post(f"{way}/enable"))
    assert users.get(product.server.database, ann.user.id).is_active


def test_nobody_disables_themselves_and_the_last_administrator_stays(product: Product, sign_in: SignIn) -> None:
    admin = sign_in()
    assert admin.user is not None
    answer = admin.post(f"installation/users/{admin.user.id}/disable")
    assert answer.status_code == 409
    assert "You cannot disable yourself" in answer.text
    assert "Another administrator can disable you" in admin.get(f"installation/users/{admin.user.id}").text


def test_a_link_for_a_new_password_ends_what_was_open(product: Product, sign_in: SignIn, nobody: Visitor) -> None:
    admin = sign_in()
    user = make_user(product.server.database, password=HASHED)
    with Visitor(product, user) as ann:
        page = admin.post(f"installation/users/{user.id}/link")
        assert "with this link you set a new password" in page.text
        assert ann.get("events").status_code == 200
        answer = nobody.post(find_link(page.text), password="another good one", again="another good one")
        assert nobody.follow(answer).status_code == 200
        assert ann.get("events").status_code == 303


def test_everywhere_is_every_browser(product: Product, sign_in: SignIn) -> None:
    admin, ann = sign_in(), sign_in("viewer")
    assert ann.user is not None
    with Visitor(product, ann.user) as second:
        page = admin.follow(admin.post(f"installation/users/{ann.user.id}/sign-out"))
        assert "signed out of 2 browsers" in page.text
        assert (ann.get("events").status_code, second.get("events").status_code) == (303, 303)


def test_managers_and_viewers_see_nothing_of_users(product: Product, sign_in: SignIn) -> None:
    event = product.make_event()
    for role in ("manager", "viewer"):
        visitor = sign_in(role, event)
        assert visitor.user is not None
        for path in ("installation/users", "installation/invite", f"installation/users/{visitor.user.id}"):
            assert visitor.get(path).status_code == 403
        assert visitor.post(f"installation/users/{visitor.user.id}/access", role="administrator").status_code == 403
        assert users.get(product.server.database, visitor.user.id).role == role


def test_events_are_said_in_a_few_words() -> None:
    names = {"1": "Autumn", "2": "Spring", "3": "Summer", "4": "Winter"}
    invited = Invitation(email="a@example.org", events=("2", "1", "gone"))
    assert say_events(invited, names) == "Autumn, Spring"
    assert (
        say_events(Invitation(email="a@example.org", events=("4", "3", "2", "1")), names) == "Autumn, Spring and 2 more"
    )
    assert say_events(Invitation(email="a@example.org", all_events=True), names) == "all events"
    assert say_events(Invitation(email="a@example.org"), names) == "no event yet"


@only_sqlite
def test_what_does_not_matter_for_a_role_is_not_asked(product: Product, sign_in: SignIn, screens: Screens) -> None:
    product.make_event()
    page = screens.open(sign_in(), "installation/invite")
    expect(page.get_by_text("Names and addresses masked")).to_be_visible()
    page.get_by_text("Administrator", exact=True).check()
    expect(page.get_by_text("Names and addresses masked")).to_be_hidden()
    expect(page.get_by_text("Only these")).to_be_hidden()
    page.get_by_text("Manager", exact=True).check()
    page.get_by_text("All events", exact=True).check()
    page.get_by_label("E-mail address").fill(f"{make_address()}@example.org")
    page.get_by_role("button", name="Make the link").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Send this link to")
    check_axe(page)
    page.get_by_role("link", name="Done").click()
    expect(page.locator("#invited .when-short").first).to_have_text("in 7 days")
