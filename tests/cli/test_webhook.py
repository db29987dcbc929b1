"""`turnout webhook`, beside a running server and with a receiver that is there."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.cli.conftest import Cli, person
from tests.databases import settings_of
from tests.downstream.webhooks.queued import park
from tests.patience import PATIENCE_S
from tests.product import Product, TestedEvent
from tests.receivers import Receiver, say
from turnout.downstream.webhooks import endpoint
from turnout.model.webhook import MAX_PARKED
from turnout.operations.doctor import diagnose
from turnout.store import webhooks

ANN, BOB, CARL = "ann@example.org", "bob@example.org", "carl@example.org"
PUBLIC = "https://1.1.1.1/turnout"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def desk(product: Product, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """The command line beside the server."""
    return beside(product, monkeypatch)


@pytest.fixture
def event(product: Product) -> TestedEvent:
    return product.make_event()


def beside(product: Product, monkeypatch: pytest.MonkeyPatch) -> Cli:
    url = product.server.environment["TURNOUT_DATABASE_URL"]
    for name, value in settings_of(url).items():
        monkeypatch.setenv(name, value)
    return Cli(url)


def make(cli: Cli, event: TestedEvent, receiver: Receiver, *options: str) -> str:
    """A webhook's id."""
    made = cli.json("webhook", "create", "--event", event.slug, "--url", receiver.url, "--allow-private", *options)
    assert made.keys() == {"id", "secret"}
    return str(made["id"])


def wait_for_state(cli: Cli, webhook_id: str, state: str, number: int = 1) -> list[dict[str, Any]]:
    """So many deliveries in this state, as soon as that is recorded, which is behind the answer."""
    found: list[dict[str, Any]] = []

    def list_them() -> bool:
        found[:] = cli.json("webhook", "deliveries", webhook_id, "--state", state, "--limit", "10000")["deliveries"]
        return len(found) >= number

    wait_until(list_them)
    return found


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline, "It has not come about."
        time.sleep(0.02)


# --- Setting up ------------------------------------------------------------------------------------------------------


def test_a_webhook_is_made_listed_and_shown_and_its_secret_never_again(cli: Cli) -> None:
    cli.make_event()
    made = cli.json(
        "webhook", "create", "--event", "spring", "--url", PUBLIC, "--kinds", "created,left", "--fields", "email,title"
    )
    assert made["secret"].startswith("whsec_")
    (listed,) = cli.json("webhook", "list")["webhooks"]
    assert listed | {"createdAt": "", "actor": ""} == {
        "id": made["id"],
        "event": "spring",
        "url": PUBLIC,
        "kinds": ["created", "left"],
        "groups": None,
        "fields": ["email", "title"],
        "allowPrivate": False,
        "state": "active",
        "reason": None,
        "failing": False,
        "secretGood": True,
        "lag": 0,
        "waiting": 0,
        "parkedAttendees": 0,
        "formerSecretUntil": None,
        "createdAt": "",
        "actor": "",
    }
    shown = cli.json("webhook", "show", made["id"])
    assert shown["events"] == [{"slug": "spring", "cursor": 0, "head": 0, "lag": 0}]
    assert (shown["lastSuccessAt"], shown["lastFailure"], shown["waitingSince"]) == (None, None, None)
    for command in (("list",), ("show", made["id"])):
        for text in (cli.text("webhook", *command), cli.text("webhook", *command, "--json")):
            assert "whsec_" not in text
            assert made["secret"][6:] not in text


def test_it_is_of_one_event_or_of_all(cli: Cli) -> None:
    cli.make_event("spring")
    cli.make_event("autumn")
    cli.run("webhook", "create", "--url", PUBLIC, code=2)
    cli.run("webhook", "create", "--url", PUBLIC, "--event", "spring", "--all-events", code=2)
    of_spring = cli.json("webhook", "create", "--event", "spring", "--url", PUBLIC)["id"]
    of_all = cli.json("webhook", "create", "--all-events", "--url", PUBLIC)["id"]
    listed = cli.json("webhook", "list", "--event", "autumn")["webhooks"]
    assert [(one["id"], one["event"]) for one in listed] == [(of_all, None)]
    assert [one["id"] for one in cli.json("webhook", "list", "--event", "spring")["webhooks"]] == [of_spring, of_all]
    assert {place["slug"] for place in cli.json("webhook", "show", of_all)["events"]} == {"spring", "autumn"}
    assert "all events" in cli.text("webhook", "list")


