"""Hand-outs: a link for whoever connects a system, behind which its key is shown once."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from typing import Literal

import msgspec

from turnout.errors import Conflict, InvalidRequest, NotFound
from turnout.events import keys, sources
from turnout.events.setup import SetUp, changing
from turnout.model.event import DAY_US, Configuration
from turnout.model.handout import Handout
from turnout.model.source import Source
from turnout.now import as_text, new_id, now_us
from turnout.store import events, handouts
from turnout.store.database import Database

EXPIRES_IN_US = 14 * DAY_US
MAX_EXPIRES_IN_US = 366 * DAY_US
KEPT_US = 90 * DAY_US
"""How long one is listed after it expired."""
MAX_HANDOUTS = 1_000
"""Of an event."""
MAX_LABEL = 255
MAX_TOOL = 64
_ID = re.compile(r"hnd_[0-9a-f]{32}")
_NOBODY = bytes(32)


class BadLink(NotFound):
    """A hand-out's link that is good for nothing, whatever the reason: nobody learns which."""

    help = "Ask whoever gave you the link for a new one, and copy it whole."

    def __init__(self) -> None:
        super().__init__("This link is not good, or not any more: it expired, was taken back, or was not copied whole.")


def create(
    database: Database,
    event_id: str,
    source: str,
    tool: str,
    *,
    label: str = "",
    settings: Mapping[str, str] | None = None,
    mode: Literal["rehearsal", "live"] = "rehearsal",
    expires_in_us: int = EXPIRES_IN_US,
    actor: str | None = None,
) -> tuple[Handout, str]:
    """A hand-out for the source of this name, and its link's text, `<id>.<secret>`, which is not shown again.

    A source that is new is made, with these settings and this mode; one that is there stays as it is. Raises
    InvalidRequest, and Conflict where the source is retired or there are too many hand-outs.
    """
    tool, label = tool.strip(), label.strip()
    if not tool or len(tool) > MAX_TOOL or len(label) > MAX_LABEL:
        raise InvalidRequest(f"A hand-out names a tool, and has a label of at most {MAX_LABEL} characters.")
    if not 0 < expires_in_us <= MAX_EXPIRES_IN_US:
        raise InvalidRequest("A hand-out is good for at least a moment and at most a year.")
    at = now_us()
    with changing(database, event_id) as held:
        handouts.forget_handouts(held.connection, event_id, at - KEPT_US)
        if handouts.count_handouts(held.connection, event_id) >= MAX_HANDOUTS:
            raise Conflict(
                f"The event has {MAX_HANDOUTS:,} hand-outs. They go {KEPT_US // DAY_US} days after they expired."
            )
        its = _get_or_add_source(held, source, dict(settings or {}) | {"mode": mode}, actor)
        handout_id = new_id("hnd")
        text = f"{handout_id}.{secrets.token_urlsafe(32)}"
        handout = Handout(
            id=handout_id,
            event_id=event_id,
            source_number=its.number,
            tool=tool,
            label=label,
            digest=_digest(text),
            created_at=at,
            expires_at=at + expires_in_us,
            actor=actor,
        )
        handouts.add_handout(held.connection, handout)
    return handout, text


def find(database: Database, text: str) -> tuple[Handout, Configuration]:
    """The hand-out behind this link, and its event. Raises BadLink, the same for every reason."""
    handout_id = text.partition(".")[0]
    if not _ID.fullmatch(handout_id):
        raise BadLink
    with database.read() as connection:
        handout = handouts.find_handout(connection, handout_id)
        # Always one digest and one comparison, so that time tells nothing; only then what costs more.
        same = hmac.compare_digest(_digest(text), _NOBODY if handout is None else handout.digest)
        if not same or handout is None:
            raise BadLink
        configuration = events.load_configuration(connection, handout.event_id)
    if configuration is None:
        raise BadLink
    _check_good(handout, configuration)
    return handout, configuration


def look_again(database: Database, handout: Handout, configuration: Configuration) -> Handout | None:
    """A hand-out that was found, as it is by now, of an event as it is set up now; None where its link has ended."""
    with database.read() as connection:
        current = handouts.find_handout(connection, handout.id)
    if current is None or current.digest != handout.digest:
        return None
    try:
        _check_good(current, configuration)
    except BadLink:
        return None
    return current


def note_opened(database: Database, handout: Handout) -> bool:
    """Notes that somebody opened the link; whether it was the first time."""
    if handout.opened_at is not None:
        return False
    with database.write() as connection:
        return handouts.note_opened(connection, handout.event_id, handout.id, now_us())


