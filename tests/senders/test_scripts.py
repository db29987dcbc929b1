"""The scripts on the pages, run as they are: they send what their page prints, and act on the answer as it says.

Those that a tool runs inside itself get stand-ins for what the tool gives them; PHP and PowerShell are run where there
are any.
"""

import json
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from tests.patience import PATIENCE_S
from tests.product import Product, make_address
from tests.senders.recipes import EXCHANGES, FOLDER, GATEWAY, RECIPES, Exchange, set_up
from tests.test_feed_reference import find_difference

NODE = shutil.which("node")
PHP = shutil.which("php")
POWERSHELL = shutil.which("pwsh") or shutil.which("powershell")
needs_node = pytest.mark.skipif(NODE is None, reason="This machine has no Node.js.")


class Received(NamedTuple):
    headers: dict[str, str]
    body: bytes


class Listener(NamedTuple):
    """Takes requests down, and answers all of them with a receipt."""

    address: str
    received: list[Received]


@pytest.fixture
def listener() -> Iterator[Listener]:
    received: list[Received] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append(Received(dict(self.headers), body))
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", "21")
            self.end_headers()
            self.wfile.write(b'{"result": "created"}')

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield Listener(f"http://127.0.0.1:{server.server_port}", received)
    server.shutdown()
    thread.join()
    server.server_close()


def run(command: list[str], **environment: str) -> str:
    """What a command that has to succeed prints."""
    done = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def exchanges_of(page: str) -> list[Exchange]:
    return [exchange for exchange in EXCHANGES if exchange.page == page]


def assert_sent(sent: Received, printed: Exchange, *, but: str = "") -> None:
    """What came is what the page prints; headers whose value differs each time only have to be there."""
    assert sent.body == printed.body
    headers = {name.lower(): value for name, value in sent.headers.items()}
    for name, value in printed.headers.items():
        assert name.lower() in headers, name
        if name not in ("User-Agent", but):
            assert headers[name.lower()] == value


@pytest.mark.parametrize("place", [0, 1], ids=["JSON", "form"])
def test_curl_sends_what_its_page_prints(place: int, listener: Listener) -> None:
    command = RECIPES["curl"].blocks_in("bash")[place]
    run(["bash", "-c", command.replace(GATEWAY, listener.address)])
    assert_sent(listener.received[0], exchanges_of("curl")[place])