def test_what_cannot_be_meant_is_said(cli: Cli) -> None:
    cli.make_event()
    assert "There is no event nowhere" in cli.error("webhook", "create", "--event", "nowhere", "--url", PUBLIC)
    said = cli.error("webhook", "create", "--event", "spring", "--url", "http://127.0.0.1:9000/", "--kinds", "creatd")
    assert "127.0.0.1 is this machine itself. If it is meant, say --allow-private" in said
    assert "Did you mean created?" in said
    for command in ("show", "pause", "resume", "test", "rotate", "deliveries"):
        assert "There is no webhook whk_0" in cli.error("webhook", command, "whk_0")
    assert "There is no webhook whk_0" in cli.error("webhook", "delete", "whk_0", "--yes")
    assert cli.json("webhook", "list") == {"webhooks": []}
    assert "There are no webhooks" in cli.text("webhook", "list")


def test_an_address_without_tls_is_made_with_a_word_of_warning(cli: Cli) -> None:
    cli.make_event()
    said = cli.run("webhook", "create", "--event", "spring", "--url", "http://1.1.1.1/")
    assert "in the open" in said.stderr
    assert "in the open" not in cli.run("webhook", "create", "--event", "spring", "--url", PUBLIC).stderr


def test_an_address_that_leads_nowhere_is_made_with_a_word_of_how_to_try_it(cli: Cli) -> None:
    cli.make_event()
    said = cli.run("webhook", "create", "--event", "spring", "--url", "https://nowhere.invalid/hook")
    assert "cannot be looked up" in said.stderr
    assert "turnout webhook test whk_" in said.stderr
    assert "looked up" not in cli.run("webhook", "create", "--event", "spring", "--url", PUBLIC).stderr


def test_what_went_wrong_is_helped_in_the_command_lines_own_words(cli: Cli) -> None:
    cli.make_event()
    error = json.loads(cli.run("webhook", "show", "whk_0", "--json", code=1).stderr)["error"]
    assert error["code"] == "not_found"
    assert "address" not in error["help"]
    assert "/docs" not in error["help"]


def test_it_is_paused_and_resumed(cli: Cli) -> None:
    cli.make_event()
    its_id = cli.json("webhook", "create", "--event", "spring", "--url", PUBLIC)["id"]
    paused = {"id": its_id, "state": "paused", "reason": "They move"}
    assert cli.json("webhook", "pause", its_id, "--reason", "They move") == paused
    assert "paused: They move" in cli.text("webhook", "show", its_id)
    assert cli.json("webhook", "resume", its_id) == {"id": its_id, "state": "active", "reason": None}
    assert "It was active" in cli.text("webhook", "resume", its_id)
    cli.run("webhook", "pause", its_id)
    assert "goes on where it stopped" in cli.text("webhook", "resume", its_id)


def test_all_are_paused_before_a_copy_is_started(cli: Cli) -> None:
    cli.make_event()
    first, second, off = (cli.json("webhook", "create", "--all-events", "--url", PUBLIC)["id"] for _ in range(3))
    cli.run("webhook", "pause", first, "--reason", "Mine")
    database = cli.open()
    with database.write() as connection:
        webhooks.set_state(connection, endpoint.get_webhook(database, off), "off", "It answered 410.")
    database.close()
    cli.run("webhook", "pause", code=2)
    cli.run("webhook", "pause", first, "--all", code=2)
    assert cli.json("webhook", "pause", "--all", "--reason", "A copy") == {"paused": [second]}
    states = [(one["state"], one["reason"]) for one in cli.json("webhook", "list")["webhooks"]]
    assert states == [("paused", "Mine"), ("paused", "A copy"), ("off", "It answered 410.")]
    assert cli.text("webhook", "pause", "--all") == "None was active.\n"


