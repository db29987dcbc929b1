"""A batch from bytes to answer: taken apart, each item as a push of its own, chunk by chunk (E1–E3)."""

import asyncio
import time
from collections.abc import Sequence

import msgspec

from turnout import errors
from turnout.feed.authenticate import Caller, find_caller, get_caller
from turnout.feed.batch.complete import complete
from turnout.feed.batch.csv.failed import write_failed
from turnout.feed.batch.csv.table import describe, name_line
from turnout.feed.batch.split import Batch, glimpse, split
from turnout.feed.intake import (
    LARGE_BYTES,
    Feed,
    Request,
    as_sender,
    count_listed,
    digest_of,
    failed,
    read_item,
    shorten,
)
from turnout.feed.parse.body import Body
from turnout.feed.receipt import (
    AS_FILE,
    CSV,
    Answer,
    list_failures,
    render,
    render_error,
    render_receipts,
    to_failure,
)
from turnout.feed.submission import WHOLE, Idempotency, Item, Overlay, StaleConfiguration, Submission
from turnout.model.receipt import Completed, Failure, Outcome, Problem
from turnout.now import new_id, now_us
from turnout.store.database import OutcomeUnknown

CHUNK = 500
"""Items in one submission, so that others are not held up."""
CHUNK_BYTES = 2 * 1024 * 1024
"""Of items in one submission, unless a single one has more."""
_BREATH = 32
_BREATH_BYTES = 64 * 1024
"""Items parsed before others get a turn."""
_MAX_LISTED_IN_ALL = 20_000
"""Errors and warnings that all items together list; beyond, each lists its first and counts the others (D3)."""
_ROOM_WAIT_S = 5.0
"""How long a batch that has begun waits for room in the queue."""


class _Allowance:
    """What may still be had of something, but one at a time always."""

    def __init__(self, most: int) -> None:
        self._left = most

    def take(self, wanted: int) -> int:
        taken = min(wanted, max(1, self._left))
        self._left -= taken
        return taken


async def take_batch(feed: Feed, request: Request) -> Answer:
    """The answer to a batch: every item's outcome in order, or one error for all."""
    return await _Batching(feed, request).take()


