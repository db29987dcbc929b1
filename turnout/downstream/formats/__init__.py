"""How attendees are written: as one JSON document, as lines, as a table. One after another, never all in memory."""

from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, Protocol

import msgspec

from turnout.changes.attendee_view import AttendeeView
from turnout.downstream.formats.columns import Columns
from turnout.downstream.formats.comma_separated import CsvWriter
from turnout.downstream.formats.documents import JsonWriter, LinesWriter
from turnout.downstream.formats.workbook import MAX_ATTENDEES, XlsxWriter


class Writer(Protocol):
    """Writes into a file that need not be one that can be gone back in."""

    def __init__(self, file: BinaryIO, columns: Columns, sequence: int | None, scratch: Path | None) -> None: ...

    def write(self, attendee: AttendeeView) -> None: ...

    def close(self) -> None:
        """Writes what belongs at the end; the file stays open."""


class Format(msgspec.Struct, frozen=True):
    """One of the forms that lists and exports come in."""

    name: str
    """As `format=` and `--format` say it."""
    media_type: str
    suffix: str
    writer: type[Writer]
    max_attendees: int | None = None
    """More do not fit in."""

    def open(
        self, file: BinaryIO, columns: Columns, *, sequence: int | None = None, scratch: Path | None = None
    ) -> Writer:
        """A writer into this file. `sequence` is the log's when the list was begun, for formats that can tell it.

        `scratch` is a folder for what has to be put together first; without one that is done in memory, which is for
        a page, not for an event.
        """
        return self.writer(file, columns, sequence, scratch)

    def write_all(self, file: BinaryIO, columns: Columns, attendees: Iterable[AttendeeView]) -> None:
        """A page, say."""
        writer = self.open(file, columns)
        for attendee in attendees:
            writer.write(attendee)
        writer.close()


FORMATS: dict[str, Format] = {
    one.name: one
    for one in (
        Format("json", "application/json", "json", JsonWriter),
        Format("ndjson", "application/x-ndjson", "ndjson", LinesWriter),
        Format("csv", "text/csv; charset=utf-8", "csv", CsvWriter),
        Format(
            "xlsx",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            "xlsx",
            XlsxWriter,
            MAX_ATTENDEES,
        ),
    )
}
