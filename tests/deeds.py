"""Which lines of the audit log a command or an operation can leave: read from its code, so that none has to be run."""

import dis
import importlib
import inspect
from collections.abc import Callable, Iterator
from contextlib import suppress
from types import CodeType, ModuleType
from typing import Any

from turnout.console.audit.words import DEEDS

_WRITES = {"acting", "reading", "AuditLine"}
"""What a line is written with."""


def find_actions(function: Callable[..., Any], *packages: str) -> set[str]:
    """The deeds that are named where it acts: in the function, and in what it calls of these packages."""
    codes = [code for one in _reach(function, packages, set()) for code in _list_codes(one.__code__)]
    if not any(name in _WRITES for code in codes for name in (*code.co_names, *code.co_varnames)):
        return set()
    texts = {constant for code in codes for constant in code.co_consts if isinstance(constant, str)}
    return texts & DEEDS.keys()


def _reach(function: Any, packages: tuple[str, ...], seen: set[Any]) -> Iterator[Any]:
    """The function, and what it calls there, once each."""
    if not callable(function) or not inspect.isfunction(function := inspect.unwrap(function)):
        return
    if function in seen or not function.__module__.startswith(packages):
        return
    seen.add(function)
    yield function
    names = {name for code in _list_codes(function.__code__) for name in code.co_names}
    known = [function.__globals__[name] for name in names & function.__globals__.keys()]
    known += _list_imports(function.__code__)
    # What is called as `listing.show()`.
    modules = [vars(one) for one in known if isinstance(one, ModuleType)]
    known += [module[name] for module in modules for name in names & module.keys()]
    for one in known:
        yield from _reach(one, packages, seen)


def _list_imports(code: CodeType) -> Iterator[Any]:
    """What it imports of ours within: commands do so with what takes long."""
    for one in _list_codes(code):
        module = None
        for step in dis.get_instructions(one):
            if step.opname == "IMPORT_NAME":
                module = str(step.argval)
            elif step.opname == "IMPORT_FROM" and module is not None and module.startswith("turnout"):
                with suppress(ImportError):
                    importlib.import_module(f"{module}.{step.argval}")
                yield getattr(importlib.import_module(module), step.argval)


def _list_codes(code: CodeType) -> Iterator[CodeType]:
    """With those of what is defined within: lambdas, functions."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _list_codes(constant)
