"""One HTTP request to a gateway, read within limits, as the request that intake takes (A2, B6, D5, D6, E1)."""

import hashlib
import re
from collections.abc import Awaitable, Callable
from typing import Any, Self
from urllib.parse import parse_qs

from turnout import errors
from turnout.feed.authenticate import Gateway
from turnout.feed.caller_address import Networks, client_address
from turnout.feed.intake import Request
from turnout.feed.parse.fields import LONGEST_NAME, fold_name, is_slip
from turnout.feed.parse.redact import KEY, show
from turnout.feed.parse.unpack import PACKING_OVERHEAD_BYTES, Unpacker, too_large

Scope = Any
"""An ASGI connection's scope."""
Receive = Callable[[], Awaitable[Any]]

MAX_IDEMPOTENCY_KEY = 255
QUERY = "query."
"""Before a parameter's name where an error tells its path."""
MAX_PARAMETERS = 100
"""In a query."""
SMALL_BYTES = 64 * 1024
"""What nearly all pushes stay below."""
PUSH_PARAMETERS = ("dryRun",)
BATCH_PARAMETERS = ("dryRun", "atomic", "receipts", "format", "complete", "withdraw")
_YES = ("true", "1", "yes", "")
_NO = ("false", "0", "no")


class ClientGone(Exception):
    """Whoever asked has hung up; nobody is there to answer."""


