"""Whatever the console does is in /api/ too, for the same people, and in the command line: `parity.py` says where.

Made from the route tables, so that a page or an operation that is new fails here until somebody has thought of it.
"""

import re
from pathlib import Path

import rich_click as click

from tests.api import parity
from turnout.api.operation import Operation
from turnout.api.operations import list_operations
from turnout.cli import main
from turnout.console.pages import list_pages

PAGES = {f"{page.method} {page.path}": page for _, page in list_pages()}
OPERATIONS = {f"{one.method} {one.path}": one for one in list_operations()}
DOCUMENT = (Path(__file__).parents[2] / "docs/api.md").read_text("utf-8")


def test_every_page_has_its_operation_or_a_reason_why_there_is_none() -> None:
    tables = (parity.SAME, parity.ELSEWHERE, parity.NOT_THERE)
    named = [page for table in tables for page in table]
    assert sorted(PAGES.keys() - {*named}) == [], "To be put into tests/api/parity.py, with the operation."
    assert sorted({*named} - PAGES.keys()) == [], "There is no such page any more."
    assert len(named) == len({*named})


def test_what_changes_something_is_left_out_only_where_nobody_could_call_it() -> None:
    """A form's answer is not: a page that takes one needs the operation, or a place where the same is done."""
    left_out = {page for page in parity.NOT_THERE if page.startswith("POST ")}
    assert left_out == {
        "POST sign-in",
        "POST sign-out",
        "POST forgotten",
        "POST link/{link}",
        "POST h/{link}/key",
    }


def test_an_operation_does_for_the_same_people_what_the_page_does() -> None:
    wrong = []
    for page, operations in parity.SAME.items():
        for named in operations:
            operation = OPERATIONS.get(named)
            if operation is None:
                wrong.append(f"{page}: there is no operation {named}")
            elif operation.needs != PAGES[page].needs:
                wrong.append(f"{page} needs {PAGES[page].needs}, {named} needs {operation.needs}")
            elif page.startswith("POST ") and named.startswith("GET "):
                wrong.append(f"{page}: {named} changes nothing")
    assert wrong == []


def test_a_page_elsewhere_names_where() -> None:
    for page, place in parity.ELSEWHERE.items():
        named = re.findall(r"(?:GET|POST) [\w/{}-]+", place)
        assert named, page
        assert all(one in OPERATIONS or "{gateway}" in one for one in named), page


def test_every_operation_has_its_command_or_a_reason_why_there_is_none() -> None:
    assert sorted(OPERATIONS.keys() - parity.COMMANDS.keys()) == [], "To be put into tests/api/parity.py."
    assert sorted(parity.COMMANDS.keys() - OPERATIONS.keys()) == [], "There is no such operation any more."
    named = {said for said in parity.COMMANDS.values() if said.startswith("turnout ")}
    assert sorted(one for one in named if not is_command(one)) == []


def test_what_changes_something_in_an_event_can_be_done_by_an_operator_too() -> None:
    """Whoever runs the server is not locked out of anything when the console is."""
    changes = {named: one for named, one in OPERATIONS.items() if one.method != "GET" and "{event}" in one.path}
    without = {named for named in changes if not parity.COMMANDS[named].startswith("turnout ")}
    assert without == {"POST events/{event}/replay/stop", "DELETE events/{event}/exports/{export}"}


def test_the_documentation_names_the_command_beside_each_operation() -> None:
    rows = [write_row(one) for one in sorted(OPERATIONS.values(), key=lambda one: one.path)]
    assert re.findall(r"^\| `.* /api/.*$", DOCUMENT, re.MULTILINE) == rows


def write_row(operation: Operation) -> str:
    said = parity.COMMANDS[f"{operation.method} {operation.path}"]
    command = f"`{said}`" if said.startswith("turnout ") else said
    return f"| `{operation.method} /api/{operation.path}` | {operation.summary} | {operation.needs} | {command} |"


def is_command(text: str) -> bool:
    """Whether there is this command, with this option."""
    words, command = text.split()[1:], main
    for word in words:
        if word.startswith("--"):
            return any(word in one.opts for one in command.params)
        if not isinstance(command, click.Group):
            return False
        found = command.get_command(click.Context(command), word)
        if found is None:
            return False
        command = found
    return not isinstance(command, click.Group)
