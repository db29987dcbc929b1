"""The whole product put together: what holds for its answers, whoever gives them."""

import asyncio
from typing import Any

import pytest
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from tests.product import Product
from turnout import app
from turnout.operations.metrics import Metrics
from turnout.settings import Settings
from turnout.store.database import Database

ANSWERS = [
    ("GET", "/", None, 200),
    ("GET", "/docs", None, 200),
    ("GET", "/openapi.json", None, 200),
    ("HEAD", "/problems", None, 200),
    ("GET", "/assets/reference/reference.css", None, 200),
    ("GET", "/health", None, 200),
    ("HEAD", "/health", None, 200),
    ("GET", "/metrics", "", 200),
    ("GET", "/metrics", None, 404),
    ("GET", "/nothing", None, 404),
    ("GET", "/problems/no_such_code", None, 404),
    ("POST", "/health", None, 405),
    ("GET", "/e/nowhere", None, 200),
    ("GET", "/e/nowhere/key", None, 401),
]
"""Method, path, the address from which it comes (else one elsewhere), status."""


def test_every_answer_has_a_request_id_of_its_own(product: Product) -> None:
    seen = []
    for method, path, caller, status in ANSWERS:
        headers = {} if caller is None else {"X-Forwarded-For": caller}
        response = product.client.request(method, product.server.url + path, headers=headers)
        assert response.status_code == status, path
        seen += response.headers.get_list("x-request-id")
    assert len(set(seen)) == len(seen) == len(ANSWERS)


@pytest.mark.parametrize("sign", ["X-Real-IP", "Forwarded", "Host"])
def test_metrics_are_not_for_those_who_come_through_a_proxy_on_this_machine(product: Product, sign: str) -> None:
    headers = {"X-Forwarded-For": "", sign: "feed.example.org"}
    assert product.client.get(f"{product.server.url}/metrics", headers=headers).status_code == 404


def test_the_log_tells_of_a_mistake_under_the_id_in_the_answer(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Metrics) -> bytes:
        raise RuntimeError("broken on purpose")

    monkeypatch.setattr(Metrics, "render", fail)
    built = app.build(Settings(database_url=database.url), database, "http://localhost:8000")
    with capture_logs(processors=[merge_contextvars]) as lines:
        status, headers = asyncio.run(ask(built, "/metrics"))
    assert status == 500
    [line] = [line for line in lines if line["event"] == "request_failed"]
    assert headers[b"x-request-id"].decode() == line["request"]


async def ask(application: Any, path: str) -> tuple[int, dict[bytes, bytes]]:
    """Status and headers of the answer to a GET from this machine."""
    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [],
        "client": ("127.0.0.1", 50_000),
    }
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await application(scope, receive, send)
    return sent[0]["status"], dict(sent[0]["headers"])
