"""Names as literals of each language, whatever signs they are made of. Pure.

What cannot be seen, and what turns the direction of writing, is escaped: a program has to do what it looks like.
"""

import json
import re
from typing import Any


def json_text(value: Any, *, indent: int | None = None) -> str:
    """As JSON; that is good in a `.json` file, and inside of other quotation."""
    return _escape(json.dumps(value, ensure_ascii=False, indent=indent), _utf16, keep="\n" if indent else "")


def js(text: str) -> str:
    """Also good within a page's script element, which `</script>` would end."""
    return json_text(text).replace("</", "<\\/").replace("<!--", "\\u003c!--")


def python(text: str) -> str:
    return _escape(json.dumps(text, ensure_ascii=False), lambda sign: f"\\U{ord(sign):08x}")


def shell(text: str) -> str:
    """For bash and its kin."""
    return "'" + text.replace("'", "'\"'\"'") + "'"


def php(text: str) -> str:
    if text.isprintable():
        return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
    for sign in ("\\", '"', "$"):
        text = text.replace(sign, f"\\{sign}")
    return '"' + _escape(text, lambda sign: f"\\u{{{ord(sign):x}}}") + '"'


def powershell(text: str) -> str:
    """PowerShell takes typographic quotation marks for straight ones, and doubling makes each of them a letter."""
    if text.isprintable():
        return _powershell_quoted(text)
    pieces = [f"[char]::ConvertFromUtf32({ord(sign)})" if not sign.isprintable() else sign for sign in text]
    parts: list[str] = []
    plain = ""
    for piece in pieces:
        if len(piece) == 1:
            plain += piece
            continue
        parts += [_powershell_quoted(plain), piece] if plain or not parts else [piece]
        plain = ""
    return "(" + " + ".join([*parts, *([_powershell_quoted(plain)] if plain else [])]) + ")"


def without_braces(document: str) -> str:
    """JSON in which no name is taken for a `{{mapping}}` of Zapier, Make or n8n. `document` is one text, in JSON."""
    return document.replace("{", "\\u007b").replace("}", "\\u007d")


def power_automate(text: str) -> str:
    """A text in which nothing is taken for an expression: `@` begins one, and `@@` is the sign itself."""
    text = text.replace("@{", "@@{")
    return f"@{text}" if text.startswith("@") and not text.startswith("@@{") else text


def _powershell_quoted(text: str) -> str:
    for mark in "'\u2018\u2019\u201a\u201b":
        text = text.replace(mark, mark * 2)
    return f"'{text}'"


def _escape(text: str, escape: Any, *, keep: str = "") -> str:
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() or sign in keep else escape(sign) for sign in text)


def _utf16(sign: str) -> str:
    units = sign.encode("utf-16-be")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def fill(template: str, **pieces: str) -> str:
    """The template with a piece for each `«name»`, in one pass: a piece may be made of anything."""
    return _PLACE.sub(lambda place: pieces[place[1]], template)


_PLACE = re.compile("«(\\w+)»")
