"""The webhooks of an event: how they are, and what was delivered; made, stopped, tried, given a new secret, deleted."""

import msgspec

from turnout import errors
from turnout.changes.fields import list_fields
from turnout.console.page import Said, Undo, Visit
from turnout.downstream.webhooks import endpoint, health, resend
from turnout.downstream.webhooks.endpoint import Issued, show_host
from turnout.downstream.webhooks.health import Health
from turnout.downstream.webhooks.results import describe_attempt
from turnout.feed.receipt import Answer
from turnout.model.webhook import KINDS, Delivery
from turnout.store import delivery_log

SHOWN_DELIVERIES = 25
MAX_CHOICES = 200
"""Groups, and as many custom fields, that can be chosen from."""
HOUR_US = 3_600 * 1_000_000
OVERLAPS = {"0": "ends at once", "1": "1 hour", "24": "24 hours", "168": "7 days"}
"""By hours: how long requests are signed with the old secret too."""
_LIMITS = ("kinds", "groups", "fields")


class Line(msgspec.Struct, frozen=True):
    """One webhook in the words of the page."""

    health: Health
    url: str
    """As much of it as this visitor may see: some carry a secret."""
    state: str
    is_own: bool
    """Whether it is of this event alone, and not of all."""
    may_change: bool


class Delivered(msgspec.Struct, frozen=True):
    """One delivery, without what it says of anybody."""

    delivery: Delivery
    state: str
    last: str | None
    """What the last try came to."""


def show(visit: Visit) -> Answer:
    return visit.render("webhooks.html", lines=_list_lines(visit))


def show_one(visit: Visit) -> Answer:
    return _render_one(visit, _get(visit))


def _render_one(visit: Visit, line: Line) -> Answer:
    webhook = line.health.webhook
    _, details = health.get_details(visit.database, webhook.id)
    with visit.database.read() as connection:
        found = delivery_log.list_deliveries(connection, webhook.id, event_id=visit.event.id, limit=SHOWN_DELIVERIES)
    return visit.render(
        "webhook.html",
        line=line,
        details=details,
        deliveries=[
            Delivered(one, _find_state(one), describe_attempt(one.attempts[-1]) if one.attempts else None)
            for one in found
        ],
    )


def show_new(visit: Visit) -> Answer:
    return _render_new(visit)


def create(visit: Visit) -> Answer:
    """A webhook that begins with the next change; its secret is shown this once."""
    limits = {name: visit.form_list(name) if visit.form.get(f"limit_{name}") == "some" else None for name in _LIMITS}
    for name, chosen in limits.items():
        if chosen == []:
            return _render_new(visit, status=422, faults={name: "Choose at least one, or all of them."})
    try:
        with visit.acting("webhook.create") as deed:
            issued = endpoint.create(
                visit.database,
                visit.configuration,
                visit.form.get("url", "").strip(),
                kinds=limits["kinds"],
                groups=limits["groups"],
                fields=limits["fields"],
                # Into the network that the server is in: whoever runs it has to know.
                allow_private=visit.may("administrator") and visit.form.get("allow_private") == "on",
                actor=visit.signed_in.email,
            )
            deed.target = issued.webhook.id
            deed.after = {
                "url": show_host(issued.webhook.url),
                **{name: its for name, its in limits.items() if its is not None},
            }
    except errors.InvalidRequest as error:
        fault = error.detail.replace("say --allow-private: then", "an administrator can allow it: then")
        return _render_new(visit, status=422, faults={"url": fault})
    except errors.Conflict as error:
        return _render_new(visit, status=409, faults={"url": error.detail})
    return _show_secret(visit, issued, "The webhook is made", "It is told of what changes from now on.")


def pause(visit: Visit) -> Answer:
    webhook = _get_own(visit).health.webhook
    with visit.acting("webhook.pause", target=webhook.id) as deed:
        deed.before = {"url": show_host(webhook.url), "state": webhook.state}
        paused = endpoint.pause(visit.database, webhook.id, f"by {visit.signed_in.name or visit.signed_in.email}")
        deed.after = {"url": show_host(webhook.url), "state": paused.state}
    said = "It is paused: it is sent nothing, and misses nothing."
    return visit.redirect(_way(visit, webhook.id), said, Undo(f"{_way(visit, webhook.id)}/resume"))


def resume(visit: Visit) -> Answer:
    webhook = _get_own(visit).health.webhook
    with visit.acting("webhook.resume", target=webhook.id) as deed:
        deed.before = {"url": show_host(webhook.url), "state": webhook.state}
        try:
            resumed = endpoint.resume(visit.database, webhook.id)
        except errors.Conflict:
            raise errors.Conflict("Its secret cannot be opened any more. Give it a new one, and it goes on.") from None
        deed.after = {"url": show_host(webhook.url), "state": resumed.state}
    said = "It goes on where it stopped. What had failed is tried again now."
    return visit.redirect(_way(visit, webhook.id), said, Undo(f"{_way(visit, webhook.id)}/pause", "Pause"))


