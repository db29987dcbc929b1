"""Finds what a folder's files declare (connectors, consumers, pages, commands); the only plug-in mechanism."""

import importlib
import importlib.util
import pkgutil
from typing import Any


def list_files(package: str) -> list[str]:
    """The names of the modules in a package, sorted. Imports the package, none of them."""
    found = importlib.import_module(package)
    return sorted(module.name for module in pkgutil.iter_modules(found.__path__))


def find(package: str, file: str, what: str) -> Any | None:
    """What one file of the package declares under the name `what`; None where there is no such file or declaration."""
    if importlib.util.find_spec(f"{package}.{file}") is None:
        return None
    return getattr(importlib.import_module(f"{package}.{file}"), what, None)


def find_all(package: str, what: str) -> dict[str, Any]:
    """What the files of the package declare under the name `what`, by file. Files without it are left out."""
    declared = {file: find(package, file, what) for file in list_files(package)}
    return {file: thing for file, thing in declared.items() if thing is not None}
