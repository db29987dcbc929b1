"""docs/guides/receive-webhooks.md: its commands and its receiver, run as printed but for addresses, ids and secrets."""

import json
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from standardwebhooks import Webhook as Signer

from tests.patience import PATIENCE_S
from tests.product import Product, TestedEvent
from turnout.downstream.webhooks import schedule
from turnout.model.webhook import KINDS, Delivery
from turnout.outside import http
from turnout.store import delivery_log

GUIDE = (Path(__file__).parents[3] / "docs/guides/receive-webhooks.md").read_text("utf-8")
GATEWAY = "https://turnout.example.org/e/spring"
_BLOCK = re.compile(r"^```(?P<language>\w+)(?: (?P<name>[\w.]+))?\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


class Desk:
    """A developer's folder, with the guide open, and a port that is free in place of 9000."""

    def __init__(self, event: TestedEvent, folder: Path) -> None:
        self.event = event
        self.folder = folder
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.known = {
            GATEWAY: event.gateway,
            "https://badges.example.org": "https://1.1.1.1",
            "spring": event.slug,
            "9000": str(self.port),
        }
        """What stands in the guide, and what it is here."""
        commands = folder / "commands"
        commands.mkdir()
        for name, starts in (("python", sys.executable), ("turnout", f"{sys.executable} -m turnout")):
            (commands / name).write_text(f'#!/bin/sh\nexec {starts} "$@"\n')
            (commands / name).chmod(0o755)
        self.environment = event.product.server.environment | {
            "PATH": f"{commands}:/usr/bin:/bin",
            "TURNOUT_KEY": event.key,
            "NO_PROXY": "*",
            "PYTHONUNBUFFERED": "1",
        }

    def fill_in(self, text: str) -> str:
        for shown, real in self.known.items():
            text = text.replace(shown, real)
        return text

    def run(self, commands: str) -> str:
        """What these say, one after another."""
        done = subprocess.run(
            ["/bin/bash", "-euo", "pipefail", "-c", self.fill_in(commands)],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    @contextmanager
    def running(self, command: str) -> Generator[list[str]]:
        """The command in a terminal of its own, once it listens; its lines are there when it has been ended."""
        lines: list[str] = []
        with subprocess.Popen(
            ["/bin/bash", "-c", f"exec {self.fill_in(command)}"],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as process:
            try:
                wait_until(lambda: is_open(self.port))
                yield lines
            finally:
                process.send_signal(signal.SIGINT)
            assert process.stdout is not None
            lines += process.stdout.read().splitlines()

    def list_delivered(self) -> list[Delivery]:
        with self.event.database.read() as connection:
            return delivery_log.list_deliveries(connection, self.known["whk_0193…"], state="delivered")

    def documents(self) -> dict[str, Any]:
        """What the receiver keeps of each attendee, by id."""
        with closing(sqlite3.connect(self.folder / "attendees.db", timeout=30)) as db:
            return {its_id: json.loads(document) for its_id, document in db.execute("SELECT * FROM attendees")}

    def make(self) -> str:
        """The guide's first webhook; gives what was said."""
        said = self.run(list_blocks("sh")[0])
        found = re.search(r"Id +(whk_\w+)\n.*\nSecret +(whsec_\S+)", said)
        assert found
        self.known["whk_0193…"], self.environment["TURNOUT_WEBHOOK_SECRET"] = found[1], found[2]
        return said


@pytest.fixture
def desk(product: Product, tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(product.make_event(), tmp_path)
    yield desk
    # Others have this server too.
    desk.run("turnout webhook delete whk_0193… --yes")


def list_blocks(language: str, name: str | None = None) -> list[str]:
    return [block["text"] for block in _BLOCK.finditer(GUIDE) if (block["language"], block["name"]) == (language, name)]


def is_open(port: int) -> bool:
    with socket.socket() as attempt:
        return attempt.connect_ex(("127.0.0.1", port)) == 0


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline, "It has not come about."
        time.sleep(0.02)


def check_text(shown: str, real: str) -> None:
    """The text is the printed one; `…` stands for anything, and so does a time of day."""
    pattern = re.sub(r"\d\d:\d\d:\d\d", "…", shown.strip())
    assert re.fullmatch(re.escape(pattern).replace("…", r"\S+"), real.strip()), real


def resembles(shown: Any, real: Any) -> bool:
    """Whether it is what is printed: `…` stands for any text, and among names for any others."""
    if isinstance(shown, dict):
        names = shown.keys() - {"…"}
        return (names <= real.keys() if "…" in shown else names == real.keys()) and all(
            resembles(shown[name], real[name]) for name in names
        )
    if isinstance(shown, list):
        return len(shown) == len(real) and all(map(resembles, shown, real))
    if isinstance(shown, str) and shown.endswith("…"):
        return str(real).startswith(shown[:-1])
    return bool(shown == real)


def test_at_the_desk_it_is_seen_what_comes(desk: Desk) -> None:
    made, printed = list_blocks("text")
    check_text(desk.fill_in(made), desk.make())
    _, send, look, *_ = list_blocks("sh")
    (listen,) = list_blocks("sh", "listen")
    with desk.running(listen) as lines:
        desk.run(send)
        wait_until(lambda: len(desk.list_delivered()) == 1)
    check_text(desk.fill_in(printed), "\n".join(lines))
    desk.known["dlv_0193…"] = desk.list_delivered()[0].id
    whole = json.loads(desk.run("turnout webhook deliveries whk_0193… --delivery dlv_0193… --json"))
    (message,) = list_blocks("json")
    assert resembles(json.loads(desk.fill_in(message)), json.loads(whole["request"]["body"]))
    assert set(re.findall(r"^\| `(webhook-\w+)` \|", GUIDE, re.MULTILINE)) < whole["request"]["headers"].keys()
    assert "Last success" in desk.run(look)


def test_the_receiver_ends_with_who_is_there_and_applies_each_delivery_once(desk: Desk) -> None:
    event = desk.event
    desk.make()
    (desk.folder / "receiver.py").write_text(desk.fill_in(list_blocks("python", "receiver.py")[0]), "utf-8")
    (start,) = list_blocks("sh", "receiver")
    people = {
        name: event.push_ok({"profile": {"email": f"{name}@example.org"}})["attendee"]["id"]
        for name in ("ann", "bob", "carl", "dora")
    }
    with desk.running(start):
        event.push_ok({"profile": {"email": "ann@example.org", "title": "CTO"}})
        event.push_ok({"profile": {"email": "bob@example.org"}, "eventInfo": {"attending": False}})
        desk.run("turnout attendees merge --event spring carl@example.org ann@example.org --yes")
        desk.run("turnout attendees erase --event spring dora@example.org --yes")
        wait_until(lambda: is_as_expected(desk.documents(), people))
        kept = desk.documents()[people["ann"]]
        assert post(desk, {"type": "webhook.test", "data": {}}) == 204
        assert post(desk, {"type": "attendee.erased", "data": {"attendee": {"id": people["ann"]}}}, bytes(32)) == 401
        update = {"type": "attendee.updated", "data": {"attendee": kept | {"status": "here"}}}
        assert post(desk, update, its_id="dlv_1") == 204
        assert desk.documents()[people["ann"]]["status"] == "here"
        update["data"]["attendee"]["status"] = "there"
        assert post(desk, update, its_id="dlv_1") == 204
        assert desk.documents()[people["ann"]]["status"] == "here"


def is_as_expected(documents: dict[str, Any], people: dict[str, str]) -> bool:
    """Whether all has been told: what came before the receiver was there is tried again after some seconds."""
    if documents.keys() != {people["ann"], people["bob"]}:
        return False
    ann, bob = documents[people["ann"]], documents[people["bob"]]
    return (ann["profile"]["title"], ann["aliases"], bob["status"]) == ("CTO", ["carl@example.org"], "withdrawn")


def test_what_was_lost_is_sent_once_more(desk: Desk) -> None:
    event = desk.event
    event.push_ok({"profile": {"email": "ann@example.org"}})
    desk.make()
    (desk.folder / "receiver.py").write_text(desk.fill_in(list_blocks("python", "receiver.py")[0]), "utf-8")
    event.push_ok({"profile": {"email": "bob@example.org"}})
    _, _, _, resend, rotate, limited = list_blocks("sh")
    with desk.running(list_blocks("sh", "receiver")[0]):
        wait_until(lambda: len(desk.documents()) == 1)
        wait_until(lambda: len(desk.list_delivered()) == 1)
        desk.known["dlv_0193…"] = desk.list_delivered()[0].id
        everything, one = resend.strip().split("\n")
        desk.run(everything)
        wait_until(lambda: len(desk.documents()) == 2)
        wait_until(lambda: len(desk.list_delivered()) == 2)
        desk.run(one)
    assert "whsec_" in desk.run(rotate)
    event.push_ok({"profile": {"email": "ann@example.org"}, "eventInfo": {"groups": {"groupNames": ["Speakers"]}}})
    desk.known["whk_limited"] = re.search(r"whk_\w+", desk.run(limited))[0]  # ty: ignore[not-subscriptable]
    desk.run("turnout webhook delete whk_limited --yes")


def test_the_figures_are_those_of_the_code() -> None:
    (times,) = re.findall(r"^\| again after \|(.*)\|$", GUIDE, re.MULTILINE)
    said = [_seconds(time) for time in times.split("|")]
    assert said == [delay_us // 1_000_000 for delay_us in (*schedule.DELAYS_US, schedule.LATER_US)]
    assert f"{http.LIMIT_S:g} seconds" in GUIDE
    assert (schedule.LASTS_US, schedule.JITTER) == (3 * 86_400_000_000, 0.2)
    told = set(re.findall(r"^\| `attendee\.(\w+)` \|", GUIDE, re.MULTILINE))
    assert told == set(KINDS)


def _seconds(text: str) -> int:
    number, unit = text.split()
    return int(number) * {"s": 1, "min": 60, "h": 3_600}[unit]


def post(desk: Desk, message: dict[str, Any], key: bytes | None = None, its_id: str = "dlv_0") -> int:
    """The status that the receiver answers a delivery with."""
    moment = datetime.now(UTC)
    body = json.dumps(message)
    headers = {
        "webhook-id": its_id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": Signer(key or desk.environment["TURNOUT_WEBHOOK_SECRET"]).sign(its_id, moment, body),
    }
    return httpx2.post(f"http://127.0.0.1:{desk.port}/", content=body, headers=headers, trust_env=False).status_code
