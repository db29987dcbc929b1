"""Whoever follows ends at what is there: while ten thousand pushes are made, however often he is cut off.

And however often the server is: it is killed in the midst of it.
"""

import http.client
import random
import threading
from collections.abc import Callable
from typing import Any

import httpx2
import msgspec
import pytest

from tests.downstream.following.followers import StreamReader, make_read_key, poll
from tests.downstream.following.mirror import Mirror, reduced
from tests.patience import PATIENCE_S
from tests.product import Product, TestedEvent
from turnout.downstream import limits as limiting
from turnout.downstream.limits import Limits
from turnout.store import attendees, events

BATCH = 100
PUSHERS = 4
PEOPLE = 600
GROUPS = ("VIP", "Press", "Staff")
END = "end@example.com"


class Outage:
    """A server that is killed and started again; whoever was cut off waits here until it is back."""

    def __init__(self, product: Product, event: TestedEvent) -> None:
        self._product = product
        self._event = event
        self._is_up = threading.Event()
        self._is_up.set()

    def kill(self) -> None:
        self._is_up.clear()
        self._product.server.kill()
        self._product.server.start()
        self._event.move_to(self._product.server)
        self._is_up.set()

    def ask(self, what: Callable[[], Any]) -> Any:
        """Does it, again and again until it is not cut off."""
        while True:
            try:
                return what()
            except (httpx2.TransportError, OSError):
                assert self._is_up.wait(PATIENCE_S)


def make_push(chance: random.Random) -> dict[str, Any]:
    said: dict[str, Any] = {
        "profile": {
            "email": f"p{chance.randrange(PEOPLE)}@example.com",
            "title": chance.choice(["", "CTO", "CEO", "CFO"]),
            "customFields": [{"fieldName": "Size", "fieldValue": chance.choice(["", "42", "43"])}],
        }
    }
    if chance.random() < 0.2:
        said["profile"]["jobTitle"] = chance.choice(["", "x", "y"])
    if chance.random() < 0.5:
        said["eventInfo"] = {"groups": {"groupNames": chance.sample(GROUPS, chance.randrange(3))}}
    elif chance.random() < 0.2:
        said["eventInfo"] = {"attending": False}
    return said


