"""Who may read and do what: every address of a gateway, every key, made from the table of routes.

A route that is added is here by itself; one whose `who` is new fails until it is said here what that means.
"""

import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any, Literal, TypeAlias

import httpx2
import msgspec
import pytest

from tests.gateway_routes import list_routes
from tests.patience import PATIENCE_S
from tests.product import Product, RunningServer, TestedEvent
from turnout.events import event as events
from turnout.events import keys
from turnout.feed.acts.decisions import rename
from turnout.feed.acts.scene import on_stage
from turnout.feed.by_hand.hand_in import as_sender, hand_in
from turnout.feed.configurations import Configurations
from turnout.feed.gateway import Route
from turnout.feed.intake import read_item
from turnout.feed.parse.body import decode
from turnout.feed.submission import Item
from turnout.model.event import Configuration
from turnout.model.key import read_key_id
from turnout.now import new_id

Answered: TypeAlias = Literal["in", "unauthorized", "wrong_scope"]

REFUSED = (
    "no key",
    "two keys",
    "unknown key",
    "mistyped key",
    "revoked push key",
    "revoked read key",
    "expired push key",
    "expired read key",
    "push key of another event",
    "read key of another event",
    "limited key of another event",
    "push key at no event",
    "read key at no event",
)
PUSH = ("push key", "push key of another source")
READ = ("read key", "limited key, person inside", "limited key, person outside")
ARCHIVED = ("push key, event archived", "read key, event archived")
CALLERS = (*REFUSED, *PUSH, *READ, *ARCHIVED)


def _expect(push: Answered, read: Answered, archived_push: Answered, archived_read: Answered) -> dict[str, Answered]:
    refused: dict[str, Answered] = dict.fromkeys(REFUSED, "unauthorized")
    its = dict.fromkeys(PUSH, push) | dict.fromkeys(READ, read)
    return refused | its | dict(zip(ARCHIVED, (archived_push, archived_read), strict=True))


EXPECTED: dict[str, dict[str, Answered]] = {
    # A read key learns no more at these than somebody without one; nothing comes to an archived event (A3).
    "push": _expect("in", "unauthorized", "unauthorized", "unauthorized"),
    "read": _expect("wrong_scope", "in", "unauthorized", "in"),
    "any key": _expect("in", "in", "unauthorized", "in"),
    "own pushes": _expect("in", "wrong_scope", "unauthorized", "wrong_scope"),
    "everybody": dict.fromkeys(CALLERS, "in"),
}
"""By a route's `who`: what each caller is answered."""

GROUP, ELSEWHERE, FORMER = "Inside-Zebra", "Elsewhere-Quokka", "Former-Walrus"
ADA = {
    "email": "ada-zebra@example.org",
    "lastName": "Lovelace-Zebra",
    "phone": "+44-7316-zebra",
    "title": "Zebra-chief",
}
BOB = {"email": "bob-quokka@example.org", "lastName": "Babbage-Quokka", "phone": "+44-9152-quokka"}
BEFORE = {"ada": "before-zebra@example.org", "bob": "before-quokka@example.org"}
FIELD = "Field-Xylophone"
SIZE = {"ada": "Size-Zebra", "bob": "Size-Quokka"}
"""What the custom field holds."""
LAST = {"ada": "Ada-the-last", "bob": "Bob-the-last"}
"""First names, which limited keys see: with these their part of the log ends."""
MAIN = 1
"""The number of the source whose key the event was made with."""
STAFF = "desk-narwhal@acme.example"
"""Who of the staff acts, and pushes by hand."""
BY_ADDRESS = ("attendees/lookup",)
"""Where a limited key has to see addresses too, to ask by them."""

QUERIES = {
    "attendees": ("", "status=all", "format=ndjson", "format=csv", "format=xlsx"),
    "attendees/{attendee}": ("", "explain=true"),
    "changes": ("after=0", "after=0&payload=nested", "after=0&payload=flat"),
    "changes/stream": ("after=0",),
}
"""Of addresses that say more when they are asked for more."""
BODIES: dict[str, Any] = {
    "attendees/lookup": {"emails": [ADA["email"], BOB["email"]]},
    "attendees/batch": [{"profile": {"email": "carol@example.org"}}],
    "attendees": {"profile": {"email": "carol@example.org"}},
    "": {"profile": {"email": "carol@example.org"}},
}
"""What is sent to a POST, so that it is not refused for its body; else an empty object."""


