"""Webhooks are set up here: made, paused, resumed, given a new secret, deleted. Sending is for the files beside it."""

import base64
import difflib
import secrets
from collections.abc import Callable, Iterator, Sequence
from urllib.parse import urlsplit

import msgspec

from turnout.changes.attendee_view import SHOWN_FIELDS
from turnout.changes.fields import find_field
from turnout.downstream.webhooks import request
from turnout.errors import Conflict, InvalidRequest, NotFound
from turnout.model.event import Configuration
from turnout.model.webhook import KINDS, Delivery, Webhook
from turnout.now import new_id, now_us
from turnout.outside import addresses, http
from turnout.store import cursors, delivery_log, sealing, webhooks
from turnout.store.database import Database
from turnout.store.statements import Connection

MAX_WEBHOOKS = 100
"""Of one event; and of those for all events."""
MAX_NAMES = 100
"""Groups, or fields, that one is limited to."""
MAX_URL_LETTERS = 2_000
_SECRET_BYTES = 32
_NAMED = 20
"""Names told to whoever mistyped one."""
_DELETED_ROWS = 1_000
"""Deliveries that go in one transaction, so that pushes do not wait."""


class Issued(msgspec.Struct, frozen=True):
    """A webhook at the only moment when its secret is shown."""

    webhook: Webhook
    secret: str


def create(
    database: Database,
    configuration: Configuration | None,
    url: str,
    *,
    kinds: Sequence[str] | None = None,
    groups: Sequence[str] | None = None,
    fields: Sequence[str] | None = None,
    allow_private: bool = False,
    actor: str | None = None,
) -> Issued:
    """A webhook of this event, or of all events, that begins with the next change. Names may have commas between.

    Raises InvalidRequest with everything that cannot be meant, and Conflict where there are too many.
    """
    faults = list(list_faults_of_url(url, allow_private=allow_private))
    kinds = None if kinds is None else [kind.lower().replace("attendee.", "") for kind in kinds]
    wanted_kinds = _read_names("kind", kinds, KINDS, lambda kind: kind in KINDS, faults)
    wanted_groups, wanted_fields = _read_limits(configuration, groups, fields, faults)
    if faults:
        raise InvalidRequest(" ".join(faults))
    webhook_id = new_id("whk")
    secret, sealed = make_secret(database.secret_key, webhook_id)
    webhook = Webhook(
        id=webhook_id,
        event_id=None if configuration is None else configuration.event.id,
        url=url,
        kinds=wanted_kinds,
        groups=wanted_groups,
        fields=wanted_fields,
        secret=sealed,
        allow_private=allow_private,
        created_at=now_us(),
        actor=actor,
    )
    with database.write() as connection:
        if webhooks.count_webhooks(connection, webhook.event_id) >= MAX_WEBHOOKS:
            whose = "for all events" if configuration is None else f"of the event {configuration.event.slug}"
            raise Conflict(
                f"There are {MAX_WEBHOOKS} webhooks {whose} already: delete one that is not needed any more."
            )
        webhooks.add_webhook(connection, webhook)
        cursors.begin_at_heads(connection, webhook_id, webhook.event_id)
    return Issued(webhook, secret)


def get_webhook(database: Database, webhook_id: str) -> Webhook:
    """Raises NotFound."""
    with database.read() as connection:
        return _get(connection, webhook_id)


def pause(database: Database, webhook_id: str, reason: str | None) -> Webhook:
    """It is sent nothing until it is resumed, and misses nothing. Raises NotFound, and Conflict where it is off."""
    with database.write() as connection:
        webhook = _get(connection, webhook_id)
        if not webhooks.set_state(connection, webhook, "paused", reason, of=("active", "paused")):
            raise Conflict(f"The webhook {webhook_id} is off: {webhook.reason}")
        return _get(connection, webhook_id)


def pause_all(database: Database, reason: str | None) -> list[str]:
    """Pauses all that are active; gives their ids."""
    with database.write() as connection:
        active = webhooks.list_webhooks(connection, state="active")
        return [one.id for one in active if webhooks.set_state(connection, one, "paused", reason, of=("active",))]


