"""docs/feed.md, run: every example is sent to a real server, and has to get the answer that is printed below it.

Comments in the page, which readers do not see, set the stage: `event` makes a fresh one (with settings), `source` a
further source (`Ticket shop` gets `ticket-shop-key`), `push` sends a body before the example, `read key` and
`staff only` do what they say, `encoding` is that of the next request. Commands between examples are run, for the event
at hand. `…` in an answer stands for anything.
"""

import csv
import gzip
import io
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import pytest
from click.testing import CliRunner

from tests.patience import PATIENCE_S
from tests.product import Product, TestedEvent
from turnout.cli import main
from turnout.events import keys, names, policy

PAGE = Path(__file__).parent.parent / "docs" / "feed.md"
RULES = {
    "A": (1, 2, 3, 4, 5, 6, 7),
    "B": (1, 2, 3, 4, 5, 6, 7),
    "C": (1, 2, 3, 4, 5, 6, 7, 8, 9, 10),
    "D": (1, 2, 3, 4, 5, 6, 7),
    "E": (1, 2, 3, 4),
    "F": (1, 2, 3),
}
"""Those of the contract that are in force for senders."""
RULES_IN_FORCE = [f"{letter}{number}" for letter, numbers in RULES.items() for number in numbers]
ADDRESS = "https://turnout.example.org/e/spring"
"""The gateway in the recipes and commands, where a placeholder would not do."""


class Step(NamedTuple):
    """What the page does next: a comment's instruction, a request or an answer."""

    kind: str
    text: str
    line: int


class Answer(NamedTuple):
    """A printed answer."""

    status: int
    headers: dict[str, str]
    body: Any


def read_sections() -> dict[str, list[Step]]:
    """Heading → steps, in order. A rule's heading counts as its number."""
    sections: dict[str, list[Step]] = {}
    steps: list[Step] = []
    for match in _STEP.finditer(PAGE.read_text("utf-8")):
        line = match.string.count("\n", 0, match.start()) + 1
        if match["heading"]:
            rule = re.match(r"[A-F]\d+", match["heading"])
            steps = sections.setdefault(rule[0] if rule else match["heading"], [])
        elif match["comment"]:
            steps.append(Step("comment", match["comment"], line))
        elif match["language"] == "http":
            kind = "answer" if match["block"].startswith("HTTP/") else "request"
            steps.append(Step(kind, match["block"], line))
        else:
            steps.append(Step(match["language"], match["block"], line))
    return sections


_STEP = re.compile(
    r"^##+ (?P<heading>[^\n]+)$|^<!-- (?P<comment>[^\n]+?) -->$|^```(?P<language>\w+)\n(?P<block>.*?)\n```$",
    re.MULTILINE | re.DOTALL,
)
SECTIONS = read_sections()


class Stage:
    """One event, set up as the page says, and the requests sent to it."""

    def __init__(self, product: Product) -> None:
        self.product = product
        self.event: TestedEvent | None = None
        self.keys: dict[str, str] = {}
        self.encoding = "utf-8"
        self.last_id = ""

    def follow(self, instruction: str) -> None:
        """Does what a comment says."""
        what, _, rest = instruction.partition(":")
        verb, rest = what.strip(), rest.strip()
        if verb == "event":
            self.event = self.product.make_event(**_read_settings(rest))
            self.keys = {"your-key": self.event.key}
            return
        event = self._get_event()
        if verb == "source":
            name = re.split(r" (?=\w+=)", rest)[0]
            settings = _read_settings(rest.removeprefix(name))
            self.keys[f"{name.lower().replace(' ', '-')}-key"] = event.make_source(name, **settings)
        elif verb == "read key":
            self.keys["your-read-key"] = keys.create(event.database, event.id, scope="read").text
        elif verb == "staff only":
            names.set_staff_only(event.database, event.id, rest, True)
        elif verb == "encoding":
            self.encoding = rest
        elif verb.partition(" ")[0] == "push":
            event.push_ok(json.loads(rest), key=self.keys[verb.partition(" ")[2] or "your-key"])
        else:
            raise AssertionError(f"Nobody knows what to do with {instruction!r}.")

    def send(self, request: str) -> httpx2.Response:
        """Sends a request as it is printed."""
        event = self._get_event()
        head, _, body = request.partition("\n\n")
        first, *lines = head.split("\n")
        method, _, address = first.partition(" ")
        headers = dict(line.split(": ", 1) for line in lines)
        headers = {name: self._with_keys(value) for name, value in headers.items()}
        if not {"Api-Key", "Authorization"} & set(headers) and "your-key" not in body:
            headers["Api-Key"] = event.key
        if body and "Content-Type" not in headers:
            headers["Content-Type"] = "application/json"
        url = address.replace("{gateway}", event.gateway).replace("{id}", self.last_id)
        if url.startswith("https://"):
            _, _, host, path = url.split("/", 3)
            headers["Host"], url = host, f"{self.product.server.url}/{path}"
        content = self._with_keys(body).encode(self.encoding)
        if headers.get("Content-Encoding") == "gzip":
            content = gzip.compress(content)
        self.encoding = "utf-8"
        response = self.product.client.request(method, url, content=content, headers=headers)
        self.last_id = _read_body(response).get("id") or self.last_id
        return response

    def command(self, lines: str) -> None:
        """What staff do at the command line, where the event is called spring."""
        event = self._get_event()
        for words in map(shlex.split, lines.splitlines()):
            arguments = [event.slug if word == "spring" else word for word in words[1:]]
            done = CliRunner(env=self.product.server.environment).invoke(main, arguments)
            assert done.exit_code == 0, done.output

    def _with_keys(self, text: str) -> str:
        return re.sub(r"\b[a-z][a-z-]*-key\b", lambda match: self.keys.get(match[0], match[0]), text)

    def _get_event(self) -> TestedEvent:
        assert self.event is not None, "The section has no event yet: <!-- event -->"
        return self.event


