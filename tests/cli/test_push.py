"""`turnout push`: files of every form, into the database and through a gateway."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.cli.conftest import Cli, person
from tests.product import Product
from turnout import errors
from turnout.cli.push import items as items_module
from turnout.cli.push import sending as sending_module
from turnout.cli.push.items import FileItem, open_items
from turnout.cli.push.sending import GatewaySending

ANN, BOB = person("a@x.org", title="CTO"), person("b@x.org")
KEY = "trn_" + "0" * 32 + "_" + "A" * 32


def read(content: str | bytes) -> list[Any]:
    raw = content.encode() if isinstance(content, str) else content
    return [json.loads(item.raw) for item in open_items(io.BytesIO(raw))]


@pytest.mark.parametrize(
    "content",
    [
        json.dumps([ANN, BOB]),
        json.dumps([ANN, BOB], indent=2),
        "\ufeff\n\n " + json.dumps([ANN, BOB]),
        json.dumps({"attendees": [ANN, BOB]}),
        json.dumps({"note": {"of": ["x"]}, "Attendees": [ANN, BOB], "key": "x"}, indent=1),
        json.dumps(ANN) + "\n" + json.dumps(BOB),
        "\n" + json.dumps(ANN) + "\r\n\r\n" + json.dumps(BOB) + "\r\n",
    ],
)
def test_a_file_of_any_form_gives_its_attendees(content: str) -> None:
    assert read(content) == [ANN, BOB]


@pytest.mark.parametrize("content", [json.dumps(ANN), json.dumps(ANN, indent=4), json.dumps({"attendees": [ANN]})])
def test_a_file_may_hold_one_attendee(content: str) -> None:
    assert read(content) == [ANN]


def test_an_empty_array_holds_nobody() -> None:
    assert read("[]") == []
    assert read('{"attendees": []}') == []


def test_what_was_written_is_sent() -> None:
    (item,) = open_items(io.BytesIO(b'[{"a": 1.10, "a": 2, "b": "x\ny"}]'))
    assert item.raw == b'{"a": 1.10, "a": 2, "b": "x\\ny"}'


def test_a_spoiled_line_spoils_only_itself() -> None:
    content = b"{oops\n" + json.dumps(BOB).encode()
    assert [(item.line, item.index) for item in open_items(io.BytesIO(content))] == [(1, 0), (2, 1)]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "The file is empty"),
        (b"  \n \n", "The file is empty"),
        (b"nobody,knows\na@x.org,CTO\n", "begins neither like JSON"),
        (b"[{}, {]", "line 1"),
        (b"[{}, NaN]", "NaN"),
        (b'[{"a": 1} {"b": 2}]', "comma"),
        (b'[{"a": 1}] x', "something follows"),
        (b'[{"a": "J\xf6rg"}]', "not UTF-8"),
        (b'{\n"a": 1', ""),
    ],
)
def test_a_file_that_cannot_be_read_is_explained_before_anything_is_sent(content: bytes, says: str) -> None:
    with pytest.raises(errors.MalformedBody) as raised:
        list(open_items(io.BytesIO(content)))
    assert says in raised.value.detail


def test_chunks_are_bounded_in_number_and_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(items_module, "MAX_CHUNK_BYTES", 2_000)
    content = "\n".join(json.dumps(person(f"p{number}@x.org", biography="x" * 800)) for number in range(5))
    assert [len(chunk) for chunk in open_items(io.BytesIO(content.encode())).chunks()] == [2, 2, 1]
    small = "\n".join('{"a":1}' for _ in range(1_001))
    monkeypatch.setattr(items_module, "MAX_CHUNK_BYTES", 1 << 20)
    assert [len(chunk) for chunk in open_items(io.BytesIO(small.encode())).chunks()] == [500, 500, 1]


# Into the database


def test_a_file_is_pushed_into_the_database(cli: Cli, tmp_path: Path) -> None:
    cli.make_event()
    file = tmp_path / "attendees.json"
    file.write_text(json.dumps([ANN, BOB, {"profile": {"title": "CTO"}}]))
    summary = cli.json("push", "--event", "spring", str(file), code=1)
    assert (summary["created"], summary["failed"], summary["total"]) == (2, 1, 3)
    (failed,) = summary["results"]
    assert (failed["index"], failed["code"]) == (2, "invalid_push")
    assert failed["errors"][0]["path"] == "profile.email"
    assert "line" not in failed
    assert "2 created" not in cli.text("push", "--event", "spring", str(file), code=1)


def test_people_see_where_and_why_items_failed(cli: Cli) -> None:
    cli.make_event()
    content = "\n\n".join(json.dumps(body) for body in [ANN] + [{"profile": {"email": "x"}}] * 25)
    shown = cli.text("push", "--event", "spring", "-", code=1, stdin=content)
    assert "26 items pushed (1 created, 25 failed)." in shown
    assert '  25 × profile.email is "x", which is not an e-mail address: it has no @.' in shown
    assert "Lines 3, 5, 7, 9, 11 and 20 more." in shown


def test_more_than_a_chunk_is_pushed(cli: Cli) -> None:
    cli.make_event()
    assert cli.push(*(person(f"p{number}@x.org") for number in range(1_203)))["created"] == 1_203
    assert cli.json("verify")["ok"]


def test_what_a_gateway_would_refuse_is_refused_here_too(cli: Cli) -> None:
    cli.make_event()
    content = json.dumps(person("a@x.org", biography="x" * (1 << 20))) + "\n" + json.dumps(BOB) + '\n["x"]'
    summary = cli.json("push", "--event", "spring", "-", code=1, stdin=content)
    assert summary["created"] == 1
    assert [(one["line"], one["errors"][0]["code"]) for one in summary["results"]] == [
        (1, "item_too_large"),
        (3, "not_an_object"),
    ]


def test_a_dry_run_changes_nothing(cli: Cli) -> None:
    cli.make_event()
    content = "\n".join(json.dumps(body) for body in (ANN, ANN))
    summary = cli.json("push", "--event", "spring", "--dry-run", "-", stdin=content)
    assert (summary["created"], summary["unchanged"], summary["dryRun"]) == (1, 1, True)
    assert cli.json("attendees", "list", "--event", "spring", "--status", "all")["attendees"] == []


def test_the_source_is_the_one_named(cli: Cli) -> None:
    cli.make_event()
    cli.run("key", "create", "--event", "spring", "--label", "Shop")
    cli.push(ANN, source="shop")
    assert cli.lines("changes", "--event", "spring")[0]["source"] == "Shop"
    assert "no source 'x'" in cli.error("push", "--event", "spring", "--source", "x", "-")


def test_an_archived_event_takes_no_pushes(cli: Cli) -> None:
    cli.make_event()
    cli.run("event", "archive", "spring")
    result = cli.run("push", "--event", "spring", "-", code=1, stdin=json.dumps(ANN))
    assert "archived and takes no pushes" in result.stderr


def test_it_has_to_be_said_where_to(cli: Cli, tmp_path: Path) -> None:
    key_file = tmp_path / "key"
    key_file.write_text(KEY)
    cli.run("push", "-", code=2)
    cli.run("push", "--event", "x", "--gateway", "http://localhost", "-", code=2)
    cli.run("push", "--event", "x", "--key-file", str(key_file), "-", code=2)
    cli.run("push", "--gateway", "http://localhost", "--source", "main", "-", code=2)
    cli.run("push", "--event", "x", str(tmp_path / "nothing.json"), code=2)


# Through a gateway


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that does not recover fails a test at once."""
    monkeypatch.setattr(sending_module, "GIVE_UP_S", 10.0)
    monkeypatch.setattr(sending_module, "GIVE_UP_ON_MISTAKES_S", 0.0)


