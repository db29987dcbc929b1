"""Every body that docs/senders/ prints is sent to a real server, byte for byte and with the headers of its tool."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.product import Product
from tests.senders.recipes import EXCHANGES, FOLDER, RECIPES, Exchange, Sender, send, set_up
from tests.test_feed_reference import find_difference
from turnout.cli import main

ARRIVE = [exchange for exchange in EXCHANGES if exchange.answer.status == 200]
FAIL = [exchange for exchange in EXCHANGES if exchange.answer.status != 200]
TRIED = {"curl", "php"}
"""Tools that we have ourselves."""


def by_place(exchange: Exchange) -> str:
    return f"{exchange.page}-{exchange.line}"


def take_the_stage(product: Product, exchange: Exchange) -> Sender:
    sender = set_up(product, exchange.page)
    for body in exchange.before:
        assert sender.event.send(body).status_code == 200, body
    return sender


@pytest.mark.parametrize("exchange", ARRIVE, ids=by_place)
def test_what_a_tool_sends_arrives_and_makes_the_attendee_of_its_page(exchange: Exchange, product: Product) -> None:
    sender = take_the_stage(product, exchange)
    response = send(sender, exchange)
    assert response.status_code == 200, response.text
    difference = find_difference(exchange.answer.body, response.json())
    assert difference is None, f"{difference}\n{response.text}"
    assert exchange.attendee is not None, "The page does not say what comes of it: <!-- attendee … -->"
    email, expected = exchange.attendee
    difference = find_difference(expected, sender.event.attendee(email))
    assert difference is None, f"{difference}\n{sender.event.attendee(email)}"


@pytest.mark.parametrize("exchange", ARRIVE, ids=by_place)
def test_when_a_tool_repeats_it_nothing_changes(exchange: Exchange, product: Product) -> None:
    """With an Idempotency-Key the answer is the same, too."""
    sender = take_the_stage(product, exchange)
    first, second = send(sender, exchange), send(sender, exchange)
    lines = len(sender.event.changes())
    assert second.status_code == 200, second.text
    if "Idempotency-Key" in exchange.headers:
        assert second.json() == first.json()
    else:
        assert second.json()["result"] == "unchanged"
    assert len(sender.event.changes()) == lines


@pytest.mark.parametrize("exchange", FAIL, ids=by_place)
def test_an_error_is_as_its_page_shows_it_and_changes_nothing(exchange: Exchange, product: Product) -> None:
    sender = take_the_stage(product, exchange)
    lines = len(sender.event.changes())
    response = send(sender, exchange)
    assert response.status_code == exchange.answer.status, response.text
    assert response.headers["Content-Type"] == "application/problem+json"
    difference = find_difference(exchange.answer.body, response.json())
    assert difference is None, f"{difference}\n{response.text}"
    assert response.json()["retryable"] is False
    assert "Retry-After" not in response.headers
    assert len(sender.event.changes()) == lines
    failed = sender.event.get("/pushes?result=failed", key=sender.key).json()["pushes"]
    assert [push["id"] for push in failed] == ([] if response.status_code == 401 else [response.json()["id"]])


@pytest.mark.parametrize("page", sorted(RECIPES))
def test_every_tool_has_a_body_that_arrives_and_an_error_that_it_will_see(page: str) -> None:
    statuses = {exchange.answer.status for exchange in RECIPES[page].exchanges}
    assert 200 in statuses
    assert statuses - {200}


@pytest.mark.parametrize("page", sorted(RECIPES))
def test_no_tool_is_told_to_repeat_what_can_never_succeed(page: str) -> None:
    """Whatever repeats a 5xx gets one only where the fault is ours."""
    assert RECIPES[page].settings["status_codes"] == "precise"
    assert all(exchange.answer.status < 500 for exchange in RECIPES[page].exchanges)


@pytest.mark.parametrize("page", sorted(RECIPES))
def test_the_body_to_paste_becomes_a_body_that_is_sent(page: str) -> None:
    """Blocks of plain text are templates: with values in their places they are one of the page's requests."""
    for template in RECIPES[page].blocks_in("text"):
        fixed = re.split(r"\{\{.+?\}\}|@\{.+?\}", template)
        pattern = ".*?".join(_regardless_of_space(part) for part in fixed)
        bodies = [exchange.body.decode() for exchange in RECIPES[page].exchanges if exchange.answer.status == 200]
        assert any(re.fullmatch(pattern, body, re.DOTALL) for body in bodies), template


