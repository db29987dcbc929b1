"""Asking for a file: whoever asks, with a read key or signed in, waits in the same line and has the same bounds."""

from turnout import errors
from turnout.downstream.exports.making import say_too_many
from turnout.downstream.exports.walk import count_expected
from turnout.downstream.exports.wanted import Wanted, Wish, keep
from turnout.downstream.formats import FORMATS
from turnout.now import new_id, now_us
from turnout.store import exports
from turnout.store.database import Database
from turnout.store.exports import Export

MAX_OPEN = 10
"""Exports of one key, or of one user, that wait or are made …"""
MAX_FILES = 20
"""… and files of theirs that are kept."""


def add(
    database: Database, event_id: str, wish: Wish, wanted: Wanted, *, key_id: str | None = None, actor: str = ""
) -> Export:
    """The export, waiting: of a key, or of a person where there is none. Wake the exporter after.

    Raises TooManyExports, and InvalidRequest where the format cannot hold so many.
    """
    export = Export(
        event_id=event_id,
        id=new_id("exp"),
        state="waiting",
        format=wish.format,
        query=keep(wish, wanted),
        key_id=key_id,
        actor=actor or None,
        created_at=now_us(),
    )
    with database.read_replica() as connection:
        expected = count_expected(connection, event_id, wanted)
    its = FORMATS[wish.format]
    if its.max_attendees is not None and expected is not None and expected > its.max_attendees:
        raise errors.InvalidRequest(say_too_many(its, expected))
    with database.write() as connection:
        if key_id is None:
            _check_room(exports.count_of_actor(connection, event_id, actor), "of yours", "delete")
        else:
            _check_room(exports.count_of_key(connection, event_id, key_id), "of this key", "DELETE")
        exports.add_export(connection, export)
    return export


def delete(database: Database, export: Export) -> None:
    """It and its file; what is being made is not gone on with."""
    with database.write() as connection:
        exports.delete_export(connection, export.event_id, export.id)


def _check_room(counts: dict[str, int], whose: str, delete: str) -> None:
    if counts.get("waiting", 0) + counts.get("running", 0) >= MAX_OPEN:
        raise errors.TooManyExports(
            f"{MAX_OPEN} exports {whose} are waiting or being made, which is the most. Wait until one is done, or "
            f"{delete} one."
        )
    if counts.get("done", 0) >= MAX_FILES:
        raise errors.TooManyExports(
            f"{MAX_FILES} finished files {whose} are kept, which is the most: {delete} those "
            "that you have fetched; each goes by itself 24 hours after it was done."
        )
