"""Attendees as CSV (RFC 4180), which a spreadsheet opens and `POST /attendees/batch` takes back."""

import csv
import io
from pathlib import Path
from typing import BinaryIO

from turnout.changes.attendee_view import AttendeeView
from turnout.downstream.formats.columns import Columns
from turnout.feed.batch.csv.cells import disarm


class CsvWriter:
    """UTF-8 behind a byte order mark, without which Excel takes it for another encoding."""

    def __init__(self, file: BinaryIO, columns: Columns, sequence: int | None, scratch: Path | None) -> None:
        self._file = file
        self._columns = columns
        self._row = io.StringIO(newline="")
        self._writer = csv.writer(self._row, lineterminator="\r\n")
        file.write(b"\xef\xbb\xbf")
        self._write(columns.list_names())

    def write(self, attendee: AttendeeView) -> None:
        self._write(self._columns.list_cells(attendee))

    def close(self) -> None:
        """Nothing: what is there is whole at any time."""

    def _write(self, cells: list[str]) -> None:
        # Phone numbers too: a spreadsheet would reckon +49-30-123 out. Our own import takes the apostrophe away again.
        self._writer.writerow([disarm(cell) if cell and cell[0] in _SUSPECTS else cell for cell in cells])
        self._file.write(self._row.getvalue().encode())
        self._row.seek(0)
        self._row.truncate()


_SUSPECTS = frozenset("'=+-@\t\r\n＝＋－＠")
"""How cells begin that `disarm` has to look at."""