def resume(database: Database, webhook_id: str) -> Webhook:
    """It goes on where it stopped, whatever it was, and what has failed is tried again at once.

    Raises NotFound, and Conflict where its secret cannot be opened.
    """
    secret_key = database.secret_key
    with database.write() as connection:
        webhook = _get(connection, webhook_id)
        if find_secret(secret_key, webhook) is None:
            raise Conflict(
                f"The secret of the webhook {webhook_id} cannot be opened with the secret key that is there, so "
                f"nothing can be signed. `turnout webhook rotate {webhook_id}` gives it a new one, and it goes on."
            )
        webhooks.set_state(connection, webhook, "active", None)
        delivery_log.hasten(connection, webhook_id, now_us())
        return _get(connection, webhook_id)


def rotate(database: Database, webhook_id: str, overlap_us: int) -> Issued:
    """A new secret; requests are signed with the old one too for the overlap. Raises NotFound.

    A webhook that is off because its secret could not be opened goes on.
    """
    secret_key = database.secret_key
    secret, sealed = make_secret(secret_key, webhook_id)
    with database.write() as connection:
        webhook = _get(connection, webhook_id)
        was_lost = find_secret(secret_key, webhook) is None
        keeps_old = overlap_us > 0 and not was_lost
        rotated = msgspec.structs.replace(
            webhook,
            secret=sealed,
            former_secret=webhook.secret if keeps_old else None,
            former_until=now_us() + overlap_us if keeps_old else None,
        )
        webhooks.set_secrets(connection, rotated)
        if was_lost:
            webhooks.set_state(connection, webhook, "active", None, of=("off",))
        return Issued(_get(connection, webhook_id), secret)


def delete(database: Database, webhook_id: str) -> int:
    """Takes it away with its deliveries; gives how many those were. Raises NotFound.

    In steps: interrupted, it is off, and to be deleted again.
    """
    with database.write() as connection:
        webhook = _get(connection, webhook_id)
        webhooks.set_state(connection, webhook, "off", "It is being deleted.")
    gone = 0
    while removed := _remove_some(database, webhook_id):
        gone += removed
        database.move_log()
    with database.write() as connection:
        # First: whoever is about to queue more holds its cursor, or finds none.
        cursors.remove_cursors(connection, webhook_id)
        while removed := delivery_log.remove_deliveries(connection, webhook_id, _DELETED_ROWS):
            gone += removed
        webhooks.remove_webhook(connection, webhook)
    return gone


def _remove_some(database: Database, webhook_id: str) -> int:
    with database.write() as connection:
        return delivery_log.remove_deliveries(connection, webhook_id, _DELETED_ROWS)


def get_delivery(database: Database, webhook_id: str, delivery_id: str) -> Delivery:
    """Raises NotFound."""
    with database.read() as connection:
        return _get_delivery(connection, webhook_id, delivery_id)


def list_headers(database: Database, webhook: Webhook, delivery: Delivery) -> dict[str, str]:
    """The headers of the last request, or those of the next; without signature where nothing can be signed.

    The signature is made anew: after a rotation it is the new secret's.
    """
    secret = find_secret(database.secret_key, webhook)
    at = delivery.attempts[-1].at if delivery.attempts else delivery.next_at or delivery.created_at
    headers = request.sign([] if secret is None else [secret], delivery.id, at, delivery.body or "")
    return {name: value for name, value in headers.items() if value}


def find_secret(secret_key: bytes, webhook: Webhook) -> str | None:
    """What requests are signed with; None where it cannot be opened with this secret key of the installation."""
    try:
        return sealing.unseal(secret_key, webhook.secret, webhook.id).decode()
    except sealing.CannotOpen:
        return None


def list_faults_of_url(url: str, *, allow_private: bool) -> Iterator[str]:
    """What is wrong with the address, in sentences."""
    if len(url) > MAX_URL_LETTERS or not url.isprintable() or " " in url:
        yield f"The URL has to be one word of at most {MAX_URL_LETTERS:,} letters."
        return
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        yield f"{url} is not a URL: {error}."
        return
    if parts.scheme not in ("http", "https") or not host:
        yield f"{url} is not an address to send to: it has to begin with https:// (or http://) and a host."
        return
    if "@" in parts.netloc:
        yield (
            "The URL holds a user or a password, which would be seen in lists and logs. The signature shows who sends; "
            "leave them out."
        )
    if "#" in url:
        yield "The URL has a part behind #, which is never sent. Leave it out."
    fault = None if allow_private else _find_private(host)
    if fault is not None:
        yield (
            f"{fault}. If it is meant, say --allow-private: then requests may go into the network that this server is "
            "in."
        )


