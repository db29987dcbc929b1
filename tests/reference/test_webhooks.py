"""What OpenAPI says of webhooks is what they are sent."""

from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest

from tests.databases import only_sqlite
from tests.downstream.webhooks.hooked import hook, person
from tests.product import Product
from tests.receivers import Receiver
from turnout.downstream.webhooks import message
from turnout.downstream.webhooks.resend import ping
from turnout.feed.acts import merge as merging
from turnout.feed.acts.scene import on_stage
from turnout.feed.configurations import Configurations
from turnout.feed.forget.erase import erase
from turnout.model.webhook import KINDS
from turnout.reference.openapi import webhooks
from turnout.reference.openapi.document import document
from turnout.reference.schemas.webhooks import TEST_TYPE

DOCUMENT = document("https://feed.example.org", "1.2.3")
OPERATION = DOCUMENT["webhooks"]["attendeeChanged"]["post"]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


def why_not(sent: Any) -> list[str]:
    schema = OPERATION["requestBody"]["content"]["application/json"]["schema"]
    whole = {**schema, "components": DOCUMENT["components"]}
    return [str(error) for error in jsonschema_rs.Draft202012Validator(whole, validate_formats=True).iter_errors(sent)]


@only_sqlite
def test_every_kind_of_message_is_as_it_is_described(product: Product, receiver: Receiver) -> None:
    event = product.make_event()
    event.push_ok(person("first@example.org", ["Crew"]))
    hooked, limited = hook(event, receiver), hook(event, receiver, groups=["Crew"], fields=["title"])
    event.push_ok(person("ann@example.org", ["Crew"], title="CTO"))
    event.push_ok(person("ann@example.org", ["Press"], title="CEO"))
    event.push_ok({"profile": {"email": "ann@example.org"}, "eventInfo": {"attending": False}})
    event.push_ok(person("ann@example.org"))
    event.push_ok(person("bob@example.org"))
    configurations = Configurations(event.database)
    with on_stage(event.database, configurations, event.id, "test") as scene:
        merging.merge(scene, "bob@example.org", "ann@example.org")
    hooked.wait_until(lambda found: len(found) == 7 and all(one.state == "delivered" for one in found))
    erase(event.database, configurations, event.id, "ann@example.org", "test")
    ping(event.database, limited.webhook)
    receiver.wait_until(lambda requests: sum(one.topic == "attendee.erased" for one in requests) >= 4)
    assert {one.topic for one in receiver.requests} == {*(f"attendee.{kind}" for kind in KINDS), message.TEST_TOPIC}
    assert [(one.topic, why) for one in receiver.requests if (why := why_not(one.json))] == []
    headers = {parameter["name"] for parameter in OPERATION["parameters"]}
    assert all(headers <= one.headers.keys() for one in receiver.requests)


def test_what_it_is_not_is_refused() -> None:
    assert TEST_TYPE == message.TEST_TOPIC
    assert why_not(webhooks.UPDATED) == []
    assert why_not(webhooks.UPDATED | {"type": "attendee.moved"})
    assert why_not({**webhooks.LEFT, "data": webhooks.LEFT["data"] | {"attendee": {"id": "att_1", "email": "a@x.org"}}})
    assert why_not({**webhooks.LEFT, "data": {"event": webhooks.LEFT["data"]["event"]}})