def test_curl_ends_with_22_when_a_push_is_refused_and_does_not_repeat_it(product: Product) -> None:
    sender = set_up(product, "curl")
    command = RECIPES["curl"].blocks_in("bash")[0].replace(GATEWAY, sender.event.gateway)
    command = command.replace("zoe.vogt@example.com", "zoe.vogt").replace("your-key", sender.key)
    done = subprocess.run(
        ["bash", "-c", f"{command} -H 'X-Forwarded-For: {make_address()}'"],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 22, done.stderr
    assert json.loads(done.stdout)["errors"][0]["code"] == "invalid_email"
    (push,) = sender.event.get("/pushes?result=failed", key=sender.key).json()["pushes"]
    assert push.get("count", 1) == 1


def test_the_commands_of_the_readme_show_whether_a_push_arrived(product: Product) -> None:
    text = (FOLDER / "README.md").read_text("utf-8")
    commands = [line for line in text.split("\n") if line.startswith("curl ")]
    event = product.make_event()
    event.push_ok({"profile": {"email": "john.doe@example.com"}})
    failed = event.push_failed({"profile": {"firstName": "John"}})
    key, latest, failures = (
        json.loads(run(["bash", "-c", command.replace(GATEWAY, event.gateway).replace("your-key", event.key)]))
        for command in commands
    )
    assert key["source"]["settings"]
    assert key["lastPushAt"]
    assert [push["result"] for push in latest["pushes"]] == ["failed", "created"]
    assert [push["id"] for push in failures["pushes"]] == [failed["id"]]
    shown = event.get(f"/pushes/{failed['id']}").json()
    assert shown["errors"][0]["code"] == "missing_email"
    assert "John" in shown["body"]


@pytest.mark.skipif(PHP is None, reason="This machine has no PHP.")
def test_php_sends_what_its_page_prints(listener: Listener) -> None:
    (script,) = RECIPES["php"].blocks_in("php")
    script = script.replace(GATEWAY, listener.address).removeprefix("<?php\n")
    as_form = script.replace("json_encode($push, JSON_THROW_ON_ERROR)", "http_build_query($push)")
    as_form = as_form.replace("application/json", "application/x-www-form-urlencoded").replace("4711", "4712")
    for code in (script, as_form):
        run([str(PHP), "-r", code], TURNOUT_KEY="your-key")
    for sent, printed in zip(listener.received, exchanges_of("php"), strict=False):
        assert_sent(sent, printed)


@pytest.mark.skipif(POWERSHELL is None, reason="This machine has no PowerShell.")
def test_powershell_sends_what_its_page_prints(listener: Listener) -> None:
    (script,) = RECIPES["powershell"].blocks_in("powershell")
    script = script.replace(GATEWAY, listener.address)
    run([str(POWERSHELL), "-NoProfile", "-Command", script], TURNOUT_KEY="your-key")
    printed = exchanges_of("powershell")[1]
    sent = listener.received[0]
    unspaced = Received(sent.headers, sent.body.replace(b"\r\n", b"\n"))
    assert_sent(unspaced, printed, but="Idempotency-Key")


GOOGLE = """
const asked = JSON.parse(process.argv[1])
const sent = []
const kept = {TURNOUT_KEY: 'your-key'}
const PropertiesService = {getScriptProperties: () => ({getProperty: name => kept[name]})}
const Utilities = {getUuid: () => asked.uuid, sleep: () => {}}
const UrlFetchApp = {fetch: (address, request) => {
  sent.push({address, ...request})
  const [status, body] = asked.answers[Math.min(sent.length, asked.answers.length) - 1]
  return {getResponseCode: () => status, getContentText: () => JSON.stringify(body)}
}}
%s
let thrown = null
try { pushAnswer({namedValues: asked.namedValues}) } catch (error) { thrown = error.message }
console.log(JSON.stringify({sent, thrown}))
"""
ANSWERS = {
    "Timestamp": ["28/11/2026 09:30:00"],
    "Email Address": ["zoe.vogt@example.com"],
    "First name": ["Zoë"],
    "Job title": [""],
    "About you": ["At sea since 1999.\nCooks."],
    "Diet": ["vegan"],
    "Workshops": ["Sailing, Knots"],
}
"""What Google gives the function of a form with these questions."""


def run_google(named_values: dict[str, list[str]], *answers: tuple[int, Any], uuid: str = "") -> Any:
    (script,) = RECIPES["google-apps-script"].blocks_in("js")
    asked = json.dumps({"namedValues": named_values, "answers": answers, "uuid": uuid})
    return json.loads(run([str(NODE), "-e", GOOGLE % script, asked]))


@needs_node
@pytest.mark.parametrize("place", [0, 1], ids=["as it should be", "another title"])
def test_the_google_script_sends_what_its_page_prints(place: int) -> None:
    printed = exchanges_of("google-apps-script")[place]
    named = ANSWERS if place == 0 else {"Your address": ["zoe.vogt@example.com"], "First name": ["Zoë"]}
    done = run_google(named, (200, {}), uuid=printed.headers["Idempotency-Key"])
    (request,) = done["sent"]
    assert request["address"] == f"{GATEWAY}/attendees"
    assert request["method"] == "post"
    headers = {"Content-Type": request["contentType"], **request["headers"]}
    assert {**printed.headers, **headers} == printed.headers
    assert request["payload"].encode() == printed.body
    assert done["thrown"] is None


@needs_node
def test_the_google_script_repeats_only_what_is_worth_it() -> None:
    refused = run_google(ANSWERS, (422, {"retryable": False, "detail": "Mend it."}))
    assert (len(refused["sent"]), refused["thrown"]) == (1, "Mend it.")
    ours = run_google(ANSWERS, (503, {"retryable": True, "detail": "Later."}))
    assert (len(ours["sent"]), ours["thrown"]) == (3, "Later.")
    passing = run_google(ANSWERS, (503, {"retryable": True, "detail": "Later."}), (200, {}))
    assert (len(passing["sent"]), passing["thrown"]) == (2, None)


HUBSPOT = """
const asked = JSON.parse(process.argv[1])
const sent = []
const axios = {post: async (address, data, options) => {
  sent.push({address, payload: JSON.stringify(data), headers: options.headers})
  if (asked.status === 200) return {data: asked.body}
  throw Object.assign(new Error('axios'), asked.status ? {response: {status: asked.status, data: asked.body}} : {})
}}
const action = {}
;(function (require, exports, process) {
%s
})(() => axios, action, {env: {TURNOUT_KEY: 'your-key'}})
let given = null, thrown = null
action.main(asked.event, output => { given = output.outputFields })
  .catch(error => { thrown = error.message })
  .then(() => console.log(JSON.stringify({sent, given, thrown})))
"""
CONTACT = {
    "callbackId": "ap-102670506-56776413549-7-0",
    "inputFields": {
        "email": "zoe.vogt@example.com",
        "firstname": "Zoë",
        "jobtitle": None,
        "workshops": "Sailing;Knots",
    },
}


def run_hubspot(status: int, body: Any) -> Any:
    (script,) = RECIPES["hubspot"].blocks_in("js")
    asked = json.dumps({"event": CONTACT, "status": status, "body": body})
    return json.loads(run([str(NODE), "-e", HUBSPOT % script, asked]))


@needs_node
def test_the_custom_code_for_hubspot_sends_what_its_page_prints() -> None:
    printed = next(exchange for exchange in exchanges_of("hubspot") if "Idempotency-Key" in exchange.headers)
    done = run_hubspot(200, {"result": "created"})
    (request,) = done["sent"]
    assert request["address"] == f"{GATEWAY}/attendees"
    assert {**printed.headers, **request["headers"]} == printed.headers
    assert request["payload"].encode() == printed.body
    assert (done["given"], done["thrown"]) == ({"result": "created", "problem": ""}, None)


@needs_node
def test_the_custom_code_for_hubspot_lets_hubspot_repeat_only_what_is_worth_it() -> None:
    refused = run_hubspot(422, {"retryable": False, "detail": "Mend it."})
    assert (refused["given"], refused["thrown"]) == ({"result": "failed", "problem": "Mend it."}, None)
    for status, body in ((503, {"retryable": True, "detail": "Later."}), (0, None)):
        ours = run_hubspot(status, body)
        assert (ours["given"], ours["thrown"]) == (None, "axios")


def test_windows_powershell_is_told_to_go_on_before_it_sends_the_body(product: Product) -> None:
    """It sends the head with Expect: 100-continue, and then waits."""
    printed = exchanges_of("powershell")[0]
    assert printed.headers["Expect"] == "100-continue"
    sender = set_up(product, "powershell")
    to = urlsplit(f"{sender.event.gateway}{printed.path}")
    head = [f"POST {to.path} HTTP/1.1", f"Host: {to.netloc}", f"Content-Length: {len(printed.body)}"]
    head += [f"{name}: {value.replace('your-key', sender.key)}" for name, value in printed.headers.items()]
    head += [f"X-Forwarded-For: {make_address()}", "Connection: close"]
    with socket.create_connection((str(to.hostname), int(to.port or 80)), timeout=PATIENCE_S) as connection:
        connection.sendall("\r\n".join([*head, "", ""]).encode())
        answer = connection.makefile("rb")
        assert answer.readline().startswith(b"HTTP/1.1 100 ")
        assert answer.readline() == b"\r\n"
        connection.sendall(printed.body)
        assert answer.readline().startswith(b"HTTP/1.1 200 ")
        body = answer.read().partition(b"\r\n\r\n")[2]
    found = re.search(rb"\{.*\}", body, re.DOTALL)
    assert found is not None
    assert find_difference(printed.answer.body, json.loads(found[0])) is None
