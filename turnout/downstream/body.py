"""The body of a request to read something: small, and read only once the key is known to be good."""

from turnout.feed.gateway import Asked
from turnout.feed.parse.unpack import Unpacker, too_large
from turnout.feed.reading import ClientGone


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
