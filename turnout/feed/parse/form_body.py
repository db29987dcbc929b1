"""A form's fields as the pairs of a flat object: url-encoded, or the text parts of multipart/form-data (B1)."""

import re
from typing import TypeAlias
from urllib.parse import parse_qsl

from turnout.model.receipt import Problem

Pairs: TypeAlias = tuple[tuple[str, str], ...]

MAX_FORM_FIELDS = 50_000


class BadForm(Exception):
    """The form cannot be read, and why."""

    def __init__(self, code: str, message: str, cure: str) -> None:
        super().__init__(message)
        self.problem = Problem(path="", code=code, message=message, help=cure)


def is_form(content_type: str | None) -> bool:
    """Whether the sender says that it is a form; the body's beginning decides as well (B1)."""
    return content_type is not None and content_type.partition(";")[0].strip().lower() in _KINDS


_KINDS = ("application/x-www-form-urlencoded", "multipart/form-data")


def read_form(raw: bytes, content_type: str) -> Pairs:
    """The fields in their order, names as they were written. Raises BadForm, and UnicodeDecodeError."""
    if content_type.partition(";")[0].strip().lower() == "multipart/form-data":
        return _read_multipart(raw, content_type)
    try:
        pairs = parse_qsl(
            raw.decode("utf-8").strip(), keep_blank_values=True, errors="strict", max_num_fields=MAX_FORM_FIELDS
        )
    except UnicodeDecodeError:
        raise
    except ValueError as error:
        message = f"The form has more than {MAX_FORM_FIELDS:,} fields."
        raise BadForm("too_many_fields", message, "Send one attendee a form.") from error
    return tuple(pairs)


def _read_multipart(raw: bytes, content_type: str) -> Pairs:
    """The text parts. A part with a file in it is refused rather than lost; an empty file box is left out."""
    boundary = _read_parameters(content_type).get("boundary", "")
    if not 1 <= len(boundary) <= 200 or not boundary.isascii():
        raise BadForm(
            "invalid_form", "The Content-Type of the form names no boundary.", "Let your tool set the header."
        )
    parts = (b"\r\n" + raw).split(b"\r\n--" + boundary.encode())
    if len(parts) < 2 or not parts[-1].startswith(b"--"):
        raise BadForm("invalid_form", "The form breaks off before its end.", "Send the whole body.")
    if len(parts) > MAX_FORM_FIELDS:
        message = f"The form has more than {MAX_FORM_FIELDS:,} fields."
        raise BadForm("too_many_fields", message, "Send one attendee a form.")
    fields = [read_part(part) for part in parts[1:-1]]
    return tuple(field for field in fields if field is not None)


def read_part(part: bytes) -> tuple[str, str] | None:
    """The name and text of one part of a multipart form; None for an empty file box. Raises BadForm."""
    head, found, content = part.partition(b"\r\n\r\n")
    disposition = _DISPOSITION.search(head.decode("utf-8"))
    parameters = _read_parameters(disposition[1]) if disposition else {}
    if not found or "name" not in parameters:
        raise BadForm("invalid_form", "A part of the form has no name.", "Give every field of the form a name.")
    if "filename" in parameters:
        if not parameters["filename"] and not content:
            return None
        message = "The form holds a file; only texts are read."
        raise BadForm("file_part", message, "Leave the file out of what you send.")
    return parameters["name"], content.decode("utf-8")


_DISPOSITION = re.compile(r"(?:^|\r\n)content-disposition[ \t]*:([^\r\n]*)", re.IGNORECASE)


def _read_parameters(header: str) -> dict[str, str]:
    """`a; name="x"; filename="y"` → name and filename. Browsers write `"` in a name as %22 (WHATWG's HTML)."""
    return {
        name.lower(): (quoted.replace('\\"', '"').replace("%22", '"') if quoted is not None else plain)
        for name, quoted, plain in (
            (match["name"], match["quoted"], match["plain"]) for match in _PARAMETER.finditer(header[:10_000])
        )
    }


_PARAMETER = re.compile(
    r';[ \t]*(?P<name>[\w*-]+)[ \t]*=[ \t]*(?:"(?P<quoted>(?:[^"\\]++|\\.)*+)"|(?P<plain>[^;\s"]*))'
)
