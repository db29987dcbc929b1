"""What ends no stream: a mistake of ours, nor somebody else who takes nothing; he alone is cut off."""

import copy
import queue
import threading
from types import SimpleNamespace
from typing import Any

from sqlalchemy import text
from structlog.testing import capture_logs

from tests.downstream.following.followers import make_read_key, open_stream
from tests.downstream.following.test_poll import push
from tests.patience import PATIENCE_S
from tests.product import Product
from tests.test_server import App, serving
from turnout.downstream.following.following import open_following
from turnout.downstream.following.routes import list_following_routes
from turnout.events import event as event_room
from turnout.events import keys
from turnout.feed.by_hand.hand_in import as_sender, hand_in
from turnout.feed.configurations import Configurations
from turnout.feed.gateway import GatewayApp, GatewaySettings
from turnout.feed.group_commit import GroupCommit
from turnout.feed.intake import Feed, read_item
from turnout.feed.parse.body import decode
from turnout.feed.reading import Room
from turnout.feed.refusals import Refusals
from turnout.feed.turns import Turns
from turnout.now import new_id
from turnout.store.database import Database


class Beside:
    """A server of this process, at which events are followed that others push to."""

    def __init__(self, database: Database) -> None:
        configurations = Configurations(database)
        feed = Feed(
            configurations=configurations,
            group_commit=GroupCommit(database, configurations, 1),
            refusals=Refusals(database),
            problems_url="/problems",
            turns=Turns(1, 1),
            large_turns=Turns(1, 1),
        )
        following = open_following(feed, database)
        self._gateway = GatewayApp(
            feed,
            GatewaySettings(max_body_bytes=1, max_batch_body_bytes=1, trusted_proxies=(), public_host=""),
            Room(1),
            page=lambda *_: None,  # ty: ignore[invalid-argument-type]
            behind=App(),
            more=list_following_routes(following),
            endings=[following.tails.stop],
        )
        self.ended: queue.Queue[bytes] = queue.Queue()
        """The queries of those whose stream is over."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await self._gateway(scope, receive, send)
        finally:
            if scope["type"] == "http":
                self.ended.put(scope["query_string"])


def test_who_takes_nothing_is_cut_off_and_goes_on_from_where_he_was(product: Product) -> None:
    """After a minute, which is shortened here; who reads beside him notices nothing."""
    event = product.make_event()
    key = make_read_key(event)
    push(event, "first@example.com")
    beside = Beside(event.database)
    with serving(beside, unread_s=1) as running:
        there = copy.copy(event)
        there.gateway = f"http://127.0.0.1:{running.port}/e/{event.slug}"
        with open_stream(there, key, "?after=0&payload=") as taking, open_stream(there, key, "?after=0") as idle:
            rows = [
                {"profile": {"email": f"p{number}@example.com", "biography": "x" * 50_000}} for number in range(200)
            ]
            pushing = threading.Thread(target=event.batch_ok, args=(rows, "?receipts=summary"))
            pushing.start()
            lines = taking.lines()
            assert [next(lines)["sequence"] for _ in range(201)] == list(range(1, 202))
            pushing.join()
            assert beside.ended.get(timeout=PATIENCE_S) == b"after=0"
            # What lay on the way to him is still there, and then it is over.
            got = [line["sequence"] for line in idle.lines()]
            assert got == list(range(1, len(got) + 1))
            assert 0 < len(got) < 201
            push(event, "last@example.com")
            assert next(lines)["sequence"] == 202
            assert beside.ended.empty()
        with open_stream(there, key, last_id=idle.last_id) as again:
            rest = again.lines()
            assert [next(rest)["sequence"] for _ in range(202 - len(got))] == list(range(len(got) + 1, 203))


def test_an_error_that_nobody_foresaw_ends_no_stream(database: Database) -> None:
    """A line that cannot be read is tried again until it can; then everything comes, in order."""
    made, _ = event_room.create(database, "Spring")
    put(database, b"first")
    beside = Beside(database)
    told: queue.Queue[str] = queue.Queue()

    def tell(_logger: Any, _method: str, line: Any) -> Any:
        told.put(line["event"])
        return line

    with serving(beside) as running, capture_logs([tell]):
        there: Any = SimpleNamespace(gateway=f"http://127.0.0.1:{running.port}/e/{made.slug}")
        with open_stream(there, keys.create(database, made.id, scope="read").text, "?after=0") as reader:
            lines = reader.lines()
            assert next(lines)["sequence"] == 1
            change_by_hand(
                database,
                "INSERT INTO changes (event_id, sequence, kind, at, true_at, entries)"
                " SELECT event_id, 2, 'setting_changed', at, at, '[' FROM changes",
            )
            change_by_hand(database, "UPDATE clocks SET last_sequence = 2")
            put(database, b"third")
            while told.get(timeout=PATIENCE_S) != "lines_not_read":
                pass
            change_by_hand(database, "UPDATE changes SET entries = '[]' WHERE sequence = 2")
            assert [next(lines)["sequence"] for _ in range(2)] == [2, 3]


def put(database: Database, name: bytes) -> None:
    hand_in(
        database,
        Configurations(database),
        "spring",
        lambda its: [
            read_item(
                new_id("psh"),
                decode(b'{"profile": {"email": "%s@example.com"}}' % name, None),
                as_sender(its, 1, "ann"),
            )
        ],
    )


def change_by_hand(database: Database, statement: str) -> None:
    with database.write() as connection:
        connection.execute(text(statement))
