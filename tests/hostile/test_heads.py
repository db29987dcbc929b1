"""Request lines, headers and queries that mean to be read otherwise (A1–A5, D5, D6)."""

import json

import pytest

from tests.hostile.target import Target

PUSH = b'{"profile.email":"victim@example.org"}'

# With {key}, the good key, and {other}, the good key of another source. What comes of it.
KEYS = {
    "twice the same": (["Api-Key: {key}", "Api-Key: {key}"], 200),
    "both headers": (["Api-Key: {key}", "Authorization: Bearer {key}"], 200),
    "in odd case and with spaces": (["aPI-kEY:  \t {key} \t "], 200),
    "bearer in lower case": (["Authorization: bearer {key}"], 200),
    "bearer with many spaces": (["Authorization: BEARER    {key}   "], 200),
    "beside a blank one": (["Api-Key:", "Api-Key: {key}", "Api-Key:    "], 200),
    "beside another scheme": (["Authorization: Basic {other}", "Api-Key: {key}"], 200),
    "twice, differently": (["Api-Key: {key}", "Api-Key: x"], 401),
    "two good ones": (["Api-Key: {key}", "Api-Key: {other}"], 401),
    "two good ones in two headers": (["Api-Key: {key}", "Authorization: Bearer {other}"], 401),
    "two in one": (["Api-Key: {key}, {key}"], 401),
    "two in one bearer": (["Authorization: Bearer {key} {key}"], 401),
    "in quotation marks": (['Api-Key: "{key}"'], 401),
    "bearer in the wrong header": (["Api-Key: Bearer {key}"], 401),
    "bearer with a tab": (["Authorization: Bearer\t{key}"], 401),
    "without scheme": (["Authorization: {key}"], 401),
    "as a password": (["Authorization: Basic {key}"], 401),
    "with an underscore": (["Api_Key: {key}"], 401),
    "by another name": (["X-Api-Key: {key}", "Cookie: Api-Key={key}", "Proxy-Authorization: Bearer {key}"], 401),
    "in capitals": (["Api-Key: {KEY}"], 401),
    "with a space that a web page left behind it": (["Api-Key: {key}\xa0"], 200),
    "bytes that are no text": (["Api-Key: \xff\xfe\xe9"], 401),
    "60,000 letters": (["Api-Key: " + "x" * 60_000], 401),
    "200 of them": (["Api-Key: {key}"] * 200, 200),
    "200 different ones": ([f"Api-Key: trn_{number}_0" for number in range(200)], 401),
}


@pytest.mark.parametrize(("headers", "status"), KEYS.values(), ids=KEYS.keys())
def test_a2_who_is_calling_is_read_in_one_way_only(target: Target, headers: list[str], status: int) -> None:
    other = target.event.make_source("Other")
    names = {"key": target.key, "other": other, "KEY": target.key.upper()}
    lines = [header.format(**names) for header in headers]
    for path in ("", f"{target.path}/batch"):
        assert target.ask(PUSH if not path else b"[" + PUSH + b"]", *lines, path=path, key=None).status == status
    if status == 200:
        for in_body, expected in ((target.key, 200), (other, 401), ("trn_0_0", 401)):
            body = json.dumps({"key": in_body, "profile.email": "victim@example.org"}).encode()
            assert target.ask(body, *lines, key=None).status == expected


def test_a_key_in_a_trailer_is_none(target: Target) -> None:
    with target.connect() as connection:
        connection.sendall(
            target.head(None, "Transfer-Encoding: chunked", "Trailer: Api-Key", key=None)
            + b"%x\r\n%b\r\n0\r\nApi-Key: %b\r\n\r\n" % (len(PUSH), PUSH, target.key.encode())
        )
        assert target.read(connection).status == 401