def show_host(url: str) -> str:
    """As much of an address as may be seen and kept elsewhere: in path and query some carry a secret."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}/…"


def can_be_found(url: str) -> bool:
    """Whether the host of this address, which is a good one, leads anywhere now."""
    try:
        return bool(http.look_up(urlsplit(url).hostname or "", 0))
    except (OSError, UnicodeError):
        return False


def _find_private(host: str) -> str | None:
    """What is wrong with where the host leads now; None also where it cannot be found. Whoever sends looks again."""
    try:
        found = http.look_up(host, 0)
    except (OSError, UnicodeError):
        return None
    if not found or any(addresses.is_public(address) for address in found):
        return None
    where = host if found[0] == host else f"{host} ({found[0]})"
    return f"{where} is {addresses.find_fault(found[0])}"


def _read_names(
    what: str, given: Sequence[str] | None, known: Sequence[str], is_known: Callable[[str], bool], faults: list[str]
) -> tuple[str, ...] | None:
    """The names in these texts: each is one, or several with commas between. What is wrong is added to `faults`."""
    if given is None:
        return None
    names: dict[str, None] = {}
    for given_text in given:
        whole = given_text.strip()
        for name in [whole] if known and is_known(whole) else [part.strip() for part in whole.split(",")]:
            if name and not is_known(name):
                near = difflib.get_close_matches(name, known, 1)
                # In quotes: there may be a comma in a name.
                quoted = ", ".join(f'"{one}"' for one in known[:_NAMED]) or "none"
                there = f"There are: {quoted}{' …' if len(known) > _NAMED else ''}."
                faults.append(f"There is no {what} {name!r}. {f'Did you mean {near[0]}? ' if near else ''}{there}")
            elif name:
                names[name] = None
    if not names and not faults:
        faults.append(f"--{what}s names no {what}: leave it out where all are meant.")
    if len(names) > MAX_NAMES:
        faults.append(f"{len(names):,} {what}s are too many to choose from, {MAX_NAMES} is the most.")
    return tuple(names)


def _read_limits(
    configuration: Configuration | None, groups: Sequence[str] | None, fields: Sequence[str] | None, faults: list[str]
) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None]:
    """Groups and fields that the event has; of all events nobody knows which those to come will have."""
    if configuration is None:
        return (
            _read_names("group", groups, (), lambda _: True, faults),
            _read_names("field", fields, (), lambda _: True, faults),
        )
    custom = [field.name for field in configuration.custom_fields.by_number.values()]
    return (
        _read_names(
            "group",
            groups,
            [group.name for group in configuration.groups.by_number.values()],
            lambda name: configuration.groups.find(name) is not None,
            faults,
        ),
        _read_names(
            "field",
            fields,
            ["email", *SHOWN_FIELDS, *custom],
            lambda name: find_field(configuration, name) is not None,
            faults,
        ),
    )


def _get(connection: Connection, webhook_id: str) -> Webhook:
    webhook = webhooks.find_webhook(connection, webhook_id)
    if webhook is None:
        raise NotFound(f"There is no webhook {webhook_id}. `turnout webhook list` shows all that there are.")
    return webhook


def _get_delivery(connection: Connection, webhook_id: str, delivery_id: str) -> Delivery:
    delivery = delivery_log.find_delivery(connection, webhook_id, delivery_id)
    if delivery is None:
        raise NotFound(
            f"The webhook {webhook_id} has no delivery {delivery_id}; they are kept for 30 days. "
            f"`turnout webhook deliveries {webhook_id}` shows the latest."
        )
    return delivery


def make_secret(secret_key: bytes, webhook_id: str) -> tuple[str, bytes]:
    """A new secret as Standard Webhooks writes it, and as it is stored."""
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()
    return secret, sealing.seal(secret_key, secret.encode(), webhook_id)
