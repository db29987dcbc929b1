"""What all who follow share, and until when one of them may."""

import msgspec

from turnout import errors
from turnout.downstream.following.pages import Pages
from turnout.downstream.following.tail import Tails
from turnout.downstream.reader import Reader
from turnout.feed.intake import Feed
from turnout.model.event import Configuration
from turnout.now import now_us
from turnout.store.database import Database


class Following(msgspec.Struct, frozen=True):
    """In one process."""

    feed: Feed
    pages: Pages
    tails: Tails


def open_following(feed: Feed, database: Database) -> Following:
    pages = Pages(database, feed.configurations)
    return Following(feed, pages, Tails(pages, database.notices))


def check_cursor(cursor: int, head: int) -> None:
    """Raises CursorBeyondHead where there is no such line."""
    if cursor > head:
        message = f"The last change of this event is number {head}, and {cursor} is beyond it."
        raise errors.CursorBeyondHead(f"{message} {errors.CursorBeyondHead.help}")


def may_go_on(reader: Reader, configuration: Configuration | None) -> bool:
    """Whether the reader's key is as good as when he came. `configuration` is the latest known, None for no other."""
    # What all share may be older than the reader's key.
    if configuration is None or configuration.version <= reader.configuration.version:
        return reader.key.is_good(now_us())
    key = configuration.keys.get(reader.key.id)
    return (
        key is not None and key.is_good(now_us()) and (key.groups, key.fields) == (reader.key.groups, reader.key.fields)
    )
