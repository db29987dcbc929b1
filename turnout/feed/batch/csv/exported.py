"""What our own exports say in cells that a push says otherwise, there and back again (E1). Pure.

Such a file is known by its header: the columns for which a push has no path are all there.
"""

from collections.abc import Sequence

import msgspec

STATUS_COLUMN = "status"
ALIASES_COLUMN = "aliases"
_ALWAYS = {"id": "", STATUS_COLUMN: "eventInfo.attending", "createdAt": "", "updatedAt": ""}
"""The columns of every export, whatever its reader is limited to, with the path that each is pushed under, if any."""
_decode = msgspec.json.Decoder(list[str]).decode
_encode = msgspec.json.Encoder().encode


def find_own(header: Sequence[str]) -> dict[str, str]:
    """The columns that an export has and a push does not, with the path that each is pushed under, blank for none.

    Empty where the header is not an export's.
    """
    return _ALWAYS | {ALIASES_COLUMN: ""} if set(_ALWAYS) <= set(header) else {}


def read_status(cell: str) -> str:
    """What it says of `attending` (C9): whoever was withdrawn is not brought back by pushing the file again."""
    return _ATTENDING.get(cell.strip(), cell)


_ATTENDING = {"attending": "true", "withdrawn": "false"}


def as_list_cell(texts: Sequence[str]) -> str:
    """A list in one cell, as C5 reads it; blank for none."""
    return _encode(texts).decode() if texts else ""


def as_cell(value: str | Sequence[str]) -> str:
    """A custom field's value in one cell: a text that looks like a list gets an apostrophe before it."""
    if not isinstance(value, str):
        return as_list_cell(value)
    return f"'{value}" if value[:1] in ("'", "[") and _find_list(value.lstrip("'")) is not None else value


def read_cell(cell: str) -> str | list[str]:
    """The value that `as_cell` has made this of."""
    text = cell.strip()
    if text[:1] == "'":
        return text[1:] if _find_list(text.lstrip("'")) is not None else cell
    found = _find_list(text)
    return cell if found is None else found


def _find_list(text: str) -> list[str] | None:
    if not (text.startswith("[") and text.endswith("]")):
        return None
    try:
        return _decode(text)
    except (msgspec.DecodeError, RecursionError):
        return None
