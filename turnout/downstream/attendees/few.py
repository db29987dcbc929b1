"""The filter of a query that leaves the fewest, where they are so few that all of them can be looked at."""

from collections.abc import Callable, Iterator

from turnout import errors
from turnout.changes.listing import facets
from turnout.downstream.attendees.moment import Moment
from turnout.store import attendees, listing

FEW = 2_000
"""As many are read and sorted for each page."""
MAX_GROUPS = 200
"""Of a key that is limited to groups: their members are looked up group by group."""

Ids = set[str]
Find = Callable[[Moment, int], Ids | None]
"""Gives who passes one filter, withdrawn ones too, or None where they are more than that."""


def find_few(moment: Moment) -> Ids | None:
    """Everybody who can be meant, and others; None where no filter alone leaves so few. Raises IndexBehind."""
    few = _find_fewest(moment, _list_exact_filters(moment))
    if few is not None and len(few) <= _VERY_FEW:
        return few
    try:
        by_index = _find_fewest(moment, _list_indexed_filters(moment))
    except errors.IndexBehind:
        if few is None:
            raise
        return few
    return min((ids for ids in (few, by_index) if ids is not None), key=len, default=None)


_VERY_FEW = 200


def _find_fewest(moment: Moment, filters: Iterator[Find]) -> Ids | None:
    found = (find(moment, FEW) for find in filters)
    return min((ids for ids in found if ids is not None), key=len, default=None)


def list_groups(moment: Moment) -> tuple[int, ...] | None:
    """The groups in one of which a person has to be, in order; None where it may be any, or they are too many."""
    if moment.query.group is not None:
        return (moment.query.group,)
    limited = moment.limits.groups
    return None if limited is None or len(limited) > MAX_GROUPS else tuple(sorted(limited))


def list_statuses(moment: Moment) -> tuple[str, ...]:
    return tuple(facets.STATUSES) if moment.query.status == "all" else (moment.query.status,)


def _list_exact_filters(moment: Moment) -> Iterator[Find]:
    query = moment.query
    if query.address is not None:
        yield _find_holders
    if query.updated_since is not None:
        yield _find_updated
    if list_groups(moment) is not None:
        yield _find_members


def _list_indexed_filters(moment: Moment) -> Iterator[Find]:
    query = moment.query
    if query.source is not None:
        source = query.source
        yield lambda moment, most: _find_by_facet(moment, most, lambda status: facets.of_source(status, source))
    for wanted in query.custom_fields:
        yield lambda moment, most, wanted=wanted: _find_by_facet(
            moment, most, lambda status: facets.with_value(status, *wanted)
        )
    for term in query.terms or ():
        yield lambda moment, most, term=term: _find_by_word(moment, most, term)


def _find_holders(moment: Moment, most: int) -> Ids | None:
    assert moment.query.address is not None
    found = attendees.list_holder_ids(moment.connection, moment.event_id, moment.query.address, limit=most + 1)
    return _if_few(set(found), most)


def _find_updated(moment: Moment, most: int) -> Ids | None:
    ids, are_more = listing.list_tail_ids(moment.connection, moment.event_id, moment.first_line - 1, most)
    return None if are_more else ids


def _find_members(moment: Moment, most: int) -> Ids | None:
    found: Ids = set()
    for group in list_groups(moment) or ():
        found.update(attendees.list_member_ids(moment.connection, moment.event_id, group, limit=most + 1))
        if len(found) > most:
            return None
    return found


def _find_by_facet(moment: Moment, most: int, facet: Callable[[str], str]) -> Ids | None:
    found: Ids = set()
    for status in list_statuses(moment):
        pairs = listing.list_facet(moment.connection, moment.event_id, facet(status), limit=most + 1)
        found.update(attendee_id for _, attendee_id in pairs)
    return _with_tail(moment, found, most)


def _find_by_word(moment: Moment, most: int, term: str) -> Ids | None:
    pairs = listing.list_word(moment.connection, moment.event_id, term, limit=most + 1)
    # Cut off, even if the same few people have so many words.
    return None if len(pairs) > most else _with_tail(moment, {attendee_id for _, attendee_id in pairs}, most)


def _with_tail(moment: Moment, found: Ids, most: int) -> Ids | None:
    few = _if_few(found, most)
    return None if few is None else few | {attendee_id for _, attendee_id in moment.tail}


def _if_few(found: Ids, most: int) -> Ids | None:
    return None if len(found) > most else found
