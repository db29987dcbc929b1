"""Which operations there are: what the files of this folder declare."""

from turnout import discover
from turnout.api.operation import Operation


def list_operations() -> list[Operation]:
    """Every one, by file."""
    return [one for declared in discover.find_all("turnout.api", "operations").values() for one in declared]
