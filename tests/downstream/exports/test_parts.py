"""A file in parts: what is written in whatever pieces comes back, from any place to any other, with its key alone."""

import itertools
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turnout.downstream.exports.parts import KEY_BYTES, PART_BYTES, PartsFile, TooLarge, read_parts
from turnout.errors import StorageUnavailable

KEY = bytes(range(KEY_BYTES))
CONTENT = os.urandom(2 * PART_BYTES + 1_000)


def write(pieces: list[bytes], limit_bytes: int = 1 << 30) -> dict[int, bytes]:
    parts: dict[int, bytes] = {}
    file = PartsFile(KEY, parts.__setitem__, limit_bytes)
    for piece in pieces:
        assert file.write(piece) == len(piece)
    file.finish()
    assert file.size_bytes == sum(map(len, pieces))
    return parts


def read(parts: dict[int, bytes], start: int, end: int, key: bytes = KEY) -> bytes:
    return b"".join(take() for take in read_parts(key, parts.get, start, end))


@settings(deadline=None, max_examples=30)
@given(cuts=st.lists(st.integers(0, len(CONTENT)), max_size=6), start=st.integers(0, len(CONTENT)), data=st.data())
def test_what_was_written_in_pieces_comes_back_from_any_place(cuts: list[int], start: int, data: st.DataObject) -> None:
    places = [0, *sorted(cuts), len(CONTENT)]
    parts = write([CONTENT[a:b] for a, b in itertools.pairwise(places)])
    assert sorted(parts) == [0, 1, 2]
    end = data.draw(st.integers(start, len(CONTENT)))
    assert read(parts, start, end) == CONTENT[start:end]


@pytest.mark.parametrize("size", [0, 1, PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, 2 * PART_BYTES])
def test_parts_end_where_the_file_ends(size: int) -> None:
    parts = write([CONTENT[:size]])
    assert len(parts) == -(-size // PART_BYTES)
    assert read(parts, 0, size) == CONTENT[:size]


def test_a_part_that_is_gone_or_of_another_key_is_an_error_and_never_bytes() -> None:
    parts = write([CONTENT])
    with pytest.raises(StorageUnavailable):
        read(parts, 0, len(CONTENT), bytes(KEY_BYTES))
    # Nor does one part pass for another.
    parts[0], parts[1] = parts[1], parts[0]
    with pytest.raises(StorageUnavailable):
        read(parts, 0, 10)
    del parts[0]
    with pytest.raises(StorageUnavailable):
        read(parts, 0, 10)


def test_a_file_that_is_too_large_ends_there_and_takes_nothing_more() -> None:
    parts: dict[int, bytes] = {}
    file = PartsFile(KEY, parts.__setitem__, PART_BYTES)
    file.write(CONTENT[:PART_BYTES])
    with pytest.raises(TooLarge):
        file.write(CONTENT[: PART_BYTES + 1])
    # As an archive does that is closed on the way up of an error.
    assert file.write(b"the end") == 7
    assert list(parts) == [0]
    write([CONTENT[:PART_BYTES]], PART_BYTES)
    with pytest.raises(TooLarge):
        write([CONTENT[:PART_BYTES], b"x"], PART_BYTES)
