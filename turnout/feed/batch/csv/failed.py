"""The failed items of a batch as a CSV that can be mended and sent again (E1). Pure."""

from collections.abc import Sequence

from turnout.feed.batch.csv.cells import disarm, write_row
from turnout.feed.batch.csv.columns import ERROR_COLUMN
from turnout.feed.batch.csv.table import MAX_COLUMNS, CsvTable
from turnout.feed.batch.split import Batch
from turnout.feed.parse.body import Json, Object
from turnout.feed.parse.fields import is_key_name
from turnout.feed.parse.paths import as_text, join
from turnout.feed.parse.redact import mask

Failed = Sequence[tuple[int, str]]
"""Places in the batch, each with what is said of it."""
Cells = dict[tuple[str, int], str]
"""By flat path, and how often that path came before in the same item."""


def write_failed(batch: Batch, failed: Failed) -> bytes:
    """Header and rows, each with its error in the last column: as they were sent, or of JSON by flat paths."""
    return _write_rows(batch, batch.table, failed) if batch.table is not None else _write_items(batch, failed)


def _write_rows(batch: Batch, table: CsvTable, failed: Failed) -> bytes:
    shown = [(table.show(batch.raw_item(index)), error) for index, error in failed]
    # A further column only where some row has too many cells: its name is blank, so that it has to be emptied.
    width = len(table.columns) + any(cells[-1] for cells, _ in shown)
    header = [*(mask(name) for name in table.header), ""][:width]
    rows = [[*header, ERROR_COLUMN], *([*cells[:width], error] for cells, error in shown)]
    mark = b"\xef\xbb\xbf" if table.has_mark else b""
    return mark + b"".join(_write(row, table.separator) for row in rows)


def _write_items(batch: Batch, failed: Failed) -> bytes:
    # Twice over the items, so that no more than one of them is in memory as cells.
    columns: dict[tuple[str, int], int] = {}
    for index, _ in failed:
        for name in _flatten(batch, index):
            if len(columns) < MAX_COLUMNS:
                columns.setdefault(name, len(columns))
    pieces = [_write([mask(path) for path, _ in columns] + [ERROR_COLUMN])]
    for index, error in failed:
        cells = _flatten(batch, index)
        missing = len(cells) - sum(name in columns for name in cells)
        note = f" {missing:,} of its fields are not shown." if missing else ""
        pieces.append(_write([cells.get(name, "") for name in columns] + [error + note]))
    return b"".join(pieces)


def _write(cells: list[str], separator: str = ",") -> bytes:
    return write_row([disarm(cell) for cell in cells], separator).encode("utf-8", "backslashreplace")


def _flatten(batch: Batch, index: int) -> Cells:
    """What an item says, without its key; nothing where it cannot be read."""
    cells: Cells = {}
    _flatten_object(batch.item(index, in_full=True).object or (), "", cells)
    return cells


def _flatten_object(members: Object, path: str, cells: Cells) -> None:
    for name, value in members:
        if path or not is_key_name(name):
            _add(value, join(path, name), cells)


def _add(value: Json, path: str, cells: Cells) -> None:
    if type(value) is tuple:
        _flatten_object(value, path, cells)
    elif type(value) is list:
        for index, inner in enumerate(value):
            _add(inner, f"{path}[{index}]", cells)
    elif value is not None and not isinstance(value, list | tuple):
        occurrence = 0
        while (path, occurrence) in cells:
            occurrence += 1
        cells[path, occurrence] = mask(as_text(value) or "")