# With {slug}. What comes of a POST of one attendee with the good key.
PATHS: dict[str, int] = {
    "/e/{slug}/attendees/": 200,
    "/e/{slug}/attendees////": 200,
    "/e/{slug}/": 200,
    "/e/{slug}/attendees?": 200,
    "/e/{slug}/attendees#x": 200,
    "/%65/{slug}/%61ttendees": 200,
    "http://localhost/e/{slug}/attendees": 200,
    "http://evil.example/e/{slug}/attendees": 200,
    "/e/../{slug}/attendees": 404,
    "/e/{slug}/../{slug}/attendees": 404,
    "/e/{slug}/./attendees": 404,
    "/e/{slug}/%2e%2e/attendees": 404,
    "/e/{slug}//attendees": 404,
    "//e/{slug}/attendees": 404,
    "/e//{slug}/attendees": 404,
    "/e/{slug}/attendees/../../../etc/passwd": 405,
    "/e/{slug}/attendees/%2e%2e/%2e%2e/health": 405,
    "/e/{slug}/attendees;x=1": 404,
    "/e/{slug}/attendees.json": 404,
    "/e/{slug}/Attendees": 404,
    "/e/{slug}/att%C3%A9ndees": 404,
    "/e/{slug}/attendees%20": 404,
    "/e/{slug}/attendees%0d%0aLocation:%20x": 404,
    "/e/{slug}/attendees/batch/batch": 405,
    "/E/{slug}/attendees": 404,
    "/e": 404,
    "/e/": 404,
    "/e/%2e%2e/%2e%2e/health": 404,
    "/../e/{slug}": 404,
    "//evil.example/": 404,
    "/%2f%2fevil.example": 404,
    "/\\evil.example": 404,
    "/e/{SLUG}/attendees": 401,
    "/e/{slug}%20/attendees": 401,
    "/e/{slug}%E2%80%AE/attendees": 401,
    "/e/%ff%fe/attendees": 401,
    "/e/%ed%a0%80/attendees": 401,
    "/e/%252e/attendees": 401,
    "/e/%/attendees": 401,
    "/e/x%0a2026-01-01T00:00:00Z%20[error]%20forged_%1b[31m/attendees": 401,
    "/e/" + "a" * 60_000 + "/attendees": 401,
    "/e/" + "%F0%9F%8E%9F" * 5_000 + "/attendees": 401,
    "/e/{slug}%00/attendees": 400,
    "/e/{slug}/attendees/%00": 400,
    "/e/ {slug}/attendees": 400,
    "*": 400,
    "": 400,
    "e/{slug}/attendees": 400,
    "/e/caf\xe9/attendees": 400,
    "http://": 400,
    "/" + "a" * 70_000: 431,
}


def test_a1_an_address_is_read_in_one_way_only_and_nothing_redirects(target: Target) -> None:
    slug = target.event.slug
    for path, status in PATHS.items():
        written = path.replace("{slug}", slug).replace("{SLUG}", slug.upper())
        # A blank path is one all the same here, not the default.
        answer = target.ask(PUSH, path=written.encode("latin-1") or b" ", statuses=(status,))
        assert answer.status == status
    assert "\n2026-01-01T" not in target.log
    assert "\x1b[31m" not in target.log