class Scene:
    """An event with somebody inside and somebody outside, and a key of each kind."""

    def __init__(self, product: Product) -> None:
        self.product = product
        self._limited: dict[tuple[str, bool], str] = {}
        self.event = product.make_event()
        self.other = product.make_event()
        self.archived = product.make_event()
        self.ids = {event.slug: self._fill(event) for event in (self.event, self.other, self.archived)}
        self.keys = self._make_keys()
        events.archive(product.server.database, self.archived.id)

    def _fill(self, event: TestedEvent) -> dict[str, str]:
        """What stands where a route has its `{…}`."""
        ids = {}
        # Both had another address before.
        event.batch_ok([{"profile": {"email": address}} for address in BEFORE.values()])
        for name, who in (("ada", ADA), ("bob", BOB)):
            with on_stage(event.database, Configurations(event.database), event.id, STAFF) as scene:
                rename(scene, BEFORE[name], who["email"])
        for group, who, name, first in (
            (FORMER, ADA, "ada", "Ada"),
            (GROUP, ADA, "ada", "Ada"),
            (ELSEWHERE, BOB, "bob", "Bob"),
            (GROUP, ADA, "ada", "Ada again"),
            (ELSEWHERE, BOB, "bob", LAST["bob"]),
            (GROUP, ADA, "ada", LAST["ada"]),
        ):
            if first in LAST.values():
                self._push_by_hand(event, who["email"])
            size = [{"fieldName": FIELD, "fieldValue": SIZE[name]}]
            receipt = event.push_ok(
                {
                    "profile": {**who, "firstName": first, "customFields": size},
                    "eventInfo": {"groups": {"groupNames": [group]}},
                }
            )
            ids |= {name: receipt["attendee"]["id"], "push": receipt["id"]}
        return ids | {"attendee": ids["ada"]}

    def _push_by_hand(self, event: TestedEvent, address: str) -> None:
        body = json.dumps({"profile": {"email": address, "firstName": "By hand"}}).encode()

        def read(configuration: Configuration) -> list[Item]:
            return [read_item(new_id("psh"), decode(body, None), as_sender(configuration, MAIN, STAFF))]

        hand_in(event.database, Configurations(event.database), event.slug, read)

    def _make_keys(self) -> dict[str, str]:
        made = {"push key": self.event.key, "push key of another source": self.event.make_source("Shop")}
        made |= {"read key": self._make_key(self.event)}
        made |= {
            "push key, event archived": self.archived.key,
            "read key, event archived": self._make_key(self.archived),
            "push key of another event": self.other.key,
            "read key of another event": self._make_key(self.other),
            "limited key of another event": self._make_key(self.other, groups=[GROUP]),
            "push key at no event": self.event.key,
            "read key at no event": made["read key"],
            "unknown key": f"trn_{'0' * 32}_{'A' * 38}",
            "mistyped key": self.event.key[:-1],
            "revoked push key": self._revoke(self._make_key(self.event, scope="push")),
            "revoked read key": self._revoke(self._make_key(self.event)),
            "expired push key": self._make_key(self.event, scope="push", expires_in_us=0),
            "expired read key": self._make_key(self.event, expires_in_us=0),
        }
        return made

    def _find_key(self, caller: str, route: Route) -> str:
        if not caller.startswith("limited key, person"):
            return self.keys.get(caller, self.event.key)
        group, with_address = GROUP if caller.endswith("inside") else ELSEWHERE, route.address in BY_ADDRESS
        if (group, with_address) not in self._limited:
            fields = ["firstName", "email"] if with_address else ["firstName"]
            self._limited[group, with_address] = self._make_key(self.event, groups=[group], fields=fields)
        return self._limited[group, with_address]

    def _make_key(self, event: TestedEvent, *, scope: str = "read", **options: Any) -> str:
        return keys.create(event.database, event.id, scope=scope, **options).text

    def _revoke(self, key: str) -> str:
        keys.revoke(self.event.database, read_key_id(key) or "")
        return key

    def ask(self, route: Route, caller: str, *, method: str = "", query: str = "", origin: str = "") -> "Heard":
        """What is answered to this caller; of a stream so much as shows whom it is about."""
        event = self.archived if caller in ARCHIVED else self.event
        gateway = event.gateway + ("-nowhere" if caller.endswith("at no event") else "")
        address = route.address
        if "{" in address:
            before, _, rest = address.partition("{")
            what, _, after = rest.partition("}")
            address = before + self.ids[event.slug].get(what, f"{what[:3]}_{'0' * 32}") + after
        headers = [] if caller == "no key" else [("Api-Key", self._find_key(caller, route))]
        if caller == "two keys":
            headers.append(("Authorization", f"Bearer {self.keys['read key']}"))
        if origin:
            headers.append(("Origin", origin))
        content = json.dumps(BODIES.get(route.address, {})) if (method or route.method) == "POST" else None
        url = f"{gateway}/{address}" + (f"?{query}" if query else "")
        with self.product.client.stream(
            method or route.method, url, headers=headers, content=content, timeout=PATIENCE_S
        ) as response:
            return Heard(response, self._read(response, caller))

    def _read(self, response: httpx2.Response, caller: str) -> bytes:
        if not response.headers.get("content-type", "").startswith("text/event-stream"):
            return response.read()
        last = LAST["bob" if caller.endswith("outside") else "ada"].encode()
        read = b""
        for piece in response.iter_raw():
            read += piece
            if last in read:
                break
        return read


