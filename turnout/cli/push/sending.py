"""Chunks of attendees on their way: over HTTP to a gateway, or straight into the database."""

import re
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Self
from urllib.parse import urlsplit

import httpx2
import msgspec
from msgspec import UNSET, UnsetType

from turnout import __version__, errors
from turnout.cli.push.items import FileItem, write_batch
from turnout.feed.batch.csv.table import name_line
from turnout.feed.batch.split import split
from turnout.feed.by_hand.hand_in import as_sender, hand_in, name_actor
from turnout.feed.configurations import Configurations
from turnout.feed.intake import read_item
from turnout.feed.submission import Item, Overlay
from turnout.model.event import Configuration
from turnout.model.receipt import Problem
from turnout.now import new_id
from turnout.store.database import Database

MAX_FAILED = 10_000
"""Failed items that are kept with their problems; the others are counted."""
GIVE_UP_S = 600.0
"""How long one chunk is tried again while the server says that it is its own fault, or cannot be reached."""
GIVE_UP_ON_MISTAKES_S = 30.0
"""The same where the server says that it made a mistake: that seldom passes by itself."""
MAX_PAUSE_S = 30.0
TIMEOUT_S = 120.0
MAX_KINDS = 1_000
"""Of problems that are counted apart."""
MAX_PLACES = 5
"""Examples of each kind."""

Tell = Callable[[str], object]


class FailedItem(msgspec.Struct, frozen=True, kw_only=True):
    """An item that did not take effect, and why."""

    index: int
    line: int | UnsetType = UNSET
    id: str | None
    """Of the push, where it was kept."""
    code: str
    detail: str
    errors: list[Problem]


class Kind(msgspec.Struct, kw_only=True):
    """One kind of problem: how often it came, with the first as an example."""

    code: str
    path: str
    count: int = 0
    message: str
    help: str
    lines: list[int] = []
    """In which it came first; of a file without lines, `indexes`."""
    indexes: list[int] = []


class Sending(ABC):
    """What has been sent so far, and what became of it."""

    def __init__(self) -> None:
        self.total = 0
        self.counts = dict.fromkeys(("created", "updated", "unchanged", "suppressed", "failed"), 0)
        self.failed: list[FailedItem] = []
        self.more_failed = 0
        self.keeps_items = False
        """Whether the failed items themselves are wanted as well."""
        self.failed_items: list[FileItem] = []
        self.kinds: dict[tuple[str, str], Kind] = {}
        """What went wrong, by code and path."""

    @abstractmethod
    def send(self, chunk: Sequence[FileItem], tell: Tell) -> None:
        """Sends the items and waits until they are stored. `tell` is called with a sentence when it has to wait.

        Raises a TurnoutError where going on makes no sense.
        """

    def _count(self, results: dict[str, int]) -> None:
        for result in self.counts:
            self.counts[result] += results.get(result, 0)
        self.total = sum(self.counts.values())

    def _add_failed(self, item: FileItem, push_id: str | None, code: str, detail: str, problems: list[Problem]) -> None:
        for problem in problems or [Problem("", code, detail, "")]:
            self._count_kind(item, problem)
        if len(self.failed) == MAX_FAILED:
            self.more_failed += 1
            return
        if self.keeps_items:
            self.failed_items.append(item)
        line = UNSET if item.line is None else item.line
        self.failed.append(
            FailedItem(index=item.index, line=line, id=push_id, code=code, detail=detail, errors=problems)
        )

    def _count_kind(self, item: FileItem, problem: Problem) -> None:
        # Entries of a list are of one kind, whichever they are.
        name = (problem.code, _NUMBER.sub("0", problem.path))
        if name not in self.kinds and len(self.kinds) == MAX_KINDS:
            return
        message = problem.message.removeprefix(f"{item.place}: ")
        kind = self.kinds.setdefault(
            name, Kind(code=problem.code, path=problem.path, message=message, help=problem.help)
        )
        kind.count += 1
        places, place = (kind.indexes, item.index) if item.line is None else (kind.lines, item.line)
        if len(places) < MAX_PLACES and place not in places:
            places.append(place)


_NUMBER = re.compile(r"\d+")


class DirectSending(Sending):
    """Into the database of this machine, beside its server."""

    def __init__(self, database: Database, slug: str, source_number: int, *, dry_run: bool) -> None:
        super().__init__()
        self._database = database
        self._configurations = Configurations(database)
        self._slug = slug
        self._source_number = source_number
        self._overlay = Overlay() if dry_run else None
        self._actor = name_actor()

    def send(self, chunk: Sequence[FileItem], tell: Tell) -> None:
        deadline = time.monotonic() + GIVE_UP_S
        while True:
            try:
                outcomes = hand_in(
                    self._database, self._configurations, self._slug, lambda its: self._read(its, chunk), self._overlay
                )
                break
            except errors.StorageUnavailable as error:
                _pause(error.detail, error.retry_after_s, deadline, tell, error)
        results: dict[str, int] = {}
        for item, outcome in zip(chunk, outcomes, strict=True):
            results[outcome.result] = results.get(outcome.result, 0) + 1
            if outcome.failure is not None:
                failure = outcome.failure
                self._add_failed(item, outcome.push_id, failure.code, failure.detail, failure.errors)
        self._count(results)

    def _read(self, configuration: Configuration, chunk: Sequence[FileItem]) -> list[Item]:
        sender = as_sender(configuration, self._source_number, self._actor)
        # As a gateway would read them, with its bounds.
        batch = split(*write_batch(chunk))
        if batch.problems:
            raise errors.MalformedBody(batch.problems[0].message, list(batch.problems))
        items = [read_item(new_id("psh"), body, sender, index=index) for index, body in enumerate(batch.items())]
        return [
            item if (line := batch.line(index)) is None else name_line(item, line) for index, item in enumerate(items)
        ]


