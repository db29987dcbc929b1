"""What an operation declares, and one call as it sees it."""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Generic, Literal, TypeVar

import msgspec

from turnout import errors
from turnout.access import audit, roles
from turnout.access.oidc.issuer import Issuer
from turnout.downstream.exports.exporter import Exporter
from turnout.feed.by_hand.replay_many import Replays
from turnout.feed.intake import Feed
from turnout.model.age import Where
from turnout.model.event import Configuration, Event
from turnout.model.user import DAY_US, Need, Session, User
from turnout.now import as_text
from turnout.operations.health import Health
from turnout.settings import Settings
from turnout.store.database import Database

MAX_BODY_BYTES = 1_000_000
"""Of operations that say nothing else."""
MAX_DAYS = 36_500
MAX_OVERLAP_HOURS = 30 * 24
HOUR_US = 3_600 * 1_000_000
_T = TypeVar("_T")


class Product(msgspec.Struct, frozen=True):
    """What the operations work with."""

    settings: Settings
    database: Database
    feed: Feed
    public_url: str
    session_cookie: str
    """The name of the cookie by which the console knows who is signed in."""
    exporter: Exporter
    """Told when there is a file to be made."""
    health: Health
    replays: Replays
    issuer: Issuer | None = None
    """The provider of the single sign-on; None where there is none."""
    workers: int = 1
    """Processes that answer."""


class Taken(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What a body has: each operation that takes one declares its own kind."""


class Given(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What an answer has."""


class Items(Given, Generic[_T], frozen=True, kw_only=True):
    """A list."""

    items: list[_T]
    next: str | None = None
    """Where the next page goes on, to be sent back as it is; null where there is none."""


class Operation(msgspec.Struct, frozen=True):
    """What /api/ answers at one address to one method."""

    method: Literal["GET", "POST", "PATCH", "DELETE"]
    path: str
    """Below /api/: `events/{event}/keys/{key}`; `{event}` is an event's slug."""
    needs: Need
    """Who may; where the path has an event, of this one."""
    handler: "Callable[[Call], Any]"
    """A plain function runs in a thread and may ask the database; a coroutine waits. What it gives is the answer."""
    summary: str
    description: str = ""
    takes: type[Taken] | None = None
    gives: Any = None
    """The type of the answer; None where there is nothing to say (204)."""
    gives_file: tuple[str, ...] = ()
    """Media types of the file that is the answer, a Stream, in place of JSON."""
    query: Mapping[str, str] = {}
    """The parameters that there are, each with what it means. Others are refused."""
    tells_age: bool = False
    """Whether it may be read from a replica, so that a header says how old it is."""
    status: int = 200
    max_body_bytes: int = MAX_BODY_BYTES


class Call:
    """One request, as an operation sees it."""

    def __init__(
        self,
        product: Product,
        *,
        user: User,
        session: Session | None,
        configuration: Configuration | None,
        places: Mapping[str, str],
        query: Mapping[str, str],
        body: Any,
        address: str,
    ) -> None:
        self.product = product
        self.database = product.database
        self.user = user
        self.session = session
        """None of a program, which has a token."""
        self.places = places
        """What stands in the path's other `{…}`."""
        self.query = query
        self.body = body
        """Of the kind that the operation takes."""
        self.address = address
        """The caller's."""
        self.where = Where()
        """What may come from a replica was read; the answer says how old that is."""
        self._configuration = configuration

    @property
    def configuration(self) -> Configuration:
        """Of the event in the path; for operations that have one."""
        assert self._configuration is not None
        return self._configuration

    @property
    def event(self) -> Event:
        return self.configuration.event

    def may(self, need: Need) -> bool:
        """Whether the caller may do what needs this, of the event in the path."""
        return roles.may(self.user, need, None if self._configuration is None else self._configuration.event.id)

    def mask(self, text: str | None) -> str | None:
        """A name or an address, as much of it as this caller may see."""
        return text if self.user.sees_personal or not text else roles.mask(text)

    def expect_personal(self, needs: str = "viewer") -> None:
        """Raises NotAllowed for who may not see whose data it is."""
        if not self.user.sees_personal:
            raise errors.NotAllowed(f"{needs} with names and addresses shown")

    def read_number(self, name: str, otherwise: int, most: int) -> int:
        """A number from 1 in the query. Raises InvalidRequest."""
        said = self.query.get(name, "") or str(otherwise)
        if not (said.isascii() and said.isdecimal() and len(said) < 10 and 1 <= int(said) <= most):
            raise errors.InvalidRequest(f"{name} is a number from 1 to {most:,}.")
        return int(said)

    def read_choice(self, name: str, choices: tuple[str, ...]) -> str | None:
        """One of these in the query; None where nothing is said. Raises InvalidRequest."""
        said = self.query.get(name)
        if said is not None and said not in choices:
            raise errors.InvalidRequest(f"{name} can be {', '.join(choices)}.")
        return said

    def read_time(self, name: str) -> int | None:
        """A time in the query, in UTC where it names no zone. Raises InvalidRequest."""
        said = self.query.get(name)
        # A plus sign that was not encoded for the query arrives as a space.
        return read_time(name, None if said is None else said.replace(" ", "+"))

    @contextmanager
    def acting(self, action: str, *, target: str | None = None) -> Generator[audit.Deed]:
        """A deed with its line in the audit log: before it begins, and what came of it."""
        event_id = "" if self._configuration is None else self._configuration.event.id
        with audit.acting(
            self.database, self.user, action, event_id=event_id, target=target, address=self.address
        ) as deed:
            yield deed


def read_time(name: str, said: str | None) -> int | None:
    """A time as somebody wrote it, in UTC where it names no zone; None where nothing is said. Raises InvalidRequest."""
    if said is None:
        return None
    try:
        at = datetime.fromisoformat(said)
        return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1_000_000)
    except (ValueError, OverflowError):
        raise errors.InvalidRequest(f"{name} is a time such as 2026-05-01T09:00:00Z.") from None


def say_time(at: int) -> str:
    """A time as answers have it."""
    return as_text(at)


def as_time(at: int | None) -> str | None:
    """The same where there may be none."""
    return None if at is None else as_text(at)


def read_days(days: int | None) -> int | None:
    """How long something is to be good; None for ever. Raises InvalidRequest."""
    if days is not None and not 1 <= days <= MAX_DAYS:
        raise errors.InvalidRequest(f"expiresInDays is from 1 to {MAX_DAYS:,}, or left out.")
    return None if days is None else days * DAY_US


def read_overlap(hours: int) -> int:
    """How long what is replaced stays good. Raises InvalidRequest."""
    if not 0 <= hours <= MAX_OVERLAP_HOURS:
        raise errors.InvalidRequest(f"overlapHours is from 0 to {MAX_OVERLAP_HOURS}.")
    return hours * HOUR_US
