"""Webhooks that are told of an event: made, stopped, tried, given a new secret, deleted; and what was delivered."""

from typing import get_args

import msgspec

from turnout import errors
from turnout.api.operation import (
    HOUR_US,
    Call,
    Given,
    Items,
    Operation,
    Taken,
    as_time,
    read_overlap,
    say_time,
)
from turnout.downstream.webhooks import endpoint, health, resend
from turnout.downstream.webhooks.endpoint import show_host
from turnout.downstream.webhooks.health import Health
from turnout.downstream.webhooks.results import describe_attempt
from turnout.model.webhook import Delivery, ShownState, Webhook
from turnout.store import delivery_log

_STATES: tuple[ShownState, ...] = get_args(ShownState)


class WebhookShown(Given, frozen=True, kw_only=True):
    """One webhook and how it is now."""

    id: str
    url: str
    """Only its host for who may not change it: some carry a secret."""
    is_of_all_events: bool
    state: str
    """`active`, `paused`, or `off`: switched off by its own answer."""
    reason: str | None
    is_failing: bool
    is_secret_good: bool
    lag_changes: int
    """Changes that it has not come to."""
    kinds: list[str] | None
    groups: list[str] | None
    fields: list[str] | None
    created_at: str


class WebhookWhole(WebhookShown, frozen=True, kw_only=True):
    """One webhook, and how it did of late."""

    success_at: str | None
    """When a request was last answered well."""
    failure_at: str | None
    failure: str | None
    """What went wrong then."""
    waiting: int
    """Deliveries that are neither delivered nor given up."""


class NewWebhook(Taken, frozen=True, kw_only=True):
    """What a webhook is to be; limits that are left out are none."""

    url: str
    kinds: list[str] | None = None
    groups: list[str] | None = None
    fields: list[str] | None = None
    allow_private: bool = False
    """Whether it may be on a private network: for administrators."""


class NewSecret(Taken, frozen=True, kw_only=True):
    """How long requests are signed with the old secret too."""

    overlap_hours: int = 24


class MadeWebhook(Given, frozen=True, kw_only=True):
    """A webhook, with its secret this once."""

    webhook: WebhookShown
    secret: str
    """`whsec_…`"""


class TestResult(Given, frozen=True, kw_only=True):
    """What a test request came to."""

    status: int | None
    """Null where there was no answer."""
    error: str | None
    took_ms: int


class DeliveryShown(Given, frozen=True, kw_only=True):
    """One delivery, without what it says of anybody."""

    id: str
    sequence: int
    topic: str
    attendee_id: str
    state: str
    """`erased`: it was not sent any more, because the person was erased."""
    attempts: int
    last: str | None
    """What the last one came to."""
    next_at: str | None
    created_at: str
    finished_at: str | None


def list_webhooks(call: Call) -> Items[WebhookShown]:
    return Items(items=[_show(call, one) for one in _list(call)])


def show_webhook(call: Call) -> WebhookWhole:
    its = _get(call)
    _, details = health.get_details(call.database, its.webhook.id)
    return WebhookWhole(
        **msgspec.structs.asdict(_show(call, its)),
        success_at=as_time(details.success_at),
        failure_at=as_time(details.failure_at),
        failure=details.failure,
        waiting=its.waiting.deliveries,
    )


def create(call: Call) -> MadeWebhook:
    wish: NewWebhook = call.body
    limits = {"kinds": wish.kinds, "groups": wish.groups, "fields": wish.fields}
    for name, chosen in limits.items():
        if chosen == []:
            raise errors.InvalidRequest(f"{name} is empty. Name at least one, or leave it out for all of them.")
    if wish.allow_private and not call.may("administrator"):
        raise errors.NotAllowed("administrator")
    with call.acting("webhook.create") as deed:
        issued = endpoint.create(
            call.database,
            call.configuration,
            wish.url.strip(),
            kinds=wish.kinds,
            groups=wish.groups,
            fields=wish.fields,
            allow_private=wish.allow_private,
            actor=call.user.email,
        )
        deed.target = issued.webhook.id
        deed.after = {
            "url": show_host(issued.webhook.url),
            **{name: its for name, its in limits.items() if its is not None},
        }
    return MadeWebhook(webhook=_find(call, issued.webhook.id), secret=issued.secret)


