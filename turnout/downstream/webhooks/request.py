"""One request to a webhook: signed as Standard Webhooks says, made, and what came of it told in words."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from http import HTTPStatus

import msgspec
from standardwebhooks import Webhook as Signer

from turnout import __version__
from turnout.downstream.webhooks.schedule import read_retry_after
from turnout.model.webhook import Attempt
from turnout.now import now_us
from turnout.outside.http import Answer, NoAnswer, Outside

KEPT_ANSWER_BYTES = 1_024
"""Of an answer, with the attempt."""


class Tried(msgspec.Struct, frozen=True):
    """A request that was made."""

    attempt: Attempt
    is_good: bool
    is_gone: bool = False
    """Whether the receiver has said that nobody is there any more (410)."""
    retry_after_us: int | None = None


async def send(outside: Outside, url: str, secrets: Sequence[str], delivery_id: str, body: str) -> Tried:
    """Makes the request, which takes 15 seconds at most. Raises nothing but what ends the task."""
    at, began = now_us(), time.monotonic()
    try:
        answer = await outside.post(url, body.encode(), sign(secrets, delivery_id, at, body))
    except NoAnswer as error:
        return Tried(Attempt(at, _took_ms(began), error=str(error)), is_good=False)
    is_good = 200 <= answer.status < 300
    return Tried(
        Attempt(
            at,
            _took_ms(began),
            status=answer.status,
            error=None if is_good else _in_words(answer),
            answer=answer.body[:KEPT_ANSWER_BYTES].decode("utf-8", "replace") or None,
        ),
        is_good=is_good,
        is_gone=answer.status == HTTPStatus.GONE,
        retry_after_us=read_retry_after(answer.headers.get("retry-after"), now_us()),
    )


async def send_once(url: str, secret: str, delivery_id: str, body: str, *, allow_private: bool) -> Tried:
    """The same over a connection of its own."""
    outside = Outside(allow_private=allow_private)
    try:
        return await send(outside, url, [secret], delivery_id, body)
    finally:
        await outside.close()


def sign(secrets: Sequence[str], delivery_id: str, at: int, body: str) -> dict[str, str]:
    """The headers: a signature with each of the secrets, so that receivers can change theirs in between."""
    second = at // 1_000_000
    moment = datetime.fromtimestamp(second, UTC)
    return {
        "webhook-id": delivery_id,
        "webhook-timestamp": str(second),
        "webhook-signature": " ".join(Signer(secret).sign(delivery_id, moment, body) for secret in secrets),
        "content-type": "application/json",
        "user-agent": f"Turnout/{__version__}",
    }


def _took_ms(began: float) -> int:
    return round((time.monotonic() - began) * 1_000)


def _in_words(answer: Answer) -> str:
    if 300 <= answer.status < 400:
        return "a redirect, which is not followed"
    try:
        return HTTPStatus(answer.status).phrase.lower()
    except ValueError:
        return "not a status of success"