class _Result(msgspec.Struct, frozen=True):
    """A failed item of a batch's answer."""

    index: int
    detail: str
    code: str
    id: str | None = None
    errors: list[Problem] = []


class _Answer(msgspec.Struct, frozen=True):
    """A batch's answer with `receipts=failed`."""

    results: list[_Result]
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    suppressed: int = 0
    failed: int = 0


class _Refusal(msgspec.Struct, frozen=True):
    """What is read of a problem document."""

    detail: str
    code: str = "unexpected"
    retryable: bool = False
    errors: list[Problem] = []


class GatewaySending(Sending):
    """Over HTTP to a gateway, each chunk under an Idempotency-Key of its own, so that it can be sent again."""

    def __init__(self, gateway: str, key: str, *, dry_run: bool, transport: httpx2.BaseTransport | None = None) -> None:
        """Raises InvalidRequest for what is no URL."""
        super().__init__()
        self._url = f"{_clean(gateway)}/attendees/batch"
        self._parameters = {"receipts": "failed", **({"dryRun": "true"} if dry_run else {})}
        self._run = uuid.uuid4().hex
        self._chunks = 0
        self._client = httpx2.Client(
            trust_env=False,
            timeout=TIMEOUT_S,
            transport=transport,
            headers={
                "Api-Key": key,
                "User-Agent": f"turnout/{__version__}",
            },
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def send(self, chunk: Sequence[FileItem], tell: Tell) -> None:
        self._chunks += 1
        content, content_type = write_batch(chunk)
        headers = {"Idempotency-Key": f"{self._run}-{self._chunks}", "Content-Type": content_type}
        deadline = time.monotonic() + GIVE_UP_S
        while True:
            try:
                response = self._client.post(self._url, params=self._parameters, content=content, headers=headers)
            except httpx2.TransportError as error:
                away = errors.StorageUnavailable(f"{self._url} cannot be reached: {error or type(error).__name__}.")
                _pause(away.detail, away.retry_after_s, deadline, tell, away)
                continue
            if response.status_code == 200:
                self._take(chunk, response)
                return
            refused, retryable = _read_refusal(response, self._url)
            if not retryable:
                raise refused
            _pause(refused.detail, _read_retry_after(response), deadline, tell, refused)

    def _take(self, chunk: Sequence[FileItem], response: httpx2.Response) -> None:
        try:
            answer = msgspec.json.decode(response.content, type=_Answer)
        except msgspec.DecodeError:
            raise errors.InvalidRequest(f"{self._url} does not answer like a gateway. Check the address.") from None
        for result in answer.results:
            self._add_failed(chunk[result.index], result.id, result.code, result.detail, result.errors)
        self._count(msgspec.structs.asdict(answer))


def _clean(gateway: str) -> str:
    """The gateway's address, whichever of its endpoints was given."""
    address = gateway.strip().rstrip("/")
    for ending in ("/attendees/batch", "/attendees"):
        address = address.removesuffix(ending)
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise errors.InvalidRequest(
            f"{gateway!r} is not a gateway's address, such as https://feed.example.org/e/spring."
        )
    return address


def _read_refusal(response: httpx2.Response, url: str) -> tuple[errors.TurnoutError, bool]:
    """The server's own words as an error, and whether the same may succeed later."""
    status = response.status_code
    try:
        refusal = msgspec.json.decode(response.content, type=_Refusal)
    except msgspec.DecodeError:
        where = response.headers.get("location")
        hint = f" It points to {where}; push there." if where else ""
        detail = f"{url} answered {status} {response.reason_phrase}, and not like a gateway.{hint}"
        # What stands in front of a server says so without our words.
        return errors.InvalidRequest(detail), status in (429, 502, 503, 504)
    if status == 401:
        error: errors.TurnoutError = errors.Unauthorized()
        error.detail = refusal.detail
        return error, False
    kind: Any = errors.BY_CODE.get(refusal.code, errors.InvalidRequest)
    if kind in (errors.Unauthorized, errors.MethodNotAllowed):
        kind = errors.InvalidRequest
    return kind(refusal.detail, refusal.errors), refusal.retryable


def _read_retry_after(response: httpx2.Response) -> float:
    value = response.headers.get("retry-after", "")
    return float(value) if value.isdigit() else 1.0


def _pause(why: str, seconds: float, deadline: float, tell: Tell, error: errors.TurnoutError) -> None:
    """Waits before another try; raises the error when there was enough of that."""
    pause_s = min(max(seconds, 0.1), MAX_PAUSE_S)
    if isinstance(error, errors.Unexpected):
        deadline -= GIVE_UP_S - GIVE_UP_ON_MISTAKES_S
    if time.monotonic() + pause_s > deadline:
        raise error
    tell(f"{why} Trying again in {pause_s:g} s.")
    time.sleep(pause_s)
