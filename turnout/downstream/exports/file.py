"""The finished file over HTTP, whole or from a place on, read part by part while it is sent (RFC 9110, 14)."""

import asyncio
import re
from collections.abc import AsyncGenerator
from datetime import UTC, datetime

import msgspec

from turnout import errors
from turnout.downstream.exports.parts import read_parts
from turnout.downstream.formats import FORMATS
from turnout.feed.gateway import Asked
from turnout.feed.receipt import Answer, Stream, render_error
from turnout.store import exports
from turnout.store.database import Database
from turnout.store.exports import Export


def answer_file(database: Database, asked: Asked, export: Export, problems_url: str) -> Answer | Stream:
    """Raises ExportUnfinished and ExportGone."""
    size = _get_size(export)
    # Made once and never changed; an attempt before had other bytes.
    tag = f'"{export.id}-{export.attempts}"'
    kept = ((b"etag", tag.encode()), (b"cache-control", b"private, no-cache"), (b"accept-ranges", b"bytes"))
    if tag in [one.strip() for one in (asked.head.header(b"if-none-match") or "").split(",")]:
        return Answer(304, b"", kept)
    start, end = 0, size
    status = 200
    found = _find_range(asked, tag, size)
    if found is not None:
        start, end = found
        status = 206
        if start >= size:
            answer = render_error(
                errors.NoSuchRange(f"The file has {size:,} bytes.", path="headers.Range"),
                precise=True,
                problems_url=problems_url,
            )
            content_range = (b"content-range", f"bytes */{size}".encode())
            return msgspec.structs.replace(answer, headers=(*answer.headers, content_range))
        kept = (*kept, (b"content-range", f"bytes {start}-{end - 1}/{size}".encode()))
    headers = (
        *_describe(export, end - start),
        # Nothing a browser should make something else of.
        (b"x-content-type-options", b"nosniff"),
        *kept,
    )
    return Stream(headers, _send(database, export, start, end), status)


def send_whole(database: Database, export: Export) -> Stream:
    """The same for who is signed in, whose pages have headers of their own. Raises ExportUnfinished and ExportGone."""
    size = _get_size(export)
    return Stream(_describe(export, size), _send(database, export, 0, size))


def _get_size(export: Export) -> int:
    if export.state == "removed":
        raise errors.ExportGone(export.reason or "The file was removed.")
    if export.state != "done" or export.file_key is None or export.size_bytes is None:
        raise errors.ExportUnfinished(_say_how_far(export))
    return export.size_bytes


def _describe(export: Export, length: int) -> tuple[tuple[bytes, bytes], ...]:
    its = FORMATS[export.format]
    day = datetime.fromtimestamp((export.finished_at or 0) // 1_000_000, UTC).strftime("%Y-%m-%d")
    return (
        (b"content-type", its.media_type.encode()),
        (b"content-length", str(length).encode()),
        (b"content-disposition", f'attachment; filename="attendees-{day}.{its.suffix}"'.encode()),
    )


async def _send(database: Database, export: Export, start: int, end: int) -> AsyncGenerator[bytes]:
    def find(number: int) -> bytes | None:
        with database.read() as connection:
            return exports.find_part(connection, export.event_id, export.id, number)

    assert export.file_key is not None
    for read in read_parts(export.file_key, find, start, end):
        yield await asyncio.to_thread(read)


def _find_range(asked: Asked, tag: str, size: int) -> tuple[int, int] | None:
    """Where the part that is asked for begins and ends; None for the whole, also where several parts are asked for."""
    said = _RANGE.fullmatch((asked.head.header(b"range") or "").strip())
    condition = asked.head.header(b"if-range")
    if said is None or said["first"] == said["last"] == "" or (condition is not None and condition.strip() != tag):
        return None
    if not said["first"]:
        return max(0, size - int(said["last"])) if int(said["last"]) else size, size
    first = int(said["first"])
    last = int(said["last"]) if said["last"] else max(first, size)
    return None if last < first else (first, min(last + 1, size))


_RANGE = re.compile(r"bytes\s*=\s*(?P<first>\d{0,18})\s*-\s*(?P<last>\d{0,18})", re.ASCII)


def _say_how_far(export: Export) -> str:
    if export.state == "failed":
        return f"This export has failed: {export.reason}"
    return "The export is waiting for its turn." if export.state == "waiting" else f"It is {export.percent} % done."
