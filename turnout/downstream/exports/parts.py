"""A file in parts, as the database keeps it: each encrypted with the file's own key, so that it can go in an instant.

The key stands in the export's row. A part of a removed export that is still there is noise.
"""

from collections.abc import Callable, Iterator

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from turnout import errors

PART_BYTES = 1024 * 1024
"""Of every part but the last."""
KEY_BYTES = 32
_NONCE_BYTES = 12


class TooLarge(Exception):
    """The file has grown past its limit."""


class PartsFile:
    """A file that only takes, and hands over each part when it is full; what is written after an error is dropped."""

    def __init__(self, file_key: bytes, record: Callable[[int, bytes], None], limit_bytes: int) -> None:
        """`record` is called with the number of each part and what is to be kept of it."""
        self._cipher = AESGCM(file_key)
        self._record = record
        self._limit = limit_bytes
        self._filling = bytearray()
        self._number = 0
        self._has_failed = False
        self.size_bytes = 0

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def write(self, piece: bytes) -> int:
        """Raises TooLarge, and what `record` raises."""
        if not self._has_failed:
            self._filling += piece
            self.size_bytes += len(piece)
            if len(self._filling) >= PART_BYTES:
                self._hand_over(PART_BYTES)
        return len(piece)

    def flush(self) -> None:
        """Nothing: parts are handed over full."""

    def finish(self) -> None:
        """Hands over what is left."""
        self._hand_over(1)

    def _hand_over(self, least: int) -> None:
        # Whoever puts an archive together writes its end even while an error is on its way up.
        self._has_failed = True
        if self.size_bytes > self._limit:
            raise TooLarge
        while len(self._filling) >= least:
            part = bytes(self._filling[:PART_BYTES])
            del self._filling[:PART_BYTES]
            self._record(self._number, self._cipher.encrypt(_nonce(self._number), part, None))
            self._number += 1
        self._has_failed = False


def read_parts(
    file_key: bytes, find: Callable[[int], bytes | None], start: int, end: int
) -> Iterator[Callable[[], bytes]]:
    """What reads each piece of the bytes from `start` to before `end`, so that the caller may do it in a thread.

    Each raises StorageUnavailable where the part is gone.
    """
    cipher = AESGCM(file_key)
    for number in range(start // PART_BYTES, (end + PART_BYTES - 1) // PART_BYTES):
        begins = number * PART_BYTES

        def read(number: int = number, begins: int = begins) -> bytes:
            try:
                part = cipher.decrypt(_nonce(number), find(number) or b"", None)
            except InvalidTag:
                raise errors.StorageUnavailable("The file was removed while it was read.") from None
            return part[max(0, start - begins) : end - begins]

        yield read


def _nonce(number: int) -> bytes:
    """A key encrypts one file of one attempt, each of its parts once."""
    return number.to_bytes(_NONCE_BYTES, "big")
