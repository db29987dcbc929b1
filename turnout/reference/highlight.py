"""JSON and shell lines in colour, as HTML without styles. Everything is escaped piece by piece."""

import json
import re
from typing import Any

from markupsafe import Markup, escape

_JSON = re.compile(
    r'(?P<key>"(?:[^"\\]|\\.)*")(?=\s*:)|(?P<text>"(?:[^"\\]|\\.)*")|(?P<word>\b(?:true|false|null)\b|-?\d+)'
)
_SHELL = re.compile(r"(?P<comment>(?m:^)#.*)|(?P<text>'[^']*'|\"[^\"]*\")")


def as_html(value: Any, width: int = 92) -> Markup:
    """A value as JSON to read; what fits into the width stays on one line."""
    return _paint(_JSON, _write(value, width))


def json_as_html(text: str) -> Markup:
    """JSON as somebody has written it, with lines that are none around it."""
    return _paint(_JSON, text)


def shell_as_html(text: str) -> Markup:
    """Lines of a shell or a program: its texts and comments."""
    return _paint(_SHELL, text)


def _paint(pattern: re.Pattern[str], text: str) -> Markup:
    pieces: list[Markup] = []
    last = 0
    for match in pattern.finditer(text):
        pieces += [escape(text[last : match.start()]), _span(match)]
        last = match.end()
    return Markup().join([*pieces, escape(text[last:])])


def _span(match: re.Match[str]) -> Markup:
    return Markup('<span class="{}">{}</span>').format(match.lastgroup, match[0])


def _write(value: Any, width: int, indent: str = "") -> str:
    line = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, (dict, list)) or len(indent) + len(line) <= width:
        return line
    deeper = indent + "  "
    if isinstance(value, dict):
        members = [f"{deeper}{json.dumps(name)}: {_write(inner, width, deeper)}" for name, inner in value.items()]
        return "{\n" + ",\n".join(members) + f"\n{indent}}}"
    return "[\n" + ",\n".join(deeper + _write(inner, width, deeper) for inner in value) + f"\n{indent}]"
