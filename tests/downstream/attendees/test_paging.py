"""Pages of a list while its people change, and the cursors that lead from one to the next."""

import base64
import random
from collections.abc import Callable
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.downstream.attendees.crowd import Reader, make_crowd, push_crowd
from tests.product import Product, TestedEvent
from turnout.feed.acts import decisions
from turnout.feed.acts.scene import on_stage
from turnout.feed.configurations import Configurations
from turnout.feed.forget.erase import erase


def act(event: TestedEvent, what: str, number: int) -> None:
    """Something happens to the person with this number."""
    address = f"p{number}@x.org"
    if what == "push":
        event.push_ok({"profile": {"email": address, "lastName": f"Changed {number}"}})
    elif what == "withdraw":
        event.push_ok({"profile": {"email": address}, "eventInfo": {"attending": False}})
    elif what == "come":
        event.push_ok({"profile": {"email": f"new{number}@x.org", "lastName": f"New {number}"}})
    elif what == "rename":
        with on_stage(event.database, Configurations(event.database), event.id, "staff") as scene:
            decisions.rename(scene, address, f"a{number}@x.org")
    else:
        attendee_id = event.attendee(address)["id"]
        erase(event.database, Configurations(event.database), event.id, attendee_id, "staff")


def make_people(product: Product, size: int) -> tuple[TestedEvent, Reader]:
    event = product.make_event()
    event.batch_ok([{"profile": {"email": f"p{number}@x.org", "lastName": f"Name {number}"}} for number in range(size)])
    return event, Reader(event)


@pytest.mark.parametrize("filters", [{}, {"source": "main"}, {"status": "all"}, {"q": "na", "sort": "id"}])
def test_by_id_nobody_is_missed_or_comes_twice_and_following_ends_at_the_true_state(
    product: Product, filters: dict[str, str]
) -> None:
    event, reader = make_people(product, 60)
    chance = random.Random(5)
    left = list(range(60))
    chance.shuffle(left)
    acts = ["push", "withdraw", "come", "rename", "erase"]
    pages = []
    cursor: dict[str, str] = {}
    while True:
        pages.append(reader.page(limit="7", **filters, **cursor))
        if pages[-1]["next"] is None:
            break
        cursor = {"cursor": pages[-1]["next"]}
        for what in acts:
            if left:
                act(event, what, left.pop())
    (sequence,) = {page["sequence"] for page in pages}
    snapshot = {one["id"]: one for page in pages for one in page["attendees"]}
    assert len(snapshot) == sum(len(page["attendees"]) for page in pages)
    assert list(snapshot) == sorted(snapshot)
    log = event.changes()
    later = {change.attendee_id for change in log if change.sequence > sequence}
    assert sequence == 60 < len(log)
    now = {one["id"]: one for one in reader.page(limit="1000", **filters)["attendees"]}
    # What the list missed, or has otherwise than it is, a line behind it tells of.
    told = {one for one in now.keys() | snapshot.keys() if now.get(one) != snapshot.get(one)}
    assert told <= later
    assert now.keys() - later <= snapshot.keys()


def test_in_another_order_who_is_not_touched_comes_once(product: Product) -> None:
    event, reader = make_people(product, 40)
    found: list[str] = []
    cursor: dict[str, str] = {}
    for number in (31, 2, 18, 25, None, None):
        page = reader.page(limit="9", sort="lastName", **cursor)
        found += [one["email"] for one in page["attendees"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
        if number is not None:
            act(event, "push", number)
    untouched = [one for one in found if one not in {f"p{number}@x.org" for number in (31, 2, 18, 25)}]
    assert sorted(untouched) == sorted(f"p{number}@x.org" for number in range(40) if number not in (31, 2, 18, 25))


def test_the_link_leads_to_the_next_page_with_all_parameters(product: Product) -> None:
    event = product.make_event()
    push_crowd(event, make_crowd(60))
    reader = Reader(event)
    asked = {"sort": "-email", "limit": "5", "customField.Diet": "vegan", "status": "all"}
    whole = reader.read(**asked | {"limit": "100"})
    answer = reader.get(**asked)
    found = [one["email"] for one in answer.json()["attendees"]]
    link = answer.headers["link"]
    assert link.endswith('>; rel="next"')
    address = urlsplit(link[1:].partition(">")[0])
    # As the server is known in public, which is not how this test reaches it.
    assert address.geturl().startswith(f"http://localhost:{urlsplit(event.gateway).port}/e/{event.slug}/attendees?")
    assert dict(parse_qsl(address.query)).items() >= asked.items()
    answer = reader.get(**dict(parse_qsl(address.query)))
    found += [one["email"] for one in answer.json()["attendees"]]
    assert found == whole[:10]
    assert "link" not in reader.get(sort="id", limit="100").headers


def test_a_damaged_cursor_is_refused_wherever_it_is_damaged(product: Product) -> None:
    _, reader = make_people(product, 3)
    cursor = reader.page(limit="1", sort="email")["next"]
    assert all(one.isalnum() or one in "-_" for one in cursor)
    assert b"p0@" not in base64.urlsafe_b64decode(cursor + "==")
    for at in range(0, len(cursor), 7):
        other = "A" if cursor[at] != "A" else "B"
        answer = reader.get(limit="1", sort="email", cursor=cursor[:at] + other + cursor[at + 1 :])
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    for wrong in (cursor[:-5], cursor + "AAAA", "é", "A" * 5_000):
        assert reader.refused(sort="email", cursor=wrong) == (400, "invalid_request")


def test_a_cursor_is_of_one_list_of_one_event(product: Product) -> None:
    _, reader = make_people(product, 3)
    cursor = reader.page(limit="1", sort="email")["next"]
    assert len(reader.page(limit="2", sort="email", cursor=cursor, fields="email")["attendees"]) == 2
    others: list[dict[str, str]] = [
        {},
        {"sort": "-email"},
        {"sort": "email", "status": "all"},
        {"sort": "email", "q": "p"},
    ]
    for other in others:
        answer = reader.get(cursor=cursor, **other)
        assert answer.status_code == 400
        assert "of another list" in answer.json()["detail"]
    _, elsewhere = make_people(product, 3)
    answer = elsewhere.get(cursor=cursor, sort="email")
    assert answer.status_code == 400
    assert "of another list" in answer.json()["detail"]


def test_cursors_outlive_a_restart(start_product: Callable[..., Product]) -> None:
    product = start_product()
    event, reader = make_people(product, 5)
    cursor = reader.page(limit="2", sort="-email")["next"]
    product.server.stop()
    product.server.start()
    event.move_to(product.server)
    assert reader.read(limit="2", sort="-email", cursor=cursor) == ["p2@x.org", "p1@x.org", "p0@x.org"]
