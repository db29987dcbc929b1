"""The alert: what is wrong, or worth knowing, with an event's feed, once per cause; and how people are told."""

from typing import Literal, TypeAlias

import msgspec

AlertKind: TypeAlias = Literal[
    "first_push", "silent", "errors", "refused_key", "unknown_field", "falling", "key_expiring", "webhook"
]
KINDS: tuple[AlertKind, ...] = (
    "first_push",
    "silent",
    "errors",
    "refused_key",
    "unknown_field",
    "falling",
    "key_expiring",
    "webhook",
)
NEWS: frozenset[AlertKind] = frozenset(("first_push", "unknown_field"))
"""What is told once and is over with that; the others last until they are mended."""
Facts: TypeAlias = dict[str, str | int]
"""What is known of a cause, for its words: names and counts, never anything of an attendee."""


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """One cause, as stored."""

    event_id: str
    id: str
    """`alr_…`"""
    kind: AlertKind
    cause: str
    """What it is about, the same each time it is found: `silent:3`, with the source's number say."""
    facts: Facts
    opened_at: int
    seen_at: int
    """When it was found last."""
    closed_at: int | None = None
    """When it was no longer found; of news, when it was told."""

    @property
    def is_open(self) -> bool:
        return self.closed_at is None


class AlertSettings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an event's people are told of, and from when on."""

    off: frozenset[AlertKind] = frozenset()
    """What nobody is told of."""
    error_percent: int = 10
    """From so many failed pushes of a hundred on, within an hour, where at least MIN_ERRORS did."""
    fall_percent: int = 50
    """From so many of a hundred people on who left a group, or lost a field's value, within a day."""
    key_days: int = 14
    """So long before a key expires."""


MIN_ERRORS = 5
MIN_FALL = 10
"""People who must have left before anybody is told of a fall."""


class AlertWebhook(msgspec.Struct, frozen=True, kw_only=True):
    """Where an event's alerts are posted to besides."""

    url: str
    secret: bytes
    """Sealed for `alert-webhook:<event id>`; what is sealed is the text `whsec_…`."""
    allow_private: bool = False


class Watch(msgspec.Struct, frozen=True, kw_only=True):
    """How an event is watched."""

    event_id: str
    since: int
    """What happened before is no news."""
    settings: AlertSettings = AlertSettings()
    webhook: AlertWebhook | None = None


ALERTS_KEPT_US = 90 * 86_400 * 1_000_000
"""So long one is in the list that is closed …"""
MOVES_KEPT_HOURS = 72
"""… and who left and came is counted."""
MESSAGES_KEPT_US = 30 * 86_400 * 1_000_000
"""So long it is known what became of a message."""
MessageState: TypeAlias = Literal["waiting", "sent", "given_up"]
MessageKind: TypeAlias = Literal["alert", "digest", "password"]
"""The last is a link for a new password, which somebody has asked for himself."""


class AlertMessage(msgspec.Struct, frozen=True, kw_only=True):
    """One message to one recipient, and what became of it."""

    event_id: str
    """Empty for what is of no event in particular: a digest, a link."""
    id: str
    """`msg_…`, the same on every try."""
    kind: MessageKind
    alert_id: str | None
    user_id: str | None
    """Who gets it by e-mail; None for the event's webhook."""
    state: MessageState
    tries: int
    next_at: int | None
    """When it is tried, or tried again; None when there is nothing left to do."""
    created_at: int
    finished_at: int | None = None
    failure: str | None = None
    """What went wrong last, in words."""


class Digest(msgspec.Struct, frozen=True, kw_only=True):
    """That a user wants a summary of his events each day."""

    user_id: str
    hour: int
    """0–23, in the time zone: when it is sent."""
    time_zone: str
    last_at: int
    """When the last one was made, or this was asked for."""


MailSecurity: TypeAlias = Literal["tls", "starttls", "none"]


class MailSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The SMTP server that the installation sends by."""

    host: str
    port: int
    security: MailSecurity
    """TLS from the first byte (465), after STARTTLS (587), or none: for a server on the same machine."""
    user_name: str | None
    password: bytes | None
    """Sealed for `mail`."""
    sender: str
    """The address that messages come from."""
    sender_name: str
    changed_at: int
    succeeded_at: int | None = None
    failed_at: int | None = None
    failure: str | None = None
    """What went wrong last, in words."""