def take_key(database: Database, handout: Handout) -> str:
    """The text of a new key of the hand-out's source: once, whoever asks, and however many at the same time.

    Raises Conflict where it was shown before, and BadLink where the hand-out has ended meanwhile.
    """
    with changing(database, handout.event_id) as held:
        current = handouts.find_handout(held.connection, handout.id)
        if current is None:
            raise BadLink
        _check_good(current, held.configuration)
        if current.key_id is not None:
            raise Conflict(_explain_shown(held.configuration, current.key_id))
        issued = keys.add_key(
            held.connection,
            handout.event_id,
            source_number=handout.source_number,
            scope="push",
            label=held.configuration.sources[handout.source_number].name,
        )
        if not handouts.take_key(held.connection, handout.event_id, handout.id, issued.key.id):
            raise Conflict(_explain_shown(held.configuration, None))
    return issued.text


def give_again(database: Database, event_id: str, handout_id: str) -> Handout:
    """The hand-out, which may show a key once more; the one that it has shown is revoked. Raises NotFound, Conflict."""
    with changing(database, event_id) as held:
        handout = _get(held, handout_id)
        if handout.state(now_us()) != "good":
            raise Conflict("This hand-out has ended and shows no key any more. Make a new one.")
        key = held.configuration.keys.get(handout.key_id or "")
        if key is not None and key.revoked_at is None:
            keys.revoke_in(held.connection, key)
        handouts.give_again(held.connection, event_id, handout_id)
    return msgspec.structs.replace(handout, key_id=None)


def revoke(database: Database, event_id: str, handout_id: str) -> Handout:
    """The hand-out, whose link is good for nothing from now on; the key that it has shown stays. Raises NotFound."""
    with changing(database, event_id) as held:
        handout = _get(held, handout_id)
        if handout.revoked_at is None:
            handout = msgspec.structs.replace(handout, revoked_at=now_us())
            handouts.revoke_handout(held.connection, event_id, handout_id, handout.revoked_at or 0)
    return handout


def list_of(database: Database, configuration: Configuration) -> list[Handout]:
    """The event's, the newest first, with those that ended in the last 90 days."""
    with database.read() as connection:
        found = handouts.list_handouts(connection, configuration.event.id, MAX_HANDOUTS)
    return [handout for handout in found if handout.expires_at >= now_us() - KEPT_US]


def go_live(database: Database, event_id: str, source: str, *, actor: str | None = None) -> Source:
    """The source, whose pushes take effect from now on; what it rehearsed stays without (`feed/by_hand/go_live.py`).

    Raises NotFound, and Conflict where the source is retired.
    """
    with database.read() as connection:
        configuration = events.load_configuration(connection, event_id)
    if configuration is None:
        raise NotFound("There is no such event.")
    if configuration.event.archived_at is not None:
        raise Conflict("The event is archived and takes no pushes.")
    sources.check_open(sources.get_source(configuration, source))
    return sources.set_up(database, event_id, source, {"mode": "live"}, actor=actor)


def _get_or_add_source(held: SetUp, name: str, settings: dict[str, str], actor: str | None) -> Source:
    known = sources.find_source(held.configuration, name)
    if known is not None:
        sources.check_open(known)
        return known
    number = max(held.configuration.sources, default=0) + 1
    added = sources.add_source(held.connection, held.configuration.event.id, name, number=number)
    return sources.set_policy(held, added, settings, actor=actor)


def _check_good(handout: Handout, configuration: Configuration) -> None:
    """Raises BadLink where it has ended, or its source or event has."""
    source = configuration.sources.get(handout.source_number)
    if (
        handout.state(now_us()) != "good"
        or configuration.event.archived_at is not None
        or source is None
        or source.retired_at is not None
    ):
        raise BadLink


def _explain_shown(configuration: Configuration, key_id: str | None) -> str:
    key = configuration.keys.get(key_id or "")
    when = "before" if key is None else f"on {as_text(key.created_at)[:16].replace('T', ' at ')} UTC"
    return (
        f"The key was shown {when}, and it is shown only once. Who has lost it asks the event's staff for another: "
        "they let this page show a new one, and the old one ends."
    )


def _get(held: SetUp, handout_id: str) -> Handout:
    handout = handouts.find_handout(held.connection, handout_id)
    if handout is None or handout.event_id != held.configuration.event.id:
        raise NotFound(f"The event has no hand-out {handout_id}.")
    return handout


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="surrogatepass")).digest()
