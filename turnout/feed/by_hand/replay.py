"""Stored pushes once more: each a new push of the same source, true when the original was (design: a replay)."""

from collections.abc import Sequence

import msgspec

from turnout import errors
from turnout.feed.by_hand.hand_in import as_sender, hand_in
from turnout.feed.configurations import Configurations
from turnout.feed.intake import digest_of, read_item
from turnout.feed.parse.body import decode
from turnout.feed.submission import REPLAY, Idempotency, Item, Overlay
from turnout.model.event import Configuration
from turnout.model.push import StoredPush
from turnout.model.receipt import Outcome
from turnout.now import new_id
from turnout.store import pushes
from turnout.store.database import Database


class Original(msgspec.Struct, frozen=True):
    """A stored push that can be replayed."""

    push: StoredPush
    body: str


def get_original(database: Database, push_id: str) -> Original:
    """The push and its body. Raises NotFound, and Conflict where the body is gone or is that of a whole batch."""
    with database.read() as connection:
        push = pushes.find_push(connection, push_id)
        body = None if push is None else pushes.find_body(connection, push.event_id, push_id)
    if push is None:
        raise errors.NotFound(f"There is no push {push_id}. `turnout pushes list --event …` shows an event's pushes.")
    if is_batch(push):
        raise errors.Conflict(f"The push {push.id} was a batch that could not be read; it is to be sent again.")
    if body is None:
        raise errors.Conflict(_explain_missing_body(push))
    return Original(push, body)


def is_batch(push: StoredPush) -> bool:
    """Whether it is a batch that could not be read: read as one attendee it would say what nobody has said (E1)."""
    return push.failure is not None and push.failure.is_batch


def find_refused_part(push: StoredPush) -> str | None:
    """What of a request was refused, so that nothing of its body was ever kept; None where its body was read."""
    return None if push.failure is None else _REFUSED_PARTS.get(push.failure.code)


_REFUSED_PARTS = {
    code: part
    for part, kinds in {
        "its address or a header": (errors.InvalidRequest,),
        "its body as a whole": (errors.BodyTooLarge, errors.UnsupportedEncoding, errors.SlowBody),
    }.items()
    for code in (kind.code for kind in kinds)
}


def replay(
    database: Database,
    configurations: Configurations,
    slug: str,
    originals: Sequence[Original],
    *,
    actor: str,
    dry_run: bool = False,
    overlay: Overlay | None = None,
    once: bool = False,
) -> list[Outcome]:
    """What became of these pushes of one event, in the order given, this time.

    Newer values stay, and the warnings say so (D7). The overlay is what a dry run has led to before; `once` is for
    somebody who may have begun before, or does so beside us: what is done is not done again. Raises NotFound, Conflict
    and StorageUnavailable; then nothing took effect.
    """

    def read(configuration: Configuration) -> list[Item]:
        return [read_original(original, configuration, actor, once=once) for original in originals]

    return hand_in(database, configurations, slug, read, (overlay or Overlay()) if dry_run else None)


def read_original(original: Original, configuration: Configuration, actor: str, *, once: bool = False) -> Item:
    """The push as it is read under what is set up now."""
    push = original.push
    sender = as_sender(configuration, push.source_number, actor)
    body = decode(original.body.encode(), None)
    item = read_item(
        new_id("psh"),
        body,
        sender,
        replay_of=push.id,
        observed_at=push.last_at,
        idempotency=Idempotency(push.id, REPLAY, digest_of(original.body.encode())) if once else None,
    )
    if item.push is None or push.observed_at is None:
        return item
    # What the original's observedAt was taken for: one that lay in the future then may lie in the past by now.
    return msgspec.structs.replace(item, push=msgspec.structs.replace(item.push, observed_at=push.observed_at))


def _explain_missing_body(push: StoredPush) -> str:
    if (part := find_refused_part(push)) is not None and push.failure is not None:
        return (
            f"Of the push {push.id} {part} was refused, and so nothing of its body was kept: {push.failure.detail} "
            "Its sender has to mend that and send it again."
        )
    if push.dry_run and not push.rehearsed:
        return f"The push {push.id} was a dry run, of which no body is kept; there is nothing to send again."
    return f"The body of the push {push.id} is gone, because its time was over. Its sender has to send it again."
