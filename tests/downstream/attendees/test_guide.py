"""docs/guides/feed-your-event-app.md: its commands and its script, run as printed but for addresses, ids and keys."""

import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.downstream.following.followers import make_read_key
from tests.patience import PATIENCE_S
from tests.product import Product, TestedEvent
from turnout.events import event as event_room
from turnout.events import names
from turnout.feed.acts import merge as merging
from turnout.feed.acts.scene import on_stage
from turnout.feed.configurations import Configurations
from turnout.feed.forget.erase import erase

GUIDE = (Path(__file__).parents[3] / "docs/guides/feed-your-event-app.md").read_text("utf-8")
GATEWAY = "https://turnout.example.org/e/spring"
BLOCKS = re.findall(r"^```(\w*)(?: [\w.]+)?\n(.*?)\n```$", GUIDE, re.MULTILINE | re.DOTALL)
COMMANDS = [
    (text, BLOCKS[place + 1][1] if place + 1 < len(BLOCKS) and BLOCKS[place + 1][0] in ("json", "") else None)
    for place, (language, text) in enumerate(BLOCKS)
    if language == "sh"
]
(MIRROR,) = (text for language, text in BLOCKS if language == "python")
_EXPORT = "export EXPORT=exp_…\n"


class Desk:
    """A developer's folder, with the guide open."""

    def __init__(self, event: TestedEvent, folder: Path) -> None:
        self.event = event
        self.folder = folder
        self.read_key = make_read_key(event)
        (folder / "mirror.py").write_text(MIRROR, "utf-8")
        commands = folder / "commands"
        commands.mkdir()
        for name, starts in (("python", sys.executable), ("turnout", f"{sys.executable} -m turnout")):
            (commands / name).write_text(f'#!/bin/sh\nexec {starts} "$@"\n')
            (commands / name).chmod(0o755)
        self.environment = event.product.server.environment | {
            "PATH": f"{commands}:/usr/bin:/bin",
            "GATEWAY": event.gateway,
            "READ_KEY": self.read_key,
            "NO_PROXY": "*",
        }

    def run(self, commands: str) -> str:
        """What these say, one after another."""
        done = subprocess.run(
            ["/bin/bash", "-euo", "pipefail", "-c", re.sub(r"\bspring\b", self.event.slug, commands)],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.decode()

    def wait_for_export(self) -> None:
        """The latest one, which the guide says to ask for again until it is done."""
        until = time.monotonic() + PATIENCE_S
        while (found := self.event.get("/exports", key=self.read_key).json()["exports"][0])["state"] != "done":
            assert time.monotonic() < until, found
            time.sleep(0.02)
        self.environment["EXPORT"] = found["id"]


@pytest.fixture
def desk(product: Product, tmp_path: Path) -> Desk:
    """With the people whom the guide shows, and one who is not coming."""
    event = product.make_event()
    fields = [
        {"fieldName": "Diet", "fieldValue": "vegan"},
        {"fieldName": "Workshops", "fieldValue": ["Sailing", "Knots"]},
    ]
    zoe = {"email": "zoe.vogt@example.org", "firstName": "Zoë", "lastName": "Vogt", "customFields": fields}
    event.push_ok({"profile": zoe, "eventInfo": {"groups": {"groupNames": ["Speakers"]}}})
    max_ = {"email": "max@example.org", "firstName": "Max", "lastName": "Muster"}
    event.push_ok({"profile": max_, "eventInfo": {"groups": {"groupNames": ["Crew"]}}})
    event.push_ok({"profile": {"email": "gone@example.org", "firstName": "Ida"}})
    event.push_ok({"profile": {"email": "gone@example.org"}, "eventInfo": {"attending": False}})
    return Desk(event, tmp_path)


def test_every_command_gives_what_is_printed_below_it(desk: Desk) -> None:
    """From top to bottom, for some need what others have made."""
    wrong = []
    for command, printed in COMMANDS:
        if command.startswith("export GATEWAY"):
            continue
        if command.startswith(_EXPORT):
            desk.wait_for_export()
        said = desk.run(command.removeprefix(_EXPORT)).replace("\r\n", "\n")
        if printed is not None and not _as_pattern(printed).search(_squeeze(said)):
            wrong.append((command, printed, said))
    assert wrong == []
    assert [one.name for one in desk.folder.glob("attendees-*.csv")] != []
    assert (desk.folder / "speakers.xlsx").exists()


def _squeeze(text: str) -> str:
    return re.sub(r"(?<=[{}\[\]:,])\s+|\s+(?=[{}\[\]])", "", text)


def _as_pattern(printed: str) -> re.Pattern[str]:
    """`…` stands for anything."""
    return re.compile(".*?".join(map(re.escape, _squeeze(printed).split("…"))), re.DOTALL)


def test_every_command_is_run() -> None:
    assert sum(text.count("curl ") for text, _ in COMMANDS) == GUIDE.count("\ncurl ") == 15
    assert len([printed for _, printed in COMMANDS if printed]) == 10


def test_the_mirror_ends_at_the_true_state_whatever_changes_while_it_reads(desk: Desk) -> None:
    """Much happens behind its first page of four; then it reads on, and follows from the list's sequence."""
    event = desk.event
    event.batch_ok([{"profile.email": f"p{number}@example.org", "profile.city": "Bern"} for number in range(20)])
    script = (desk.folder / "mirror.py").read_text("utf-8")
    (desk.folder / "mirror.py").write_text(
        script.replace("limit=1000", "limit=7").replace(
            "(address)\n    people", "(address)\n    input(print(flush=True))\n    people"
        )
        + "\nprint(json.dumps(people))\n"
    )
    with subprocess.Popen(
        [sys.executable, "mirror.py"],
        cwd=desk.folder,
        env=desk.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as mirror:
        assert mirror.stdout is not None
        mirror.stdout.readline()
        event.push_ok({"profile": {"email": "p3@example.org", "city": "Basel"}})
        event.push_ok(
            {"profile": {"email": "new@example.org", "customFields": [{"fieldName": "Diet", "fieldValue": "none"}]}}
        )
        event.push_ok({"profile": {"email": "max@example.org"}, "eventInfo": {"attending": False}})
        event.push_ok({"profile": {"email": "p5@example.org", "shoe": "43"}, "shirt": "L"})
        event.push_ok({"profile": {"email": "p5@example.org", "shoe": ""}})
        event.push_ok({"profile": {"email": "gone@example.org"}})
        names.rename(event.database, event.id, "group", "Speakers", "Stage")
        names.rename(event.database, event.id, "custom_field", "Workshops", "Courses")
        event_room.set_up(event.database, event.id, {"ends_at": "2030-01-01"})
        with on_stage(event.database, Configurations(event.database), event.id, "staff") as scene:
            # One who is on the pages already, and one who is on none yet.
            merging.merge(scene, "p4@example.org", "p3@example.org")
        with on_stage(event.database, Configurations(event.database), event.id, "staff") as scene:
            merging.merge(scene, "p18@example.org", "p3@example.org")
        erase(event.database, Configurations(event.database), event.id, "p7@example.org", "staff")
        said, _ = mirror.communicate("\n" * 10)
    assert mirror.returncode == 0
    untold = ("pinned", "aliases", "createdAt", "updatedAt")
    told: dict[str, Any] = json.loads(said.splitlines()[-1])
    mirrored = {
        one: {name: value for name, value in person.items() if name not in untold} for one, person in told.items()
    }
    there = event.get("/attendees?status=all&limit=100", key=desk.read_key).json()["attendees"]
    assert len(there) == 21
    assert mirrored == {one["id"]: {name: one[name] for name in one if name not in untold} for one in there}