class _Batching:
    """The state of one batch: who sends, and what has become of its items so far."""

    def __init__(self, feed: Feed, request: Request) -> None:
        self.feed = feed
        self.request = request
        self.batch = Batch(b"", [])
        self.callers: dict[str, Caller | None] = {}
        self.overlay = Overlay() if request.dry_run else None
        self.outcomes: list[Outcome | Failure] = []
        """By item; a Failure where it was not even taken, because its key is bad."""
        self.ids: list[str] = []
        self.storable, self.answerable = _Allowance(_MAX_LISTED_IN_ALL), _Allowance(_MAX_LISTED_IN_ALL)
        """Errors and warnings that may still be listed."""
        self.precise = False
        self.idempotency_digest = ""
        self.completed: Completed | None = None
        self.withdrawn = 0
        self.began_at = now_us()
        self.is_claimed = False
        """Whether the Idempotency-Key stands for this batch: that is noted with the first items that are taken (D6)."""
        self.wait_s = 0.0
        """How long the answer is kept back, because of items with bad keys (A4)."""

    async def take(self) -> Answer:
        try:
            if any(key.strip() for key in self.request.keys):
                # Whoever has no good key takes nobody's turn, and learns nothing of how many there are (A4).
                await self._authenticate()
            elif self.feed.turns.are_all_taken and self.request.trouble is None:
                await self._look_who_sends()
            async with self.feed.turns.taken():
                answer = await self._take()
        except errors.TurnoutError as error:
            answer = render_error(error, precise=self.precise, problems_url=self.feed.problems_url)
        return msgspec.structs.replace(answer, wait_s=max(answer.wait_s, self.wait_s))

    async def _look_who_sends(self) -> None:
        """Finds out what can be known without a turn, so that the answer that there is none has its status (D4).

        Raises Unauthorized where all of the batch has been seen; else a good key may stand further behind.
        """
        self.batch, is_all = await asyncio.to_thread(glimpse, self.request.raw, self.request.content_type)
        try:
            await self._authenticate()
        except errors.Unauthorized as error:
            if is_all:
                raise
            self.wait_s = max(self.wait_s, error.wait_s)

    async def _take(self) -> Answer:
        if self.request.trouble is None:
            self.batch = await asyncio.to_thread(split, self.request.raw, self.request.content_type)
        while True:
            await self._authenticate()
            try:
                return await self._take_authenticated()
            except StaleConfiguration:
                continue

    async def _authenticate(self) -> None:
        """Finds out who sends: with the key of the header or the root, else with those of the items."""
        self.callers = {}
        given = [key for key in (*self.request.keys, *self.batch.keys) if key.strip()]
        if given:
            self.root_key = given[0].strip()
            # Asked anew: a batch without items comes to no commit that would notice a revoked key (A3).
            self.first = await self._get_caller(given, fresh=True)
            self.callers[self.root_key] = self.first
        else:
            self.root_key = ""
            is_refused = False
            for key in self.batch.item_keys():
                try:
                    self.first = await self._get_caller([key], fresh=True)
                except errors.Unauthorized as error:
                    is_refused = True
                    self.wait_s = max(self.wait_s, error.wait_s)
                    self.callers[key] = None
                    if len(self.callers) > _MAX_BAD_KEYS:
                        raise
                    continue
                self.callers[key] = self.first
                break
            else:
                if not is_refused:
                    await self._get_caller([])
                raise errors.Unauthorized(self.wait_s)
        self.precise = self.first.policy.status_codes == "precise"

    async def _get_caller(self, given: Sequence[str], *, fresh: bool = False) -> Caller:
        try:
            return await get_caller(
                self.feed.configurations,
                self.feed.refusals,
                self.request.gateway,
                given,
                self.request.address,
                scope="push",
                fresh=fresh,
            )
        except errors.StorageUnavailable:
            # Nobody can tell whether the key is still good. As far as is known, this is the status asked for (D4).
            known = find_caller(self.feed.configurations, self.request.gateway, given)
            self.precise = known is not None and known.policy.status_codes == "precise"
            raise

    async def _take_authenticated(self) -> Answer:
        """Takes the items chunk by chunk. Raises StaleConfiguration; what is done by then is not done again."""
        if self.request.trouble is not None or self.batch.problems:
            return await self._answer_unreadable()
        while len(self.outcomes) < len(self.batch):
            start = len(self.outcomes)
            await self._take_chunk(start, len(self.batch) if self.request.atomic else self._find_end(start))
        if not self.is_claimed and (claim := self._claim()) is not None:
            # No item was taken, or there was none.
            await self._submit((), claim)
        if self.request.complete:
            self.completed, self.withdrawn = await self._complete()
        return await asyncio.to_thread(self._render_as_csv) if self.request.as_csv else self._render()

    async def _complete(self) -> tuple[Completed, int]:
        """Withdraws whom the source expects and this batch did not name (E4)."""
        named = {one.attendee.id for one in self.outcomes if isinstance(one, Outcome) and one.attendee is not None}
        return await complete(
            self.feed.configurations,
            self.feed.group_commit,
            self.first.configuration,
            as_sender(self.first, self.request.address),
            named={attendee_id for attendee_id in named if attendee_id is not None},
            confirmed=self.request.withdraw,
            any_failed=any(isinstance(one, Failure) or one.failure is not None for one in self.outcomes),
            began_at=self.began_at,
            overlay=self.overlay,
        )

    def _find_end(self, start: int) -> int:
        """Where the chunk that begins here ends."""
        end = start + 1
        size_bytes = self.batch.size_bytes(start)
        while end < min(start + CHUNK, len(self.batch)):
            size_bytes += self.batch.size_bytes(end)
            if size_bytes > CHUNK_BYTES:
                break
            end += 1
        return end

    async def _take_chunk(self, start: int, end: int) -> None:
        items: list[Item] = []
        outcomes: list[Outcome | Failure] = []
        while len(self.ids) < end:
            self.ids.append(new_id("psh"))
        unseen_bytes = 0
        for index in range(start, end):
            unseen_bytes += self.batch.size_bytes(index)
            if index % _BREATH == _BREATH - 1 or unseen_bytes > _BREATH_BYTES:
                await asyncio.sleep(0)
                unseen_bytes = 0
            item = await self._read(index)
            if isinstance(item, Item):
                items.append(item)
            outcomes.append(item if isinstance(item, Failure) else _PENDING)
        if items:
            done = iter(await self._submit(items, claim=None if self.is_claimed else self._claim()))
            self.is_claimed = True
            outcomes = [self._shorten(next(done)) if outcome is _PENDING else outcome for outcome in outcomes]
        self.outcomes += outcomes

    def _shorten(self, outcome: Outcome) -> Outcome:
        """The outcome with no more warnings than the answer may still list: the merge may have had some too."""
        listed = len(outcome.warnings)
        most = self.answerable.take(listed)
        if listed <= most:
            return outcome
        return msgspec.structs.replace(
            outcome, warnings=outcome.warnings[:most], more_warnings=outcome.more_warnings + listed - most
        )

    async def _read(self, index: int) -> Item | Failure:
        is_large = self.batch.size_bytes(index) > LARGE_BYTES
        body = await asyncio.to_thread(self.batch.item, index) if is_large else self.batch.item(index)
        caller = await self._find_caller(body)
        if caller is None:
            if self.request.atomic:
                # All or nothing (E2): it fails as a push of whoever sent the batch, and leaves no body behind (A4).
                return failed(self.ids[index], _BAD_KEY, as_sender(self.first, self.request.address), index=index)
            return _BAD_KEY
        sender, idempotency = as_sender(caller, self.request.address), self._claim(index)
        if is_large:
            item = await asyncio.to_thread(
                read_item, self.ids[index], body, sender, idempotency=idempotency, index=index
            )
        else:
            item = read_item(self.ids[index], body, sender, idempotency=idempotency, index=index)
        if (line := self.batch.line(index)) is not None:
            item = name_line(item, line)
        return shorten(item, self.storable.take(count_listed(item)))

    async def _find_caller(self, body: Body) -> Caller | None:
        """Who sends this item; None when its own key is bad, or not that of the header or root (E3)."""
        if not body.keys:
            return self.callers.get(self.root_key)
        if len(body.keys) > 1 or (self.root_key and body.keys[0] != self.root_key):
            return None
        key = body.keys[0]
        if key not in self.callers:
            if sum(caller is None for caller in self.callers.values()) > _MAX_BAD_KEYS:
                return None
            try:
                self.callers[key] = await self._get_caller([key])
            except errors.Unauthorized as error:
                self.wait_s = max(self.wait_s, error.wait_s)
                self.callers[key] = None
        return self.callers[key]

    def _claim(self, item: int = WHOLE) -> Idempotency | None:
        key = self.request.idempotency_key
        if key is None:
            return None
        if not self.idempotency_digest:
            self.idempotency_digest = digest_of(self.request.raw)
        return Idempotency(key, item, self.idempotency_digest)

    async def _submit(self, items: Sequence[Item], claim: Idempotency | None) -> list[Outcome]:
        submission = Submission(
            configuration=self.first.configuration,
            items=items,
            atomic=self.request.atomic,
            dry_run=self.overlay,
            claim=claim,
            claimant=as_sender(self.first, self.request.address).source_number,
        )
        deadline = time.monotonic() + _ROOM_WAIT_S
        while True:
            try:
                return await self.feed.group_commit.submit(submission)
            except errors.QueueFull:
                # What has begun waits for room; what has not is told at once.
                if not self.outcomes or time.monotonic() > deadline:
                    raise
                await asyncio.sleep(0.02)
            except errors.StorageUnavailable as error:
                if not self.outcomes:
                    raise
                # And not StorageUnavailable, which says that nothing was stored.
                raise OutcomeUnknown(
                    f"{error.detail} The first {len(self.outcomes)} items had been stored by then; send the whole "
                    "batch again, they will come back unchanged."
                ) from error

    async def _answer_unreadable(self) -> Answer:
        """The batch as a whole is kept as one failed push."""
        trouble = self.request.trouble or errors.MalformedBody(
            self.batch.problems[0].message, list(self.batch.problems)
        )
        if isinstance(trouble, errors.Unavailable):
            raise trouble
        item = failed(
            new_id("psh"),
            msgspec.structs.replace(to_failure(trouble), is_batch=True),
            as_sender(self.first, self.request.address),
            None if self.request.trouble is not None else self.batch.text,
            idempotency=self._claim() if self.request.trouble is None else None,
        )
        (outcome,) = await self.feed.group_commit.submit(
            Submission(configuration=self.first.configuration, items=(item,), dry_run=self.overlay)
        )
        return render(outcome, precise=self.precise, minimal=False, problems_url=self.feed.problems_url)

    def _render(self) -> Answer:
        return render_receipts(
            self.outcomes,
            receipts=self.request.receipts,
            precise=self.precise,
            minimal=self.request.minimal,
            problems_url=self.feed.problems_url,
            completed=self.completed,
            withdrawn=self.withdrawn,
        )

    def _render_as_csv(self) -> Answer:
        """What failed, to be mended and sent again."""
        failed = [
            (index, describe(failure, self._name_place(index))) for index, failure in list_failures(self.outcomes)
        ]
        return Answer(200, write_failed(self.batch, failed), (CSV, AS_FILE))

    def _name_place(self, index: int) -> str:
        line = self.batch.line(index)
        return f"Item {index}" if line is None else f"Line {line}"


_MAX_BAD_KEYS = 10
"""Keys of one batch that are looked up in vain before its other unknown keys count as bad unseen."""
_UNAUTHORIZED = errors.Unauthorized()
_BAD_KEY = Failure(
    _UNAUTHORIZED.code,
    _UNAUTHORIZED.detail,
    [Problem("key", _UNAUTHORIZED.code, _UNAUTHORIZED.detail, _UNAUTHORIZED.help)],
)
_PENDING = Failure("", "", [])
