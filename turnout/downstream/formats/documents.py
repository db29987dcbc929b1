"""Attendees as JSON: one document as the list endpoint gives it, or a line each."""

from pathlib import Path
from typing import BinaryIO

import msgspec

from turnout.changes.attendee_view import AttendeeView
from turnout.downstream.formats.columns import Columns

_encode = msgspec.json.Encoder().encode


class JsonWriter:
    """`{"attendees": […], "next": null, "sequence": n}`, an attendee on a line."""

    def __init__(self, file: BinaryIO, columns: Columns, sequence: int | None, scratch: Path | None) -> None:
        self._file = file
        self._sequence = sequence
        self._before = b'{"attendees":[\n'

    def write(self, attendee: AttendeeView) -> None:
        self._file.write(self._before + _encode(attendee))
        self._before = b",\n"

    def close(self) -> None:
        start = b"" if self._before == b",\n" else self._before
        self._file.write(start + b'\n],"next":null,"sequence":' + _encode(self._sequence) + b"}\n")


class LinesWriter:
    """NDJSON: each line is one attendee."""

    def __init__(self, file: BinaryIO, columns: Columns, sequence: int | None, scratch: Path | None) -> None:
        self._file = file

    def write(self, attendee: AttendeeView) -> None:
        self._file.write(_encode(attendee) + b"\n")

    def close(self) -> None:
        """Nothing: what is there is whole at any time."""
