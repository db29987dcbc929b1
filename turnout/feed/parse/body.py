"""Bytes → one JSON object within limits, as sent: order, duplicates and the text of numbers are kept (B1, B6).

The key that may lie in it is taken out here (A2, A5). What the object says is for `push.py`.
"""

import re
from collections.abc import Iterator
from json import JSONDecoder
from json.encoder import encode_basestring
from typing import NoReturn, TypeAlias, cast

import msgspec

from turnout.feed.parse.fields import LONGEST_NAME, PUSH, is_key_name
from turnout.feed.parse.form_body import BadForm, is_form, read_form
from turnout.feed.parse.plain import read_plain
from turnout.feed.parse.redact import KEY_MARK, mask, redact
from turnout.feed.parse.slips import BATCH_HELP, explain, explain_rest, too_deep
from turnout.feed.parse.unpack import Unpacker, unpack
from turnout.model.push import Push
from turnout.model.receipt import Problem

__all__ = ["MAX_DEPTH", "Body", "Json", "Number", "Object", "Unpacker", "decode", "decode_any", "redact", "unpack"]

MAX_DEPTH = 32
"""Levels of nesting; the root is 1 (B6)."""


class Number(str):
    """A number as it was written: `1.10` stays `1.10` (B4)."""

    __slots__ = ()


Scalar: TypeAlias = str | bool | None
Object: TypeAlias = tuple[tuple[str, "Json"], ...]
"""An object's members in their order, duplicates included. An array is a list."""
Json: TypeAlias = "str | bool | list[Json] | Object | None"


class Body(msgspec.Struct, frozen=True, kw_only=True):
    """An opened body: what it says, or why it cannot be read. The second is not yet an error (A4)."""

    object: Object | None
    """The members of the root, keys masked; None when the body cannot be read, or `push` says it already."""
    text: str
    """What may be stored: without key, U+0000 and lone surrogates; decoded again (as JSON) it says the same."""
    keys: tuple[str, ...] = ()
    """Whatever was given as `key` at the root, each once; null and blank are not given (A2)."""
    problems: tuple[Problem, ...] = ()
    """Why it cannot be read; empty when it can."""
    push: Push | None = None
    """What it says, where that is plain already."""
    may_hold_odd_characters: bool = False
    """Whether a U+0000 or a lone surrogate is possible, so that the parser has to look (B6)."""


def decode(raw: bytes, content_type: str | None) -> Body:
    """One push's body, opened (B1). `raw` is unpacked and within the size limit. Raises nothing."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return decode_any(raw, content_type)
    push = read_plain(raw, text)
    return decode_any(raw, content_type) if push is None else Body(object=None, text=text, push=push)


def decode_any(raw: bytes, content_type: str | None) -> Body:
    """The same without the short way that most pushes take."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        return _unreadable(raw.decode("utf-8", "backslashreplace"), _explain_encoding(raw, error.start))
    text = text.removeprefix("\ufeff")
    start = text.lstrip(_SPACE)[:1]
    if not start:
        return _unreadable(text, EMPTY)
    if "\0" in text[:2]:
        return _unreadable(text, _not_utf8("The body is UTF-16, not UTF-8."))
    if start not in '{["' and content_type is not None and is_form(content_type):
        return _decode_form(raw, text, content_type)
    try:
        root, end = read_json(text)
    except (ValueError, RecursionError) as error:
        return _unreadable(text, explain(text, error))
    if end != len(text) and (rest := text[end:].lstrip(_SPACE)):
        return _unreadable(text, explain_rest(text, len(text) - len(rest)))
    if type(root) is not tuple:
        return _unreadable(text, _explain_kind(root))
    return _open(root, text)


_SPACE = " \t\r\n"
EMPTY = Problem(
    path="",
    code="empty_body",
    message="The body is empty.",
    help="Send one JSON object. If your tool has a box for the body, check that it is filled in and of the type JSON.",
)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


_decoder = JSONDecoder(
    object_pairs_hook=tuple, parse_int=Number, parse_float=Number, parse_constant=_refuse_constant, strict=False
)


def read_json(text: str) -> tuple[Json, int]:
    """The JSON value at the beginning of a text, and where it ends. Raises ValueError or RecursionError."""
    start = len(text) - len(text.lstrip(_SPACE)) if text[:1] in _SPACE else 0
    return read_json_at(text, start)


def read_json_at(text: str, at: int) -> tuple[Json, int]:
    """The JSON value that begins right at a place. Raises ValueError or RecursionError."""
    return cast("tuple[Json, int]", _decoder.raw_decode(text, at))


def _open(root: Object, source: str | None) -> Body:
    """The body of a root object. `source` is the text it was read from; None for a form, which is stored as JSON."""
    keys, text = (), source
    for name, _ in root:
        if name == "key" or (len(name) <= LONGEST_NAME and name not in PUSH.names and is_key_name(name)):
            keys, root, text = _take_keys(root, source)
            break
    if (source is None or source.count("{") + source.count("[") > MAX_DEPTH) and is_deeper(root, MAX_DEPTH):
        return _unreadable(source or "", too_deep(), keys)
    escaped = source is None or ("\\u" in source and _TELLING_ESCAPE.search(source) is not None)
    if escaped or (KEY_MARK in source and (text is None or KEY_MARK in text)):
        masked = _mask_members(root)
        if masked != root:
            root, text = masked, None
    odd = escaped or "\0" in source
    if text is None:
        text = write_json(tuple(member for member in root if not is_key_name(member[0])))
    elif odd:
        text = text.replace("\0", "\\u0000")
    return Body(object=root, text=text, keys=keys, may_hold_odd_characters=odd)