def _read_settings(text: str) -> dict[str, str]:
    return policy.parse(text.split())


def read_answer(text: str) -> Answer:
    head, _, body = text.partition("\n\n")
    first, *lines = head.split("\n")
    headers = dict(line.split(": ", 1) for line in lines)
    is_csv = headers.get("Content-Type", "").startswith("text/csv")
    return Answer(int(first.split()[1]), headers, {"rows": _read_rows(body)} if is_csv else json.loads(body))


def _read_body(response: httpx2.Response) -> dict[str, Any]:
    """An answer's document; of CSV its rows."""
    if response.headers["content-type"].startswith("text/csv"):
        return {"rows": _read_rows(response.text)}
    document: dict[str, Any] = response.json()
    return document


def _read_rows(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


def find_difference(expected: Any, actual: Any, path: str = "$") -> str | None:
    """Where an answer is not what the page says. Of objects the page may show less; `…` in a list is any number."""
    if expected == "…":
        return None
    if isinstance(expected, dict) and isinstance(actual, dict):
        for name, value in expected.items():
            if name not in actual:
                return f"{path}.{name} is missing"
            if difference := find_difference(value, actual[name], f"{path}.{name}"):
                return difference
        return None
    if isinstance(expected, list) and isinstance(actual, list):
        return _find_difference_in_list(expected, actual, path)
    if isinstance(expected, str) and isinstance(actual, str) and "…" in expected:
        pattern = ".*".join(re.escape(part) for part in expected.split("…"))
        return None if re.fullmatch(pattern, actual, re.DOTALL) else f"{path} is {actual!r}, not {expected!r}"
    same = type(expected) is type(actual) and expected == actual
    return None if same else f"{path} is {actual!r}, not {expected!r}"


def _find_difference_in_list(expected: list[Any], actual: list[Any], path: str) -> str | None:
    if "…" not in expected:
        if len(expected) != len(actual):
            return f"{path} has {len(actual)} entries, not {len(expected)}: {actual!r}"
        found = (
            find_difference(one, other, f"{path}[{at}]")
            for at, (one, other) in enumerate(zip(expected, actual, strict=True))
        )
        return next((difference for difference in found if difference), None)
    at = expected.index("…")
    rest = len(expected) - at - 1
    if len(actual) < at + rest:
        return f"{path} has {len(actual)} entries, too few: {actual!r}"
    return _find_difference_in_list(expected[:at], actual[:at], path) or _find_difference_in_list(
        expected[at + 1 :], actual[len(actual) - rest :], path
    )


def run(steps: list[Step], product: Product) -> int:
    """Runs a section and gives the number of its examples."""
    stage = Stage(product)
    response: httpx2.Response | None = None
    count = 0
    for step in steps:
        where = f"docs/feed.md, line {step.line}"
        if step.kind == "comment":
            stage.follow(step.text)
        elif step.kind == "sh":
            stage.command(step.text)
        elif step.kind == "request":
            assert response is None, f"{where}: the request before has no answer."
            response = stage.send(step.text)
        elif step.kind == "answer":
            assert response is not None, f"{where}: there is no request for this answer."
            printed = read_answer(step.text)
            assert response.status_code == printed.status, f"{where}: {response.status_code} {response.text}"
            for name, value in printed.headers.items():
                assert response.headers.get(name) == value, f"{where}: {name} is {response.headers.get(name)!r}"
            difference = find_difference(printed.body, _read_body(response))
            assert difference is None, f"{where}: {difference}\n{response.text}"
            response = None
            count += 1
    assert response is None, "The section's last request has no answer."
    return count


@pytest.mark.parametrize("rule", RULES_IN_FORCE)
def test_every_rule_has_examples_that_hold(rule: str, product: Product) -> None:
    assert rule in SECTIONS, f"docs/feed.md says nothing of {rule}."
    assert run(SECTIONS[rule], product) > 0, f"docs/feed.md has no example of {rule}."


@pytest.mark.parametrize("heading", ["Start", "What can be sent"])
def test_the_start_holds(heading: str, product: Product) -> None:
    assert run(SECTIONS[heading], product) > 0


def test_nothing_else_is_promised() -> None:
    numbered = [name for name in SECTIONS if re.fullmatch(r"[A-F]\d+", name)]
    assert numbered == RULES_IN_FORCE
    others = {name for name, steps in SECTIONS.items() if any(step.kind in ("request", "answer") for step in steps)}
    assert others - set(RULES_IN_FORCE) == {"Start", "What can be sent"}


LANGUAGES: dict[str, list[list[str]]] = {
    "sh": [["bash", "-c"]],
    "powershell": [["pwsh", "-NoProfile", "-Command"], ["powershell", "-NoProfile", "-Command"]],
    "python": [[sys.executable, "-c"]],
    "php": [["php", "-r"]],
    "js": [["node", "--input-type=module", "-e"]],
}
"""How a recipe's language is run."""
SPOKEN = [language for language, commands in LANGUAGES.items() if any(shutil.which(words[0]) for words in commands)]
"""Those for which this machine has an interpreter; Python and a shell are always there."""


@pytest.mark.parametrize("language", SPOKEN)
def test_the_recipes_work_as_they_are(language: str, product: Product) -> None:
    (recipe,) = [step.text for step in SECTIONS["In your language"] if step.kind == language]
    command = next(words for words in LANGUAGES[language] if shutil.which(words[0]))
    event = product.make_event()
    code = recipe.replace(ADDRESS, event.gateway).replace("your-key", event.key).removeprefix("<?php\n")
    done = subprocess.run([*command, code], capture_output=True, text=True, timeout=PATIENCE_S, check=True)
    assert "created" in done.stdout, done.stdout + done.stderr
    assert event.attendee("john.doe@example.com")["profile"]["firstName"] == "John"


def test_the_table_lists_every_setting_with_its_values() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \|", PAGE.read_text("utf-8"), re.MULTILINE)
    assert {name: tuple(re.findall(r"`(.+?)`", values)) for name, values in rows} == policy.choices()


def test_the_commands_of_the_staff_work(product: Product) -> None:
    (commands,) = [step.text for step in SECTIONS["Settings"] if step.kind == "sh"]
    stage = Stage(product)
    stage.event = event = product.make_event()
    shop_key = event.make_source("Ticket shop")
    stage.command(commands)
    settings = event.get("/key", key=shop_key).json()["source"]["settings"]
    assert settings == {"null": "clear", "blank": "clear", "groups": "add", "lists": "none", "status_codes": "precise"}


def test_links_within_the_page_lead_somewhere() -> None:
    text = PAGE.read_text("utf-8")
    anchors = {_anchor(heading) for heading in re.findall(r"^##* (.+)$", text, re.MULTILINE)}
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= anchors
    assert all((PAGE.parent / name).exists() for name in re.findall(r"\]\(([\w/-]+\.md)", text))


def _anchor(heading: str) -> str:
    """As GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _list_examples() -> Iterator[str]:
    return (step.text for steps in SECTIONS.values() for step in steps if step.kind == "answer")


def test_the_page_is_read_as_a_whole() -> None:
    """So that a slip in a fence does not silently drop an example."""
    text = PAGE.read_text("utf-8")
    assert len(list(_list_examples())) == text.count("\nHTTP/1.1 ")
    assert sum(len(steps) for steps in SECTIONS.values()) == text.count("\n<!-- ") + text.count("\n```") // 2