def push_all(event: TestedEvent, outage: Outage, number: int, pushes: int) -> None:
    """One pusher's share, in batches; what was cut off is sent again under the same key (D6)."""
    chance = random.Random(number)
    for batch in range(pushes // PUSHERS // BATCH):
        body = [make_push(chance) for _ in range(BATCH)]
        headers = {"Idempotency-Key": f"{number}-{batch}"}

        def send(body: Any = body, headers: Any = headers) -> httpx2.Response:
            answer = event.batch(body, "?receipts=summary", headers=headers)
            if answer.status_code != 200:
                # It came while the server was about to stop.
                raise OSError(answer.text)
            return answer

        assert outage.ask(send).json()["failed"] == 0


def follow_by_asking(
    event: TestedEvent, key: str, chance: random.Random, outage: Outage, mirror: Mirror, start: int
) -> None:
    """Asks, waits, and at times dies before it has noted what it was told."""
    cursor = start
    while True:
        query = f"?after={cursor}&limit={chance.choice([17, 100, 1_000])}&wait=30"
        answer = outage.ask(lambda query=query: poll(event, key, query))
        if chance.random() < 0.2:
            continue
        cursor = answer["last"]
        for line in answer["changes"]:
            mirror.take(line)
            if is_end(line):
                return


def follow_by_stream(
    event: TestedEvent, key: str, chance: random.Random, outage: Outage, mirror: Mirror, start: int
) -> None:
    """Reads, is cut off after some lines, and comes again with the id of the last message."""
    last_id = start
    while True:
        reader = outage.ask(lambda last_id=last_id: open_again(event, key, last_id))
        with reader:
            left = chance.choice([1, 10, 500, 5_000])
            for line in reader.lines():
                last_id = line["sequence"]
                mirror.take(line)
                if is_end(line):
                    return
                left -= 1
                if not left:
                    break


def open_again(event: TestedEvent, key: str, last_id: int) -> StreamReader:
    reader = StreamReader(event, key, last_id=last_id)
    try:
        if reader.answer.status == 200:
            return reader
        raise OSError(reader.answer.status)
    except (OSError, http.client.HTTPException) as error:
        reader.close()
        raise OSError("cut off") from error


def is_end(line: dict[str, Any]) -> bool:
    """The last push; whoever does not see addresses knows it by its title."""
    return any(change["new"] == "THE END" for change in line["changes"])


def list_shown(event: TestedEvent, groups: list[str] | None, fields: list[str] | None) -> tuple[int, list[Any]]:
    """Whom a reader with these limits is shown, and the number of the last line by then."""
    with event.database.read() as connection:
        its = events.load_configuration(connection, event.id)
        clock = events.find_clock(connection, event.id)
        stored = attendees.list_attendees(connection, event.id, status=None, limit=100_000)
    assert its is not None
    assert clock is not None
    limits: Limits = limiting.of_names(its, groups, fields)
    shown = [reduced(msgspec.to_builtins(limiting.view(one, its, limits))) for one in stored if limits.sees(one)]
    return clock.last_sequence, shown


FOLLOWERS: list[tuple[Any, list[str] | None, list[str] | None]] = [
    (how, groups, fields)
    for how in (follow_by_asking, follow_by_stream)
    for groups, fields in ((None, None), (["VIP"], None), (["VIP", "Press"], ["title", "Size"]))
]


@pytest.mark.parametrize(("pushes", "kills"), [(4_000, 0), (2_000, 2)], ids=["undisturbed", "killed"])
def test_followers_end_at_exactly_what_is_there(start_product: Callable[..., Product], pushes: int, kills: int) -> None:
    product = start_product()
    event = product.make_event()
    # So that there is what keys are limited to.
    event.push_ok(
        {
            "profile": {"email": "first@example.com", "customFields": [{"fieldName": "Size", "fieldValue": "1"}]},
            "eventInfo": {"groups": {"groupNames": list(GROUPS)}},
        }
    )
    outage = Outage(product, event)
    pushers = [threading.Thread(target=push_all, args=(event, outage, number, pushes)) for number in range(PUSHERS)]
    ends: list[tuple[Mirror, list[str] | None, list[str] | None]] = []
    followers = []
    failures: list[BaseException] = []

    def follow(how: Any, groups: list[str] | None, fields: list[str] | None, mirror: Mirror, start: int) -> None:
        try:
            key = make_read_key(event, groups=groups, fields=fields)
            how(event, key, random.Random(len(ends)), outage, mirror, start)
        except BaseException as error:
            failures.append(error)
            raise

    def add(how: Any, groups: list[str] | None, fields: list[str] | None, *, with_snapshot: bool) -> None:
        start, snapshot = list_shown(event, groups, fields) if with_snapshot else (0, None)
        mirror = Mirror(fields=None if fields is None else set(fields), snapshot=snapshot)
        mirror.last = start
        ends.append((mirror, groups, fields))
        followers.append(threading.Thread(target=follow, args=(how, groups, fields, mirror, start)))
        followers[-1].start()

    for one in FOLLOWERS:
        add(*one, with_snapshot=False)
    for pusher in pushers:
        pusher.start()
    for one in FOLLOWERS:
        add(*one, with_snapshot=True)
    for _ in range(kills):
        outage.kill()
    for pusher in pushers:
        pusher.join()
    event.push_ok(
        {
            "profile": {"email": END, "title": "THE END"},
            "eventInfo": {"groups": {"groupNames": list(GROUPS)}},
        }
    )
    for follower in followers:
        follower.join()
    assert failures == []
    for mirror, groups, fields in ends:
        _, shown = list_shown(event, groups, fields)
        for one in (*mirror.people.values(), *shown):
            one["groups"] = sorted(one["groups"])
        assert mirror.people == {one["id"]: one for one in shown}, (groups, fields)
