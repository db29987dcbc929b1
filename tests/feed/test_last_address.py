"""When and from where a key was last used: kept with it, at most a minute old; the place until it is revoked."""

import time

from sqlalchemy import text

from tests.patience import PATIENCE_S
from tests.product import Product, TestedEvent
from turnout.events import keys, sources
from turnout.model.key import Key, read_key_id
from turnout.store import events

PERSON = {"profile": {"email": "ann@x.org"}}


def key_of(event: TestedEvent, text: str) -> Key:
    key_id = read_key_id(text)
    assert key_id is not None
    with event.database.read() as connection:
        key = events.find_key(connection, key_id)
    assert key is not None
    return key


def test_a_push_a_batch_and_a_dry_run_tell_from_where_the_key_was_used(product: Product) -> None:
    event = product.make_event()
    for path, body in (
        ("/attendees", PERSON),
        ("/attendees?dryRun=true", PERSON),
        ("/attendees/batch", [PERSON]),
        ("/attendees/batch?atomic=true", [PERSON]),
    ):
        key = event.make_source(path)
        assert key_of(event, key).last_address is None
        event.push_ok(body, path=path, key=key, headers={"X-Forwarded-For": "2001:db8::17"})
        used = key_of(event, key)
        assert (used.last_address, used.last_used_at is None) == ("2001:db8::17", False)


def test_a_revoked_key_forgets_it(product: Product) -> None:
    event = product.make_event()
    revoked, retired = event.make_source("revoked"), event.make_source("retired")
    for key in (revoked, retired):
        event.push_ok(PERSON, key=key)
        assert key_of(event, key).last_address
    keys.revoke(event.database, key_of(event, revoked).id)
    sources.retire(event.database, event.id, "retired")
    for key in (revoked, retired):
        used = key_of(event, key)
        assert (used.last_address, used.last_used_at is None) == (None, False)


def test_a_rotated_key_keeps_it_while_it_is_good(product: Product) -> None:
    event = product.make_event()
    event.push_ok(PERSON, headers={"X-Forwarded-For": "203.0.113.9"})
    keys.rotate(event.database, key_of(event, event.key).id, 60_000_000)
    assert key_of(event, event.key).last_address == "203.0.113.9"


def test_who_hands_in_by_hand_uses_no_key(product: Product) -> None:
    """And a wrong key is nobody's."""
    event = product.make_event()
    event.push(PERSON, key=event.key[:-1] + "x", headers={"X-Forwarded-For": "203.0.113.9"})
    assert key_of(event, event.key).last_address is None


def read_with(event: TestedEvent, key: str, path: str, address: str) -> None:
    headers = {"Api-Key": key, "X-Forwarded-For": address}
    response = event.product.client.get(f"{event.gateway}{path}", headers=headers)
    assert response.status_code == 200


def wait_until_used(event: TestedEvent, text: str) -> Key:
    """It is written behind the answer."""
    deadline = time.monotonic() + PATIENCE_S
    while (key := key_of(event, text)).last_used_at is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return key


def test_reading_tells_when_and_from_where_a_read_key_was_used(product: Product) -> None:
    event = product.make_event()
    for path in ("/attendees", "/changes", "/groups", "/exports"):
        reader = keys.create(event.database, event.id, scope="read").text
        assert key_of(event, reader).last_used_at is None
        read_with(event, reader, path, "2001:db8::18")
        assert wait_until_used(event, reader).last_address == "2001:db8::18"


def test_it_is_written_once_a_minute_however_often_somebody_reads(product: Product) -> None:
    event = product.make_event()
    reader, other = (keys.create(event.database, event.id, scope="read").text for _ in range(2))
    read_with(event, reader, "/attendees", "2001:db8::19")
    first = wait_until_used(event, reader)
    read_with(event, reader, "/attendees", "2001:db8::20")
    # Writing is one behind the other: when this one is there, that would be.
    read_with(event, other, "/attendees", "2001:db8::20")
    wait_until_used(event, other)
    assert key_of(event, reader) == first


def test_another_process_writes_it_only_where_it_is_a_minute_old(product: Product) -> None:
    event = product.make_event()
    key = key_of(event, keys.create(event.database, event.id, scope="read").text)

    def touch(at: int) -> int | None:
        with event.database.write() as connection:
            events.touch_key(connection, event.id, key.id, at, "::1", not_since=at - 60)
            return connection.execute(text("SELECT last_used_at FROM keys WHERE id = :id"), {"id": key.id}).scalar()

    assert [touch(at) for at in (1_000, 1_059, 1_061)] == [1_000, 1_000, 1_061]
    keys.revoke(event.database, key.id)
    assert touch(2_000) == 1_061


def test_reading_is_no_push(product: Product) -> None:
    event = product.make_event()
    reader = keys.create(event.database, event.id, scope="read").text
    read_with(event, reader, "/attendees", "2001:db8::21")
    wait_until_used(event, reader)
    response = event.product.client.get(f"{event.gateway}/key", headers={"Api-Key": reader})
    assert response.json()["lastPushAt"] is None
