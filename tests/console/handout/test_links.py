"""A link that is good for nothing says so, and nothing more; a good one shows its own source alone."""

import re

from tests.console.conftest import SignIn
from tests.console.handout.given_away import make_link, read_code, read_text, take_key
from tests.console.signed_in import Visitor
from tests.product import Product
from turnout.events import handouts, keys, sources
from turnout.recipes import list_recipes


def _without_token(page: str) -> str:
    return re.sub(r'(name="csrf-token" content=|name="_csrf_token" value=)"[^"]*"', "", page)


def test_links_that_are_good_for_nothing_are_all_answered_alike(product: Product, nobody: Visitor) -> None:
    event, other = product.make_event(), product.make_event()
    good, revoked, expired = make_link(event), make_link(event), make_link(event, expires_in_us=1)
    handouts.revoke(event.database, event.id, revoked.removeprefix("h/").partition(".")[0])
    retired = make_link(other, "Old form")
    sources.retire(other.database, other.id, "Old form")
    handout_id, _, secret = good.partition(".")
    worthless = [
        revoked,
        expired,
        retired,
        f"{handout_id}.{'A' * len(secret)}",
        # Of hand-outs that are good, of this event and of another one.
        f"{make_link(event, 'Shop').partition('.')[0]}.{secret}",
        f"{make_link(other, 'Shop').partition('.')[0]}.{secret}",
        f"{revoked.partition('.')[0]}.{secret}",
        handout_id,
        f"h/hnd_{'0' * 32}.{secret}",
        "h/x",
    ]
    for ending in ("", "/key", "/files/n8n", "/csv", "/live"):
        answers = [nobody.get(link + ending) for link in worthless]
        assert {answer.status_code for answer in answers} == {404}, ending
        assert len({_without_token(answer.text) for answer in answers}) == 1, ending
    for ending in ("/key", "/csv"):
        answers = [nobody.post(link + ending, files={"file": ("a.csv", b"email\nx@x.org")}) for link in worthless]
        assert {answer.status_code for answer in answers} == {404}, ending
        assert len({_without_token(answer.text) for answer in answers}) == 1, ending
    assert "expired, was taken back, or was not copied whole" in nobody.get(worthless[0]).text
    assert nobody.get(good).status_code == 200


def test_no_search_engine_keeps_the_page_and_no_form_of_another_site_gets_the_key(
    product: Product, nobody: Visitor
) -> None:
    link = make_link(product.make_event())
    for path in (link, f"{link}/files/n8n", "h/x"):
        assert "noindex" in nobody.get(path).headers["x-robots-tag"]
    page = nobody.get(link)
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cache-control"] == "no-store"
    assert nobody.client.post(f"{link}/key").status_code == 403
    assert nobody.get(f"{link}/key").status_code == 303
    assert "Show my key" in nobody.get(link).text


def test_it_shows_the_pushes_of_its_own_source_since_it_was_made(product: Product, nobody: Visitor) -> None:
    event = product.make_event()
    shop = event.make_source("Shop", mode="rehearsal")
    event.push_ok({"profile": {"email": "before@example.org"}}, key=shop)
    link = make_link(event, "Shop")
    key = take_key(nobody, link)
    event.push_ok({"profile": {"email": "main@example.org"}})
    event.push_ok({"profile": {"email": "mine@example.org"}}, key=key)
    event.push_ok({"profile": {"email": "by-the-old-key@example.org"}}, key=shop)
    told = nobody.get(link).text
    assert [name in told for name in ("mine@", "by-the-old-key@", "main@", "before@")] == [True, True, False, False]


def test_what_a_link_gives_is_good_for_its_own_source_alone(product: Product, nobody: Visitor) -> None:
    event, other = product.make_event(), product.make_event()
    shop, sheet = make_link(event, "Shop", mode="live"), make_link(event, "Sheet", mode="live")
    key, foreign = take_key(nobody, shop), take_key(nobody, make_link(other, "Shop", mode="live"))
    assert event.get("/key", key=key).json()["source"]["name"] == "Shop"
    assert other.get("/key", key=key).status_code == 401
    assert event.push({"profile": {"email": "ada@example.org"}}, key=foreign).status_code == 401
    # Whatever the browser holds of the one, what it sends to the other is the other's.
    rows = b"email,firstName\nbob@example.org,Bob\n"
    looked = nobody.post(f"{sheet}/csv", fragment=True, files={"file": ("a.csv", rows)}, source="1", link=shop).text
    digest = looked.partition('name="looked" value="')[2].partition('"')[0]
    sent = nobody.post(
        f"{sheet}/csv", fragment=True, files={"file": ("a.csv", rows)}, deed="send", looked=digest, source="1"
    )
    assert "created 1" in read_text(sent.text)
    assert "bob@example.org" in nobody.get(sheet).text
    assert "bob@example.org" not in nobody.get(shop).text
    told = event.get(
        "/attendees/bob@example.org?explain=true", key=keys.create(event.database, event.id, scope="read").text
    )
    assert told.json()["origins"]["profile"]["firstName"]["source"] == "Sheet"


def test_every_tool_s_steps_have_the_address_and_the_event_s_own_names(product: Product, nobody: Visitor) -> None:
    event = product.make_event()
    event.push_ok(
        {
            "profile": {
                "email": "ada@example.org",
                "customFields": [{"fieldName": "Shoe size", "fieldValue": "38"}],
            },
            "eventInfo": {"groups": {"groupNames": ["Night walkers"]}},
        }
    )
    link = make_link(event, tool="n8n")
    for recipe in list_recipes():
        told = read_text(nobody.get(link, fragment=True, tool=recipe.name).text)
        assert f"/e/{event.slug}/attendees" in told, recipe.name
        assert "Night walkers" in told, recipe.name
        assert "Shoe size" in told, recipe.name
    key = take_key(nobody, link)
    file = nobody.get(f"{link}/files/n8n")
    assert f"/e/{event.slug}/attendees" in file.text
    assert key not in file.text
    assert "attachment" in file.headers["content-disposition"]
    assert nobody.get(f"{link}/files/curl").status_code == 404
    assert nobody.get(f"{link}/files/there-is-none").status_code == 404


def test_a_source_that_suits_the_tool_badly_says_what_to_ask_for(
    product: Product, nobody: Visitor, sign_in: SignIn
) -> None:
    event = product.make_event()
    event.make_source("Shop")
    mara = sign_in("manager", event)
    made = mara.post(f"events/{event.slug}/connect/new", source="2", tool="hubspot", expires="7", label="")
    told = nobody.get(read_code(made.text, "link").partition("/console/")[2]).text
    for page in (made.text, told):
        assert "separated by semicolons" in read_text(page)
    assert "This is live" in told
