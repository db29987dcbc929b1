"""docs/guides/follow-changes.md: its commands and its follower, run as printed but for the address and the key."""

import json
import os
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from tests.downstream.following.followers import make_read_key
from tests.downstream.following.test_poll import push
from tests.product import Product, TestedEvent

GUIDE = (Path(__file__).parents[3] / "docs/guides/follow-changes.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)\n```$", GUIDE, re.MULTILINE | re.DOTALL)
COMMANDS = [
    (text, BLOCKS[place + 1][1] if place + 1 < len(BLOCKS) and BLOCKS[place + 1][0] in ("json", "") else None)
    for place, (language, text) in enumerate(BLOCKS)
    if language == "sh" and text.startswith("curl")
]
(FOLLOWER,) = (text for language, text in BLOCKS if language == "python")


@pytest.fixture
def event(product: Product) -> TestedEvent:
    """With the one change that the guide shows."""
    event = product.make_event()
    push(event, "john.doe@example.com", title="CTO")
    return event


def environment(event: TestedEvent) -> dict[str, str]:
    return os.environ | {"GATEWAY": event.gateway, "READ_KEY": make_read_key(event), "NO_PROXY": "127.0.0.1"}


@pytest.mark.parametrize(("command", "printed"), COMMANDS, ids=[command.split("/")[-1] for command, _ in COMMANDS])
def test_each_command_gives_what_is_printed_below_it(event: TestedEvent, command: str, printed: str | None) -> None:
    done = subprocess.run(
        ["/bin/bash", "-c", command], env=environment(event), capture_output=True, text=True, check=False
    )
    # 28: a stream does not end by itself.
    assert done.returncode == (28 if "stream" in command else 0), done.stderr
    if printed is not None:
        assert _as_pattern(printed).search(_squeeze(done.stdout)), done.stdout


def _squeeze(text: str) -> str:
    return re.sub(r"(?<=[{}\[\]:,])\s+|\s+(?=[{}\[\]])", "", text)


def _as_pattern(printed: str) -> re.Pattern[str]:
    """`…` stands for anything."""
    return re.compile(".*?".join(map(re.escape, _squeeze(printed).split("…"))), re.DOTALL)


def test_every_command_is_run() -> None:
    assert len(COMMANDS) == GUIDE.count("\ncurl ") == 5


def test_the_follower_goes_on_where_it_was(event: TestedEvent, tmp_path: Path) -> None:
    """Killed between two changes and started again it is told of each, in order."""
    (tmp_path / "follow.py").write_text(FOLLOWER)
    told: list[list[int]] = []
    for number in range(3):
        follower = subprocess.Popen(
            [sys.executable, "follow.py"],
            env=environment(event),
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert follower.stdout is not None
        try:
            push(event, f"p{number}@example.com")
            told.append([])
            while told[-1][-1:] != [number + 2]:
                told[-1].append(int(follower.stdout.readline().split()[0]))
        finally:
            follower.kill()
            follower.communicate()
    assert told[0] == [1, 2]
    # What it had not noted when it was killed is told once more, and nothing is left out.
    for before, one in pairwise(told):
        assert one == list(range(one[0], before[-1] + 2))
        assert 1 <= one[0] <= before[-1] + 1


def test_the_follower_ends_where_its_key_does_not_open_anything(event: TestedEvent, tmp_path: Path) -> None:
    (tmp_path / "follow.py").write_text(FOLLOWER)
    done = subprocess.run(
        [sys.executable, "follow.py"],
        env=environment(event) | {"READ_KEY": "trn_wrong"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert json.loads(done.stderr)["code"] == "unauthorized"
