"""docs/senders/, read: what each tool sends, as its page prints it, and what it gets back.

Comments in the pages, which readers do not see, set the stage: `before` is pushed ahead of the next request, `encoding`
is that of the next request, `attendee` is what has to be there after the exchange above it. A request's block that is
marked `one-line` is broken for reading only; it is sent in one line. `…` in an answer stands for anything.
"""

import json
import re
import shlex
from pathlib import Path
from typing import Any, NamedTuple

from tests.product import Product, TestedEvent
from tests.test_feed_reference import Answer, read_answer
from turnout.events import policy

FOLDER = Path(__file__).parents[2] / "docs" / "senders"
PAGES = sorted(path for path in FOLDER.glob("*.md") if path.name != "README.md")
GATEWAY = "https://turnout.example.org/e/spring"
"""The gateway in commands and scripts, where a placeholder would not do."""


class Exchange(NamedTuple):
    """One request as the tool sends it, and what it leads to."""

    page: str
    line: int
    before: tuple[str, ...]
    path: str
    headers: dict[str, str]
    body: bytes
    answer: Answer
    attendee: tuple[str, Any] | None


class Recipe(NamedTuple):
    """A page: the source it is about with its settings, the exchanges, and its other blocks by language."""

    page: str
    text: str
    source: str
    settings: dict[str, str]
    exchanges: list[Exchange]
    blocks: list[tuple[str, str]]

    def blocks_in(self, language: str) -> list[str]:
        return [text for spoken, text in self.blocks if spoken == language]


class Sender(NamedTuple):
    """The source of a page on a fresh event, set up as the page says."""

    event: TestedEvent
    key: str


_PART = re.compile(r"^<!-- (?P<comment>.+?) -->$|^```(?P<info>\w[^\n]*)\n(?P<block>.*?)^```$", re.MULTILINE | re.DOTALL)


def read_page(path: Path) -> Recipe:
    text = path.read_text("utf-8")
    exchanges: list[Exchange] = []
    blocks: list[tuple[str, str]] = []
    before: list[str] = []
    encoding = "utf-8"
    request: tuple[int, str, dict[str, str], bytes] | None = None
    for part in _PART.finditer(text):
        line = text.count("\n", 0, part.start()) + 1
        where = f"{path.name}, line {line}"
        if part["comment"]:
            kind, _, said = part["comment"].partition(": ")
            if kind == "before":
                before.append(said)
            elif kind == "encoding":
                encoding = said
            else:
                word, _, email = kind.partition(" ")
                assert word == "attendee", f"{where}: {kind}?"
                exchanges[-1] = exchanges[-1]._replace(attendee=(email, json.loads(said)))
            continue
        language, *marks = part["info"].split()
        block = part["block"].removesuffix("\n")
        if language != "http":
            blocks.append((language, block))
        elif not block.startswith("HTTP/"):
            assert request is None, f"{where}: the request before has no answer."
            request = (line, *_read_request(block, encoding, one_line="one-line" in marks))
            encoding = "utf-8"
        else:
            assert request is not None, f"{where}: there is no request for this answer."
            at, address, headers, body = request
            exchanges.append(
                Exchange(path.stem, at, tuple(before), address, headers, body, read_answer(block), attendee=None)
            )
            before, request = [], None
    assert request is None, f"{path.name}: the last request has no answer."
    source, settings = _read_settings(blocks, path)
    return Recipe(path.stem, text, source, settings, exchanges, blocks)


def _read_request(block: str, encoding: str, *, one_line: bool) -> tuple[str, dict[str, str], bytes]:
    head, _, body = f"{block}\n".partition("\n\n")
    body = body.removesuffix("\n")
    first, *lines = head.split("\n")
    assert first.startswith("POST {gateway}"), first
    headers = dict(line.split(": ", 1) for line in lines)
    if one_line:
        body = "".join(line.strip() for line in body.split("\n"))
    if headers.get("Content-Type", "").startswith("multipart/"):
        body = body.replace("\n", "\r\n") + "\r\n"
    return first.removeprefix("POST {gateway}"), headers, body.encode(encoding)


def _read_settings(blocks: list[tuple[str, str]], path: Path) -> tuple[str, dict[str, str]]:
    """The source and the settings that the page's one `turnout source set` gives it."""
    (command,) = [
        line
        for language, text in blocks
        if language == "sh"
        for line in text.split("\n")
        if line.startswith("turnout source set")
    ]
    *_, event, source = words = shlex.split(command)[:6]
    assert words[:4] == ["turnout", "source", "set", "--event"], f"{path.name}: {command}"
    assert event == "spring"
    return source, policy.parse(shlex.split(command)[6:])


RECIPES = {path.stem: read_page(path) for path in PAGES}
EXCHANGES = [exchange for recipe in RECIPES.values() for exchange in recipe.exchanges]


def set_up(product: Product, page: str) -> Sender:
    """A fresh event with the page's source, which has the page's settings."""
    recipe = RECIPES[page]
    event = product.make_event()
    return Sender(event, event.make_source(recipe.source, **recipe.settings))


def send(sender: Sender, exchange: Exchange) -> Any:
    """Sends the request as the page prints it, with the sender's own key."""
    headers = {name: value.replace("your-key", sender.key) for name, value in exchange.headers.items()}
    return sender.event.send(exchange.body, path=exchange.path, key=None, headers=headers)