def try_out(visit: Visit) -> Answer:
    """One request at once, of which nothing is kept."""
    webhook = _get_own(visit).health.webhook
    with visit.acting("webhook.test", target=webhook.id) as deed:
        try:
            attempt = resend.ping(visit.database, webhook)
        except errors.Conflict:
            raise errors.Conflict("Its secret cannot be opened any more. Give it a new one first.") from None
        deed.after = {"url": show_host(webhook.url), "answer": attempt.status}
    if attempt.error is None:
        said = Said(f"The test arrived: it answered {attempt.status} after {attempt.took_ms:,} ms.")
    else:
        said = Said(
            f"The test did not work: {describe_attempt(attempt)}, after {attempt.took_ms:,} ms.", kind="warning"
        )
    return visit.redirect(_way(visit, webhook.id), said)


def resend_one(visit: Visit) -> Answer:
    """A finished delivery once more, as it was."""
    webhook = _get_own(visit).health.webhook
    with visit.acting("webhook.resend", target=webhook.id) as deed:
        delivery = endpoint.get_delivery(visit.database, webhook.id, visit.places["delivery"])
        if delivery.event_id != visit.event.id:
            raise errors.NotFound("There is no such delivery.")
        deed.after = {"url": show_host(webhook.url), "delivery": delivery.id}
        resend.resend_one(visit.database, webhook.id, delivery.id)
    said = "It is sent once more, with the id that it had."
    return visit.redirect(_way(visit, webhook.id), said)


def ask_rotate(visit: Visit) -> Answer:
    return visit.render("new_secret.html", line=_get_own(visit), overlaps=list(OVERLAPS.items()))


def rotate(visit: Visit) -> Answer:
    webhook = _get_own(visit).health.webhook
    hours = visit.form.get("overlap", "24")
    overlap_us = int(hours if hours in OVERLAPS else "24") * HOUR_US
    with visit.acting("webhook.rotate", target=webhook.id) as deed:
        issued = endpoint.rotate(visit.database, webhook.id, overlap_us)
        deed.after = {"url": show_host(webhook.url), "overlapHours": overlap_us // HOUR_US}
    ends = (
        "Requests are signed with the new secret alone."
        if issued.webhook.former_until is None
        else f"For {OVERLAPS[str(overlap_us // HOUR_US)]} requests are signed with the old one too."
    )
    return _show_secret(visit, issued, "A new secret", ends)


def ask_delete(visit: Visit) -> Answer:
    return visit.render("delete_webhook.html", line=_get_own(visit))


def delete(visit: Visit) -> Answer:
    webhook = _get_own(visit).health.webhook
    with visit.acting("webhook.delete", target=webhook.id) as deed:
        deed.before = {"url": show_host(webhook.url)}
        deed.after = {"deliveries": endpoint.delete(visit.database, webhook.id)}
    return visit.redirect(_way(visit), "The webhook is deleted, with its log of deliveries.")


def _show_secret(visit: Visit, issued: Issued, title: str, sentence: str) -> Answer:
    """At the only moment when anybody can see it."""
    webhook = issued.webhook
    return visit.render(
        "secret.html",
        title=title,
        sentence=sentence,
        issued=issued,
        can_be_found=endpoint.can_be_found(webhook.url),
        back=visit.way(_way(visit, webhook.id)),
    )


def _render_new(visit: Visit, *, status: int = 200, faults: dict[str, str] | None = None) -> Answer:
    assert visit.configuration is not None
    groups = [name.name for name in visit.configuration.groups.by_number.values()]
    fields = [name for _, name in list_fields(visit.configuration)]
    return visit.render(
        "new_webhook.html",
        status=status,
        url=visit.form.get("url", ""),
        allow_private=visit.form.get("allow_private") == "on",
        kinds=KINDS,
        groups=groups[:MAX_CHOICES],
        fields=fields[: MAX_CHOICES + 22],
        limits={name: visit.form.get(f"limit_{name}", "all") for name in _LIMITS},
        chosen={name: visit.form_list(name) for name in _LIMITS},
        faults=faults or {},
    )


def _list_lines(visit: Visit) -> list[Line]:
    """Those that are told of this event's changes."""
    return [
        _line(visit, one)
        for one in health.list_health(visit.database)
        if one.webhook.event_id in (None, visit.event.id)
    ]


def _line(visit: Visit, its: Health) -> Line:
    webhook = its.webhook
    is_own = webhook.event_id is not None
    may_change = visit.may("manager") if is_own else visit.may("administrator")
    url = webhook.url if may_change else show_host(webhook.url)
    state = "secret lost" if not its.is_secret_good else "failing" if its.is_failing else webhook.state
    return Line(its, url, state, is_own, may_change)


def _get(visit: Visit) -> Line:
    """The webhook in the path. Raises NotFound, also for another event's."""
    found = next((one for one in _list_lines(visit) if one.health.webhook.id == visit.places["webhook"]), None)
    if found is None:
        raise errors.NotFound("The event has no such webhook.")
    return found


def _get_own(visit: Visit) -> Line:
    """Raises NotAllowed besides, where it is of all events and the visitor no administrator."""
    line = _get(visit)
    if not line.may_change:
        raise errors.NotAllowed("administrator")
    return line


def _find_state(delivery: Delivery) -> str:
    state = delivery.shown_state
    return {"new": "waiting", "parked": "tried again", "given_up": "given up"}.get(state, state)


def _way(visit: Visit, webhook_id: str = "") -> str:
    return f"events/{visit.event.slug}/settings/webhooks" + (f"/{webhook_id}" if webhook_id else "")
