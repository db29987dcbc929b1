"""The names that custom fields and groups had at a line of the log, which holds their numbers. Pure.

Whoever was never behind has seen a line with these; whoever reads it later gets the same, and is told of the new names
where they came to be.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import repeat
from operator import attrgetter

import msgspec

from turnout.model.change import Change
from turnout.model.event import Configuration
from turnout.model.names import Names, fold_case

RENAMED = ("field_renamed", "group_renamed")
"""The kinds of lines that tell of a new name."""
_sequence_of = attrgetter("sequence")


def as_then(
    configuration: Configuration, renames: Sequence[Change], sequences: Sequence[int]
) -> Iterable[Configuration]:
    """For each of these lines, which are in order, the set-up with the names of its time.

    `renames` are all lines of new names behind the first of them, in order; the configuration knows them all. Without
    any it is the same for every line.
    """
    if not renames:
        return repeat(configuration, len(sequences))
    found = []
    end = len(renames)
    for sequence in reversed(sequences):
        start = bisect_right(renames, sequence, hi=end, key=_sequence_of)
        if start < end:
            configuration = _take_back(configuration, renames[start:end])
            end = start
        found.append(configuration)
    found.reverse()
    return found


def _take_back(configuration: Configuration, renames: Sequence[Change]) -> Configuration:
    old: dict[str, dict[int, str]] = {"custom_field_name": {}, "group_name": {}}
    # The first of several is the last to be taken back.
    for change in reversed(renames):
        for entry in change.entries:
            if entry.what in old and isinstance(entry.key, int):
                old[entry.what][entry.key] = entry.old
    return msgspec.structs.replace(
        configuration,
        custom_fields=_with_names(configuration.custom_fields, old["custom_field_name"]),
        groups=_with_names(configuration.groups, old["group_name"]),
    )


def _with_names(names: Names, old: dict[int, str]) -> Names:
    if not old:
        return names
    return Names(
        names.by_number
        | {number: msgspec.structs.replace(names.by_number[number], name=old[number]) for number in old},
        # Whoever has had such a name since, had it not then.
        names.by_spelling | {fold_case(name): number for number, name in old.items()},
    )
