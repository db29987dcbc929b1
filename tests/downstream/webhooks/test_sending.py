"""Webhooks are told of each change: signed, complete, each attendee's in order, and again where a receiver failed."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text

from tests.downstream.webhooks.hooked import Hooked, hook, hook_up, person
from tests.product import Product, TestedEvent
from tests.receivers import Gate, Receiver, say
from turnout.downstream.webhooks import endpoint, queue, send
from turnout.downstream.webhooks.resend import ping, resend_one, resend_since
from turnout.errors import Conflict, InvalidRequest, NotFound
from turnout.feed.configurations import Configurations
from turnout.feed.forget.erase import erase
from turnout.model.webhook import Delivery
from turnout.now import now_us
from turnout.operations.retention import KEEP_DELIVERIES_US
from turnout.store import deliveries, events
from turnout.store.sealing import seal

SECOND_US = 1_000_000


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def event(product: Product) -> TestedEvent:
    return product.make_event()


def wait_recorded(hooked: Hooked, receiver: Receiver, number: int) -> list[Delivery]:
    """The finished deliveries, the earliest first, when there are so many."""
    return hooked.wait_until(lambda found: sum(one.finished_at is not None for one in found) >= number)


def drain(event: TestedEvent, receiver: Receiver, email: str = "last@example.org") -> None:
    """Whatever was to be told before this has been begun by now."""
    event.push_ok(person(email))
    receiver.wait_for(1, lambda one: one.json["data"]["attendee"].get("email") == email)


# --- What is told ----------------------------------------------------------------------------------------------------


def test_a_change_is_told_signed_and_complete(event: TestedEvent, receiver: Receiver) -> None:
    """The body of design §7, "complete enough to use without a call back"."""
    event.push_ok(person("before@example.org"))
    hooked = hook(event, receiver)
    receipt = event.push_ok(person("ann@example.org", ["VIP"], firstName="Ann"))
    [request] = receiver.wait_for(1)
    assert request.is_signed(hooked.secret)
    assert request.headers["content-type"] == "application/json"
    assert request.headers["user-agent"].startswith("Turnout/")
    attendee = event.attendee("ann@example.org")
    assert request.json == {
        "type": "attendee.created",
        "timestamp": attendee["createdAt"],
        "data": {
            "event": {"id": event.id, "slug": event.slug},
            # "It begins with changes made after it was created."
            "sequence": 2,
            "attendee": attendee,
            "changes": receipt["changes"],
            "source": "main",
            "pushId": receipt["id"],
        },
    }
    [delivery] = wait_recorded(hooked, receiver, 1)
    assert (delivery.id, delivery.state, delivery.body) == (request.id, "delivered", request.body.decode())
    [attempt] = delivery.attempts
    assert (attempt.status, attempt.error, attempt.answer) == (204, None, None)


def test_each_line_is_told_with_the_attendee_as_he_was(event: TestedEvent, receiver: Receiver) -> None:
    gate = Gate()
    receiver.answer_with(gate.then(say(200)))
    hook(event, receiver)
    for title in ("CTO", "CEO", "retired"):
        event.push_ok(person("ann@example.org", title=title))
    event.push_ok({"profile": {"email": "ann@example.org"}, "eventInfo": {"attending": False}})
    event.push_ok(person("ann@example.org"))
    receiver.wait_for(1)
    gate.open()
    told = [(one.topic, one.json["data"]["attendee"]) for one in receiver.wait_for(5)]
    assert [(topic, seen["profile"]["title"], seen["status"]) for topic, seen in told] == [
        ("attendee.created", "CTO", "attending"),
        ("attendee.updated", "CEO", "attending"),
        ("attendee.updated", "retired", "attending"),
        ("attendee.withdrawn", "retired", "withdrawn"),
        ("attendee.returned", "retired", "attending"),
    ]


def test_a_webhook_is_told_of_the_kinds_that_it_wants(event: TestedEvent, receiver: Receiver) -> None:
    hook(event, receiver, kinds=["updated", "withdrawn"])
    event.push_ok(person("ann@example.org"))
    event.push_ok(person("ann@example.org", title="CTO"))
    event.push_ok({"profile": {"email": "ann@example.org"}, "eventInfo": {"attending": False}})
    assert [one.topic for one in receiver.wait_for(2)] == ["attendee.updated", "attendee.withdrawn"]


def test_with_groups_and_fields_no_more_is_told_than_those(event: TestedEvent, receiver: Receiver) -> None:
    """ "A line is sent if the attendee was in before *or* is after, and leaving is told (`left`) without data." """
    event.push_ok(person("other@example.org", ["VIP", "Press"]))
    hook(event, receiver, groups=["VIP"], fields=["firstName"])
    event.push_ok(person("ann@example.org", ["Press"], firstName="Ann", phone="555"))
    event.push_ok(person("ann@example.org", ["Press", "VIP"], phone="556"))
    event.push_ok(person("ann@example.org", phone="557"))
    event.push_ok(person("ann@example.org", firstName="Anna"))
    event.push_ok(person("ann@example.org", ["Press"]))
    event.push_ok(person("ann@example.org", firstName="Annie"))
    event.push_ok(person("other@example.org", ["VIP"], firstName="Bob"))
    requests = sorted(receiver.wait_for(4), key=lambda one: one.sequence)
    told = [(one.topic, one.json["data"]["attendee"], one.json["data"]["changes"]) for one in requests]
    topics = [topic.removeprefix("attendee.") for topic, _, _ in told]
    assert topics == ["updated", "updated", "left", "updated"]
    _, ann, changes = told[0]
    assert (ann["email"], ann["profile"], ann["groups"]) == (None, {"firstName": "Ann"}, ["VIP"])
    assert {"path": "profile.firstName", "old": None, "new": "Ann"} in changes
    _, gone, changes = told[2]
    assert (gone, changes) == ({"id": ann["id"]}, [])
    assert not any(b"55" in one.body.replace(one.id.encode(), b"") and b"phone" in one.body for one in requests)
    assert not any(b"Press" in one.body or b"ann@" in one.body for one in requests)


def test_a_webhook_of_all_events_is_told_of_those_to_come_too(product: Product, receiver: Receiver) -> None:
    first = product.make_event()
    first.push_ok(person("before@example.org"))
    hooked = hook_up(product.server.database, None, receiver.url)
    second = product.make_event()
    first.push_ok(person("ann@example.org"))
    second.push_ok(person("bob@example.org"))
    try:
        requests = receiver.wait_for(2)
    finally:
        endpoint.delete(product.server.database, hooked.id)
    told = {(one.json["data"]["event"]["slug"], one.json["data"]["attendee"]["email"]) for one in requests}
    assert told == {(first.slug, "ann@example.org"), (second.slug, "bob@example.org")}


def test_every_row_of_a_bulk_change_is_told(event: TestedEvent, receiver: Receiver) -> None:
    hooked = hook(event, receiver)
    people = [person(f"p{number}@example.org") for number in range(5_000)]
    for start in range(0, len(people), 1_000):
        event.batch_ok(people[start : start + 1_000], "?receipts=summary")
    requests = receiver.wait_for(5_000)
    assert {one.json["data"]["attendee"]["email"] for one in requests} == {one["profile"]["email"] for one in people}
    finished = wait_recorded(hooked, receiver, 5_000)
    assert {one.state for one in finished} == {"delivered"}


# --- Failures --------------------------------------------------------------------------------------------------------


def test_what_failed_is_tried_again_the_same_while_others_pass(event: TestedEvent, receiver: Receiver) -> None:
    """ "Same id on every try"; "what was sent once is sent the same again"."""
    receiver.answer = lambda one: say(500, b"not now") if b"ann@" in one.body else say(200)
    hooked = hook(event, receiver)
    event.push_ok(person("ann@example.org"))
    [first] = receiver.wait_for(1)
    parked = hooked.wait_parked()
    event.push_ok(person("ann@example.org", title="CTO"))
    event.push_ok(person("bob@example.org"))
    receiver.wait_for(1, lambda one: b"bob@" in one.body)
    # What is told again is what was told first, though the person is called otherwise now.
    receiver.answer = lambda _: say(200)
    hooked.make_due()
    told = [one for one in receiver.wait_for(4) if b"bob@" not in one.body]
    assert [one.topic for one in told] == ["attendee.created", "attendee.created", "attendee.updated"]
    assert (told[1].id, told[1].body) == (first.id, first.body)
    assert told[1].is_signed(hooked.secret)
    assert told[2].id != first.id
    wait_recorded(hooked, receiver, 3)
    [delivery] = [one for one in hooked.deliveries() if one.id == first.id]
    assert [(one.status, one.error, one.answer) for one in delivery.attempts] == [
        (500, "internal server error", "not now"),
        (200, None, None),
    ]
    assert parked.next_at is not None
    assert parked.next_at - parked.attempts[0].at >= 5 * SECOND_US


def test_later_changes_of_somebody_wait_behind_the_failing_one(event: TestedEvent, receiver: Receiver) -> None:
    receiver.answer_with(say(500), say(200))
    hooked = hook(event, receiver)
    event.push_ok(person("ann@example.org"))
    hooked.wait_parked()
    for title in ("a", "b", "c"):
        event.push_ok(person("ann@example.org", title=title))
    drain(event, receiver)
    assert [one.sequence for one in receiver.requests] == [1, 5]
    hooked.make_due()
    assert [one.sequence for one in receiver.wait_for(6)] == [1, 5, 1, 2, 3, 4]


def test_a_receivers_wish_when_to_come_again_is_honoured(event: TestedEvent, receiver: Receiver) -> None:
    receiver.answer = lambda _: say(503, retry_after="7200")
    hooked = hook(event, receiver)
    event.push_ok(person("ann@example.org"))
    parked = hooked.wait_parked()
    assert parked.next_at is not None
    assert 7_200 * SECOND_US <= parked.next_at - parked.attempts[0].at <= 7_300 * SECOND_US


def test_after_three_days_it_is_given_up_and_the_attendee_goes_on(event: TestedEvent, receiver: Receiver) -> None:
    receiver.answer_with(say(500))
    hooked = hook(event, receiver)
    event.push_ok(person("ann@example.org"))
    parked = hooked.wait_parked()
    event.push_ok(person("ann@example.org", title="CTO"))
    with event.database.write() as connection:
        old = parked.attempts[0].at - 3 * 86_400 * SECOND_US
        attempts = json.dumps([{"at": old, "tookMs": 3, "status": 500, "isFirst": True}])
        connection.execute(
            text("UPDATE deliveries SET attempts = :attempts WHERE id = :id"), {"attempts": attempts, "id": parked.id}
        )
    hooked.make_due()
    receiver.wait_for(1, lambda one: one.sequence == 2)
    [given_up] = wait_recorded(hooked, receiver, 1)
    assert (given_up.id, given_up.state, len(given_up.attempts)) == (parked.id, "given_up", 2)
    # "Listed, resendable": and then all its tries begin anew.
    resend_one(event.database, hooked.id, given_up.id)
    hooked.wait_until(lambda found: any(one.state == "parked" and len(one.attempts) == 3 for one in found))
    receiver.answer_with(say(200))
    hooked.make_due()
    wait_recorded(hooked, receiver, 2)
    assert [one.state for one in hooked.deliveries()] == ["delivered", "delivered"]


def test_410_switches_the_webhook_off(event: TestedEvent, receiver: Receiver) -> None:
    receiver.answer_with(say(410))
    hooked = hook(event, receiver)
    event.push_ok(person("ann@example.org"))
    hooked.wait_parked()
    assert hooked.webhook.state == "off"
    assert "410" in (hooked.webhook.reason or "")
    event.push_ok(person("bob@example.org"))
    receiver.answer_with(say(204))
    endpoint.resume(event.database, hooked.id)
    hooked.make_due()
    receiver.wait_for(1, lambda one: b"bob@" in one.body)
    receiver.wait_for(2, lambda one: b"ann@" in one.body)


def test_a_redirect_is_not_followed_and_told_in_words(event: TestedEvent, receiver: Receiver) -> None:
    with Receiver() as other:
        receiver.answer_with(say(307, location=other.url))
        hooked = hook(event, receiver)
        event.push_ok(person("ann@example.org"))
        [attempt] = hooked.wait_parked().attempts
        assert (attempt.status, attempt.error) == (307, "a redirect, which is not followed")
        assert other.requests == []


def test_an_address_on_the_inside_is_refused_at_sending_too(event: TestedEvent, receiver: Receiver) -> None:
    """A name may have meant another address when the webhook was made."""
    hooked = hook(event, receiver)
    with event.database.write() as connection:
        connection.execute(text("UPDATE webhooks SET allow_private = 0 WHERE id = :id"), {"id": hooked.id})
    event.push_ok(person("ann@example.org"))
    [attempt] = hooked.wait_parked().attempts
    assert (attempt.status, attempt.error) == (None, "Refused: 127.0.0.1 is this machine itself")
    assert receiver.requests == []


def test_a_mistake_of_ours_is_a_failure_like_others(event: TestedEvent, receiver: Receiver) -> None:
    hooked = hook(event, receiver)
    with event.database.write() as connection:
        # One with which nothing can be signed, and that is never made.
        sealed = seal(event.database.secret_key, b"whsec_", hooked.id)
        connection.execute(
            text("UPDATE webhooks SET secret = :sealed WHERE id = :id"), {"sealed": sealed, "id": hooked.id}
        )
    event.push_ok(person("ann@example.org"))
    [attempt] = hooked.wait_parked().attempts
    assert attempt.error == "a mistake in Turnout kept this from being sent"
    assert receiver.requests == []


def test_a_thousand_parked_attendees_stop_the_cursor_and_resuming_loses_nothing(
    event: TestedEvent, receiver: Receiver
) -> None:
    receiver.answer = lambda _: say(500)
    hooked = hook(event, receiver)
    people = [person(f"p{number}@example.org") for number in range(1_400)]
    event.batch_ok(people, "?receipts=summary")
    hooked.wait_until(lambda all_: sum(one.state == "parked" for one in all_) >= 1_000)
    with event.database.read() as connection:
        there = deliveries.count_open(connection, hooked.id)
    assert queue.is_stuck(there.parked, there.waiting)
    # Those that were queued before may still fail, no more.
    assert there.parked + there.ready <= 1_000 + queue.MAX_READY
    assert len(hooked.deliveries()) < 1_400
    receiver.answer = lambda _: say(200)
    hooked.make_due()
    requests = receiver.wait_until(
        lambda all_: (
            len({one.attendee_id for one in all_ if one.number >= 1_000}) >= 1_000
            and len({one.attendee_id for one in all_}) == 1_400
        )
    )
    assert len({one.attendee_id for one in requests}) == 1_400
    while True:
        unfinished = [one for one in hooked.deliveries() if one.finished_at is None]
        if not unfinished:
            break
        hooked.make_due()
    assert {one.state for one in hooked.deliveries()} == {"delivered"}
    assert len(hooked.deliveries()) == 1_400


# --- How many at once ------------------------------------------------------------------------------------------------


def test_a_slow_receiver_gets_a_set_number_at_once_and_holds_up_no_other(
    event: TestedEvent, receiver: Receiver
) -> None:
    gate = Gate()
    with Receiver() as quick:
        receiver.answer_with(gate.then(say(200)))
        hook(event, receiver)
        hook(event, quick)
        event.batch_ok([person(f"p{number}@example.org") for number in range(100)], "?receipts=summary")
        quick.wait_for(100)
        receiver.wait_for(send.AT_ONCE)
        assert receiver.most_at_once == len(receiver.requests) == send.AT_ONCE
        gate.open()
        receiver.wait_for(100)
        assert receiver.most_at_once == send.AT_ONCE


def test_a_paused_webhook_is_sent_nothing_and_misses_nothing(event: TestedEvent, receiver: Receiver) -> None:
    hooked = hook(event, receiver)
    with Receiver() as other:
        hook(event, other)
        endpoint.pause(event.database, hooked.id, "for a test")
        event.push_ok(person("ann@example.org"))
        drain(event, other)
        assert receiver.requests == []
        endpoint.resume(event.database, hooked.id)
        # Two people's, so in whatever order.
        assert sorted(one.sequence for one in receiver.wait_for(2)) == [1, 2]


# --- Secrets ---------------------------------------------------------------------------------------------------------


def test_while_a_secret_is_changed_requests_are_signed_with_both(event: TestedEvent, receiver: Receiver) -> None:
    hooked = hook(event, receiver)
    event.push_ok(person("ann@example.org"))
    [request] = receiver.wait_for(1)
    assert request.is_signed(hooked.secret)
    new = endpoint.rotate(event.database, hooked.id, overlap_us=3_600 * SECOND_US).secret
    assert not request.is_signed(new)
    event.push_ok(person("bob@example.org"))
    request = receiver.wait_for(2)[1]
    assert request.is_signed(hooked.secret, new)
    with event.database.write() as connection:
        connection.execute(text("UPDATE webhooks SET former_until = 1 WHERE id = :id"), {"id": hooked.id})
    event.push_ok(person("cyd@example.org"))
    request = receiver.wait_for(3)[2]
    assert request.is_signed(new)
    assert not request.is_signed(hooked.secret)
    newer = endpoint.rotate(event.database, hooked.id, overlap_us=0).secret
    event.push_ok(person("dan@example.org"))
    request = receiver.wait_for(4)[3]
    assert request.is_signed(newer)
    assert not request.is_signed(new)


# --- Again, and a test -----------------------------------------------------------------------------------------------


def test_one_delivery_is_sent_again_as_it_was(event: TestedEvent, receiver: Receiver) -> None:
    hooked = hook(event, receiver)
    event.push_ok(person("ann@example.org"))
    event.push_ok(person("ann@example.org", title="CTO"))
    first, _ = receiver.wait_for(2)
    wait_recorded(hooked, receiver, 2)
    resend_one(event.database, hooked.id, first.id)
    again = receiver.wait_for(3)[2]
    assert (again.id, again.body) == (first.id, first.body)
    with pytest.raises(NotFound):
        resend_one(event.database, hooked.id, "dlv_0")


def test_all_since_a_line_is_sent_again_and_what_is_gone_is_made_anew(event: TestedEvent, receiver: Receiver) -> None:
    hooked = hook(event, receiver)
    for email in ("ann@example.org", "bob@example.org", "cyd@example.org"):
        event.push_ok(person(email))
    first = sorted(receiver.wait_for(3), key=lambda one: one.sequence)
    wait_recorded(hooked, receiver, 3)
    with event.database.write() as connection:
        connection.execute(
            text("UPDATE deliveries SET created_at = 1, finished_at = 1 WHERE webhook_id = :id AND sequence = 3"),
            {"id": hooked.id},
        )
        assert deliveries.remove_old(connection, now_us() - KEEP_DELIVERIES_US, 100) >= 1
    assert resend_since(event.database, hooked.webhook, 2) == 2
    again = sorted(receiver.wait_for(5)[3:], key=lambda one: one.sequence)
    assert [one.sequence for one in again] == [2, 3]
    assert (again[0].id, again[0].body) == (first[1].id, first[1].body)
    assert again[1].id != first[2].id
    assert again[1].json["data"]["attendee"]["email"] == "cyd@example.org"
    for nothing in (0, 4):
        with pytest.raises(InvalidRequest):
            resend_since(event.database, hooked.webhook, nothing)


def test_what_is_under_way_is_not_sent_again(event: TestedEvent, receiver: Receiver) -> None:
    receiver.answer = lambda one: say(500, retry_after="7200") if one.sequence == 1 else say(200)
    hooked = hook(event, receiver)
    event.push_ok(person("ann@example.org"))
    parked = hooked.wait_parked()
    with pytest.raises(Conflict, match="tried again by itself"):
        resend_one(event.database, hooked.id, parked.id)
    event.push_ok(person("bob@example.org"))
    receiver.wait_for(2)
    wait_recorded(hooked, receiver, 1)
    resend_since(event.database, hooked.webhook, 1)
    assert [one.sequence for one in receiver.wait_for(3)] == [1, 2, 2]
    assert hooked.wait_parked() == parked


def test_a_test_says_at_once_what_came_of_it(event: TestedEvent, receiver: Receiver) -> None:
    hooked = hook(event, receiver)
    receiver.answer_with(say(200, b"thanks"))
    attempt = ping(event.database, hooked.webhook)
    assert (attempt.status, attempt.answer, attempt.error) == (200, "thanks", None)
    [request] = receiver.requests
    assert request.topic == "webhook.test"
    assert request.is_signed(hooked.secret)
    receiver.answer_with(say(401))
    assert ping(event.database, hooked.webhook).error == "unauthorized"


# --- Erasing ---------------------------------------------------------------------------------------------------------


def test_erasing_somebody_takes_away_what_is_queued_and_logged_and_is_told(
    event: TestedEvent, receiver: Receiver
) -> None:
    """F1: "queued and logged deliveries"; "and is told"."""
    receiver.answer = lambda one: say(500, one.body[:900]) if one.sequence == 2 else say(200, one.body[:900])
    hooked = hook(event, receiver)
    event.push_ok(person("zqzqann@example.org", lastName="zqzqlee"))
    event.push_ok(person("zqzqann@example.org", title="zqzqboss"))
    parked = hooked.wait_parked()
    event.push_ok(person("zqzqann@example.org", title="zqzqchief"))
    drain(event, receiver)
    assert "zqzq" in (parked.attempts[0].answer or "")
    erase(event.database, Configurations(event.database), event.id, "zqzqann@example.org", "test")
    [told] = receiver.wait_for(1, lambda one: one.topic == "attendee.erased")
    data: Any = told.json["data"]
    assert (data["attendee"], data["changes"]) == ({"id": parked.attendee_id}, [])
    wait_recorded(hooked, receiver, 5)
    hooked.make_due()
    drain(event, receiver, "last2@example.org")
    # What was waiting is not sent any more.
    assert [one.sequence for one in receiver.requests] == [1, 2, 4, 5, 6]
    for delivery in hooked.deliveries():
        assert "zqzq" not in repr(delivery)
    rest = [one for one in hooked.deliveries() if one.sequence in (1, 2, 3)]
    assert [(one.state, one.body, one.next_at) for one in rest] == [
        ("given_up", None, None),
        ("given_up", None, None),
        ("delivered", None, None),
    ]
    with pytest.raises(Conflict, match="erased"):
        resend_one(event.database, hooked.id, rest[0].id)
    resend_since(event.database, hooked.webhook, 1)
    again = receiver.wait_for(3, lambda one: one.number >= 5)
    assert [one.sequence for one in sorted(again, key=lambda one: one.sequence)] == [4, 5, 6]
    assert told.id in {one.id for one in again}


def test_an_answer_that_comes_after_the_erasure_is_not_kept(event: TestedEvent, receiver: Receiver) -> None:
    gate = Gate()
    receiver.answer = lambda one: gate.then(say(500, one.body[:900])) if one.sequence == 1 else say(200)
    hooked = hook(event, receiver)
    event.push_ok(person("zqzqann@example.org"))
    receiver.wait_for(1)
    erase(event.database, Configurations(event.database), event.id, "zqzqann@example.org", "test")
    hooked.wait_until(lambda found: any(one.topic == "attendee.erased" for one in found))
    drain(event, receiver)
    # The news of it waits for what is under way.
    assert [one.sequence for one in receiver.requests] == [1, 3]
    gate.open()
    receiver.wait_for(1, lambda one: one.topic == "attendee.erased")
    wait_recorded(hooked, receiver, 3)
    assert "zqzq" not in repr(hooked.deliveries())


def test_who_is_erased_before_he_was_queued_is_only_told_as_erased(event: TestedEvent, receiver: Receiver) -> None:
    hooked = hook(event, receiver)
    endpoint.pause(event.database, hooked.id, None)
    event.push_ok(person("ann@example.org"))
    erase(event.database, Configurations(event.database), event.id, "ann@example.org", "test")
    endpoint.resume(event.database, hooked.id)
    drain(event, receiver)
    # Two people's, so in whatever order.
    told = sorted((one.sequence, one.topic) for one in receiver.wait_for(2))
    assert told == [(2, "attendee.erased"), (3, "attendee.created")]


def test_who_is_erased_between_reading_and_queueing_is_not_queued(event: TestedEvent, receiver: Receiver) -> None:
    database = event.database
    hooked = hook(event, receiver)
    endpoint.pause(database, hooked.id, None)
    event.push_ok(person("zqzqann@example.org"))
    work = queue.Queue(database)
    with database.read() as connection:
        steps = work.read(connection, [hooked.webhook], now_us())
    assert len(steps[0].new) == 1
    erase(database, Configurations(database), event.id, "zqzqann@example.org", "test")
    with database.write() as connection:
        locked = deliveries.lock_cursors(connection, [steps[0].place])
        queue.write(connection, steps, locked, now_us())
    assert hooked.deliveries() == []
    with database.read() as connection:
        [step] = work.read(connection, [hooked.webhook], now_us())
        assert events.find_clock(connection, event.id) is not None
    assert [one.topic for one in step.new] == ["attendee.erased"]
