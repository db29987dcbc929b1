"""The body of a request to read something: small, and read only once the key is known to be good."""

import json
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from turnout.changes.meant import tell_meant
from turnout.errors import InvalidRequest, MalformedBody
from turnout.feed.gateway import Asked
from turnout.feed.parse.redact import show
from turnout.feed.parse.slips import explain, explain_rest
from turnout.feed.parse.unpack import Unpacker, too_large
from turnout.feed.reading import ClientGone

Wish = TypeVar("Wish", bound=msgspec.Struct)


async def read_body(asked: Asked, limit_bytes: int) -> bytes:
    """The whole body, unpacked; empty where there is none. Raises what `Unpacker` raises, and ClientGone."""
    head = asked.head
    if head.content_length is not None and head.content_encoding is None and head.content_length > limit_bytes:
        raise too_large(limit_bytes)
    unpacker = Unpacker(head.content_encoding, limit_bytes)
    pieces = []
    more = True
    while more:
        message = await asked.receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        pieces.append(unpacker.feed(message.get("body", b"")))
        more = message.get("more_body", False)
    pieces.append(unpacker.finish())
    return b"".join(pieces)


def read_wish_from(body: bytes, kind: type[Wish], example: str) -> Wish:
    """What the body asks for. Raises MalformedBody where it is no JSON, InvalidRequest where it says something else.

    `example` is what could have been sent. What is wrong is said in our words: the library's are of its own types.
    """
    said = _read_json(body)
    if not isinstance(said, dict):
        raise InvalidRequest(f"The body is {_say_kind(said)}, not an object. Send JSON such as {example}.")
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    for name, value in said.items():
        if name not in fields:
            raise InvalidRequest(
                f'There is no "{show(name, 40)}" in such a body. {tell_meant(name, list(fields))}', path=show(name, 40)
            )
        try:
            msgspec.convert(value, fields[name].type)
        except msgspec.ValidationError as error:
            wanted = inspect.type_info(fields[name].type)
            quoted = f'"{show(value, 40)}"' if isinstance(value, str) else _say_kind(value)
            raise InvalidRequest(
                f"{name} is {_say_type(wanted)}, not {quoted}. Send it as in {example}.", path=name
            ) from error
    return msgspec.convert(said, kind)


def _read_json(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise MalformedBody(_explain_json(body)) from error


def _explain_json(body: bytes) -> str:
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return "The body is not UTF-8. Send JSON in UTF-8."
    if not text.strip():
        return "The body is empty. Send a JSON object."
    try:
        # As it is read where it is looked for slips.
        _, end = json.JSONDecoder(strict=False).raw_decode(text, len(text) - len(text.lstrip()))
    except RecursionError:
        return "The body is nested too deep."
    except ValueError as error:
        problem = explain(text, error)
    else:
        if not (rest := text[end:].lstrip()):
            return "The body is not JSON."
        problem = explain_rest(text, len(text) - len(rest))
    return f"{problem.message} {problem.help}"


def _say_type(wanted: inspect.Type) -> str:
    match wanted:
        case inspect.LiteralType(values=values):
            return " or ".join(str(value) for value in values)
        case inspect.UnionType(types=types):
            return " or ".join(_say_type(one) for one in types if not isinstance(one, inspect.NoneType))
        case inspect.ListType() | inspect.VarTupleType():
            return "a list of texts"
        case inspect.DictType():
            return "an object of texts"
        case inspect.IntType():
            return "a whole number"
        case _:
            return "a text"


def _say_kind(value: Any) -> str:
    if isinstance(value, list) and not all(isinstance(one, str) for one in value):
        return "a list that holds something else"
    if isinstance(value, dict) and not all(isinstance(one, str) for one in value.values()):
        return "an object that holds something else"
    return _KINDS.get(type(value), "null")


_KINDS = {
    str: "a text",
    bool: "true or false",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "an object",
}