def test_deleting_asks_first(cli: Cli) -> None:
    cli.make_event()
    its_id = cli.json("webhook", "create", "--event", "spring", "--url", PUBLIC)["id"]
    assert PUBLIC in cli.run("webhook", "delete", its_id, stdin="n\n", code=1).stdout
    assert "needs --yes" in cli.run("webhook", "delete", its_id, "--json", code=1).stderr
    assert len(cli.json("webhook", "list")["webhooks"]) == 1
    assert cli.json("webhook", "delete", its_id, "--yes") == {"id": its_id, "deleted": True, "deliveries": 0}
    assert cli.json("webhook", "list") == {"webhooks": []}


# --- Delivering ------------------------------------------------------------------------------------------------------


def test_what_was_delivered_is_listed_and_shown_whole(desk: Cli, event: TestedEvent, receiver: Receiver) -> None:
    receiver.answer_with(say(200, b"thanks"))
    its_id = make(desk, event, receiver)
    receipt = event.push_ok(person(ANN, title="CTO"))
    [request] = receiver.wait_for(1)
    (listed,) = wait_for_state(desk, its_id, "delivered")
    assert (listed["id"], listed["event"], listed["sequence"]) == (request.id, event.slug, receipt["sequence"])
    assert (listed["type"], listed["attendeeId"]) == ("attendee.created", receipt["attendee"]["id"])
    assert (listed["attempts"], listed["lastStatus"], listed["lastError"]) == (1, 200, None)
    whole = desk.json("webhook", "deliveries", its_id, "--delivery", request.id)
    assert whole["request"]["body"] == request.body.decode()
    for name in ("webhook-id", "webhook-timestamp", "webhook-signature", "content-type", "user-agent"):
        assert whole["request"]["headers"][name] == request.headers[name]
    (answer,) = whole["answers"]
    assert (answer["status"], answer["error"], answer["answer"]) == (200, None, "thanks")
    shown = desk.text("webhook", "deliveries", its_id, "--delivery", request.id)
    assert "CTO" in shown
    assert "thanks" in shown
    assert request.id in desk.text("webhook", "deliveries", its_id)
    assert "no delivery dlv_0" in desk.error("webhook", "deliveries", its_id, "--delivery", "dlv_0")
    described = desk.json("webhook", "show", its_id)
    assert (described["lag"], described["waiting"], described["lastFailure"]) == (0, 0, None)
    assert described["lastSuccessAt"] == answer["at"]


def test_deliveries_come_page_by_page(desk: Cli, event: TestedEvent, receiver: Receiver) -> None:
    its_id = make(desk, event, receiver)
    for email in (ANN, BOB, CARL):
        event.push_ok(person(email))
    wait_for_state(desk, its_id, "delivered", 3)
    first = desk.json("webhook", "deliveries", its_id, "--limit", "2")
    rest = desk.json("webhook", "deliveries", its_id, "--limit", "2", "--before", first["next"])
    sequences = [one["sequence"] for one in (*first["deliveries"], *rest["deliveries"])]
    assert sequences == [3, 2, 1]
    assert rest["next"] is None
    assert f"--before {first['next']}" in desk.run("webhook", "deliveries", its_id, "--limit", "2").stderr


def test_what_fails_is_told_with_its_answer_and_resuming_tries_it_at_once(
    desk: Cli, event: TestedEvent, receiver: Receiver
) -> None:
    receiver.answer_with(say(503, b"the cat sat on the server"))
    its_id = make(desk, event, receiver)
    event.push_ok(person(ANN))
    (parked,) = wait_for_state(desk, its_id, "parked")
    assert parked["lastStatus"] == 503
    assert parked["nextAt"] is not None
    described = desk.json("webhook", "show", its_id)
    assert (described["parkedAttendees"], described["waiting"], described["failing"]) == (1, 1, False)
    assert described["waitingSince"] == parked["createdAt"]
    assert described["lastSuccessAt"] is None
    assert "503" in described["lastFailure"]
    shown = desk.text("webhook", "deliveries", its_id, "--delivery", str(parked["id"]))
    assert "the cat sat on the server" in shown
    assert f"turnout webhook resume {its_id}" in desk.error(
        "webhook", "resend", its_id, "--delivery", str(parked["id"])
    )
    receiver.answer_with(say(204))
    desk.run("webhook", "resume", its_id)
    (delivered,) = wait_for_state(desk, its_id, "delivered")
    assert delivered["id"] == parked["id"]
    assert desk.json("webhook", "show", its_id)["parkedAttendees"] == 0