class Heard(msgspec.Struct):
    """An answer, read."""

    response: httpx2.Response
    body: bytes

    @property
    def answered(self) -> str:
        """As `Answered`, or what else it was."""
        status = self.response.status_code
        if status in (401, 403):
            return str(json.loads(self.body)["code"])
        if status == 405 or b'"code":"unexpected"' in self.body:
            return f"{status} {self.text[:300]}"
        return "in"

    @property
    def text(self) -> str:
        """All that can be read in it, unpacked."""
        if self.body.startswith(b"PK"):
            with zipfile.ZipFile(io.BytesIO(self.body)) as packed:
                return "\n".join(packed.read(name).decode("utf-8", "replace") for name in packed.namelist())
        return self.body.decode("utf-8", "replace")

    @property
    def head(self) -> dict[str, str]:
        """The headers but for those that tell one request from another, or whether its body had come by then."""
        told = ("x-request-id", "date", "connection")
        return {name: value for name, value in self.response.headers.items() if name not in told}


def name_route(route: Route) -> str:
    return f"{route.method} /{route.address}"


every_route = pytest.mark.parametrize("route", list_routes(), ids=name_route)


def parametrize(*who: str) -> pytest.MarkDecorator:
    some = [route for route in list_routes() if route.who in who]
    return pytest.mark.parametrize("route", some, ids=name_route)


@pytest.fixture
def scene(product: Product) -> Scene:
    return Scene(product)


@pytest.fixture(scope="module")
def kept(server: RunningServer) -> Iterator[Scene]:
    """One for all tests that change nothing in it: to make it takes longer than they do."""
    with Product(server) as product:
        yield Scene(product)
        product.check()


def test_of_every_route_it_is_said_here_who_may() -> None:
    assert {route.who for route in list_routes()} <= EXPECTED.keys()
    assert all(expected.keys() == set(CALLERS) for expected in EXPECTED.values())


@every_route
def test_everybody_is_answered_as_the_table_says(scene: Scene, route: Route) -> None:
    expected = EXPECTED[route.who]
    answered = {caller: scene.ask(route, caller, query=QUERIES.get(route.address, ("",))[0]) for caller in CALLERS}
    assert {caller: heard.answered for caller, heard in answered.items()} == expected
    refused = [heard for heard in answered.values() if heard.response.status_code == 401]
    # Nobody learns why, nor which events there are (A3).
    assert len({heard.body for heard in refused}) <= 1
    assert [heard.head for heard in refused] == [heard.head for heard in refused[:1]] * len(refused)


@every_route
def test_a_head_is_answered_as_a_get(kept: Scene, route: Route) -> None:
    if route.method != "GET":
        assert route.method in ("POST", "PUT", "PATCH", "DELETE")
        return
    query = QUERIES.get(route.address, ("",))[0]
    for caller in ("no key", "push key", "read key", "limited key, person outside", "read key, event archived"):
        got, headed = (kept.ask(route, caller, method=method, query=query) for method in ("GET", "HEAD"))
        assert headed.body == b""
        assert headed.response.status_code == got.response.status_code
        for name in ("content-type", "vary", "www-authenticate", "cache-control"):
            assert headed.head.get(name) == got.head.get(name)


@pytest.mark.parametrize("address", sorted({route.address for route in list_routes()}))
def test_what_no_route_is_for_is_a_405_that_names_what_there_is(kept: Scene, address: str) -> None:
    methods = {route.method for route in list_routes() if route.address == address}
    methods |= {"HEAD"} if "GET" in methods else set()
    route = next(route for route in list_routes() if route.address == address)
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} - methods:
        for caller in ("no key", "push key", "read key"):
            heard = kept.ask(route, caller, method=method)
            assert (method, caller, heard.response.status_code) == (method, caller, 405)
            assert set(heard.head["allow"].split(", ")) == methods


@parametrize("read")
def test_what_a_limited_key_does_not_see_is_there(scene: Scene, route: Route) -> None:
    """Or the test below would show nothing."""
    told = [scene.ask(route, "read key", query=query).text for query in QUERIES.get(route.address, ("",))]
    marks = (*ADA.values(), *SIZE.values(), *LAST.values(), GROUP, FIELD)
    marked = [text for text in marks if any(text in one for one in told)]
    assert bool(marked) == (route.address not in SAY_NOTHING)
    assert any(STAFF in one for one in told) == (route.address in TELL_WHO)


