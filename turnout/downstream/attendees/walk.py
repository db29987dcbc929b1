"""Attendees in the order of a list, from one place on: along an index where there is one that is in this order.

Whoever may belong to the list comes, each once and in order; whether he does, `matching` says.
"""

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

import msgspec

from turnout.changes.listing import facets
from turnout.downstream.attendees.few import FEW, find_few, list_groups, list_statuses
from turnout.downstream.attendees.matching import Place, lead_of, matches, place_of
from turnout.downstream.attendees.moment import DOCUMENTS, Moment
from turnout.downstream.attendees.query import Query
from turnout.model.attendee import Attendee
from turnout.store import attendees, listing

MAX_STEP = 5_000
"""Rows or lines of the log looked at with one statement, where few of them are wanted."""
MAX_COUNTED = 20_000
"""So far it is counted which of several filters leaves the fewest."""
_ORDERS: dict[str, listing.Order] = {"id": "id", "email": "email", "lastName": "last_name"}

Found = Iterator[tuple[Place, Attendee]]
Read = Callable[[Place | None, int], Sequence[Place]]
"""Gives the places behind one, so many at most."""


class Way(msgspec.Struct, frozen=True):
    """One or several indexes in the list's order, in which everybody stands who belongs to it."""

    reads: Sequence[Read]
    is_behind: bool = True
    """Whether it is of the list index, which does not know its tail yet."""


def walk(moment: Moment, after: Place | None, wanted: int) -> Found:
    """Whoever may belong to the list, in its order, behind that place. `wanted` is how many are probably needed.

    Raises TooBroad and IndexBehind.
    """
    query = moment.query
    if query.terms == () or moment.limits.groups == frozenset():
        return iter(())
    # Along an index of the only filter nobody comes who does not belong.
    if _count_filters(moment) > 1 or not _has_index(query):
        few = find_few(moment)
        if few is not None:
            return _walk_few(moment, few, after, wanted)
    if query.order == "updated":
        return _walk_log(moment, after, wanted)
    ways = list(_list_ways(moment))
    if ways:
        return _walk_way(moment, ways[0] if len(ways) == 1 else min(ways, key=_count), after, wanted)
    lines = moment.head - moment.first_line + 1
    # Of everybody `head` ÷ `lines` are looked at for each one wanted; what is shorter is walked.
    if query.updated_since is not None and (lines <= FEW or lines * lines < wanted * moment.head):
        return _walk_touched(moment, after, lines, wanted)
    return _walk_everybody(moment, after, wanted)


def _count_filters(moment: Moment) -> int:
    query = moment.query
    given = (query.source, query.updated_since, query.address, list_groups(moment))
    return sum(one is not None for one in given) + len(query.custom_fields) + len(query.terms or ())


def _has_index(query: Query) -> bool:
    """Whether some index is in the list's order and has the filter, if there is no more than one."""
    if query.order == "word":
        return True
    if query.order == "id":
        return query.terms is None
    if query.order == "updated":
        return query.address is None and query.terms is None and query.source is None and not query.custom_fields
    return query.address is None and query.terms is None and query.updated_since is None


def _list_ways(moment: Moment) -> Iterator[Way]:
    """One for each filter that has its index; of equal length the first is taken."""
    query = moment.query
    connection, event_id = moment.connection, moment.event_id
    if query.order == "word":
        lead = lead_of(query)
        yield Way([lambda after, limit: listing.list_word(connection, event_id, lead, after=_pair(after), limit=limit)])
        return
    for wanted in query.custom_fields:
        yield _by_facets(moment, [lambda status, wanted=wanted: facets.with_value(status, *wanted)])
    if query.source is not None:
        yield _by_facets(moment, [lambda status, source=query.source: facets.of_source(status, source)])
    groups = list_groups(moment)
    if query.order == "id":
        # What is written with the attendees themselves is never behind.
        if query.address is not None:
            yield Way([_by_id(moment, attendees.list_holder_ids, query.address)], is_behind=False)
        if groups is not None:
            yield Way([_by_id(moment, attendees.list_member_ids, group) for group in groups], is_behind=False)
        return
    if groups is not None:
        yield _by_facets(moment, [lambda status, group=group: facets.in_group(status, group) for group in groups])
    elif query.source is None and not query.custom_fields:
        yield _by_facets(moment, [facets.everybody])


def _by_facets(moment: Moment, wanted: Sequence[Callable[[str], str]]) -> Way:
    """Who has one of these facets, which are made from a status."""
    return Way([_by_facet(moment, facet(status)) for facet in wanted for status in list_statuses(moment)])


def _by_facet(moment: Moment, facet: str) -> Read:
    order, descending = _ORDERS[moment.query.order], moment.query.descending
    return lambda after, limit: listing.list_facet(
        moment.connection,
        moment.event_id,
        facet,
        order=order,
        descending=descending,
        after=_pair(after),
        limit=limit,
    )


