"""The documentation names everything there is."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from turnout import settings
from turnout.reference.codes import ERRORS, PROBLEMS, WARNINGS, WHAT_HAPPENED, as_markdown

ROOT = Path(__file__).parents[1]
PLACE_OF_CODE = {"problem": 1, "Problem": 1, "warn": 1, "Warning": 1, "BadForm": 0, "BadTime": 0}
"""Calls that name a code, and as which argument."""


def test_the_page_of_errors_is_as_the_code_has_it() -> None:
    written = (ROOT / "docs/errors.md").read_text("utf-8")
    assert written == as_markdown(), "Run .venv/bin/python -m turnout.reference"


def test_every_error_has_its_paragraph() -> None:
    assert set(WHAT_HAPPENED) == set(ERRORS)
    written = (ROOT / "docs/errors.md").read_text("utf-8")
    assert set(re.findall(r"^### `(\w+)`$", written, re.MULTILINE)) == set(ERRORS)


def test_every_problem_and_warning_of_the_feed_has_its_paragraph_and_no_other_has() -> None:
    raised: dict[bool, set[str]] = {False: set(), True: set()}
    for is_warning, code in _list_codes():
        raised[is_warning].add(code)
    explained = {code for codes in PROBLEMS.values() for code in codes}
    assert raised[False] == explained
    assert raised[True] == set(WARNINGS)


def test_what_is_said_of_security_is_shown_by_tests_that_there_are() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", (ROOT / "docs/security.md").read_text("utf-8"))
    assert len(named) > 10
    missing = [(file, name) for file, name in named if f"def {name}(" not in (ROOT / file).read_text("utf-8")]
    assert missing == []


def test_the_table_of_settings_is_as_the_code_has_it() -> None:
    written = re.findall(r"^\| `TURNOUT_.*$", (ROOT / "docs/operate.md").read_text("utf-8"), re.MULTILINE)
    assert written == [f"| `{row.name}` | {row.help} | {row.default} |" for row in settings.describe()]


def _list_codes() -> Iterator[tuple[bool, str]]:
    """Every code that the feed writes as a literal; whether it is a warning's."""
    for path in (ROOT / "turnout/feed").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            place = PLACE_OF_CODE.get(name)
            if place is None:
                continue
            given = [keyword.value for keyword in node.keywords if keyword.arg == "code"] or node.args[
                place : place + 1
            ]
            if given and isinstance(given[0], ast.Constant) and isinstance(given[0].value, str):
                yield name in ("warn", "Warning"), given[0].value