def pause(call: Call) -> WebhookShown:
    webhook = _get_own(call)
    with call.acting("webhook.pause", target=webhook.id) as deed:
        deed.before = {"url": show_host(webhook.url), "state": webhook.state}
        paused = endpoint.pause(call.database, webhook.id, f"by {call.user.name or call.user.email}")
        deed.after = {"url": show_host(webhook.url), "state": paused.state}
    return _find(call, webhook.id)


def resume(call: Call) -> WebhookShown:
    webhook = _get_own(call)
    with call.acting("webhook.resume", target=webhook.id) as deed:
        deed.before = {"url": show_host(webhook.url), "state": webhook.state}
        resumed = endpoint.resume(call.database, webhook.id)
        deed.after = {"url": show_host(webhook.url), "state": resumed.state}
    return _find(call, webhook.id)


def try_out(call: Call) -> TestResult:
    webhook = _get_own(call)
    with call.acting("webhook.test", target=webhook.id) as deed:
        attempt = resend.ping(call.database, webhook)
        deed.after = {"url": show_host(webhook.url), "answer": attempt.status}
    return TestResult(status=attempt.status, error=attempt.error, took_ms=attempt.took_ms)


def rotate(call: Call) -> MadeWebhook:
    wish: NewSecret = call.body
    webhook, overlap_us = _get_own(call), read_overlap(wish.overlap_hours)
    with call.acting("webhook.rotate", target=webhook.id) as deed:
        issued = endpoint.rotate(call.database, webhook.id, overlap_us)
        deed.after = {"url": show_host(webhook.url), "overlapHours": overlap_us // HOUR_US}
    return MadeWebhook(webhook=_find(call, webhook.id), secret=issued.secret)


def delete(call: Call) -> None:
    webhook = _get_own(call)
    with call.acting("webhook.delete", target=webhook.id) as deed:
        deed.before = {"url": show_host(webhook.url)}
        deed.after = {"deliveries": endpoint.delete(call.database, webhook.id)}


def list_deliveries(call: Call) -> Items[DeliveryShown]:
    webhook, limit = _get(call).webhook, call.read_number("limit", 50, 200)
    state = next((one for one in _STATES if one == call.read_choice("state", _STATES)), None)
    before = None
    if before_id := call.query.get("before"):
        before = endpoint.get_delivery(call.database, webhook.id, before_id)
    with call.database.read() as connection:
        found = delivery_log.list_deliveries(
            connection, webhook.id, event_id=call.event.id, state=state, before=before, limit=limit + 1
        )
    shown = found[:limit]
    return Items(items=[_show_delivery(one) for one in shown], next=shown[-1].id if len(found) > limit else None)


def resend_one(call: Call) -> DeliveryShown:
    webhook = _get_own(call)
    with call.acting("webhook.resend", target=webhook.id) as deed:
        delivery = endpoint.get_delivery(call.database, webhook.id, call.places["delivery"])
        if delivery.event_id != call.event.id:
            raise errors.NotFound("There is no such delivery.")
        deed.after = {"url": show_host(webhook.url), "delivery": delivery.id}
        return _show_delivery(resend.resend_one(call.database, webhook.id, delivery.id))


def _list(call: Call) -> list[Health]:
    """Those that are told of this event's changes."""
    return [one for one in health.list_health(call.database) if one.webhook.event_id in (None, call.event.id)]


def _get(call: Call) -> Health:
    """The webhook in the path. Raises NotFound, also for another event's."""
    found = next((one for one in _list(call) if one.webhook.id == call.places["webhook"]), None)
    if found is None:
        raise errors.NotFound("The event has no such webhook.")
    return found


def _get_own(call: Call) -> Webhook:
    """Raises NotAllowed besides, where it is of all events and the caller no administrator."""
    webhook = _get(call).webhook
    if not _may_change(call, webhook):
        raise errors.NotAllowed("administrator")
    return webhook


def _may_change(call: Call, webhook: Webhook) -> bool:
    return call.may("manager" if webhook.event_id is not None else "administrator")


def _find(call: Call, webhook_id: str) -> WebhookShown:
    """As it is after a deed."""
    return next(_show(call, one) for one in _list(call) if one.webhook.id == webhook_id)


def _show(call: Call, its: Health) -> WebhookShown:
    webhook = its.webhook
    return WebhookShown(
        id=webhook.id,
        url=webhook.url if _may_change(call, webhook) else show_host(webhook.url),
        is_of_all_events=webhook.event_id is None,
        state=webhook.state,
        reason=webhook.reason,
        is_failing=its.is_failing,
        is_secret_good=its.is_secret_good,
        lag_changes=its.lag_changes,
        kinds=None if webhook.kinds is None else list(webhook.kinds),
        groups=None if webhook.groups is None else list(webhook.groups),
        fields=None if webhook.fields is None else list(webhook.fields),
        created_at=say_time(webhook.created_at),
    )


def _show_delivery(delivery: Delivery) -> DeliveryShown:
    return DeliveryShown(
        id=delivery.id,
        sequence=delivery.sequence,
        topic=delivery.topic,
        attendee_id=delivery.attendee_id,
        state=delivery.shown_state,
        attempts=len(delivery.attempts),
        last=describe_attempt(delivery.attempts[-1]) if delivery.attempts else None,
        next_at=as_time(delivery.next_at),
        created_at=say_time(delivery.created_at),
        finished_at=as_time(delivery.finished_at),
    )


_IN = "events/{event}/webhooks"
_ONE = f"{_IN}/{{webhook}}"
operations = [
    Operation("GET", _IN, "viewer", list_webhooks, "Webhooks that the event has", gives=Items[WebhookShown]),
    Operation(
        "POST",
        _IN,
        "manager",
        create,
        "A new webhook",
        "It begins with the next change. Its secret is in this answer and in no other.",
        takes=NewWebhook,
        gives=MadeWebhook,
        status=201,
    ),
    Operation("GET", _ONE, "viewer", show_webhook, "One webhook", gives=WebhookWhole),
    Operation("DELETE", _ONE, "manager", delete, "Delete a webhook, with its log of deliveries"),
    Operation("POST", f"{_ONE}/pause", "manager", pause, "Pause it: it misses nothing", gives=WebhookShown),
    Operation("POST", f"{_ONE}/resume", "manager", resume, "Let it go on where it stopped", gives=WebhookShown),
    Operation("POST", f"{_ONE}/test", "manager", try_out, "Send one test request", gives=TestResult),
    Operation(
        "POST",
        f"{_ONE}/rotate",
        "manager",
        rotate,
        "A new secret",
        "It is in this answer and in no other.",
        takes=NewSecret,
        gives=MadeWebhook,
    ),
    Operation(
        "GET",
        f"{_ONE}/deliveries",
        "viewer",
        list_deliveries,
        "What was delivered, the latest first",
        gives=Items[DeliveryShown],
        query={
            "state": f"{', '.join(f'`{one}`' for one in _STATES)}.",
            "before": "`next` of the page before.",
            "limit": "How many at most, up to 200; else 50.",
        },
    ),
    Operation(
        "POST",
        f"{_ONE}/deliveries/{{delivery}}/resend",
        "manager",
        resend_one,
        "Send a finished delivery once more, with the id that it had",
        gives=DeliveryShown,
    ),
]