def _regardless_of_space(text: str) -> str:
    """Some tools send what was pasted as it is, others parse it first and send it without the space around it."""
    return r"\s*".join(re.escape(word) for word in re.split(r"\s+", text))


def test_the_commands_of_the_pages_work(product: Product, monkeypatch: pytest.MonkeyPatch) -> None:
    """They make the page's source and set it up; afterwards its key shows the settings that the page speaks of."""
    monkeypatch.setenv("TURNOUT_DATABASE_URL", product.server.environment["TURNOUT_DATABASE_URL"])
    event = product.make_event()
    for recipe in RECIPES.values():
        (commands,) = recipe.blocks_in("sh")
        make, set_it = (
            _run([event.slug if word == "spring" else word for word in shlex.split(command)[1:]])
            for command in commands.split("\n")
        )
        assert set_it["source"]["name"] == recipe.source
        settings = event.get("/key", key=make["key"]).json()["source"]["settings"]
        assert {name: settings[name] for name in recipe.settings} == recipe.settings


def _run(arguments: list[str]) -> Any:
    done = CliRunner().invoke(main, [*arguments, "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_a_run_that_is_mended_and_repeated_with_its_key_is_refused_as_the_readme_warns(product: Product) -> None:
    exchange = next(exchange for exchange in FAIL if "Idempotency-Key" in exchange.headers)
    mended = exchange._replace(body=b'{"profile": {"email": "john.doe@example.com"}}')
    sender = set_up(product, exchange.page)
    send(sender, exchange)
    response = send(sender, mended)
    assert (response.status_code, response.json()["code"]) == (422, "idempotency_key_reused")
    without = {name: value for name, value in mended.headers.items() if name != "Idempotency-Key"}
    assert send(sender, mended._replace(headers=without)).json()["result"] == "created"


def test_the_readme_lists_every_page_and_its_settings() -> None:
    readme = (FOLDER / "README.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| \[[^\]]+\]\(([\w-]+)\.md\) \|[^|]*\|([^|]*)\|", readme, re.MULTILINE))
    assert set(rows) == set(RECIPES)
    for page, recipe in RECIPES.items():
        listed = [words for cell in re.findall(r"`([^`]+)`", rows[page]) for words in shlex.split(cell)]
        assert dict(word.split("=", 1) for word in listed) == {
            name: value for name, value in recipe.settings.items() if name != "status_codes"
        }


@pytest.mark.parametrize("page", sorted(RECIPES))
def test_every_page_says_what_it_was_made_after_and_that_it_was_not_tried(page: str) -> None:
    text = " ".join(RECIPES[page].text.split())
    assert re.search(r"Made after .+ read on \d+ \w+ 20\d\d", text)
    assert ("not tried in the tool itself" in text) != (page in TRIED)
    assert "README.md#whether-it-arrived" in text


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.md")), ids=lambda path: path.stem)
def test_links_lead_somewhere(path: Path) -> None:
    for target, anchor in re.findall(r"\]\(([\w./-]*\.md)?(?:#([\w-]+))?\)", path.read_text("utf-8")):
        aimed = (path.parent / target).resolve() if target else path
        assert aimed.is_file(), target
        headings = re.findall(r"^##* (.+)$", aimed.read_text("utf-8"), re.MULTILINE)
        anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
        assert not anchor or anchor in anchors, f"{target}#{anchor}"