class Room:
    """The bytes of all bodies that are held at once, bounded."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self.held_bytes = 0

    def take(self, size_bytes: int, taken_bytes: int) -> None:
        """More room for a request that has taken some already. Raises QueueFull.

        The last quarter is for small ones: a few large bodies that never end must not keep everybody out.
        """
        others_bytes = self.held_bytes - taken_bytes
        is_small = taken_bytes + size_bytes <= SMALL_BYTES
        limit = self._limit if is_small or others_bytes == 0 else self._limit * 3 // 4
        if self.held_bytes + size_bytes > limit:
            raise errors.QueueFull("Too many large requests are being read at once.")
        self.held_bytes += size_bytes

    def give_back(self, size_bytes: int) -> None:
        self.held_bytes -= size_bytes


class Head:
    """What the request line and the headers say."""

    def __init__(self, scope: Scope, trusted_proxies: Networks) -> None:
        self.keys: list[str] = []
        self.content_type: str | None = None
        self.content_encoding: str | None = None
        self.content_length: int | None = None
        self.idempotency_key: str | None = None
        self.minimal = False
        self._headers = scope["headers"]
        for name, value in scope["headers"]:
            read = _HEADERS.get(name)
            if read is not None:
                read(self, value.decode("latin-1"))
        self.address = client_address(scope, trusted_proxies)
        self._query: dict[str, list[str]] | None = {}
        self._parameters: dict[str, list[str]] = {}
        """What the query says, by the names as they were written."""
        if scope["query_string"]:
            try:
                said = parse_qs(
                    scope["query_string"].decode("latin-1"), keep_blank_values=True, max_num_fields=MAX_PARAMETERS
                )
                self._parameters = said
                # As tolerant as with the names in a body: a misspelt dryRun must not write (B5).
                for name, values in said.items():
                    if len(name) <= LONGEST_NAME:
                        self._query.setdefault(fold_name(name), []).extend(values)
            except ValueError:
                # Said when something of it is asked for: whoever has no good key does not learn of it (A4).
                self._query = None

    def expect_parameters(
        self,
        known: tuple[str, ...],
        *,
        only: bool = False,
        prefix: str | None = None,
        repeatable: tuple[str, ...] = (),
    ) -> None:
        """Raises InvalidRequest for a parameter that is probably meant to be one of these, and is none.

        Others are left alone, because senders cannot always help what is added to an address on the way; `only` says
        that there may be no others, and none of them twice but the `repeatable` ones: whoever names two groups must not
        be shown one of them. What begins with `prefix` is for `texts_under`, as often as it comes.
        """
        if not self._parameters:
            return
        folded = {fold_name(name): name for name in known}
        for name in self._parameters:
            if len(name) <= LONGEST_NAME and fold_name(name) in folded:
                continue
            if prefix is not None and name.lower().startswith(prefix.lower()):
                continue
            meant = next((ours for like, ours in folded.items() if _is_near(name, like)), None)
            if meant is None and prefix is not None and _is_near(name, fold_name(prefix.removesuffix("."))):
                meant = f"{prefix}<name>"
            if meant is not None or only:
                there = known if prefix is None else (*known, f"{prefix}<name>")
                cure = "There are: " + ", ".join(there) + "." if meant is None else f"Did you mean {meant}?"
                raise errors.InvalidRequest(
                    f'There is no parameter "{show(name, 40)}". {cure}', path=QUERY + show(name, 40)
                )
        for name in known if only else ():
            times = len(self.texts(name))
            if times > 1 and name not in repeatable:
                often = "twice" if times == 2 else f"{times} times"
                raise errors.InvalidRequest(f"{name} is given {often}. Give it once.", path=QUERY + name)

    def header(self, name: bytes) -> str | None:
        """What a header says that few requests need; `name` in small letters."""
        return next((value.decode("latin-1") for known, value in self._headers if known == name), None)

    def flag(self, name: str) -> bool:
        """A yes or no of the query, in any of the ways in which these are said. Raises InvalidRequest."""
        value = self.text(name)
        if value is None or value.lower() in _NO:
            return False
        if value.lower() in _YES:
            return True
        raise self._not_a_flag(name, value)

    def boolean(self, name: str) -> bool:
        """`true` or `false` of the query, false where none is given. Raises InvalidRequest."""
        value = self.text(name)
        if value is None or value.lower() == "false":
            return False
        if value.lower() == "true":
            return True
        raise self._not_a_flag(name, value)

    def _not_a_flag(self, name: str, value: str) -> errors.InvalidRequest:
        return errors.InvalidRequest(f'{name} can be true or false, not "{show(value, 40)}".', path=QUERY + name)

    def choice(self, name: str, choices: tuple[str, ...]) -> str:
        """One of several words of the query, the first where none is given. Raises InvalidRequest."""
        value = self.text(name)
        if value is None:
            return choices[0]
        if value not in choices:
            known = " or ".join(filter(None, choices))
            raise errors.InvalidRequest(f'{name} can be {known}, not "{show(value, 40)}".', path=QUERY + name)
        return value

    def number(self, name: str, default: int, most: int) -> int:
        """A number of the query from 1 to `most`. Raises InvalidRequest."""
        value = self.text(name)
        if value is None:
            return default
        if not (value.isascii() and value.isdigit() and len(value) < 10 and 0 < int(value) <= most):
            raise errors.InvalidRequest(
                f'{name} is a number from 1 to {most:,}, not "{show(value, 40)}".', path=QUERY + name
            )
        return int(value)

    def text(self, name: str) -> str | None:
        """What the query says last under this name. Raises InvalidRequest."""
        if self._query is None:
            raise errors.InvalidRequest(f"There are more than {MAX_PARAMETERS} parameters in the query.")
        return self._query.get(fold_name(name), [None])[-1]

    def texts(self, name: str) -> list[str]:
        """All that the query says under this name. Raises InvalidRequest."""
        self.text(name)
        return (self._query or {}).get(fold_name(name), [])

    def texts_under(self, prefix: str) -> list[tuple[str, str]]:
        """What the query says under names that begin so, with the rest of each name. Raises InvalidRequest."""
        self.text(prefix)
        return [
            (name[len(prefix) :], value)
            for name, values in self._parameters.items()
            if name.lower().startswith(prefix.lower())
            for value in values
        ]

    def _read_key(self, value: str) -> None:
        self.keys.append(value)

    def _read_authorization(self, value: str) -> None:
        scheme, _, key = value.strip().partition(" ")
        if scheme.lower() == "bearer":
            self.keys.append(key)

    def _read_type(self, value: str) -> None:
        self.content_type = value

    def _read_encoding(self, value: str) -> None:
        self.content_encoding = value if self.content_encoding is None else f"{self.content_encoding}, {value}"

    def _read_length(self, value: str) -> None:
        # As many zeros as somebody likes may stand before it; `int` reads only so many.
        self.content_length = int(value.lstrip("0") or 0) if value.isdigit() else None

    def _read_idempotency_key(self, value: str) -> None:
        # An API key that was put here by mistake is told from others, and not stored (A5).
        without_key = KEY.sub(lambda found: hashlib.sha256(found[0].encode()).hexdigest(), value.strip())
        self.idempotency_key = without_key or None

    def _read_preference(self, value: str) -> None:
        self.minimal = self.minimal or "return=minimal" in value.lower().replace(" ", "")


def _is_near(name: str, known: str) -> bool:
    """Whether a parameter is a slip for this one, whose name is folded: `dryRuns`, `dryRun[]`, `amp;dryRun`."""
    if len(name) > LONGEST_NAME:
        return False
    letters = _NO_LETTER.sub("", fold_name(name.removeprefix("amp;")))
    return letters.startswith(known) or is_slip(letters, known)


_NO_LETTER = re.compile(r"\W+")


_HEADERS: dict[bytes, Callable[[Head, str], None]] = {
    b"api-key": Head._read_key,
    b"authorization": Head._read_authorization,
    b"content-type": Head._read_type,
    b"content-encoding": Head._read_encoding,
    b"content-length": Head._read_length,
    b"idempotency-key": Head._read_idempotency_key,
    b"prefer": Head._read_preference,
}


class Reading:
    """Reads one request; holds room for its body until it is closed."""

    def __init__(self, head: Head, receive: Receive, limit_bytes: int, room: Room) -> None:
        self._head = head
        self._receive = receive
        self._limit = limit_bytes
        self._room = room
        self._taken_bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._room.give_back(self._taken_bytes)

    async def read(self, gateway: Gateway, *, batch: bool) -> Request:
        """The request, with what is wrong about it as its `trouble`: whoever has no good key does not learn of it (A4).

        Raises ClientGone.
        """
        head = self._head
        raw, trouble = b"", None
        dry_run = atomic = as_csv = complete = False
        receipts = "all"
        withdraw: int | None = None
        try:
            head.expect_parameters(BATCH_PARAMETERS if batch else PUSH_PARAMETERS)
            dry_run = head.flag("dryRun")
            if batch:
                atomic = head.flag("atomic")
                receipts = head.choice("receipts", ("all", "failed", "summary"))
                as_csv = head.choice("format", ("json", "csv")) == "csv"
                complete = head.flag("complete")
                withdraw = head.number("withdraw", 0, 10_000_000) or None
                if as_csv and receipts != "failed":
                    raise errors.InvalidRequest("format=csv is for the failed items: it goes with receipts=failed.")
                if as_csv and complete:
                    raise errors.InvalidRequest("format=csv cannot say what complete=true has led to; leave one out.")
            if head.idempotency_key is not None and len(head.idempotency_key) > MAX_IDEMPOTENCY_KEY:
                raise errors.InvalidRequest(f"An Idempotency-Key has at most {MAX_IDEMPOTENCY_KEY} characters.")
            raw = await self._read_body()
        except errors.TurnoutError as error:
            # Its traceback would lead back to here and what was read, a circle that is collected late.
            trouble = error.with_traceback(None)
            # Nothing of the body is kept; where many wait for room, the first to give up makes it for the others.
            self._room.give_back(self._taken_bytes)
            self._taken_bytes = 0
        return Request(
            gateway=gateway,
            keys=tuple(head.keys),
            address=head.address,
            raw=raw,
            content_type=head.content_type,
            trouble=trouble,
            idempotency_key=head.idempotency_key,
            minimal=head.minimal,
            dry_run=dry_run,
            atomic=atomic,
            receipts=receipts,
            as_csv=as_csv,
            complete=complete,
            withdraw=withdraw,
        )

    async def _read_body(self) -> bytes:
        head = self._head
        packed = head.content_encoding is not None
        limit = self._limit + PACKING_OVERHEAD_BYTES if packed else self._limit
        if head.content_length is not None and head.content_length > limit:
            raise too_large(self._limit)
        unpacker = Unpacker(head.content_encoding, self._limit)
        pieces = []
        more = True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            piece = unpacker.feed(message.get("body", b""))
            self._room.take(len(piece), self._taken_bytes)
            self._taken_bytes += len(piece)
            pieces.append(piece)
            more = message.get("more_body", False)
        unpacker.finish()
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)
