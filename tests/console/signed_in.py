"""People in front of the console: users of any role with a session of their own, over HTTP and in Chromium."""

import itertools
import os
from collections.abc import Sequence
from typing import Any, Self

import httpx2

from tests.patience import PATIENCE_S
from tests.product import Product, TestedEvent, make_address
from turnout import now
from turnout.access import sessions
from turnout.console import cookies
from turnout.model.names import fold_case
from turnout.model.user import Role, User
from turnout.store import users
from turnout.store.database import Database

_numbers = itertools.count(1)


def make_user(
    database: Database,
    role: Role = "administrator",
    events: Sequence[TestedEvent | str] = (),
    *,
    email: str | None = None,
    name: str | None = None,
    all_events: bool = False,
    sees_personal: bool = True,
    password: str | None = None,
) -> User:
    """A user who may see these events, given by themselves or their ids. `password` is a hash."""
    email = email or f"{role}-{os.getpid()}-{next(_numbers)}@example.org"
    user = User(
        id=now.new_id("usr"),
        email=email,
        name=email.partition("@")[0].title() if name is None else name,
        role=role,
        sees_personal=sees_personal,
        all_events=all_events,
        events=frozenset(one if isinstance(one, str) else one.id for one in events),
        has_password=password is not None,
        subject=None,
        created_at=now.now_us(),
    )
    with database.write() as connection:
        assert users.add_user(connection, user, fold_case(email), password)
    return user


class Visitor:
    """Somebody's browser without a screen: cookies and forms. Without a user, nobody is signed in."""

    def __init__(self, product: Product, user: User | None) -> None:
        self.product = product
        self.user = user
        self.cookie: str | None = None
        """The session's."""
        self.client = httpx2.Client(
            base_url=f"{product.server.url}/console/",
            trust_env=False,
            timeout=PATIENCE_S,
            verify=False,
            headers={"X-Forwarded-For": make_address()},
        )
        if user is not None:
            _, self.cookie = sessions.begin(product.server.database, user.id, "192.0.2.1", "Test")
            self.client.cookies.set(cookies.SESSION, self.cookie)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    @property
    def signed_in(self) -> User:
        """Who it is; for somebody who is."""
        assert self.user is not None
        return self.user

    def get(self, path: str, *, fragment: bool = False, **query: Any) -> httpx2.Response:
        """A page below /console/, or the part of it that a script asks for. Redirections are not followed."""
        headers = {"HX-Request": "true"} if fragment else {}
        return self.client.get(path, params=query or None, headers=headers)

    def post(
        self, path: str, *, fragment: bool = False, files: dict[str, tuple[str, bytes]] | None = None, **form: Any
    ) -> httpx2.Response:
        """A form as a browser sends it; a list is a field that is there several times. Not followed either."""
        headers = {"HX-Request": "true"} if fragment else {}
        return self.client.post(path, data={"_csrf_token": self._find_token(), **form}, files=files, headers=headers)

    def follow(self, answer: httpx2.Response) -> httpx2.Response:
        """The page that an answer leads to, which has to be a redirection."""
        assert answer.status_code == 303, f"{answer.status_code} {answer.text[:2000]}"
        return self.client.get(answer.url.join(answer.headers["location"]))

    def _find_token(self) -> str:
        """What a form has in it that one of our pages has shown."""
        if cookies.CSRF not in self.client.cookies:
            self.client.get("sign-in")
        return self.client.cookies[cookies.CSRF]