def test_a_file_is_pushed_through_a_gateway(cli: Cli, product: Product, tmp_path: Path) -> None:
    event = product.make_event()
    key_file = tmp_path / "key"
    key_file.write_text(event.key + "\n")
    content = "\n".join(json.dumps(body) for body in [ANN, {"profile": {}}, "oops", BOB])
    arguments = ("push", "--gateway", event.gateway + "/attendees", "--key-file", str(key_file), "-")
    summary = cli.json(*arguments, code=1, stdin=content)
    assert (summary["created"], summary["failed"], summary["total"]) == (2, 2, 4)
    assert [(failed["index"], failed["line"]) for failed in summary["results"]] == [(1, 2), (2, 3)]
    assert cli.json(*arguments, code=1, stdin=content)["unchanged"] == 2
    event.check()


def test_the_key_may_come_from_the_environment(cli: Cli, product: Product, monkeypatch: pytest.MonkeyPatch) -> None:
    event = product.make_event()
    monkeypatch.setenv("TURNOUT_KEY", event.key)
    assert "1 created" in cli.text("push", "--gateway", event.gateway, "-", stdin=json.dumps(ANN, indent=2))


def test_a_wrong_key_ends_it_with_the_servers_words(
    cli: Cli, product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = product.make_event()
    monkeypatch.setenv("TURNOUT_KEY", product.make_event().key)
    result = cli.run("push", "--gateway", event.gateway, "-", code=1, stdin=json.dumps(ANN))
    assert "This address and key do not go together" in result.stderr


def test_a_mistyped_key_is_not_even_sent(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TURNOUT_KEY", KEY)
    assert "Nothing was sent" in cli.error("push", "--gateway", "http://192.0.2.1", "-")
    monkeypatch.delenv("TURNOUT_KEY")
    assert "There is no key" in cli.error("push", "--gateway", "http://192.0.2.1", "-")


class Gateway:
    """A server that answers what it is told."""

    def __init__(self, *answers: httpx2.Response | Exception) -> None:
        self.answers = list(answers)
        self.requests: list[httpx2.Request] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


CHUNK = [FileItem(0, None, json.dumps(ANN).encode())]
DONE = {"results": [], "created": 1, "updated": 0, "unchanged": 0, "suppressed": 0, "failed": 0}


def send_to(gateway: Callable[[httpx2.Request], httpx2.Response]) -> GatewaySending:
    return GatewaySending("http://gateway/e/x", KEY, dry_run=False, transport=httpx2.MockTransport(gateway))


def test_what_is_the_servers_fault_is_sent_again_under_the_same_idempotency_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(sending_module.time, "sleep", pauses.append)
    gateway = Gateway(
        httpx2.ConnectError("connection refused"),
        httpx2.Response(
            500, headers={"retry-after": "7"}, json={"detail": "Full.", "code": "queue_full", "retryable": True}
        ),
        httpx2.Response(502, text="<html>bad gateway</html>"),
        httpx2.Response(200, json=DONE),
        httpx2.Response(200, json=DONE),
    )
    told: list[str] = []
    with send_to(gateway) as sending:
        sending.send(CHUNK, told.append)
        sending.send(CHUNK, told.append)
    assert pauses == [5, 7, 1]
    assert "cannot be reached" in told[0]
    assert told[1] == "Full. Trying again in 7 s."
    keys = [request.headers["idempotency-key"] for request in gateway.requests]
    assert keys[0] == keys[1] == keys[2] == keys[3] != keys[4]
    assert sending.counts["created"] == 2
    assert gateway.requests[0].url == "http://gateway/e/x/attendees/batch?receipts=failed"


def test_a_server_that_stays_away_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending_module, "GIVE_UP_S", 0.0)
    with (
        send_to(Gateway(httpx2.ConnectError("connection refused"))) as sending,
        pytest.raises(errors.StorageUnavailable),
    ):
        sending.send(CHUNK, lambda _: None)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (httpx2.Response(404, text="<html>"), "answered 404"),
        (httpx2.Response(301, headers={"location": "https://gateway/e/x"}), "points to https://gateway/e/x"),
        (httpx2.Response(200, text="hello"), "does not answer like a gateway"),
        (httpx2.Response(413, json={"detail": "Too much.", "code": "body_too_large"}), "Too much."),
        (httpx2.Response(418, json={"detail": "Tea.", "code": "teapot"}), "Tea."),
    ],
)
def test_an_answer_that_will_not_get_better_ends_it(answer: httpx2.Response, says: str) -> None:
    with send_to(Gateway(answer)) as sending, pytest.raises(errors.TurnoutError) as raised:
        sending.send(CHUNK, lambda _: None)
    assert says in raised.value.detail


