"""What was probably meant by a name that there is not, and which names there are. Pure."""

import difflib
from collections.abc import Iterable, Sequence

MAX_LISTED = 30
"""Names in a message; the others are counted."""
MAX_COMPARED = 1_000
"""Names among which the one meant is looked for: an event may have 10,000 groups."""
MAX_NAME = 60
"""Characters of each."""


def tell_meant(name: str, names: Sequence[str]) -> str:
    """`Did you mean firstName? There are: "email", "firstName".` `names` are those that whoever asks may know of."""
    meant = find_meant(name, names)
    hint = "" if meant is None else f"Did you mean {_cut(meant)}? "
    there = f"There are: {_list(names)}." if names else "There is none yet: they come with the pushes that name them."
    return hint + there


def find_meant(name: str, names: Iterable[str]) -> str | None:
    """The one that is nearest to it; None where none is near."""
    by_folded = {known.lower(): known for known in reversed(list(names)[:MAX_COMPARED])}
    near = difflib.get_close_matches(name[:MAX_NAME].lower(), by_folded, 1)
    return by_folded[near[0]] if near else None


def _list(names: Sequence[str]) -> str:
    more = f" and {len(names) - MAX_LISTED:,} more" if len(names) > MAX_LISTED else ""
    # In quotes: there may be a comma in a name.
    return ", ".join(f'"{_cut(name)}"' for name in names[:MAX_LISTED]) + more


def _cut(name: str) -> str:
    return name if len(name) <= MAX_NAME else name[: MAX_NAME - 1] + "…"