METHODS = ("GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "PURGE", "M-SEARCH")


@pytest.mark.parametrize("rest", ["", "/attendees", "/attendees/batch", "/key", "/pushes", "/pushes/psh_0", "/else"])
def test_other_methods_have_an_answer_and_change_nothing(target: Target, rest: str) -> None:
    sequence = len(target.event.changes())
    for method in METHODS:
        path = f"/e/{target.event.slug}{rest}"
        answer = target.ask(PUSH, method=method, path=path, statuses=(200, 403, 404, 405))
        if answer.status == 405:
            assert method not in answer.headers["allow"].split(", ")
        if method in ("OPTIONS", "TRACE"):
            assert answer.status in (404, 405)  # nothing is offered to scripts of other pages, nothing is echoed
            assert "access-control-allow-origin" not in answer.headers
    assert len(target.event.changes()) == sequence


@pytest.mark.parametrize("path", ["/", "/health", "/metrics", "/docs", "/openapi.json", "/nothing"])
def test_pages_answer_every_method_too(target: Target, path: str) -> None:
    for method in METHODS:
        for spelled in (path, f"{path}/", f"/.{path}", f"{path}?{'a=1&' * 5_000}"):
            target.ask(method=method, path=spelled, statuses=(200, 204, 400, 404, 405))


QUERIES = {
    "&".join(["a=1"] * 10_000): "invalid_request",
    "&" * 10_000: "invalid_request",
    "=" * 1_000: "",
    "&" * 90: "",
    "%": "",
    "%zz=%u1234&%ff=%ed%a0%80": "",
    "dryRun[]=1": "invalid_request",
    "?dryRun": "invalid_request",
    "dryRun%00=1": "invalid_request",
    "dryRun%0atrn_0_0=1": "invalid_request",
    "dryRun=true&dryRun=false": "",
    "dryRun=%00": "invalid_request",
    "dryRun=%ff": "invalid_request",
    "dryRun=\xff": "invalid_request",
    "dryRun=" + "x" * 50_000: "invalid_request",
    "dryRun={key}": "invalid_request",
    "dryRun=%74%72%6e_0": "invalid_request",
    "key={key}&Api-Key={key}&api_key={key}": "",
}


def test_d5_an_odd_query_has_an_answer(target: Target) -> None:
    for query, code in QUERIES.items():
        spelled = f"{target.path}?{query.replace('{key}', target.key)}"
        statuses = (400,) if "\xff" in query else (200, 500)
        answer = target.ask(PUSH, path=spelled, statuses=statuses)
        assert answer.code == ("malformed_request" if "\xff" in query else code), query[:100]
        assert target.ask(PUSH, path=spelled, key=None, statuses=(400, 401)).status == (400 if "\xff" in query else 401)


LISTS = {
    "limit=" + "0" * 17 + "1": 400,
    "limit=000000001" + "0" * 5_000: 400,
    "limit=" + "9" * 5_000: 400,
    "limit=-1": 400,
    "limit=1e3": 400,
    "limit=%B2": 400,
    "limit=%D9%A1": 400,
    "limit=": 400,
    "limit=007": 200,
    "cursor=%00": 200,
    "cursor=%ff": 200,
    "cursor=" + "x" * 50_000: 200,
    "cursor='%20OR%201=1%20--": 200,
    "result=%27": 400,
    "result=" + "x" * 50_000: 400,
    "{key}=1": 400,
    "x" * 50_000 + "=1": 400,
    "%00%ff=1": 400,
    "=": 400,
}


def test_an_odd_query_of_what_a_sender_reads_has_an_answer(target: Target) -> None:
    for query, status in LISTS.items():
        path = f"/e/{target.event.slug}/pushes?{query.replace('{key}', target.key)}"
        assert target.ask(method="GET", path=path, statuses=(200, 400)).status == status, query[:100]
        assert target.ask(method="GET", path=path, key=None).status == 401


HEADERS = [
    "Idempotency-Key: " + "x" * 256,
    "Idempotency-Key: \xff\xe9\x80",
    "Idempotency-Key: {key}",
    "Idempotency-Key: " + " " * 5_000,
    "Idempotency-Key: '; DROP TABLE pushes; --",
    "Content-Type: multipart/form-data",
    "Content-Type: multipart/form-data; boundary=\xff",
    'Content-Type: multipart/form-data; boundary="' + '\\"' * 20_000,
    "Content-Type: multipart/form-data; " + ";a=" * 15_000,
    "Content-Type: application/x-www-form-urlencoded; charset=utf-16",
    "Content-Type: " + "\xff" * 1_000,
    "Content-Type:",
    "Content-Encoding:",
    "X-Forwarded-For: " + "1," * 30_000,
    "X-Forwarded-For: \xff, ::::, 1.2.3.4:99999999, [::1, fe80::1%\xff, " + "9" * 5_000,
    "X-Forwarded-For:",
    "X-Forwarded-Proto: \xff, javascript",
    "Forwarded: for=127.0.0.1",
    "Prefer: " + "return=minimal," * 3_000,
    "Accept: \xff, text/html;q=" + "9" * 5_000,
    "Expect: something",
    "Cookie: " + "a=b; " * 10_000,
    "Range: bytes=0-0, 5-" + "9" * 5_000,
    "If-None-Match: *",
    "X-HTTP-Method-Override: DELETE",
    "Origin: https://evil.example",
]


def test_odd_headers_have_an_answer(target: Target) -> None:
    form = b"profile.email=victim%40example.org&profile.title=%ff"
    multipart = b'--x\r\nContent-Disposition: form-data; name="profile.email"\r\n\r\nvictim@example.org\r\n--x--\r\n'
    for header in HEADERS:
        for body in (PUSH, form, multipart, b"\xff"):
            answer = target.ask(body, header.format(key=target.key))
            assert answer.code in ("", "invalid_request", "malformed_body", "invalid_push", "idempotency_key_reused")
            assert "access-control-allow-origin" not in answer.headers


def test_d6_the_same_odd_idempotency_key_is_the_same_key(target: Target) -> None:
    for key in ("\xff\xe9\x80", "'; DROP TABLE pushes; --", "x" * 255, target.key):
        body = b'{"profile.email":"victim@example.org","profile.title":"%d"}' % len(key)
        first, second = (target.ask(body, f"Idempotency-Key: {key}") for _ in range(2))
        assert (first.status, second.body) == (200, first.body)
        assert target.ask(body + b" ", f"Idempotency-Key: {key}").code == "idempotency_key_reused"