@pytest.mark.parametrize("gateway", ["feed.example.org", "ftp://x", "http://", "https://x?key=1"])
def test_what_is_no_address_is_refused(gateway: str) -> None:
    with pytest.raises(errors.InvalidRequest):
        GatewaySending(gateway, KEY, dry_run=False)


def test_ctrl_c_says_how_far_it_got(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    cli.make_event()
    send = sending_module.DirectSending.send

    def interrupted(self: sending_module.DirectSending, *arguments: Any) -> None:
        if self.total:
            raise KeyboardInterrupt
        send(self, *arguments)

    monkeypatch.setattr(sending_module.DirectSending, "send", interrupted)
    content = "\n".join(json.dumps(person(f"p{number}@x.org")) for number in range(600))
    result = cli.run("push", "--event", "spring", "-", code=130, stdin=content)
    assert "Stopped. 500 items pushed (500 created)." in result.stderr


# CSV

PEOPLE = "email;phone;customFields.Shoe size\na@x.org;+49 1;43\n\nb;=1+1;\nc@x.org\nd@x.org;;\n"


def way(cli: Cli, product: Product, monkeypatch: pytest.MonkeyPatch, direct: bool) -> tuple[str, ...]:
    """The arguments that push into the database or through a gateway."""
    if direct:
        cli.make_event()
        return ("push", "--event", "spring")
    event = product.make_event()
    monkeypatch.setenv("TURNOUT_KEY", event.key)
    return ("push", "--gateway", event.gateway)


@pytest.fixture(params=[True, False], ids=["database", "gateway"])
def arguments(
    request: pytest.FixtureRequest, cli: Cli, product: Product, monkeypatch: pytest.MonkeyPatch
) -> tuple[str, ...]:
    return way(cli, product, monkeypatch, request.param)


def test_a_csv_is_pushed_either_way(cli: Cli, arguments: tuple[str, ...], tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text(PEOPLE)
    summary = cli.json(*arguments, str(file), code=1)
    assert (summary["created"], summary["failed"], summary["total"]) == (2, 2, 4)
    assert [(one["index"], one["line"], one["errors"][0]["code"]) for one in summary["results"]] == [
        (1, 4, "invalid_email"),
        (2, 5, "invalid_row"),
    ]
    assert summary["results"][1]["errors"][0]["message"].startswith("Line 5: ")
    assert [(kind["code"], kind["count"], kind["lines"]) for kind in summary["problems"]] == [
        ("invalid_email", 1, [4]),
        ("invalid_row", 1, [5]),
    ]
    assert cli.json(*arguments, "-", code=1, stdin=PEOPLE)["unchanged"] == 2


def test_what_failed_is_written_to_be_mended_and_pushed_again(
    cli: Cli, arguments: tuple[str, ...], tmp_path: Path
) -> None:
    failed = tmp_path / "failed.csv"
    summary = cli.json(*arguments, "-", "--failed", str(failed), code=1, stdin=PEOPLE)
    assert summary["failedFile"] == str(failed)
    lines = failed.read_text().splitlines()
    assert lines[0] == "email;phone;customFields.Shoe size;error"
    assert lines[1].startswith("b;'=1+1;;\"Line 4: profile.email is")
    assert lines[2].startswith("c@x.org;;;Line 5: The row has 1 cell, and the header 3 columns. Give")
    mended = failed.read_text().replace("\nb;", "\nb@x.org;")
    assert cli.json(*arguments, "-", stdin=mended)["created"] == 2


def test_people_see_what_to_mend(cli: Cli, arguments: tuple[str, ...], tmp_path: Path) -> None:
    content = "email,title\n" + "x,CTO\n" * 7 + "a@x.org\na@x.org,CTO\n"
    shown = cli.text(*arguments, "-", code=1, stdin=content)
    assert "9 items pushed (1 created, 8 failed)." in shown
    assert "What to mend:" in shown
    assert '  7 × profile.email is "x", which is not an e-mail address: it has no @.' in shown
    assert "Lines 2, 3, 4, 5, 6 and 2 more." in shown
    assert "  1 × The row has 1 cell, and the header 2 columns." in shown
    assert "Line 9." in shown
    assert "With --failed FILE" in shown
    failed = tmp_path / "failed.csv"
    shown = cli.text(*arguments, "-", "--failed", str(failed), code=1, stdin=content)
    assert f"What failed is in {failed}" in shown
    assert len(failed.read_text().splitlines()) == 9


def test_lines_are_those_of_the_file_however_many_chunks_it_takes(cli: Cli, arguments: tuple[str, ...]) -> None:
    rows = [f'p{number}@x.org,"a\nb"' for number in range(700)] + ["", "x,y", ",", "z,"]
    summary = cli.json(*arguments, "-", code=1, stdin="email,title\n" + "\n".join(rows))
    assert (summary["created"], summary["failed"]) == (700, 2)
    assert [(one["index"], one["line"]) for one in summary["results"]] == [(700, 1_403), (701, 1_405)]
    assert [one["errors"][0]["message"].partition(":")[0] for one in summary["results"]] == ["Line 1403", "Line 1405"]


def test_what_failed_of_json_is_written_by_flat_paths(cli: Cli, arguments: tuple[str, ...], tmp_path: Path) -> None:
    failed = tmp_path / "failed.csv"
    content = "\n".join([json.dumps(ANN), json.dumps(person("b", ["A"])), "oops"])
    cli.run(*arguments, "-", "--failed", str(failed), code=1, stdin=content)
    lines = failed.read_text().splitlines()
    assert lines[0] == "profile.email,eventInfo.groups.groupNames[0],error"
    assert [line.partition("Line")[0] for line in lines[1:]] == ['b,A,"', ',,"']


def test_where_nothing_failed_the_file_says_so(cli: Cli, tmp_path: Path) -> None:
    cli.make_event()
    failed = tmp_path / "failed.csv"
    cli.run("push", "--event", "spring", "-", "--failed", str(failed), stdin="email\na@x.org\n")
    assert failed.read_text() == "email,error\n"


def test_failed_items_need_a_place_of_their_own(cli: Cli, tmp_path: Path) -> None:
    cli.make_event()
    file = tmp_path / "people.csv"
    file.write_text(PEOPLE)
    cli.run("push", "--event", "spring", str(file), "--failed", str(file), code=2)
    cli.run("push", "--event", "spring", str(file), "--failed", str(tmp_path / "no" / "folder.csv"), code=2)
    assert file.read_text() == PEOPLE


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("x.csv", "Mail,Vorname\na@x.org,Ann\n", "no name that is known"),
        ("x.csv", "email,city\na@x.org,Zürich\n".encode("cp1252"), "is not UTF-8"),
        ("x.txt", "email,city\na@x.org,Zürich\n".encode("cp1252"), "Excel"),
        ("x.txt", "email\ta@x.org\n".encode("utf-16"), "is UTF-16"),
        ("x.csv", "email,firstNamea@x.org,Ann", "one single line"),
    ],
)
def test_a_csv_that_cannot_be_read_is_explained_before_anything_is_sent(
    cli: Cli, tmp_path: Path, name: str, content: str | bytes, says: str
) -> None:
    cli.make_event()
    file = tmp_path / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    assert says in cli.error("push", "--event", "spring", str(file))
    assert cli.lines("changes", "--event", "spring") == []


def test_the_bar_knows_the_size_of_what_had_to_be_read(cli: Cli) -> None:
    assert open_items(io.BytesIO(PEOPLE.encode())).size_bytes == len(PEOPLE)
    assert open_items(io.BytesIO(b"[{}]")).size_bytes == 4
    assert open_items(io.BytesIO(b"{}\n{}")).size_bytes is None


def test_a_push_that_comes_to_nothing_leaves_the_failed_items_of_an_earlier_one(
    cli: Cli, product: Product, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    event = product.make_event()
    monkeypatch.setenv("TURNOUT_KEY", product.make_event().key)
    failed = tmp_path / "failed.csv"
    failed.write_text("email,error\n")
    cli.run("push", "--gateway", event.gateway, "-", "--failed", str(failed), code=1, stdin="email,title\na@x.org,x\n")
    assert failed.read_text() == "email,error\n"
