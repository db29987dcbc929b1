"""Who signs in: users, their sessions, links and tokens; and what the audit log says of them."""

import re
from typing import Literal, TypeAlias

import msgspec

from turnout.model.key import checksum

Role: TypeAlias = Literal["administrator", "manager", "viewer"]
ROLES: tuple[Role, ...] = ("administrator", "manager", "viewer")
Need: TypeAlias = Literal["everybody", "user", "viewer", "manager", "administrator"]
"""What something asks of who does it: nothing; to be signed in; that role for the event; the installation's."""

DAY_US = 86_400 * 1_000_000
SESSION_IDLE_US = 14 * DAY_US
"""A session that was not used for so long is over."""
SESSION_LASTS_US = 90 * DAY_US
"""It is over then, however often it is used."""
FAILURES_KEPT_US = DAY_US
"""Whoever has not tried to sign in for so long begins anew."""
TOKENS_KEPT_US = 90 * DAY_US
"""So long a token stays in the list that was revoked, or is over."""


class User(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who signs in. The hash of the password is not among it: only what checks one reads it."""

    id: str
    email: str
    name: str
    role: Role
    sees_personal: bool
    """Whether they see whose data it is; a viewer may be shown masked names and addresses."""
    all_events: bool
    """Those to come too. An administrator has all events anyway."""
    events: frozenset[str]
    """The ids of theirs where they do not have all."""
    has_password: bool
    subject: str | None
    """Who they are at the single sign-on; None where they never came by it."""
    created_at: int
    disabled_at: int | None = None
    last_seen_at: int | None = None

    @property
    def is_active(self) -> bool:
        return self.disabled_at is None


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A browser that is signed in."""

    id: str
    user_id: str
    digest: bytes
    created_at: int
    last_seen_at: int
    """To the minute."""
    expires_at: int
    """Whatever happens; a session that is not used ends earlier."""
    address: str
    browser: str
    """As it names itself."""


class Invitation(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody is to be who is invited."""

    email: str
    name: str = ""
    role: Role = "viewer"
    sees_personal: bool = True
    all_events: bool = False
    events: tuple[str, ...] = ()


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """A link that is good once."""

    id: str
    digest: bytes
    kind: Literal["first", "invitation", "password"]
    user_id: str | None
    """Whose new password; None where the user is yet to be made."""
    invited: Invitation | None
    created_at: int
    expires_at: int
    used_at: int | None = None
    actor: str | None = None


class UserToken(msgspec.Struct, frozen=True, kw_only=True):
    """What a program signs in with for its user at /api/."""

    id: str
    user_id: str
    digest: bytes
    name: str
    created_at: int
    expires_at: int | None = None
    revoked_at: int | None = None
    last_used_at: int | None = None
    """To the minute."""

    def is_good(self, at: int) -> bool:
        return self.revoked_at is None and (self.expires_at is None or at < self.expires_at)


class AuditLine(msgspec.Struct, frozen=True, kw_only=True):
    """Who did what. Nothing of attendees but ids."""

    id: str
    at: int
    user_id: str | None
    """None for who does not sign in: the command line, the server itself."""
    actor: str
    """As they were called then."""
    address: str
    action: str
    """`user.invite`"""
    event_id: str
    """Empty for the installation's."""
    target: str | None
    """The id of what it was done to."""
    before: dict[str, object] | None
    after: dict[str, object] | None
    outcome: Literal["begun", "done", "refused"]
    """A line that stays at `begun` is of a deed that may or may not have taken effect."""


_TOKEN = re.compile(r"trt_([0-9a-f]{32})_([0-9A-Za-z]{32})([0-9A-Za-z]{6})")


def write_token(token_id: str, secret: str) -> str:
    """The token as it is handed out, built like a key: `trt_<id>_<secret><checksum>`. `token_id` is `tok_…`."""
    token = f"trt_{token_id.removeprefix('tok_')}_{secret}"
    return token + checksum(token)


def read_token_id(token: str) -> str | None:
    """The public part of something that has a token's form: `tok_…`."""
    match = _TOKEN.fullmatch(token)
    return None if match is None else f"tok_{match[1]}"


def is_mistyped_token(token: str) -> bool:
    """Whether this cannot be a token as it was handed out."""
    return _TOKEN.fullmatch(token) is None or checksum(token[:-6]) != token[-6:]