def test_a_paused_webhook_is_sent_nothing_and_misses_nothing(desk: Cli, event: TestedEvent, receiver: Receiver) -> None:
    other = make(desk, event, receiver, "--kinds", "withdrawn")
    its_id = make(desk, event, receiver, "--kinds", "created")
    desk.run("webhook", "pause", its_id)
    event.push_ok(person(ANN))
    event.push_ok({"profile": {"email": ANN}, "eventInfo": {"attending": False}})
    # The other one has come by the whole log.
    wait_for_state(desk, other, "delivered")
    assert desk.json("webhook", "show", its_id)["lag"] == 2
    desk.run("webhook", "resume", its_id)
    requests = receiver.wait_for(2)
    assert [request.topic for request in requests] == ["attendee.withdrawn", "attendee.created"]


def test_what_a_webhook_that_is_not_active_has_to_deliver_has_no_next_try(
    desk: Cli, event: TestedEvent, receiver: Receiver
) -> None:
    receiver.answer_with(say(503))
    its_id = make(desk, event, receiver)
    event.push_ok(person(ANN))
    (parked,) = wait_for_state(desk, its_id, "parked")
    desk.run("webhook", "pause", its_id)
    (listed,) = desk.json("webhook", "deliveries", its_id)["deliveries"]
    assert (listed["state"], listed["nextAt"]) == ("parked", None)
    assert desk.json("webhook", "deliveries", its_id, "--delivery", parked["id"])["nextAt"] is None
    assert f"turnout webhook resume {its_id}" in desk.run("webhook", "deliveries", its_id).stderr


def test_the_last_success_and_failure_are_those_of_all_that_was_ever_sent(
    desk: Cli, event: TestedEvent, receiver: Receiver
) -> None:
    receiver.answer_with(say(503), say(204))
    its_id = make(desk, event, receiver)
    event.push_ok(person(ANN))
    (failed,) = wait_for_state(desk, its_id, "parked")
    event.push_ok(person(BOB))
    (delivered,) = wait_for_state(desk, its_id, "delivered")
    # Many that are newer, and never were sent.
    park(event.database, event.id, its_id, 600)
    described = desk.json("webhook", "show", its_id)

    def find_time(delivery: dict[str, Any]) -> str:
        whole = desk.json("webhook", "deliveries", its_id, "--delivery", delivery["id"])
        return str(whole["answers"][-1]["at"])

    assert described["lastFailureAt"] == find_time(failed)
    assert described["lastFailure"] == "503: service unavailable"
    assert described["lastSuccessAt"] == find_time(delivered)


def test_of_who_is_erased_the_log_says_how_often_it_was_tried_and_not_what_was_answered(
    desk: Cli, event: TestedEvent, receiver: Receiver
) -> None:
    receiver.answer_with(say(503, b"no room for ann"))
    its_id = make(desk, event, receiver, "--kinds", "created")
    event.push_ok(person(ANN))
    (parked,) = wait_for_state(desk, its_id, "parked")
    desk.run("webhook", "resume", its_id)
    receiver.wait_for(2)
    wait_until(lambda: desk.json("webhook", "deliveries", its_id)["deliveries"][0]["attempts"] == 2)
    desk.run("attendees", "erase", "--event", event.slug, ANN, "--yes")
    (listed,) = desk.json("webhook", "deliveries", its_id)["deliveries"]
    assert (listed["id"], listed["state"], listed["attempts"]) == (parked["id"], "erased", 2)
    assert (listed["lastStatus"], listed["nextAt"]) == (503, None)
    whole = desk.json("webhook", "deliveries", its_id, "--delivery", parked["id"])
    assert whole["request"]["body"] is None
    assert [one["answer"] for one in whole["answers"]] == [None, None]
    assert "erased" in desk.text("webhook", "deliveries", its_id)
    states = {
        state: [one["id"] for one in desk.json("webhook", "deliveries", its_id, "--state", state)["deliveries"]]
        for state in ("erased", "given_up")
    }
    assert states == {"erased": [parked["id"]], "given_up": []}


