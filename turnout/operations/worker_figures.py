"""The figures of all workers in memory that they share, so that whichever is asked can tell of all.

Each worker has a place, which it alone writes while it lives; once it is dead its parent does. Shared memory and not
files: nothing is left behind by kill -9, and nothing has to be writable.
"""

import mmap
import zlib
from collections.abc import Iterable, Sequence

import msgspec
from prometheus_client.core import Metric

_HALF_BYTES = 64 * 1024
"""For one worker's figures; a tenth of it is used."""
_PLACE_BYTES = 2 * _HALF_BYTES + 8
_HEAD_BYTES = 8
_TRIES = 1_000


class Sample(msgspec.Struct, frozen=True, array_like=True):
    """One line."""

    name: str
    labels: dict[str, str]
    value: float


class Family(msgspec.Struct, frozen=True, array_like=True):
    """The lines of one metric."""

    name: str
    help: str
    kind: str
    samples: list[Sample]


class Board:
    """A place for each worker, from 1 on. Made before the first fork."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._memory = mmap.mmap(-1, count * _PLACE_BYTES)

    def publish(self, number: int, families: Sequence[Family]) -> None:
        """Replaces what stands in this place, wholly or not at all; for its one writer."""
        content = msgspec.msgpack.encode(families)
        assert len(content) + _HEAD_BYTES <= _HALF_BYTES
        place = (number - 1) * _PLACE_BYTES
        other = 1 - self._memory[place]
        # Into the half that nobody reads; then the first byte says that it is this one.
        start = place + 8 + other * _HALF_BYTES
        head = len(content).to_bytes(4, "little") + zlib.crc32(content).to_bytes(4, "little")
        self._memory[start : start + _HEAD_BYTES + len(content)] = head + content
        self._memory[place] = other

    def read(self, number: int) -> list[Family]:
        """What stands there; nothing before a worker has published."""
        place = (number - 1) * _PLACE_BYTES
        for _ in range(_TRIES):
            start = place + 8 + self._memory[place] * _HALF_BYTES
            length = int.from_bytes(self._memory[start : start + 4], "little")
            digest = int.from_bytes(self._memory[start + 4 : start + _HEAD_BYTES], "little")
            content = self._memory[start + _HEAD_BYTES : start + _HEAD_BYTES + min(length, _HALF_BYTES)]
            # It was replaced twice while we read: once more.
            if len(content) == length and zlib.crc32(content) == digest:
                return msgspec.msgpack.decode(content, type=list[Family]) if content else []
        raise RuntimeError("A worker's figures are damaged.")

    def read_all(self) -> list[Family]:
        """Of all workers, those that have ended included, added up."""
        return add_up([self.read(number) for number in range(1, self.count + 1)])

    def retire(self, number: int) -> None:
        """Whoever had the place is dead: what it counted stays, how it was does not."""
        self.publish(number, [family for family in self.read(number) if family.kind != "gauge"])


class Place(msgspec.Struct, frozen=True):
    """One worker's."""

    board: Board
    number: int


def add_up(parts: Iterable[Iterable[Family]]) -> list[Family]:
    """One of each metric, with one line for each set of labels."""
    families: dict[str, Family] = {}
    values: dict[str, dict[tuple[str, tuple[tuple[str, str], ...]], float]] = {}
    for part in parts:
        for family in part:
            families.setdefault(family.name, family)
            lines = values.setdefault(family.name, {})
            for sample in family.samples:
                line = (sample.name, tuple(sample.labels.items()))
                lines[line] = lines.get(line, 0.0) + sample.value
    return [
        msgspec.structs.replace(
            family,
            samples=[Sample(name, dict(labels), value) for (name, labels), value in values[family.name].items()],
        )
        for family in families.values()
    ]


def as_family(metric: Metric, **labels: str) -> Family:
    """The metric with these labels added to each line."""
    return Family(
        metric.name,
        metric.documentation,
        metric.type,
        [Sample(sample.name, {**sample.labels, **labels}, float(sample.value)) for sample in metric.samples],
    )


def as_metric(family: Family) -> Metric:
    metric = Metric(family.name, family.help, family.kind)
    for sample in family.samples:
        metric.add_sample(sample.name, sample.labels, sample.value)
    return metric
