"""Pages as they go over the wire: with gzip, to browsers that take it.

How long a packed page is must not tell a stranger what is in it, where he can choose a part of it (BREACH): secrets are
masked, and for all else some noise of random length makes each answer a little longer or shorter.
"""

import gzip
import secrets
import zlib
from collections.abc import AsyncGenerator
from contextlib import aclosing
from io import BytesIO

import msgspec

from turnout.feed.receipt import Answer

_LEAST = 1_000
"""Bytes of a page; one that is smaller goes in one packet anyway."""
_LEVEL = 5
_MOST_NOISE = 100
"""Characters."""
_WINDOW_BITS, _MEMORY_LEVEL = 13, 7
"""Of a live page: 96 KiB each, as long as it is open."""
GZIP = ((b"content-encoding", b"gzip"), (b"vary", b"Accept-Encoding"))


def takes_gzip(accept_encoding: str) -> bool:
    return "gzip" in accept_encoding


def pack(answer: Answer) -> Answer:
    """A page with gzip; any other answer as it is."""
    is_page = any(name == b"content-type" and value.startswith(b"text/html") for name, value in answer.headers)
    if not is_page or len(answer.body) < _LEAST:
        return answer
    packed = BytesIO()
    # The noise stands as the file's name.
    with gzip.GzipFile(_make_noise(), "wb", _LEVEL, packed, mtime=0) as file:
        file.write(answer.body)
    return msgspec.structs.replace(answer, body=packed.getvalue(), headers=(*answer.headers, *GZIP))


async def pack_messages(messages: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """Server-sent events with gzip, each whole as soon as it is there."""
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, 16 + _WINDOW_BITS, _MEMORY_LEVEL)
    async with aclosing(messages):
        async for message in messages:
            noise = f": {_make_noise()}\n\n".encode()
            yield packer.compress(message + noise) + packer.flush(zlib.Z_SYNC_FLUSH)


def _make_noise() -> str:
    return secrets.token_hex(_MOST_NOISE // 2)[: secrets.randbelow(_MOST_NOISE)]