def test_410_switches_it_off_until_it_is_resumed(desk: Cli, event: TestedEvent, receiver: Receiver) -> None:
    receiver.answer_with(say(410), say(204))
    its_id = make(desk, event, receiver)
    event.push_ok(person(ANN))
    receiver.wait_for(1)
    wait_until(lambda: desk.json("webhook", "show", its_id)["state"] == "off")
    assert "410" in desk.json("webhook", "show", its_id)["reason"]
    assert f"turnout webhook resume {its_id}" in desk.text("webhook", "show", its_id)
    desk.run("webhook", "resume", its_id)
    first, second = receiver.wait_for(2)
    assert first.id == second.id


def test_a_test_is_sent_at_once_and_tells_what_came_back(desk: Cli, event: TestedEvent, receiver: Receiver) -> None:
    made = desk.json("webhook", "create", "--event", event.slug, "--url", receiver.url, "--allow-private")
    tried = desk.json("webhook", "test", made["id"])
    assert (tried["ok"], tried["status"]) == (True, 204)
    [request] = receiver.wait_for(1)
    assert request.topic == "webhook.test"
    assert request.is_signed(made["secret"])
    receiver.answer_with(say(500))
    failed = desk.json("webhook", "test", made["id"], code=1)
    assert (failed["ok"], failed["status"]) == (False, 500)
    assert "It did not work: 500" in desk.text("webhook", "test", made["id"], code=1)
    assert desk.json("webhook", "deliveries", made["id"])["deliveries"] == []


def test_requests_are_signed_with_both_secrets_while_they_overlap(
    desk: Cli, event: TestedEvent, receiver: Receiver
) -> None:
    made = desk.json("webhook", "create", "--event", event.slug, "--url", receiver.url, "--allow-private")
    rotated = desk.json("webhook", "rotate", made["id"])
    assert rotated.keys() == {"id", "secret"}
    assert desk.json("webhook", "show", made["id"])["formerSecretUntil"] is not None
    event.push_ok(person(ANN))
    [request] = receiver.wait_for(1)
    assert request.is_signed(made["secret"], rotated["secret"])
    latest = desk.json("webhook", "rotate", made["id"], "--overlap", "0")
    event.push_ok(person(BOB))
    _, request = receiver.wait_for(2)
    assert request.is_signed(latest["secret"])
    assert not request.is_signed(made["secret"])
    assert not request.is_signed(rotated["secret"])


def test_a_delivery_is_sent_once_more_with_the_id_that_it_had(
    desk: Cli, event: TestedEvent, receiver: Receiver
) -> None:
    its_id = make(desk, event, receiver)
    event.push_ok(person(ANN))
    (delivered,) = wait_for_state(desk, its_id, "delivered")
    desk.run("webhook", "resend", its_id, code=2)
    desk.run("webhook", "resend", its_id, "--delivery", "dlv_0", "--since", "1", code=2)
    again = desk.json("webhook", "resend", its_id, "--delivery", str(delivered["id"]))
    assert again == {"id": its_id, "delivery": delivered["id"]}
    first, second = receiver.wait_for(2)
    assert (first.id, first.body) == (second.id, second.body)
    assert "no delivery dlv_0" in desk.error("webhook", "resend", its_id, "--delivery", "dlv_0")


def test_all_from_a_change_on_is_sent_once_more_and_what_was_there_before_it_too(
    desk: Cli, event: TestedEvent, receiver: Receiver
) -> None:
    event.push_ok(person(ANN))
    its_id = make(desk, event, receiver)
    for email in (BOB, CARL):
        event.push_ok(person(email))
    wait_for_state(desk, its_id, "delivered", 2)
    assert desk.json("webhook", "resend", its_id, "--since", "3") == {"id": its_id, "since": 3, "changes": 1}
    first = receiver.wait_for(3)
    assert sorted(request.sequence for request in first) == [2, 3, 3]
    desk.run("webhook", "resend", its_id, "--since", "1", "--event", event.slug)
    requests = receiver.wait_for(6)
    assert sorted(request.sequence for request in requests[3:]) == [1, 2, 3]
    of_carl = {request.id for request in first if request.sequence == 3}
    assert {request.id for request in requests if request.sequence == 3} == of_carl
    assert len(of_carl) == 1