def _by_id(moment: Moment, list_ids: Callable[..., list[str]], of: str | int) -> Read:
    return lambda after, limit: [
        ("", attendee_id)
        for attendee_id in list_ids(
            moment.connection,
            moment.event_id,
            of,
            after_id=None if after is None else after[1],
            descending=moment.query.descending,
            limit=limit,
        )
    ]


def _count(way: Way) -> int:
    """How many stand there, roughly where they are many."""
    return sum(len(read(None, MAX_COUNTED)) for read in way.reads)


def _walk_way(moment: Moment, way: Way, after: Place | None, wanted: int) -> Found:
    reverse = moment.query.descending
    places: Iterable[Place] = heapq.merge(
        *(_read_on(moment, read, after, wanted) for read in way.reads), reverse=reverse
    )
    if way.is_behind:
        # What the index says of them is not so any more.
        known = (place for place in places if place[1] not in moment.tail_ids)
        places = heapq.merge(known, moment.behind(moment.tail, after), reverse=reverse)
    return _look_up(moment, _once(places), wanted)


def _read_on(moment: Moment, read: Read, after: Place | None, wanted: int) -> Iterator[Place]:
    size = wanted
    while True:
        moment.check_time()
        page = read(after, size)
        yield from page
        if len(page) < size:
            return
        after = page[-1]
        size = min(2 * size, MAX_STEP)


def _once(places: Iterable[Place]) -> Iterator[Place]:
    last = None
    for place in places:
        if place != last:
            yield place
        last = place


def _look_up(moment: Moment, places: Iterator[Place], wanted: int) -> Found:
    """The attendees in these places, if that is where they stand: nobody comes twice who has several words."""
    size = min(wanted, DOCUMENTS)
    while some := list(islice(places, size)):
        found = {one.id: one for one in moment.read([place[1] for place in some])}
        for place in some:
            if place[1] in found and place_of(found[place[1]], moment.query) == place:
                yield place, found[place[1]]
        size = DOCUMENTS


def _walk_few(moment: Moment, ids: Iterable[str], after: Place | None, wanted: int) -> Found:
    """All of them are read and put in order; those on the page once more, because each may be large."""
    found = moment.read(sorted(ids))
    places = sorted(
        (place_of(one, moment.query) for one in found if matches(one, moment.query, moment.limits)),
        reverse=moment.query.descending,
    )
    return _look_up(moment, iter(moment.behind(places, after)), wanted)


def _walk_touched(moment: Moment, after: Place | None, lines: int, wanted: int) -> Found:
    """Of whom the log tells since the query's time, in the order of their ids."""
    ids, _ = listing.list_tail_ids(moment.connection, moment.event_id, moment.first_line - 1, lines)
    places = sorted((("", one) for one in ids), reverse=moment.query.descending)
    return _look_up(moment, iter(moment.behind(places, after)), wanted)


def _walk_everybody(moment: Moment, after: Place | None, wanted: int) -> Found:
    """All attendees in the order of their ids, which is the order in which they came."""
    query, size = moment.query, min(wanted, DOCUMENTS)
    after_id = None if after is None else after[1]
    while True:
        moment.check_time()
        page = attendees.scan_attendees(
            moment.connection,
            moment.event_id,
            status=None if query.status == "all" else query.status,
            updated_since=query.updated_since or 0,
            after_id=after_id,
            descending=query.descending,
            limit=size,
        )
        found = [one for _, one in page if one is not None]
        yield from ((("", one.id), one) for one in found)
        if len(page) < size:
            return
        after_id = page[-1][0]
        size = _next_step(size, len(found))


def _walk_log(moment: Moment, after: Place | None, wanted: int) -> Found:
    """By their latest lines of the log, in the order of these."""
    descending, groups = moment.query.descending, list_groups(moment)
    first, last, size = moment.first_line, moment.head, min(wanted, DOCUMENTS)
    if after is not None:
        assert isinstance(after[0], int)
        first, last = (first, after[0] - 1) if descending else (after[0] + 1, last)
    while first <= last:
        moment.check_time()
        low, high = (max(first, last - size + 1), last) if descending else (first, min(last, first + size - 1))
        found = attendees.list_updated(
            moment.connection, moment.event_id, low, high, group_numbers=groups, descending=descending
        )
        yield from (((sequence, one.id), one) for sequence, one in found)
        first, last = (first, low - 1) if descending else (high + 1, last)
        size = _next_step(size, len(found))


def _next_step(size: int, found: int) -> int:
    """More where few are found, and not more documents at once than may be."""
    return min(2 * size, MAX_STEP) if 2 * found < size else min(size, DOCUMENTS)


def _pair(after: Place | None) -> tuple[str, str] | None:
    return None if after is None else (str(after[0]), after[1])
