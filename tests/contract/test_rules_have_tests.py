"""A rule without a test is a wish: every rule of the contract that is in force has one here, named after it."""

import ast
import re
from pathlib import Path

RULES = {
    "A1": "Every event has a gateway address of its own.",
    "A2": "The API key comes in the header or in the body.",
    "A3": "Every reason to be refused gets the same 401.",
    "A4": "Without a good key the answer is 401 whatever else is wrong, and nothing is stored.",
    "A5": "Keys are shown once, and stored only as a digest.",
    "A6": "A source is who says it.",
    "A7": "A source that rehearses changes nothing.",
    "B1": "One JSON object, UTF-8, whatever the Content-Type says.",
    "B2": "Two formats, nested and flat.",
    "B3": "Array indices are sort keys.",
    "B4": "The profile is e-mail and 21 other fields.",
    "B5": "Unknown fields are kept, not lost.",
    "B6": "Limits of size, depth and characters.",
    "B7": "The e-mail address is necessary.",
    "C1": "Identity is event and e-mail address.",
    "C2": "A field that is not provided keeps its value.",
    "C3": "A blank clears.",
    "C4": "Custom fields merge by name.",
    "C5": "groupNames is the whole list of groups of this source.",
    "C6": "thirdPartyId is remembered per source, and decides where the event says so.",
    "C7": "A field that a person has pinned is not changed by a push.",
    "C8": "Pushes take effect one after another.",
    "C9": "A source expects whom it names, and says in a push or with DELETE that it does not any more.",
    "C10": "A person with the right to it acts.",
    "D1": "200 means it is on disk.",
    "D2": "401.",
    "D3": "500 for any other error.",
    "D4": "Precise status codes.",
    "D5": "Dry runs.",
    "D6": "Idempotency keys.",
    "D7": "observedAt.",
    "E1": "Batches.",
    "E2": "All or nothing.",
    "E3": "Keys of batches.",
    "E4": "complete=true says that the batch is this source's whole list.",
    "F1": "Erasing a person removes all values.",
    "F2": "A source that knew the person gets `suppressed`.",
    "F3": "Bodies and everyone of an event are kept for a time.",
}
"""The rules in force; those to come stand in LATER."""
LATER: dict[str, str] = {}


def list_tests() -> list[tuple[str, str | None]]:
    """Every test of this folder: its name and its docstring."""
    return [
        (node.name, ast.get_docstring(node))
        for file in sorted(Path(__file__).parent.glob("test_[a-z]_*.py"))
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]


def rule_of(name: str) -> str:
    match = re.fullmatch(r"test_([a-z]\d*)_\w+", name)
    return match[1].upper() if match else ""


def test_every_rule_in_force_has_a_test() -> None:
    """A rule without a test fails here, with its number."""
    tested = {rule_of(name) for name, _ in list_tests()}
    assert [rule for rule in RULES if rule not in tested] == []


def test_every_test_names_its_rule_and_quotes_it() -> None:
    """A test's name begins with its rule, or with the letter where it is about several; its docstring says which."""
    tests = list_tests()
    assert len(tests) > 100
    known = {*RULES, *LATER, *(rule[0] for rule in RULES)}
    assert [name for name, _ in tests if rule_of(name) not in known] == []
    assert [name for name, docstring in tests if not docstring] == []


def test_no_two_tests_have_the_same_name() -> None:
    """Of two functions with one name in one file only the second would be run."""
    names = [name for name, _ in list_tests()]
    assert sorted({name for name in names if names.count(name) > 1}) == []
