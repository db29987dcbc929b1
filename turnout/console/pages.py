"""Which pages there are: what the folders' `page.py` declare."""

import pkgutil
from collections.abc import Sequence

from turnout import discover
from turnout.console.page import Page

_PACKAGE = "turnout.console"


def list_pages() -> list[tuple[str, Page]]:
    """Every page, with the folder that its templates are in."""
    import turnout.console  # the package itself, for its path

    found: list[tuple[str, Page]] = []
    for module in pkgutil.iter_modules(turnout.console.__path__):
        declared: Sequence[Page] | None = (
            discover.find(_PACKAGE, f"{module.name}.page", "pages") if module.ispkg else None
        )
        found += [(module.name, page) for page in declared or ()]
    return found
