"""Content-Encoding: gzip and deflate, unpacked piece by piece, so that a bomb costs no memory (B1, B6)."""

import zlib
from collections.abc import Iterable

from turnout.errors import BodyTooLarge, MalformedBody, UnsupportedEncoding
from turnout.feed.parse.redact import show
from turnout.model.receipt import Problem

PIECE_BYTES = 16 * 1024
"""How much is handed to zlib at once: what it does not use of a piece it copies."""
MAX_GZIP_MEMBERS = 1_000
PACKING_OVERHEAD_BYTES = 64 * 1024
"""How much larger than its limit a body may be while packed."""


def unpack(chunks: Iterable[bytes], encoding: str | None, limit: int) -> bytes:
    """The whole body, unpacked. Raises what `Unpacker` raises."""
    unpacker = Unpacker(encoding, limit)
    pieces = [unpacker.feed(chunk) for chunk in chunks]
    pieces.append(unpacker.finish())
    return b"".join(pieces)


class Unpacker:
    """Unpacks a body as it arrives; what `feed` and `finish` return, one behind the other, is the body.

    Raises UnsupportedEncoding at once, BodyTooLarge as soon as the unpacked (or packed) size exceeds `limit` bytes, and
    MalformedBody where the packing is broken or breaks off.
    """

    def __init__(self, encoding: str | None, limit: int) -> None:
        self._encoding = _read_encoding(encoding)
        self._limit = limit
        self._packed_bytes = 0
        self._unpacked_bytes = 0
        self._members = 0
        self._head = b""
        self._zlib: zlib._Decompress | None = None

    def feed(self, chunk: bytes) -> bytes:
        self._packed_bytes += len(chunk)
        if self._encoding == "identity":
            self._unpacked_bytes += len(chunk)
            self._check_size()
            return chunk
        if self._packed_bytes > self._limit + PACKING_OVERHEAD_BYTES:
            raise too_large(self._limit)
        pieces = [
            piece
            for start in range(0, len(chunk), PIECE_BYTES)
            for piece in self._unpack(chunk[start : start + PIECE_BYTES])
        ]
        return b"".join(pieces)

    def finish(self) -> bytes:
        """The rest; nothing may be fed afterwards."""
        if self._encoding != "identity" and self._packed_bytes and (self._head or not self._zlib or not self._zlib.eof):
            raise _broken(f"The body is packed with {self._encoding}, and breaks off before its end.")
        return b""

    def _unpack(self, piece: bytes) -> list[bytes]:
        unpacked: list[bytes] = []
        piece = self._head + piece
        self._head = b""
        while piece:
            if self._zlib is None or self._zlib.eof:
                if not self._begins(piece):
                    break
                self._zlib = self._next_member(piece)
            try:
                unpacked.append(self._zlib.decompress(piece, self._limit - self._unpacked_bytes + 1))
            except zlib.error as error:
                raise _broken(f"The body says it is packed with {self._encoding}, but cannot be unpacked.") from error
            self._unpacked_bytes += len(unpacked[-1])
            self._check_size()
            piece = self._zlib.unconsumed_tail or self._zlib.unused_data
        return unpacked

    def _begins(self, piece: bytes) -> bool:
        """Whether something to unpack begins here. Padding behind the end does not, and one byte does not tell yet."""
        if self._zlib is not None and (self._encoding == "deflate" or not piece.strip(b"\0")):
            if piece.strip(b"\0"):
                raise _broken("Something follows behind the end of the packed body.")
            return False
        if len(piece) < 2:
            self._head = piece
            return False
        return True

    def _next_member(self, piece: bytes) -> "zlib._Decompress":
        self._members += 1
        if self._members > MAX_GZIP_MEMBERS:
            raise _broken(f"The body consists of more than {MAX_GZIP_MEMBERS:,} gzip members.")
        if self._encoding == "gzip":
            return zlib.decompressobj(16 + zlib.MAX_WBITS)
        # "deflate" means zlib's format (RFC 9110, 8.4.1.2); some senders leave its two-byte header out.
        has_header = piece[0] & 0x0F == 8 and (piece[0] << 8 | piece[1]) % 31 == 0
        return zlib.decompressobj(zlib.MAX_WBITS if has_header else -zlib.MAX_WBITS)

    def _check_size(self) -> None:
        if self._unpacked_bytes > self._limit:
            raise too_large(self._limit)


def too_large(limit: int) -> BodyTooLarge:
    """The error for a body over `limit` bytes."""
    size = f"{limit / 1_048_576:g} MiB" if limit >= 1_048_576 else f"{limit:,} bytes"
    return BodyTooLarge(f"The body is larger than {size}, which is the most that is taken at once.")


def _read_encoding(encoding: str | None) -> str:
    named = [name for part in (encoding or "").split(",") if (name := part.strip().lower()) not in ("", "identity")]
    if not named:
        return "identity"
    known = {"gzip": "gzip", "x-gzip": "gzip", "deflate": "deflate"}.get(named[0])
    if known is None or len(named) > 1:
        raise UnsupportedEncoding(f"The body is packed with {show(', '.join(named), 60)}; gzip and deflate are read.")
    return known


def _broken(detail: str) -> MalformedBody:
    help_ = "Pack the whole body again, or send it unpacked and without the Content-Encoding header."
    return MalformedBody(detail, [Problem(path="", code="broken_encoding", message=detail, help=help_)])
