"""Reading a log from page to page: who was met on one page is known on the next, and need not be found anew.

From what he is now he would be, which costs as much as was changed since: far behind the log's end, most of it.
"""

from collections import OrderedDict
from collections.abc import Sequence

import msgspec

from turnout.changes.lines import Line, read_lines
from turnout.model.attendee import Attendee
from turnout.store.statements import Connection

MAX_WALKS = 8
"""Places in logs at which somebody is going to read on …"""
MAX_CHARACTERS = 4_000_000
"""… and of the attendees known at each: those who were met last. The others are found as on a first page."""
MAX_LATER_LINES = 20_000
"""Read to find those of one page, after which it ends with what is found: no page keeps anybody for long."""
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Attendee).decode


class Walks:
    """What is known at each place. For one thread."""

    def __init__(self) -> None:
        self._walks: OrderedDict[tuple[str, int], _Walk] = OrderedDict()

    def read(self, connection: Connection, event_id: str, *, after: int, limit: int) -> list[Line]:
        """The lines behind `after`, in order; fewer than there are where they cost too much, but always one."""
        walk = self._walks.get((event_id, after), _Walk())
        return read_lines(connection, event_id, after=after, limit=limit, known=walk.find, most_later=MAX_LATER_LINES)

    def go_on(self, event_id: str, after: int, lines: Sequence[Line]) -> None:
        """Whoever was told these lines, behind `after`, is going to read on behind them."""
        place = (event_id, lines[-1].change.sequence)
        walk = self._walks.pop((event_id, after), None)
        if walk is None:
            # Perhaps of another one, who was told the same and knows more by now.
            walk = self._walks.pop(place, None) or _Walk()
        for line in {line.change.attendee_id: line for line in lines}.values():
            walk.meet(line)
        self._walks[place] = walk
        while len(self._walks) > MAX_WALKS:
            self._walks.popitem(last=False)


class _Walk:
    """The attendees that were met, each as he was behind his last line so far: as text, whose size is known."""

    def __init__(self) -> None:
        self._documents: OrderedDict[str | None, bytes] = OrderedDict()
        self._characters = 0

    def find(self, attendee_id: str) -> Attendee | None:
        document = self._documents.get(attendee_id)
        return None if document is None else _decode(document)

    def meet(self, line: Line) -> None:
        self._characters -= len(self._documents.pop(line.change.attendee_id, b""))
        if line.after is not None:
            document = self._documents[line.change.attendee_id] = _encode(line.after)
            self._characters += len(document)
        while self._characters > MAX_CHARACTERS:
            _, document = self._documents.popitem(last=False)
            self._characters -= len(document)
