"""Answers as they go over the wire: packed without telling what is in them; live ones made once for many windows."""

import re
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.console.conftest import SignIn
from tests.console.signed_in import Visitor
from tests.product import Product, TestedEvent

SENT_ANEW = 12
"""With lengths of a hundred kinds, that all are alike is out of the question."""


@pytest.fixture
def fair(product: Product) -> TestedEvent:
    event = product.make_event()
    event.push_ok({"profile": {"email": "ada@example.org"}})
    return event


def read_token(page: str) -> str:
    return re.findall(r'name="_csrf_token" value="([^"]+)"', page)[0]


def test_the_token_of_forms_is_written_otherwise_on_every_page_and_good_on_all(
    fair: TestedEvent, sign_in: SignIn
) -> None:
    ann, bob = sign_in(), sign_in()
    tokens = {read_token(ann.get("account").text) for _ in range(3)}
    assert len(tokens) == 3
    of_page = re.findall(r'csrf[-_]token" (?:content|value)="([^"]+)"', ann.get("account").text)
    assert len(of_page) > 1
    assert len(set(of_page)) == 1
    for token in tokens:
        assert ann.client.post("account/name", data={"_csrf_token": token, "name": "Ann"}).status_code == 303
    of_bob = read_token(bob.get("account").text)
    pad, masked = of_bob.split(".")
    for token in (of_bob, f"{masked}.{pad[:-2]}", f"{pad}.{pad}", f"{pad}.{'x' * len(pad)}", "."):
        assert ann.client.post("account/name", data={"_csrf_token": token, "name": "Mallory"}).status_code == 403


def test_pages_are_packed_for_those_who_take_it_and_their_length_says_little(sign_in: SignIn) -> None:
    ann = sign_in()
    plain = ann.client.get("account", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    lengths = set()
    for _ in range(SENT_ANEW):
        packed = ann.client.get("account", headers={"Accept-Encoding": "gzip"})
        assert packed.headers["content-encoding"] == "gzip"
        assert packed.headers["vary"] == "Accept-Encoding"
        assert len(packed.text) == len(plain.text)
        lengths.add(int(packed.headers["content-length"]))
    assert len(lengths) > 1
    assert max(lengths) < len(plain.content) / 2


def follow(visitor: Visitor, path: str, opened: ExitStack) -> Iterator[str]:
    """What a live page is sent, piece by piece."""
    answer = opened.enter_context(visitor.client.stream("GET", path))
    assert answer.status_code == 200
    return answer.iter_text()


def read_until(pieces: Iterator[str], words: str) -> str:
    text = ""
    while words not in text:
        text += next(pieces)
    return text


@pytest.mark.parametrize("path", ["", "/pushes"])
def test_windows_of_one_event_share_what_is_made_and_each_sees_what_he_may(
    path: str, fair: TestedEvent, sign_in: SignIn
) -> None:
    way = f"events/{fair.slug}{path}/live"
    who = {
        "manager": sign_in("manager", fair),
        "another manager": sign_in("manager", fair),
        "viewer": sign_in("viewer", fair),
        "masked": sign_in("viewer", fair, sees_personal=False),
    }
    with ExitStack() as opened:
        windows = {name: follow(visitor, way, opened) for name, visitor in who.items()}
        begun = {name: read_until(pieces, "a…@e…" if name == "masked" else "ada@") for name, pieces in windows.items()}
        push = fair.push_ok({"profile": {"email": "bob@example.org"}})
        said = {name: read_until(pieces, push["id"]) for name, pieces in windows.items()}
    assert "ada@" not in begun["masked"]
    assert "b…@e…" in said["masked"]
    assert "bob@" not in said["masked"]
    for name in ("manager", "another manager", "viewer"):
        assert "bob@example.org" in said[name]
    for name, visitor in who.items():
        texts = begun[name] + said[name]
        assert not any(other.signed_in.email in texts for other in who.values() if other is not visitor)