TELL_WHO = ("attendees/{attendee}/history", "changes", "changes/stream")
"""Where a key without limits is told who of the staff acted."""
SAY_NOTHING = ("attendees/{attendee}/token", "exports", "exports/{export}", "exports/{export}/file")
"""Where nobody's data is in the answer: a token is looked into in `tokens/`."""


@parametrize("read")
def test_a_limited_key_sees_nobody_and_nothing_else(scene: Scene, route: Route) -> None:
    for query in QUERIES.get(route.address, ("",)):
        for where, seen, others, other_group in (("inside", ADA, BOB, ELSEWHERE), ("outside", BOB, ADA, GROUP)):
            heard = scene.ask(route, f"limited key, person {where}", query=query)
            assert heard.answered == "in"
            hidden = [
                STAFF,
                *others.values(),
                *seen.values(),
                *SIZE.values(),
                *BEFORE.values(),
                FIELD,
                other_group,
                FORMER,
            ]
            hidden.append(LAST["bob" if seen is ADA else "ada"])
            if route.address in BY_ADDRESS:
                # It names those whom it did not find, as they were asked for.
                told = (ADA["email"], BOB["email"], BEFORE["ada" if seen is ADA else "bob"])
                hidden = [text for text in hidden if text not in told]
            assert [text for text in hidden if text in heard.text] == []


def test_whoever_has_no_limits_and_asks_for_a_part_is_told_who_acted(kept: Scene) -> None:
    (route,) = (route for route in list_routes() if route.address == "changes")
    assert STAFF in kept.ask(route, "read key", query=f"after=0&group={GROUP}&field=firstName").text


@parametrize("read")
def test_somebody_outside_is_nobody(scene: Scene, route: Route) -> None:
    if "{attendee}" not in route.address:
        return
    inside, outside = (scene.ask(route, f"limited key, person {where}") for where in ("inside", "outside"))
    assert (inside.response.status_code, outside.response.status_code) == (200, 404)
    assert scene.ask(route, "read key").response.status_code == 200
    scene.ids[scene.event.slug]["attendee"] = f"att_{'0' * 32}"
    nobody = scene.ask(route, "limited key, person outside")
    assert nobody.response.status_code == 404
    assert nobody.body.replace(b"0" * 32, scene.ids[scene.event.slug]["ada"][4:].encode()) == outside.body


def test_an_export_is_its_keys_alone(scene: Scene) -> None:
    """Another key of the event may be limited otherwise."""
    (ask,) = (route for route in list_routes() if (route.method, route.address) == ("POST", "exports"))
    made = json.loads(scene.ask(ask, "read key").body)["id"]
    ids = scene.ids[scene.event.slug]
    ids["export"] = made
    of_one = [route for route in list_routes() if route.address.startswith("exports/{export}")]
    assert {route.method for route in of_one} == {"GET", "DELETE"}
    for route in of_one:
        other = scene.ask(route, "limited key, person inside")
        ids["export"] = made[:-4] + ("0000" if made[-4:] != "0000" else "1111")
        unknown = scene.ask(route, "limited key, person inside")
        ids["export"] = made
        assert other.response.status_code == unknown.response.status_code == 404
        assert other.body.replace(made.encode(), b"") == unknown.body.replace((made[:-4] + "0000").encode(), b"")
    (list_own,) = (route for route in list_routes() if (route.method, route.address) == ("GET", "exports"))
    assert made in scene.ask(list_own, "read key").text
    assert made not in scene.ask(list_own, "limited key, person inside").text


@parametrize("own pushes")
def test_a_source_sees_its_own_pushes_and_no_others(kept: Scene, route: Route) -> None:
    own, others = (kept.ask(route, caller) for caller in PUSH)
    assert own.response.status_code == 200
    assert "zebra" in own.text
    assert "zebra" not in others.text
    assert others.response.status_code == (404 if "{" in route.address else 200)


@every_route
def test_pages_of_other_sites_may_read_only_where_the_event_names_them(scene: Scene, route: Route) -> None:
    app = "https://app.example.org"
    for event in (scene.event, scene.archived):
        events.set_up(event.database, event.id, {"cors": app})
    query = QUERIES.get(route.address, ("",))[0]
    for caller in ("read key", "push key", "no key", "read key, event archived"):
        for origin in (app, "https://other.example.org"):
            told = scene.ask(route, caller, query=query, origin=origin).head.get("access-control-allow-origin")
            assert told == (app if origin == app and route.who in ("read", "everybody") else None)