def test_what_there_is_not_to_be_sent_once_more_is_told(desk: Cli, event: TestedEvent, receiver: Receiver) -> None:
    event.push_ok(person(ANN))
    its_id = make(desk, event, receiver)
    desk.run("webhook", "pause", its_id)
    event.push_ok(person(BOB))
    assert "ends with 2: there is no change 3 yet" in desk.error("webhook", "resend", its_id, "--since", "3")
    assert "come by themselves" in desk.text("webhook", "resend", its_id, "--since", "2")
    assert "new changes come behind that" in desk.text("webhook", "resend", its_id, "--since", "1")


def test_what_is_sent_once_more_is_of_one_event(
    start_product: Callable[..., Product], receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    product = start_product()
    desk = beside(product, monkeypatch)
    spring, autumn = product.make_event(), product.make_event()
    its_id = make(desk, spring, receiver)
    assert "is not told of the event" in desk.error("webhook", "resend", its_id, "--since", "1", "--event", autumn.slug)
    of_all = desk.json("webhook", "create", "--all-events", "--url", receiver.url, "--allow-private")["id"]
    assert "of which one" in desk.error("webhook", "resend", of_all, "--since", "1")


def test_a_webhook_of_all_events_is_told_of_those_before_and_those_to_come(
    start_product: Callable[..., Product], receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    product = start_product()
    desk = beside(product, monkeypatch)
    spring, quiet = product.make_event(), product.make_event()
    spring.push_ok(person("before@example.org"))
    its_id = desk.json("webhook", "create", "--all-events", "--url", receiver.url, "--allow-private")["id"]
    autumn = product.make_event()
    for event in (spring, quiet, autumn):
        event.push_ok(person(ANN))
    requests = receiver.wait_for(3)
    told = {(request.json["data"]["event"]["slug"], request.sequence) for request in requests}
    assert told == {(spring.slug, 2), (quiet.slug, 1), (autumn.slug, 1)}
    wait_for_state(desk, its_id, "delivered", 3)
    assert len(receiver.requests) == 3
    places = desk.json("webhook", "show", its_id)["events"]
    assert {(place["slug"], place["cursor"], place["lag"]) for place in places} == {
        (spring.slug, 2, 0),
        (quiet.slug, 1, 0),
        (autumn.slug, 1, 0),
    }
    of_quiet = desk.json("webhook", "deliveries", its_id, "--event", quiet.slug)["deliveries"]
    assert [one["event"] for one in of_quiet] == [quiet.slug]


def test_a_limited_webhook_sees_only_what_it_may(desk: Cli, event: TestedEvent, receiver: Receiver) -> None:
    event.push_ok(person("first@example.org", ["Crew", "Press"]))
    make(desk, event, receiver, "--groups", "Crew", "--fields", "title")
    event.push_ok(person(ANN, ["Press"], phone="555 1234", title="Guest"))
    event.push_ok(person(BOB, ["Crew", "Press"], phone="555 9876", title="Sound"))
    event.push_ok(person(BOB, phone="555 0000"))
    event.push_ok(person(BOB, ["Press"]))
    came, left = receiver.wait_for(2)
    assert came.topic == "attendee.created"
    attendee = came.json["data"]["attendee"]
    assert (attendee["email"], attendee["profile"], attendee["groups"]) == (None, {"title": "Sound"}, ["Crew"])
    assert left.topic == "attendee.left"
    assert left.json["data"]["attendee"] == {"id": attendee["id"]}
    assert left.json["data"]["changes"] == []
    for hidden in (b"555 ", b"Press", ANN.encode(), BOB.encode(), b"Guest"):
        assert not any(hidden in request.body for request in receiver.requests)


def test_only_the_kinds_that_were_asked_for_are_told(desk: Cli, event: TestedEvent, receiver: Receiver) -> None:
    make(desk, event, receiver, "--kinds", "withdrawn,attendee.returned")
    event.push_ok(person(ANN, title="CTO"))
    event.push_ok(person(ANN, title="CEO"))
    event.push_ok({"profile": {"email": ANN}, "eventInfo": {"attending": False}})
    event.push_ok(person(ANN))
    assert [request.topic for request in receiver.wait_for(2)] == ["attendee.withdrawn", "attendee.returned"]


# --- Watching over them ----------------------------------------------------------------------------------------------


def test_metrics_and_the_doctor_tell_how_webhooks_are(
    start_product: Callable[..., Product], receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    product = start_product()
    desk = beside(product, monkeypatch)
    event = product.make_event()
    good, failing = make(desk, event, receiver), make(desk, event, receiver)
    assert find_checks(desk) == [("ok", "There are 2; none is failing or off.")]
    desk.run("webhook", "pause", failing)
    assert find_checks(desk) == [("ok", "There are 2, 1 of them paused; none is failing or off.")]
    desk.run("webhook", "resume", failing)
    event.push_ok(person(ANN))
    wait_for_state(desk, good, "delivered")
    wait_for_state(desk, failing, "delivered")
    desk.run("webhook", "pause", failing)
    event.push_ok(person(BOB))
    wait_for_state(desk, good, "delivered", 2)
    figures = read_metrics(product)
    assert figures["turnout_webhook_lag_changes", good] == 0
    assert figures["turnout_webhook_lag_changes", failing] == 1
    assert figures["turnout_webhook_parked", failing] == 0
    assert figures["turnout_webhook_failing", failing] == 0
    assert figures["turnout_webhook_attempts_total", "delivered"] == 3
    park(event.database, event.id, failing, MAX_PARKED)
    with event.database.write() as connection:
        # Not resumed: that would try them at once.
        webhooks.set_state(connection, endpoint.get_webhook(event.database, failing), "active", None)
    figures = read_metrics(product)
    assert figures["turnout_webhook_parked", failing] == MAX_PARKED
    assert figures["turnout_webhook_failing", failing] == 1
    assert figures["turnout_webhook_failing", good] == 0
    assert desk.json("webhook", "show", failing)["failing"]
    assert f"turnout webhook deliveries {failing} --state parked" in desk.text("webhook", "show", failing)
    ((state, message),) = find_checks(desk)
    assert state == "problem"
    assert f"{failing} ({receiver.url}) is failing: deliveries about 1,000 attendees fail" in message
    wait_until(lambda: "webhook_failing" in product.server.log_path.read_text())
    desk.run("webhook", "resume", failing)
    wait_for_state(desk, failing, "delivered", 1_002)
    wait_until(lambda: "webhook_recovered" in product.server.log_path.read_text())
    log = [line for line in product.server.log_path.read_text().splitlines() if "webhook_" in line]
    assert [line.count(failing) for line in log] == [1, 1]
    assert [state for state, _ in find_checks(desk)] == ["ok"]


def test_the_doctor_names_what_is_off_and_what_cannot_be_signed(cli: Cli) -> None:
    cli.make_event()
    off, lost = (cli.json("webhook", "create", "--event", "spring", "--url", PUBLIC)["id"] for _ in range(2))
    database = cli.open()
    with database.write() as connection:
        webhooks.set_state(connection, endpoint.get_webhook(database, off), "off", "It answered 410.")
        connection.exec_driver_sql(
            f"UPDATE webhooks SET secret = (SELECT secret FROM webhooks WHERE id = '{off}') WHERE id = '{lost}'"
        )
    database.close()
    first, second = find_checks(cli)
    assert first == ("warning", f"{off} ({PUBLIC}) is off: It answered 410.")
    assert second[0] == "problem"
    assert f"The secret of {lost}" in second[1]
    assert not cli.json("webhook", "show", lost)["secretGood"]
    assert f"turnout webhook rotate {lost}" in cli.text("webhook", "show", lost)
    cli.run("webhook", "rotate", lost)
    cli.run("webhook", "resume", off)
    assert [state for state, _ in find_checks(cli)] == ["ok"]


def find_checks(cli: Cli) -> list[tuple[str, str]]:
    """What the doctor says of webhooks, whatever else is wrong."""
    checks = diagnose(settings_of(cli.url)).checks
    return [(check.state, check.message) for check in checks if check.name == "webhooks"]


def read_metrics(product: Product) -> dict[tuple[str, str], float]:
    """By name and the one label."""
    text = product.client.get(f"{product.server.url}/metrics", headers={"X-Forwarded-For": "127.0.0.1"}).text
    figures = {}
    for line in text.splitlines():
        name, brace, rest = line.partition("{")
        if name.startswith("turnout_webhook") and brace:
            label, _, value = rest.partition("} ")
            figures[name, label.split('"')[1]] = float(value)
    return figures
