"""Attendees as an Excel workbook of one sheet, with a frozen header, filters and real times."""

import functools
import zoneinfo
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import BinaryIO

from turnout.changes.attendee_view import AttendeeView
from turnout.downstream.formats.columns import Columns
from turnout.feed.batch.csv.cells import disarm

MAX_ATTENDEES = 1_048_576 - 1
"""Rows of a sheet, without the header's."""
MAX_CELL_UNITS = 32_767
"""Of UTF-16, in one cell."""
CUT = " … [cut: a cell holds no more]"
_FIRST_DAY = datetime(1899, 12, 30, tzinfo=UTC)
_DAY_S = 86_400
_WIDTH = 20


class XlsxWriter:
    """Rows go to the scratch folder one by one, and into the file when all are there."""

    def __init__(self, file: BinaryIO, columns: Columns, sequence: int | None, scratch: Path | None) -> None:
        # Loaded where it is used: few processes ever write a workbook, and it takes a while.
        import xlsxwriter

        self._columns = columns
        self._zone = _find_zone(columns.time_zone)
        place = {"in_memory": True} if scratch is None else {"constant_memory": True, "tmpdir": str(scratch)}
        self._book = xlsxwriter.Workbook(
            file, {"strings_to_formulas": False, "strings_to_urls": False, "use_zip64": True, **place}
        )
        self._sheet = self._book.add_worksheet("Attendees")
        self._time = self._book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        # It is a text in the file already; with this it stays one when somebody edits the cell.
        self._quoted = self._book.add_format({"quote_prefix": True})
        self._width = len(columns.list_names())
        self._rows = 0
        bold = self._book.add_format({"bold": True})
        self._book.set_properties({"comments": f"Times are in the event's time zone, {self._zone}."})
        self._sheet.freeze_panes(1, 0)
        self._sheet.set_column(0, self._width - 1, _WIDTH)
        for at, name in enumerate(columns.list_names()):
            self._sheet.write_string(0, at, _as_text(name), bold)

    def write(self, attendee: AttendeeView) -> None:
        self._rows += 1
        row, write_string = self._rows, self._sheet.write_string
        cells = self._columns.list_cells(attendee)
        for at, cell in enumerate(cells[:-2]):
            if cell:
                text = _as_text(cell)
                write_string(row, at, text, self._quoted if disarm(text) is not text else None)
        for at, time in enumerate(cells[-2:], self._width - 2):
            self._sheet.write_number(row, at, _as_serial(time, self._zone), self._time)

    def close(self) -> None:
        """Raises OSError where the scratch folder does not take what has to be put together."""
        from xlsxwriter.exceptions import FileCreateError

        self._sheet.autofilter(0, 0, self._rows, self._width - 1)
        try:
            self._book.close()
        except FileCreateError as error:
            raise OSError(str(error)) from error


def _as_text(cell: str) -> str:
    """The text as a cell can hold it."""
    if len(cell) > MAX_CELL_UNITS // 2 and _count_units(cell) > MAX_CELL_UNITS:
        cell = cell.encode("utf-16-le")[: 2 * (MAX_CELL_UNITS - len(CUT))].decode("utf-16-le", "ignore") + CUT
    # What looks like this xlsxwriter takes for formatted text of its own, and writes into the XML as it stands.
    return f"{cell} " if cell.startswith("<r>") and cell.endswith("</r>") else cell


def _count_units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _as_serial(time: str, zone: tzinfo) -> float:
    """Days since Excel's beginning, on a clock in that zone."""
    local = datetime.fromisoformat(time).astimezone(zone).replace(tzinfo=UTC)
    return (local - _FIRST_DAY).total_seconds() / _DAY_S


@functools.lru_cache(16)
def _find_zone(name: str) -> tzinfo:
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return UTC
