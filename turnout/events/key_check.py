"""What is wrong with a key: for our own staff. Senders get the same 401 for every reason (A3)."""

import hashlib
import hmac
from typing import Literal

import msgspec

from turnout.changes.fields import spell_fields, spell_groups
from turnout.events import keys
from turnout.model.key import is_mistyped, read_key_id
from turnout.now import now_us
from turnout.store import events
from turnout.store.database import Database


class CheckedKey(msgspec.Struct, frozen=True):
    """What was found out."""

    state: Literal["good", "missing", "mistyped", "unknown", "expired", "revoked", "other_event", "archived"]
    message: str
    id: str | None = None
    label: str | None = None
    scope: str | None = None
    source: str | None = None
    event: str | None = None
    groups: list[str] | None = None
    """Whose people a read key sees; None for everybody."""
    fields: list[str] | None = None
    """What it sees of them; None for everything."""


def check_key(database: Database, text: str, slug: str | None) -> CheckedKey:
    """Whose key this is and whether it opens its event's gateway; or that of the event named."""
    if not text:
        return CheckedKey("missing", "There is no key: put it into TURNOUT_KEY, or send it to standard input.")
    if is_mistyped(text):
        return CheckedKey("mistyped", _explain_mistyped(text))
    key_id = read_key_id(text)
    with database.read() as connection:
        key = events.find_key(connection, key_id or "")
        configuration = None if key is None else events.load_configuration(connection, key.event_id)
    if key is None or configuration is None or not hmac.compare_digest(_digest(text), key.digest):
        return CheckedKey("unknown", "No event here has this key. It is well-formed, so it may be of another server.")
    event = configuration.event
    its = CheckedKey(
        "good",
        "",
        key.id,
        key.label,
        key.scope,
        keys.source_name(configuration, key),
        event.slug,
        None if key.groups is None else spell_groups(configuration, key.groups),
        None if key.fields is None else spell_fields(configuration, key.fields),
    )
    whose = f"It is the {key.scope} key {key.id} ({key.label}) of the event {event.slug}"
    state = keys.state_of(key, now_us())
    if state == "expired":
        return msgspec.structs.replace(its, state="expired", message=f"The key has expired. {whose}.")
    if state == "revoked":
        return msgspec.structs.replace(its, state="revoked", message=f"The key is revoked. {whose}.")
    if slug is not None and slug != event.slug:
        message = f"The key is good, but not at {slug}. {whose}."
        return msgspec.structs.replace(its, state="other_event", message=message)
    if event.archived_at is not None and key.scope != "read":
        message = f"The event is archived, so the key gets 401. {whose}."
        return msgspec.structs.replace(its, state="archived", message=message)
    return msgspec.structs.replace(its, message=f"The key is good. {whose}.{_describe_limits(its)}")


def _describe_limits(key: CheckedKey) -> str:
    people = "" if key.groups is None else f" It sees who is in {', '.join(key.groups)}."
    return people + ("" if key.fields is None else f" It shows {', '.join(key.fields)}.")


def _explain_mistyped(text: str) -> str:
    if not text.startswith("trn_"):
        return "This is no key of Turnout: those begin with trn_."
    if any(sign.isspace() for sign in text):
        return "The key has a blank or line break in it; it was probably cut in two when it was copied."
    length = len("trn_") + 32 + len("_") + 32 + 6
    if len(text) != length:
        return f"The key is mistyped or was not copied whole: it has {len(text)} characters, and should have {length}."
    return "The key is mistyped: its last six characters, which check the others, do not fit them."


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="surrogatepass")).digest()
