"""The page to read: one push from bytes to answer. Authenticate, parse, commit, answer, in that order."""

import asyncio
import hashlib

import msgspec

from turnout import errors
from turnout.feed.authenticate import Caller, Gateway, find_caller, get_caller
from turnout.feed.configurations import Configurations
from turnout.feed.group_commit import GroupCommit
from turnout.feed.key_uses import KeyUses
from turnout.feed.parse.body import Body, decode
from turnout.feed.parse.push import to_push
from turnout.feed.receipt import Answer, render, render_error, to_failure
from turnout.feed.refusals import Refusals
from turnout.feed.submission import WHOLE, Idempotency, Item, Overlay, Sender, StaleConfiguration, Submission
from turnout.feed.turns import Turns
from turnout.model.push import Push
from turnout.model.receipt import MAX_LISTED, Failure
from turnout.now import new_id, now_us

MAX_ADDRESS = 64
"""Of the caller, in characters, as it is kept with the key."""
LARGE_BYTES = 64 * 1024
"""A larger body is read beside the others, one at a time: it may take a second, and sixty times its size as objects."""


class Feed(msgspec.Struct, frozen=True, kw_only=True):
    """What the front door works with."""

    configurations: Configurations
    group_commit: GroupCommit
    refusals: Refusals
    problems_url: str
    turns: Turns
    """Of batches."""
    large_turns: Turns
    """Of large bodies, while they are read."""
    key_uses: KeyUses | None = None
    """Of read keys; None where nobody asks when they were used."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One request as HTTP gave it, its body read, or the reason why it could not be read."""

    gateway: Gateway
    keys: tuple[str, ...]
    """Given in headers."""
    address: str
    """The caller's."""
    raw: bytes
    content_type: str | None = None
    trouble: errors.TurnoutError | None = None
    idempotency_key: str | None = None
    minimal: bool = False
    dry_run: bool = False
    # Of a batch.
    atomic: bool = False
    receipts: str = "all"
    as_csv: bool = False
    """Whether the failed items are wanted as CSV (E1)."""
    complete: bool = False
    withdraw: int | None = None
    """How many people the sender has confirmed to withdraw (E4)."""


async def take(feed: Feed, request: Request) -> Answer:
    """The answer to one push (A, B, C, D)."""
    precise = False
    try:
        push_id = new_id("psh")
        while True:
            caller, item = await _read(feed, request, push_id)
            precise = caller.policy.status_codes == "precise"
            if isinstance(request.trouble, errors.Unavailable):
                raise request.trouble
            submission = Submission(
                configuration=caller.configuration, items=(item,), dry_run=Overlay() if request.dry_run else None
            )
            try:
                (outcome,) = await feed.group_commit.submit(submission)
            except StaleConfiguration:
                # Keys or settings have changed meanwhile: everything is looked at again as it is now.
                continue
            return render(outcome, precise=precise, minimal=request.minimal, problems_url=feed.problems_url)
    except errors.TurnoutError as error:
        return render_error(error, precise=precise, problems_url=feed.problems_url)


def read_item(
    push_id: str,
    body: Body,
    sender: Sender,
    *,
    idempotency: Idempotency | None = None,
    replay_of: str | None = None,
    index: int | None = None,
    observed_at: int | None = None,
) -> Item:
    """One opened body as a push on its way, or with every reason why it cannot take effect (B, D3).

    `observed_at` stands in for what the body does not say itself.
    """
    push, failure = None, None
    try:
        if body.problems:
            raise errors.MalformedBody(body.problems[0].message, list(body.problems))
        push = to_push(body, lists=sender.policy.lists, now=now_us())
        if observed_at is not None and push.observed_at is None:
            push = msgspec.structs.replace(push, observed_at=observed_at)
        push = _with_warnings(push, MAX_LISTED)
    except errors.Refused as error:
        failure = to_failure(error)
    return Item(
        id=push_id,
        sender=sender,
        push=push,
        failure=failure,
        email=push.email if push else None,
        body=body.text,
        digest=digest_of(body.text.encode()),
        idempotency=idempotency,
        replay_of=replay_of,
        index=index,
    )


def count_listed(item: Item) -> int:
    """How many errors or warnings are listed of it."""
    return len(item.failure.errors) if item.failure is not None else len(item.push.warnings) if item.push else 0


def shorten(item: Item, most: int) -> Item:
    """The same with at most so many errors or warnings listed, and the others counted (D3)."""
    failure = item.failure
    if failure is not None and len(failure.errors) > most:
        more = failure.more_errors + len(failure.errors) - most
        return msgspec.structs.replace(
            item, failure=msgspec.structs.replace(failure, errors=failure.errors[:most], more_errors=more)
        )
    return item if item.push is None else msgspec.structs.replace(item, push=_with_warnings(item.push, most))


def _with_warnings(push: Push, most: int) -> Push:
    if len(push.warnings) <= most:
        return push
    more = push.more_warnings + len(push.warnings) - most
    return msgspec.structs.replace(push, warnings=push.warnings[:most], more_warnings=more)


def digest_of(content: bytes) -> str:
    """128 bits of SHA-256, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()[:32]


def as_sender(caller: Caller, address: str) -> Sender:
    """On whose behalf a push key's pushes are, and from where they come."""
    assert caller.key.source_number is not None
    return Sender(
        source_number=caller.key.source_number,
        policy=caller.policy,
        key_id=caller.key.id,
        address=address[:MAX_ADDRESS] or None,
    )


async def _read(feed: Feed, request: Request, push_id: str) -> tuple[Caller, Item]:
    """Who sends, and what. The body as objects ends here: what waits for the commit is its text and its push."""
    if len(request.raw) <= LARGE_BYTES:
        body = decode(request.raw, request.content_type)
        caller = await _get_caller(feed, request, body)
        return caller, _read_push(push_id, request, body, as_sender(caller, request.address))
    async with feed.large_turns.taken():
        body = await asyncio.to_thread(decode, request.raw, request.content_type)
        caller = await _get_caller(feed, request, body)
        return caller, await asyncio.to_thread(_read_push, push_id, request, body, as_sender(caller, request.address))


async def _get_caller(feed: Feed, request: Request, body: Body) -> Caller:
    given = (*request.keys, *body.keys)
    caller = find_caller(feed.configurations, request.gateway, given)
    if caller is not None and caller.key.scope == "push":
        return caller
    return await get_caller(feed.configurations, feed.refusals, request.gateway, given, request.address, scope="push")


def _read_push(push_id: str, request: Request, body: Body, sender: Sender) -> Item:
    """The one push of a request that is not a batch."""
    idempotency = None
    if request.idempotency_key is not None:
        idempotency = Idempotency(request.idempotency_key, WHOLE, digest_of(request.raw))
    if request.trouble is not None:
        return failed(push_id, to_failure(request.trouble), sender)
    return read_item(push_id, body, sender, idempotency=idempotency)


def failed(
    push_id: str,
    failure: Failure,
    sender: Sender,
    body: str | None = None,
    *,
    idempotency: Idempotency | None = None,
    index: int | None = None,
) -> Item:
    """A push of which nothing can be read but why."""
    return Item(
        id=push_id,
        sender=sender,
        push=None,
        failure=failure,
        body=body,
        digest="",
        idempotency=idempotency,
        index=index,
    )
