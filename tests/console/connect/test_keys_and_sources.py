"""Staff look after sources and their keys; who is not the event's manager sees nothing of it."""

import re
from typing import Any

import pytest

from tests.console.conftest import SignIn
from tests.console.handout.given_away import make_link, read_code, read_text
from tests.console.signed_in import Visitor
from tests.product import Product, TestedEvent
from turnout.access import audit
from turnout.console.connect.page import pages
from turnout.events import event as setting_up
from turnout.events import keys
from turnout.events.setup import get_configuration

ADA = {"profile": {"email": "ada@example.org"}, "eventInfo": {"groups": {"groupNames": ["Crew"]}}}


@pytest.fixture
def fair(product: Product) -> TestedEvent:
    return product.make_event()


def newest_key(event: TestedEvent) -> str:
    configuration = get_configuration(event.database, event.slug)
    return max(configuration.keys.values(), key=lambda one: one.created_at).id


def test_a_key_is_rotated_with_an_overlap_and_another_at_once(fair: TestedEvent, sign_in: SignIn) -> None:
    mara = sign_in("manager", fair)
    connect = f"events/{fair.slug}/connect"
    first_id = newest_key(fair)
    assert "The old one stays good for a while" in mara.get(f"{connect}/keys/{first_id}/rotate").text
    second = read_code(mara.post(f"{connect}/keys/{first_id}/rotate", overlap="24").text, "key")
    second_id = newest_key(fair)
    for key in (fair.key, second):
        fair.push_ok(ADA, key=key)
    third = read_code(mara.post(f"{connect}/keys/{second_id}/rotate", overlap="0").text, "key")
    assert fair.push(ADA, key=second).status_code == 401
    fair.push_ok(ADA, key=third)
    assert mara.post(f"{connect}/keys/{second_id}/rotate", overlap="0").status_code == 409
    told = mara.get(f"{connect}/sources/1").text
    for key in (fair.key, second, third):
        assert key not in told
        assert key not in str(audit.list_lines(fair.database, event_id=fair.id))


def test_a_key_is_revoked_when_somebody_has_said_yes(fair: TestedEvent, sign_in: SignIn) -> None:
    mara = sign_in("manager", fair)
    way = f"events/{fair.slug}/connect/keys/{newest_key(fair)}/revoke"
    fair.push_ok(ADA)
    asked = read_text(mara.get(way).text)
    assert "refused from now on" in asked
    assert "Something uses it" in asked
    fair.push_ok(ADA)
    assert "is revoked" in read_text(mara.follow(mara.post(way)).text)
    assert fair.push(ADA).status_code == 401
    another = read_code(mara.post(f"events/{fair.slug}/connect/sources/1/new-key").text, "key")
    fair.push_ok(ADA, key=another)
    told = [(line.action, line.outcome) for line in reversed(audit.list_lines(fair.database, event_id=fair.id))]
    assert told == [("key.revoke", "done"), ("key.create", "done")]


def test_a_read_key_sees_what_was_chosen_and_nothing_else(fair: TestedEvent, sign_in: SignIn) -> None:
    fair.push_ok(ADA)
    fair.push_ok({"profile": {"email": "bob@example.org"}})
    mara = sign_in("manager", fair)
    way = f"events/{fair.slug}/connect/new-read-key"
    chosen: dict[str, Any] = {"label": "Wall", "expires": "30", "limit_groups": "some", "limit_fields": "some"}
    wrong = mara.post(way, **chosen, groups=["Crew"])
    assert wrong.status_code == 422
    assert "Choose at least one" in wrong.text
    assert 'value="Wall"' in wrong.text
    assert re.search(r'name="groups" value="Crew" checked', wrong.text)
    assert mara.post(way, label="", expires="").status_code == 422
    key = read_code(mara.post(way, **chosen, groups=["Crew"], fields=["firstName"]).text, "key")
    (seen,) = fair.get("/attendees", key=key).json()["attendees"]
    assert seen["email"] is None
    told = read_text(mara.get(f"events/{fair.slug}/connect").text)
    assert "Wall" in told
    assert "Crew firstName" in told
    everything = read_code(mara.post(way, label="App", expires="", limit_groups="all", limit_fields="all").text, "key")
    assert len(fair.get("/attendees", key=everything).json()["attendees"]) == 2


def test_a_source_is_retired_with_what_goes_told_before(fair: TestedEvent, sign_in: SignIn) -> None:
    shop = fair.make_source("Shop")
    link = make_link(fair, "Shop")
    fair.push_ok(ADA, key=shop)
    fair.push_ok(ADA | {"profile": {"email": "bob@example.org"}})
    mara = sign_in("manager", fair)
    way = f"events/{fair.slug}/connect/sources/2"
    asked = read_text(mara.get(f"{way}/retire").text)
    assert "Its key ends at once" in asked
    assert "1 person in groups or expects them" in asked
    assert "1 person is withdrawn" in asked
    done = read_text(mara.follow(mara.post(f"{way}/retire")).text)
    assert "Shop is retired. What it said of one person was taken back." in done
    assert fair.push(ADA, key=shop).status_code == 401
    assert fair.attendee("ada@example.org")["status"] == "withdrawn"
    assert mara.get(link).status_code == 404
    for deed in ("go-live", "rehearse", "new-key"):
        refused = mara.post(f"{way}/{deed}")
        assert refused.status_code == 409
        assert "Make a new source, with another name." in refused.text
    assert "Nothing is left" in mara.get(f"{way}/retire").text
    assert "Retired sources (1)" in mara.get(f"events/{fair.slug}/connect").text