_TELLING_ESCAPE = re.compile(r"\\u(?:00[0-7]|[dD][89a-fA-F])")
"""An escape that may hide a key's letter, U+0000 or half of a character; one for ë, as many write, hides none."""


def _take_keys(root: Object, source: str | None) -> tuple[tuple[str, ...], Object, str | None]:
    """The keys given, the root with null in their place, and the text without them; None: it must be written anew."""
    given = [(name, value) for name, value in root if is_key_name(name)]
    keys = tuple(dict.fromkeys(key for _, value in given if (key := read_key(value))))
    blanked = tuple((name, None) if is_key_name(name) else (name, value) for name, value in root)
    if source is None or all(value is None for _, value in given):
        return keys, blanked, source
    # The usual case: one "key" in the whole text, so this is it. Cutting it out leaves the rest as it was sent.
    if len(given) == 1 and given[0][0] == "key" and source.count('"key"') == 1 and "\\u" not in source:
        return keys, blanked, _cut_key(source, source.index('"key"'))
    return keys, blanked, None


def _cut_key(source: str, at: int) -> str | None:
    """The text without the member that begins at `at`, and without one of the commas around it."""
    member = _KEY_MEMBER.match(source, at)
    if member is None:
        return None
    before, behind = source[:at].rstrip(), source[member.end() :]
    if before.endswith(",") and not member[1]:
        before = before[:-1]
    return before + behind


_KEY_MEMBER = re.compile(r'"key"\s*+:\s*+(?:"(?:[^"\\]++|\\.)*+"|[\w.+-]++)(?:(\s*+,)|(?=\s*+\}))', re.DOTALL)


def read_key(value: Json) -> str:
    """A key as given; blank where none is. What is no text can be no key, and is given all the same (A2)."""
    if isinstance(value, str):
        return value.strip()
    return "" if value is None or value in _NOTHING else f"not a text: {type(value).__name__}"


_NOTHING: tuple[Json, ...] = ((), [])


def is_deeper(root: Json, levels: int) -> bool:
    """Whether something is nested deeper than so many levels; the root is 1."""
    level: list[Json] = [root]
    for _ in range(levels):
        level = [inner for value in level for inner in _list_inner(value) if type(inner) in (list, tuple)]
        if not level:
            return False
    return True


def _list_inner(value: Json) -> Iterator[Json]:
    if type(value) is tuple:
        return (inner for _, inner in value)
    return iter(value) if type(value) is list else iter(())


def _mask_members(root: Object) -> Object:
    """The same with every text and name masked that looks like a key (A5)."""
    return tuple((mask(name), _mask_all(inner)) for name, inner in root)


def _mask_all(value: Json) -> Json:
    if type(value) is str:
        return mask(value)
    if type(value) is tuple:
        return _mask_members(value)
    return [_mask_all(inner) for inner in value] if type(value) is list else value


def write_json(value: Json) -> str:
    """The value as JSON that decodes to the very same; without U+0000 and lone surrogates, which come as escapes."""
    return _SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", _write(value))


_SURROGATE = re.compile("[\ud800-\udfff]")


def _write(value: Json) -> str:
    if isinstance(value, Number):
        return value
    if isinstance(value, str):
        return encode_basestring(value)
    if type(value) is tuple:
        return "{" + ", ".join([f"{encode_basestring(name)}: {_write(inner)}" for name, inner in value]) + "}"
    if type(value) is list:
        return "[" + ", ".join([_write(inner) for inner in value]) + "]"
    return "null" if value is None else "true" if value else "false"


def _decode_form(raw: bytes, text: str, content_type: str) -> Body:
    try:
        return _open(read_form(raw, content_type), None)
    except BadForm as error:
        return _unreadable(text, error.problem)
    except UnicodeDecodeError as error:
        return _unreadable(
            text, _not_utf8(f"The form is not UTF-8: it holds the byte 0x{error.object[error.start]:02X}.")
        )


def _unreadable(text: str, problem: Problem, keys: tuple[str, ...] = ()) -> Body:
    return Body(object=None, text=redact(text).replace("\0", "\\u0000"), keys=keys, problems=(problem,))


def _explain_kind(root: Json) -> Problem:
    if type(root) is list:
        message, cure = "The body is a list; here one attendee is sent at a time, as one object.", BATCH_HELP
    else:
        name = "a text" if type(root) is str else "a number" if type(root) is Number else "null, true or false"
        message = f"The body is {name}, not an object."
        cure = 'Send one JSON object, as in {"profile": {"email": "john.doe@example.com"}}.'
        if type(root) is str and root.lstrip()[:1] == "{":
            cure = "The object was put into quotation marks: your tool turns it into JSON twice. Send it once."
    return Problem(path="", code="not_an_object", message=message, help=cure)


def _explain_encoding(raw: bytes, at: int) -> Problem:
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return _not_utf8("The body is UTF-16, not UTF-8.")
    line = raw.count(b"\n", 0, at) + 1
    return _not_utf8(
        f"The body is not UTF-8: the byte 0x{raw[at]:02X} in line {line} is a letter of another encoding, probably of "
        "ISO-8859-1 or Windows-1252, which is what Windows PowerShell sends unless told otherwise."
    )


def _not_utf8(message: str) -> Problem:
    cure = (
        "Send the text as UTF-8. In Windows PowerShell: Invoke-RestMethod … "
        "-ContentType 'application/json; charset=utf-8' -Body ([Text.Encoding]::UTF8.GetBytes($json))"
    )
    return Problem(path="", code="not_utf8", message=message, help=cure)
