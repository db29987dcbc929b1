"""`GET {gateway}/changes/stream`: server-sent events from a cursor on, for whoever reads, however slowly."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.downstream.following.followers import StreamReader, make_read_key, open_stream, poll, run_beside
from tests.downstream.following.test_poll import push
from tests.product import Product, TestedEvent
from turnout.events import event as event_room
from turnout.events import keys
from turnout.feed.configurations import Configurations
from turnout.feed.forget import erase


def take(reader: StreamReader, count: int) -> list[dict[str, Any]]:
    """So many lines."""
    lines = reader.lines()
    return [next(lines) for _ in range(count)]


def test_every_message_has_the_sequence_as_id_and_the_line_as_data(product: Product) -> None:
    event = product.make_event()
    key = make_read_key(event)
    push(event, "a@example.com", title="CTO")
    with open_stream(event, key, "?after=0") as reader:
        [first] = take(reader, 1)
        push(event, "b@example.com")
        [second] = take(reader, 1)
    assert [first, second] == poll(event, key)["changes"]


def test_the_answer_says_that_nobody_on_the_way_may_keep_it_back(product: Product) -> None:
    event = product.make_event()
    with open_stream(event, make_read_key(event)) as reader:
        headers = {name.lower(): value for name, value in reader.answer.getheaders()}
        assert headers["content-type"].startswith("text/event-stream")
        assert headers["cache-control"] == "no-store"
        assert headers["x-accel-buffering"] == "no"
        opening = next(reader.messages())
    assert opening.retry is not None


def test_without_a_cursor_it_begins_now_and_says_where_that_is(product: Product) -> None:
    """So that who is cut off before the first message goes on from there."""
    event = product.make_event()
    key = make_read_key(event)
    push(event, "before@example.com")
    with open_stream(event, key) as reader:
        messages = reader.messages()
        assert next(messages).retry
        assert next(messages).id == 1
    push(event, "meanwhile@example.com")
    with open_stream(event, key, last_id=reader.last_id) as again:
        assert [line["email"] for line in take(again, 1)] == ["meanwhile@example.com"]


def test_what_was_read_last_beats_the_address(product: Product) -> None:
    event = product.make_event()
    key = make_read_key(event)
    for number in range(4):
        push(event, f"p{number}@example.com")
    with open_stream(event, key, "?after=1", last_id=3) as reader:
        assert [line["sequence"] for line in take(reader, 1)] == [4]
    with open_stream(event, key, "?after=2", last_id="") as reader:
        assert [line["sequence"] for line in take(reader, 2)] == [3, 4]


@pytest.mark.parametrize(("last_id", "code"), [(7, "cursor_beyond_head"), ("x", "invalid_request")])
def test_a_cursor_that_cannot_be_is_refused_before_anything_is_sent(
    product: Product, last_id: int | str, code: str
) -> None:
    event = product.make_event()
    with StreamReader(event, make_read_key(event), "", last_id=last_id) as reader:
        assert reader.answer.status == 400
        assert code.encode() in reader.read_rest()


def test_head_is_answered_without_a_stream(product: Product) -> None:
    event = product.make_event()
    response = product.client.head(f"{event.gateway}/changes/stream", headers={"Api-Key": make_read_key(event)})
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/event-stream")


# Each of these waits for the next heartbeat, and all for the same one: they are run at once.


def a_heartbeat_comes_and_moves_on_who_sees_little(product: Product) -> None:
    """A message with an id alone is not dispatched by an EventSource, and is its `Last-Event-ID` all the same."""
    event = product.make_event()
    push(event, "v@example.com", "VIP")
    with (
        open_stream(event, make_read_key(event, groups=["VIP"]), "?after=0") as limited,
        open_stream(event, make_read_key(event), "?after=0") as unlimited,
    ):
        assert take(limited, 1)[0]["sequence"] == 1
        push(event, "n@example.com")
        assert [line["sequence"] for line in take(unlimited, 2)] == [1, 2]
        beat = next(message for message in limited.messages() if message.comment)
        assert (beat.id, beat.data) == (2, None)
        beat = next(message for message in unlimited.messages() if message.comment)
        assert (beat.id, beat.data) == (None, None)
        push(event, "v@example.com", "VIP", title="CTO")
        assert take(limited, 1)[0]["sequence"] == 3


def it_ends_when_the_key_is_revoked(product: Product) -> None:
    """At the next batch at the latest, of which nothing is sent any more; without one, at the next heartbeat."""
    event = product.make_event()
    first, second = (keys.create(event.database, event.id, scope="read") for _ in range(2))
    push(event, "a@example.com")
    with (
        open_stream(event, first.text, "?after=0") as busy,
        open_stream(event, make_read_key(event), "?after=0") as other,
    ):
        take(busy, 1)
        keys.revoke(event.database, first.key.id)
        push(event, "secret@example.com")
        assert b"secret" not in busy.read_rest()
        assert [line["sequence"] for line in take(other, 2)] == [1, 2]
    with open_stream(event, second.text, "?after=2") as quiet:
        keys.revoke(event.database, second.key.id)
        assert [message.data for message in quiet.messages() if message.data] == []


def it_ends_when_the_key_expires(product: Product) -> None:
    event = product.make_event()
    issued = keys.create(event.database, event.id, scope="read", expires_in_us=2_000_000)
    with open_stream(event, issued.text, "?after=0") as reader:
        assert list(reader.lines()) == []
    assert event.get("/changes", key=issued.text).status_code == 401


def of_an_archived_event_reading_goes_on(product: Product) -> None:
    event = product.make_event()
    push(event, "a@example.com")
    with open_stream(event, make_read_key(event), "?after=0") as reader:
        event_room.archive(event.database, event.id)
        assert take(reader, 1)[0]["sequence"] == 1
        assert event.push({"profile": {"email": "b@example.com"}}).status_code == 401
        assert next(message for message in reader.messages() if message.comment)


HEARTBEAT_STORIES = [
    a_heartbeat_comes_and_moves_on_who_sees_little,
    it_ends_when_the_key_is_revoked,
    it_ends_when_the_key_expires,
    of_an_archived_event_reading_goes_on,
]


def test_what_a_heartbeat_brings(product: Product) -> None:
    with ThreadPoolExecutor(len(HEARTBEAT_STORIES)) as pool:
        told = {story.__name__: pool.submit(story, product) for story in HEARTBEAT_STORIES}
    assert {name: story.exception() for name, story in told.items()} == dict.fromkeys(told)


def test_a_large_message_comes_whole(product: Product) -> None:
    event = product.make_event()
    with open_stream(event, make_read_key(event), "?after=0") as reader:
        for number in range(3):
            push(event, "john@example.com", biography=str(number) * 400_000)
        lines = take(reader, 3)
    assert [line["changes"][-1]["new"][:1] for line in lines] == ["0", "1", "2"]
    assert [len(line["changes"][-1]["new"]) for line in lines] == [400_000] * 3


def test_it_ends_when_the_server_stops_and_goes_on_with_the_next_one(start_product: Callable[..., Product]) -> None:
    product = start_product()
    event = product.make_event()
    key = make_read_key(event)
    push(event, "a@example.com")
    readers = [open_stream(event, key, "?after=0") for _ in range(20)]
    for reader in readers:
        take(reader, 1)
    product.server.stop()
    for reader in readers:
        assert reader.read_rest() == b""
        reader.close()
    assert "cut off" not in product.server.log_path.read_text()
    product.server.start()
    event.move_to(product.server)
    with open_stream(event, key, last_id=1) as reader:
        push(event, "b@example.com")
        assert [line["sequence"] for line in take(reader, 1)] == [2]


def test_who_does_not_read_does_not_hold_up_the_end(start_product: Callable[..., Product]) -> None:
    """He is cut off before requests that take long are."""
    product = start_product()
    event = product.make_event()
    key = make_read_key(event)
    stuck = [open_stream(event, key, "?after=0") for _ in range(5)]
    rows = [{"profile": {"email": f"p{number}@example.com", "biography": "x" * 20_000}} for number in range(500)]
    event.batch_ok(rows, "?receipts=summary")
    take(stuck[0], 1)
    product.server.stop()
    for reader in stuck:
        reader.close()
    log = product.server.log_path.read_text()
    assert "cut off" not in log
    assert "Traceback" not in log


def test_cursors_go_on_after_kill_9(start_product: Callable[..., Product]) -> None:
    product = start_product()
    event = product.make_event()
    key = make_read_key(event)
    push(event, "a@example.com")
    with open_stream(event, key, "?after=0") as reader:
        take(reader, 1)
        product.server.kill()
        reader.read_rest()
    product.server.start()
    event.move_to(product.server)
    push(event, "b@example.com")
    with open_stream(event, key, last_id=reader.last_id) as again:
        assert [line["sequence"] for line in take(again, 1)] == [2]
    assert [line["sequence"] for line in poll(event, key, "?after=1")["changes"]] == [2]


def test_followers_who_do_not_read_hold_up_nobody_and_grow_no_memory(start_product: Callable[..., Product]) -> None:
    """Two hundred sockets from which nothing is read, while more is pushed than all buffers on the way hold."""
    product = start_product()
    event = product.make_event()
    key = make_read_key(event)
    push(event, "a@example.com")
    stuck = [open_stream(event, key, "?after=0") for _ in range(200)]
    try:
        with open_stream(event, key, "?after=1") as quick:
            rows = [{"profile": {"email": f"p{number}@example.com", "biography": "x" * 1_000}} for number in range(500)]
            event.batch_ok(rows, "?receipts=summary")
            assert [line["sequence"] for line in take(quick, 500)] == list(range(2, 502))
            sizes = []
            for round_ in range(16):
                for row in rows:
                    row["profile"]["biography"] = str(round_ % 10) * 1_000
                event.batch_ok(rows, "?receipts=summary")
                sizes.append(_resident_mib(product))
            # Whoever reads has it all while the others still hold what they were sent first.
            assert take(quick, 16 * 500)[-1]["sequence"] == 501 + 16 * 500
        # Once all that lies on the way is full nothing is added for them: two hundred copies of what was pushed since
        # would be more than 1,600 MiB.
        assert sizes[-1] - sizes[7] < 150
        # And they are not lost: whoever begins to read gets everything in order, from the log.
        assert [line["sequence"] for line in take(stuck[0], 5_000)] == list(range(1, 5_001))
    finally:
        for reader in stuck:
            reader.close()


def _resident_mib(product: Product) -> float:
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{product.server.pid}/status").read_text())
    assert found
    return int(found[1]) / 1024


def add_titles(event: TestedEvent, count: int) -> None:
    for number in range(count):
        push(event, f"p{number}@example.com", title="CTO")


def test_who_is_far_behind_is_served_from_the_log_in_order(product: Product) -> None:
    event = product.make_event()
    key = make_read_key(event)
    event.batch_ok([{"profile": {"email": f"p{number}@example.com"}} for number in range(3_000)], "?receipts=summary")
    with open_stream(event, key, "?after=0") as reader:
        adding = run_beside(lambda: add_titles(event, 50))
        assert [line["sequence"] for line in take(reader, 3_050)] == list(range(1, 3_051))
        adding.join()


def test_what_is_erased_is_not_sent_from_what_was_kept(product: Product) -> None:
    """Who comes back with an older cursor gets the line without values, though the batch was in memory."""
    event = product.make_event()
    key = make_read_key(event)
    with open_stream(event, key, "?after=0") as reader:
        push(event, "john@example.com", title="Chief Secret Officer")
        take(reader, 1)
        erase.erase(event.database, Configurations(event.database), event.id, "john@example.com", "test")
        assert take(reader, 1)[0]["kind"] == "erased"
        with open_stream(event, key, "?after=0") as late:
            lines = take(late, 2)
    assert [(line["kind"], line["email"], line["changes"]) for line in lines] == [
        ("created", None, []),
        ("erased", None, []),
    ]


def test_limits_hold_in_the_stream_too(product: Product) -> None:
    event = product.make_event()
    push(event, "v@example.com", "VIP", title="CTO", phone="+49")
    key = make_read_key(event, groups=["VIP"], fields=["title"])
    with open_stream(event, key, "?after=0&payload=") as reader:
        [line] = take(reader, 1)
        paths = [one["path"] for one in line["changes"]]
        assert (line["email"], paths) == (None, ["profile.title", "eventInfo.groups.groupNames"])
        push(event, "v@example.com", "VIP", phone="+48")
        push(event, "v@example.com", title="CXO")
        assert [one["kind"] for one in take(reader, 1)] == ["left"]
    with open_stream(event, make_read_key(event), "?after=0&payload=flat") as reader:
        assert take(reader, 1)[0]["payload"]["profile.title"] == "CTO"
