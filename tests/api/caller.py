"""A program that calls /api/ with a personal token, over HTTP alone."""

from typing import Any

import httpx2

from tests.console.signed_in import make_user
from tests.product import Product, TestedEvent, make_address
from turnout.access import tokens
from turnout.model.user import Role, User


class Caller:
    """Whoever has this token; with None nobody."""

    def __init__(self, product: Product, token: str | None, user: User | None = None) -> None:
        self.product = product
        self.token = token
        self.user = user

    def call(self, method: str, path: str, body: object = None, **options: Any) -> httpx2.Response:
        headers = {"X-Forwarded-For": make_address(), **options.pop("headers", {})}
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        sent: dict[str, Any] = {} if body is None else {"json": body}
        return self.product.client.request(
            method, f"{self.product.server.url}/api/{path}", headers=headers, **sent, **options
        )

    def ask(self, method: str, path: str, body: object = None, **query: Any) -> Any:
        """What is answered, which has to be a success."""
        answer = self.call(method, path, body, params=query or None)
        assert answer.status_code < 300, f"{method} {path}: {answer.status_code} {answer.text}"
        assert answer.headers["cache-control"] == "no-store"
        return answer.json() if answer.content else None

    def fail(self, method: str, path: str, body: object = None, **query: Any) -> tuple[int, str, str]:
        """Status, code and detail of a problem document."""
        answer = self.call(method, path, body, params=query or None)
        assert answer.headers["content-type"] == "application/problem+json", answer.text
        assert answer.headers["cache-control"] == "no-store"
        problem = answer.json()
        assert problem["status"] == answer.status_code
        return answer.status_code, problem["code"], problem["detail"]


def make_caller(
    product: Product, role: Role = "administrator", *events: TestedEvent, expires_in_us: int | None = None, **more: Any
) -> Caller:
    """A new user of this role with a token; options of make_user."""
    user = make_user(product.server.database, role, events, **more)
    issued = tokens.create(product.server.database, user.id, "Test", expires_in_us)
    return Caller(product, issued.text, user)