def test_a_source_goes_back_to_rehearsal(fair: TestedEvent, sign_in: SignIn) -> None:
    mara = sign_in("manager", fair)
    way = f"events/{fair.slug}/connect/sources/1"
    assert "main rehearses" in mara.follow(mara.post(f"{way}/rehearse")).text
    assert fair.push_ok(ADA)["dryRun"]
    refused = mara.post(f"{way}/take-effect")
    assert refused.status_code == 409
    live = mara.follow(mara.post(f"{way}/go-live", rehearsed="leave")).text
    assert "main is live" in live
    assert "1 rehearsed push has no effect yet" in read_text(live)
    assert "1 created" in mara.follow(mara.post(f"{way}/take-effect")).text
    assert fair.attendee("ada@example.org")["groups"] == ["Crew"]


def test_of_a_rehearsal_those_that_failed_are_counted_and_listed_that_were_sent(
    fair: TestedEvent, sign_in: SignIn
) -> None:
    mara, nobody = sign_in("manager", fair), {"profile": {"email": "nobody-knows"}}
    fair.push_failed(nobody)
    mara.post(f"events/{fair.slug}/connect/sources/1/rehearse")
    fair.push_failed(nobody, path="/attendees?dryRun=true")
    rehearsed = fair.push_failed(nobody)["id"]
    fair.push_ok(ADA)
    page = mara.get(f"events/{fair.slug}/connect/sources/1")
    told = read_text(page.text)
    assert "What would have become of its pushes: created 1 failed 1 Why pushes failed: 1 ×" in told
    (link,) = re.findall(r'<a href="([^"]+)">Its failed pushes', page.text)
    listed = mara.client.get(page.url.join(link.replace("&amp;", "&"))).text
    assert re.findall(r'<tr id="(psh_\w+)"', listed) == [rehearsed]


def test_a_hand_out_that_cannot_be_made_says_where_it_is_wrong(fair: TestedEvent, sign_in: SignIn) -> None:
    fair.make_source("Shop")
    mara = sign_in("manager", fair)
    way = f"events/{fair.slug}/connect/new"
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"name": "", "tool": "curl"}, "A name has 1 to"),
        ({"name": "SHOP", "tool": "curl"}, "There is a source Shop already"),
        ({"name": "Form", "tool": "teletype"}, "Choose what the other side works with"),
        ({"name": "Form", "tool": ""}, "Choose what the other side works with"),
        ({"name": "Form", "tool": "curl", "label": "x" * 256}, "At most 255 characters"),
    ]
    for form, words in wrong:
        answer = mara.post(way, **form)
        assert answer.status_code == 422
        assert words in read_text(answer.text)
        assert f'value="{form["name"]}"' in answer.text
    assert mara.get(way, source="9").status_code == 404
    assert "Hand out Shop" in read_text(mara.get(way, source="2").text)


def test_nobody_but_the_event_s_managers_gets_anywhere(
    product: Product, fair: TestedEvent, sign_in: SignIn, nobody: Visitor
) -> None:
    other = product.make_event()
    handout = make_link(fair).removeprefix("h/").partition(".")[0]
    fill = {"event": fair.slug, "source": "1", "key": newest_key(fair), "handout": handout}
    viewer, outsider = sign_in("viewer", fair), sign_in("manager", other)
    before = get_configuration(fair.database, fair.slug)
    for page in pages:
        path = page.path.format(**fill)
        ask = (lambda who, path: who.get(path)) if page.method == "GET" else (lambda who, path: who.post(path))
        assert ask(viewer, path).status_code == 403, path
        assert ask(outsider, path).status_code == 404, path
        assert ask(nobody, path).status_code == 303, path
        # What is another event's is not to be had by way of one's own.
        if "{key}" in page.path or "{handout}" in page.path:
            assert ask(outsider, page.path.format(**(fill | {"event": other.slug}))).status_code == 404, path
    for source in ("0", "9", "x", "²", "9" * 30):
        assert sign_in("manager", fair).get(f"events/{fair.slug}/connect/sources/{source}").status_code == 404
    assert get_configuration(fair.database, fair.slug) == before


def test_an_archived_event_connects_nobody(fair: TestedEvent, sign_in: SignIn) -> None:
    link = make_link(fair)
    setting_up.archive(fair.database, fair.id)
    mara = sign_in("manager", fair)
    told = mara.get(f"events/{fair.slug}/connect").text
    assert "This event is archived" in told
    assert re.search(r"over\s*</span>", told)
    assert mara.get(link).status_code == 404
    assert "Connect an integrator" not in told
    assert mara.post(f"events/{fair.slug}/connect/sources/1/go-live").status_code == 409
    assert "New key" not in mara.get(f"events/{fair.slug}/connect/sources/1").text
    assert keys.state_of(get_configuration(fair.database, fair.slug).keys[newest_key(fair)], 0) == "good"
