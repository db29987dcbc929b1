"""Whatever fails: nothing is lost, each attendee's changes come in order, and what comes twice is the same."""

import random
import threading
from collections.abc import Callable, Sequence

from tests.downstream.webhooks.hooked import Hooked, hook, person
from tests.product import Product, TestedEvent
from tests.receivers import Answer, Receiver, Request, hang_up, say, say_bytes

PEOPLE = 25


class Moody:
    """A receiver that does as it likes, and notes which requests it has answered well."""

    def __init__(self, receiver: Receiver, dice: random.Random) -> None:
        self.receiver = receiver
        self.dice = dice
        self.good: set[str] = set()
        self.is_moody = True
        receiver.answer = self.answer

    def answer(self, request: Request) -> Answer:
        if self.is_moody and self.dice.random() < 0.4:
            return self.dice.choice(_MOODS)
        self.good.add(request.id)
        return say(self.dice.choice([200, 201, 202, 204]))


_MOODS: Sequence[Answer] = (
    say(500),
    say(429),
    hang_up,
    # It says that all is well, and does not come to the end of it.
    say_bytes(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf"),
    say_bytes(b"HTTP/1.1 2"),
)


def push_at_random(event: TestedEvent, dice: random.Random, number: int) -> None:
    for _ in range(number):
        email = f"p{dice.randrange(PEOPLE)}@example.org"
        if dice.random() < 0.1:
            event.push_ok({"profile": {"email": email}, "eventInfo": {"attending": False}})
        else:
            event.push_ok(person(email, title=str(dice.random())))


def deliver_all(hooked: Hooked) -> None:
    """Lets the time for another try come, again and again."""
    while True:
        found = hooked.deliveries()
        if all(one.finished_at is not None for one in found):
            return
        hooked.make_due()
        threading.Event().wait(0.05)


def check(event: TestedEvent, receiver: Receiver) -> None:
    told: dict[int, Request] = {}
    latest: dict[str, int] = {}
    for request in list(receiver.requests):
        before = told.setdefault(request.sequence, request)
        assert (request.id, request.body) == (before.id, before.body)
        if before is request:
            assert request.sequence > latest.get(request.attendee_id, 0)
            latest[request.attendee_id] = request.sequence
    assert sorted(told) == [change.sequence for change in event.changes() if change.attendee_id is not None]


def test_each_attendees_changes_come_in_order_whatever_fails(product: Product) -> None:
    dice = random.Random(4)
    event = product.make_event()
    with Receiver() as receiver:
        moody = Moody(receiver, dice)
        hooked = hook(event, receiver)
        push_at_random(event, dice, 200)
        receiver.wait_for(50)
        deliver_all(hooked)
        caught_up(event, hooked)
        deliver_all(hooked)
        check(event, receiver)
        assert moody.good == {request.id for request in receiver.requests}
        assert {one.state for one in hooked.deliveries()} == {"delivered"}
        # It has been what it is called.
        assert len(receiver.requests) > len(moody.good)


def caught_up(event: TestedEvent, hooked: Hooked) -> None:
    """Until all that there is has been queued."""
    last = event.changes()[-1].sequence
    hooked.wait_until(lambda found: max((one.sequence for one in found), default=0) == last)


def test_nothing_is_lost_when_the_server_is_killed_in_the_midst_of_it(
    start_product: Callable[..., Product],
) -> None:
    dice = random.Random(5)
    product = start_product()
    event = product.make_event()
    with Receiver() as receiver:
        moody = Moody(receiver, dice)
        hooked = hook(event, receiver)
        for round_ in range(2):
            push_at_random(event, dice, 60)
            seen = len(receiver.requests)
            receiver.wait_for(seen + 5 if round_ else 20)
            product.server.kill()
            product.server.end_turns()
            product.server.start()
            event.move_to(product.server)
        push_at_random(event, dice, 20)
        caught_up(event, hooked)
        deliver_all(hooked)
        check(event, receiver)
        assert moody.good == {request.id for request in receiver.requests}
