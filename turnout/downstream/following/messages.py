"""Lines of the log as server-sent events, for all who have the same view of them. Pure."""

from bisect import bisect_right
from itertools import accumulate

import msgspec

from turnout.downstream.following.pages import Page, Wanted
from turnout.downstream.following.view import View

HEARTBEAT = b":\n\n"
_encode = msgspec.json.Encoder().encode


class Messages:
    """The messages of some lines, one behind the other."""

    __slots__ = ("_ends", "_sequences", "content", "last")

    def __init__(self, page: Page, view: View, after: int) -> None:
        lines = view.list_lines(page.lines, page.configuration, page.renames)
        pieces = [b"id: %d\nevent: change\ndata: %b\n\n" % (line.sequence, _encode(line)) for line in lines]
        self._sequences = [line.sequence for line in lines]
        self._ends = list(accumulate(map(len, pieces)))
        """Where each message ends in `content`."""
        self.content = b"".join(pieces)
        self.last = page.lines[-1].change.sequence if page.lines else after
        """The last line that was looked at, whether it is shown or not."""

    def take(self, after: int, most_bytes: int) -> tuple[bytes, int, int]:
        """Messages of lines behind `after`, as many as have room but at least one; the last one's id; where to go on.

        The id is `after` where there is no message.
        """
        start = bisect_right(self._sequences, after)
        if start == len(self._sequences):
            return b"", after, self.last
        begin = self._ends[start - 1] if start else 0
        stop = max(bisect_right(self._ends, begin + most_bytes), start + 1)
        content = self.content[begin : self._ends[stop - 1]]
        last_shown = self._sequences[stop - 1]
        return content, last_shown, self.last if stop == len(self._sequences) else last_shown


def move_to(sequence: int) -> bytes:
    """A heartbeat that moves the `Last-Event-ID`: a message without data reaches no program, but its id counts."""
    return b":\nid: %d\n\n" % sequence


def as_messages(page: Page, wanted: Wanted) -> Messages:
    return Messages(page, wanted.view, wanted.after)
