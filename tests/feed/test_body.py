"""Opening a body: B1, B6, and the key in it (A2, A5)."""

import gzip
import json
import re
import tracemalloc
import zlib

import pytest

from turnout.errors import BodyTooLarge, MalformedBody, UnsupportedEncoding
from turnout.feed.parse.body import Body, Number, decode_any, redact, unpack, write_json
from turnout.feed.parse.redact import excerpt, show

KEY = "trn_0af3_S3cretS3cret"
FORM = "application/x-www-form-urlencoded"
SEED = (
    '{\n"profile": {\n"email": "john.doe@example.com",\n"firstName": "John",\n"lastName": "Doe"\n},\n'
    '"eventInfo": {\n"groups": {\n"groupNames": ["Group1"]\n}\n}\n'
)


def brief(value: object) -> str:
    """A case's name in the report: what is sent, cut where it is long."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:50]}…{len(text)}"


def open_body(body: str | bytes, content_type: str | None = "application/json") -> Body:
    return decode_any(body if isinstance(body, bytes) else body.encode(), content_type)


def why(body: str | bytes, content_type: str | None = "application/json") -> str:
    opened = open_body(body, content_type)
    assert opened.object is None
    (problem,) = opened.problems
    return f"{problem.code}: {problem.message} {problem.help}"


@pytest.mark.parametrize(
    "content_type", ["application/json", "text/plain", None, FORM, "multipart/form-data", "x"], ids=brief
)
def test_b1_an_object_is_read_whatever_the_content_type_says(content_type: str | None) -> None:
    assert open_body('{"profile": {"email": "a@b.c"}}', content_type).object == (("profile", (("email", "a@b.c"),)),)


def test_b1_a_byte_order_mark_is_tolerated() -> None:
    assert open_body(b'\xef\xbb\xbf {"a": "\xc3\xa9"} \r\n').object == (("a", "é"),)


def test_b1_raw_line_breaks_and_tabs_in_texts_are_taken() -> None:
    assert open_body('{"a": "one\ntwo\tthree"}').object == (("a", "one\ntwo\tthree"),)


def test_b2_duplicates_and_order_are_kept() -> None:
    assert open_body('{"b": "1", "a": "2", "b": "3"}').object == (("b", "1"), ("a", "2"), ("b", "3"))


@pytest.mark.parametrize("number", ["12345", "1.10", "-0", "1e400", "0.1000", "9" * 6000], ids=brief)
def test_b4_numbers_keep_their_text(number: str) -> None:
    opened = open_body(f'{{"a": {number}}}').object
    assert opened == (("a", number),)
    assert isinstance(opened[0][1], Number)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("", "empty_body"),
        (" \r\n\t", "empty_body"),
        (SEED, r"a \} is missing at the end"),
        ('{"profile": {"email": "a@b.c"', r"a \} and a \} are missing at the end"),
        ('{"clear": ["profile.title"', r"a \] and a \} are missing at the end"),
        ('{"a": "b",', r"breaks off behind a comma"),
        ('{"a":', r"breaks off behind a colon"),
        ('{"profile": {"email": "a@b.c}}', r"line 1, column 23"),
        ('{"a": "b",}', "comma behind the last entry"),
        ('{"a": ["b", ]}', "comma behind the last entry"),
        ("{'a': 'b'}", "straight double quotation marks"),
        ("{\"a\": 'b'}", "straight double quotation marks"),
        ('\'{"a": "b"}\'', "In the command prompt of Windows"),
        ("{“a”: “b”}", "straight double quotation marks"),
        ('{"email": {{email}}}', "placeholder of a template"),
        ('{"email": {{ email }}, "a": 1}', "placeholder of a template"),
        ('{"email": ${email}}', "placeholder of a template"),
        ('{"email": %EMAIL%}', "placeholder of a template"),
        ('{"email": *|EMAIL|*}', "placeholder of a template"),
        ('{email: "a@b.c"}', 'the name email must stand in quotation marks: "email"'),
        ('{"a": hello}', "a text must stand in quotation marks"),
        ('{"a": True}', "True is Python"),
        ('{"a": NaN}', "NaN is not a value in JSON"),
        ('{"a": "NaN", "b": -Infinity}', r"-Infinity is not a value in JSON \(line 1, column 19"),
        ('{"a": "C:\\new\\x"}', "must be written twice"),
        ('{"a" "b"}', "a colon is missing"),
        ('{"a": "b" "c": "d"}', "a comma is missing"),
        ('{"a": "the "best" one"}', "quotation mark inside the text"),
        ('{"a": 1 // one\n}', "no comments"),
        ('{"a": 01}', "a comma is missing"),
        ('{"a": }', "a value is missing"),
        ('{"a": "b"}}', r"one \} too many"),
        ('{"a": "b"}\n{"a": "c"}', "several_objects.*attendees/batch"),
        ('{"a": "b"}, {"a": "c"}', "several_objects.*attendees/batch"),
        ('{"a": "b"};', "something follows"),
        ('[{"a": "b"}]', "not_an_object.*is a list.*attendees/batch"),
        ('"hello"', "not_an_object.*is a text"),
        ('"{\\"a\\": 1}"', "not_an_object.*turns it into JSON twice"),
        ("12", "not_an_object.*is a number"),
        ("null", "not_an_object"),
        ("profile.email=a@b.c", "invalid_json"),
        ("<xml/>", "invalid_json"),
    ],
    ids=brief,
)
def test_b1_a_slip_is_explained_in_plain_words(body: str, expected: str) -> None:
    assert re.search(expected, why(body), re.DOTALL), why(body)


def test_b1_the_example_of_the_seed_lacks_a_brace_and_is_told_so() -> None:
    assert why(SEED) == (
        "invalid_json: The body is not valid JSON: a } is missing at the end (line 12, column 1, "
        'near …upNames": ["Group1"] } }⟨here⟩). Add } at the end.'
    )


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('{"a": "Zoë"}'.encode("cp1252"), "0xEB in line 1.*PowerShell"),
        ('{"a": "Zoë"}'.encode("utf-16"), "UTF-16.*PowerShell"),
        ('{"a": "Zoe"}'.encode("utf-16-le"), "UTF-16.*PowerShell"),
        (b'{"a": "\xed\xa0\x80"}', "0xED"),
    ],
    ids=brief,
)
def test_b1_what_is_not_utf8_is_told_the_likely_cause_and_the_cure(body: bytes, expected: str) -> None:
    assert re.search("not_utf8.*" + expected, why(body))
    assert "charset=utf-8" in why(body)
    open_body(body).text.encode()


def test_b6_thirty_two_levels_are_read_and_one_more_is_not() -> None:
    assert open_body('{"a": ' * 31 + "{}" + "}" * 31).object is not None
    assert why('{"a": ' * 32 + "{}" + "}" * 32).startswith("too_deep")
    assert open_body('{"a": [' + "{}," * 100 + "{}]}").object is not None


@pytest.mark.parametrize("bomb", ["[" * 2**20, '{"a":' * 200_000, "[" * 500 + "]" * 500, '{"a":[' * 500], ids=brief)
def test_b6_a_deep_bomb_is_a_problem_and_no_crash(bomb: str) -> None:
    assert open_body(bomb).object is None


@pytest.mark.parametrize(
    "filler",
    ['"', '\\"', '"\\', "key", "key:", "key=", "k e y ", "\\", "t\\u", "{{", "api-", " ", "[]", "'", "trn_", "trn_a_"],
    ids=brief,
)
def test_a5_explaining_and_blanking_take_no_longer_than_reading(filler: str) -> None:
    text = filler * (300_000 // len(filler))
    for body in (text, '{"a": ' + text, '{"a": "' + text):
        open_body(body)


# Forms


def test_b1_a_url_encoded_form_is_the_flat_format() -> None:
    body = "profile[email]=zo%C3%AB%2B1@b.c&profile.title=Head+of+%26&eventInfo[groups][groupNames][]=A&x="
    assert open_body(body, FORM + "; charset=utf-8").object == (
        ("profile[email]", "zoë+1@b.c"),
        ("profile.title", "Head of &"),
        ("eventInfo[groups][groupNames][]", "A"),
        ("x", ""),
    )


def multipart(*parts: str, end: str = "--B--\r\n") -> bytes:
    return ("".join(f"--B\r\nContent-Disposition: form-data; {part}\r\n" for part in parts) + end).encode()


def test_b1_the_text_parts_of_multipart_are_the_flat_format() -> None:
    body = multipart(
        'name="profile[email]"\r\n\r\nzoë@b.c',
        'name="a%22b"\r\nContent-Type: text/plain\r\n\r\ntwo\r\nlines',
        'name="photo"; filename=""\r\nContent-Type: application/octet-stream\r\n\r\n',
    )
    read = open_body(body, "multipart/form-data; boundary=B").object
    assert read == (("profile[email]", "zoë@b.c"), ('a"b', "two\r\nlines"))


@pytest.mark.parametrize(
    ("body", "content_type", "code"),
    [
        (multipart('name="f"; filename="cv.pdf"\r\n\r\n%PDF'), "multipart/form-data; boundary=B", "file_part"),
        (multipart('name="f"\r\n\r\nx', end=""), "multipart/form-data; boundary=B", "invalid_form"),
        (multipart('name="f"\r\n\r\nx'), "multipart/form-data", "invalid_form"),
        (multipart("x=y\r\n\r\nx"), "multipart/form-data; boundary=B", "invalid_form"),
        (b"a=%E9", FORM, "not_utf8"),
        (b"a=\xe9", FORM, "not_utf8"),
        (b"a&" * 60_000, FORM, "too_many_fields"),
        (b"  ", FORM, "empty_body"),
    ],
    ids=brief,
)
def test_b1_a_form_that_cannot_be_read_says_why(body: bytes, content_type: str, code: str) -> None:
    assert why(body, content_type).startswith(code)


def test_b1_a_form_is_stored_as_the_flat_object_it_means_so_that_it_can_be_replayed() -> None:
    form = open_body("profile[email]=a@b.c&g[]=1&g[]=2&key=x", FORM)
    assert form.text == '{"profile[email]": "a@b.c", "g[]": "1", "g[]": "2"}'
    assert form.keys == ("x",)


# The key


@pytest.mark.parametrize(
    ("members", "keys"),
    [
        (f'"key": "{KEY}"', (KEY,)),
        (f'"Key": " {KEY} "', (KEY,)),
        (f'"K_E-Y ": "{KEY}"', (KEY,)),
        ('"key": 12.50', ("12.50",)),
        ('"key": null', ()),
        ('"key": "  "', ()),
        ('"key": "a", "KEY": "a"', ("a",)),
        ('"key": "a", "KEY": "b", "key": null', ("a", "b")),
        ('"key": []', ()),
        ('"key": {"a": 1}', ("not a text: tuple",)),
        ('"key": true', ("not a text: bool",)),
        ('"profile": {"key": "a"}', ()),
        ('"k\\u0065y": "a"', ("a",)),
    ],
    ids=brief,
)
def test_a2_the_key_is_found_at_the_root_in_any_spelling(members: str, keys: tuple[str, ...]) -> None:
    opened = open_body(f'{{"a": 1, {members}, "b": 1.10}}')
    assert opened.keys == keys
    assert opened.object is not None
    assert all(value is None for name, value in opened.object if name.lower() == "key")


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ('{"a": 1.10}', '{"a": 1.10}'),
        (f'{{"key": "{KEY}", "a": 1.10}}', '{ "a": 1.10}'),
        (f'{{"a": 1.10,\n "key" : "{KEY}" }}', '{"a": 1.10 }'),
        (f'{{"a":1,"key":"{KEY}","b":2}}', '{"a":1,"b":2}'),
        (f'{{"key":"{KEY}"}}', "{}"),
        ('{"key": "your-api-key"}', "{}"),
        ('{"key": -1.5e3, "a": 1}', '{ "a": 1}'),
        (f'{{"a": "see {KEY}!", "{KEY}": ["{KEY}"], "a": 1.10}}',
         '{"a": "see [key removed]!", "[key removed]": ["[key removed]"], "a": 1.10}'),
        ('{"a": "trn\\u005f0af3\\u005fS3cret"}', '{"a": "[key removed]"}'),
        ('{"a": "\\u0074rn_0af3_S3cret"}', '{"a": "[key removed]"}'),
        ('{"a": "[\\"trn\\\\u005f0af3\\\\u005FS3cret\\", 1]"}', '{"a": "[\\"[key removed]\\", 1]"}'),
        ('{"a": "\\\\u0074rn_0af3_\\\\u0053\\\\u0033cret!"}', '{"a": "[key removed]!"}'),
        ('{"a": "{\\"b\\": \\"[\\\\\\"trn_0af3\\\\\\\\u005fS3cret\\\\\\"]\\"}"}',
         '{"a": "{\\"b\\": \\"[\\\\\\"[key removed]\\\\\\"]\\"}"}'),
        ('{"a": "Zo\\\\u00eb, trn\\\\u005f and more"}', '{"a": "Zo\\\\u00eb, trn\\\\u005f and more"}'),
        (f'{{"key": "{KEY}", "a": "\\"key\\": 1", "b": "\\"key"}}', '{"a": "\\"key\\": 1", "b": "\\"key"}'),
        (f'{{"Key": "{KEY}", "a": {{"key": "mine"}}, "a": [null, true, false, 2, "é\\n"]}}',
         '{"a": {"key": "mine"}, "a": [null, true, false, 2, "é\\n"]}'),
        ('{"k\\u0065y": "x", "a": {"key": "mine"}}', '{"a": {"key": "mine"}}'),
        ('{"a": "x\0"}', '{"a": "x\\u0000"}'),
    ], ids=brief)  # fmt: skip
def test_a5_what_is_stored_is_what_was_sent_without_any_key(body: str, text: str) -> None:
    assert open_body(body).text == text
    json.loads(text)


def test_a5_a_masked_text_is_what_the_parser_sees_too() -> None:
    assert open_body(f'{{"a": "{KEY}"}}').object == (("a", "[key removed]"),)


def test_a5_letters_escaped_as_many_senders_do_leave_the_text_as_it_was_sent() -> None:
    opened = open_body('{"a": "Zo\\u00eb", "b": "\\u4f60"}')
    assert opened.object == (("a", "Zoë"), ("b", "你"))
    assert opened.text == '{"a": "Zo\\u00eb", "b": "\\u4f60"}'
    assert not opened.may_hold_odd_characters


def test_b6_surrogates_are_stored_as_escapes() -> None:
    opened = open_body('{"key": "x", "a": "\\ud800é", "b": "\\ud83d\\ude00"}')
    assert opened.may_hold_odd_characters
    assert opened.text == '{"a": "\\ud800é", "b": "😀"}'
    assert write_json("\ud800é\0") == '"\\ud800é\\u0000"'


@pytest.mark.parametrize(
    "text",
    [
        '{"key": "%s", "a": ',
        '{"a": 1, "Key" : "%s',
        '{"KEY": %s, }',
        "{'key': '%s'}",
        "{“key”: “%s”}",
        '{"a": "{\\"key\\": \\"%s\\"}" ',
        "key=%s&a=",
        "Api-Key: %s\r\n{",
        "api_key=%s",
        '{"k-e_y":"%s"',
        "k e y = %s",
    ],
    ids=brief,
)
@pytest.mark.parametrize("key", [KEY, "my-old.key/1", "abc"], ids=brief)
def test_a5_an_unreadable_body_is_stored_without_what_looks_like_a_key(text: str, key: str) -> None:
    opened = open_body(text % key)
    assert opened.object is None
    assert opened.keys == ()
    assert key not in opened.text
    assert key not in opened.problems[0].message
    assert "[key removed]" in opened.text


@pytest.mark.parametrize("key", ["trn\\u005f0af3_S3cret", "\\u0074rn_0af3\\u005fS3cret", "trn\\\\u005F0af3_S3cret"])
def test_a5_in_an_unreadable_body_a_key_is_seen_through_its_escapes_too(key: str) -> None:
    opened = open_body(f'{{"a": "{key}", "b": }}')
    assert opened.object is None
    assert opened.text == '{"a": "[key removed]", "b": }'
    assert "S3cret" not in opened.problems[0].message


def test_a5_a_key_anywhere_in_an_unreadable_body_is_blanked_and_the_rest_stays() -> None:
    assert redact(f'{{"note": "{KEY}", "monkey": "Bob", "key": null,, "a": 1') == (
        '{"note": "[key removed]", "monkey": "Bob", "key": null,, "a": 1'
    )


@pytest.mark.parametrize(
    "cut", [*range(6, 48), *range(51, 66)], ids=brief
)  # a key without its trn_ is nobody's to know
def test_a5_the_excerpt_beside_an_error_shows_no_part_of_a_key(cut: int) -> None:
    text = f'{{"a": 1, "key": "{KEY}", "b": "{KEY}"}}'
    message = why(text[:cut] + "\\q" + text[cut:])
    assert not re.search("S3cret|cretS|tS3c", message.replace("\\q", "")), message


@pytest.mark.parametrize(
    ("before", "behind", "expected"),
    [
        ('{"a": ', "", '{"a": ⟨here⟩'),
        ('{"a": ', "x" * 24, '{"a": ⟨here⟩' + "x" * 24),
        ('{"a": ', "x" * 25, '{"a": ⟨here⟩' + "x" * 24 + "…"),
        ('{"long name": 1, "longer": ', "x", '…long name": 1, "longer": ⟨here⟩x'),
        (" " * 500, "x", "…⟨here⟩x"),
        ("{" + " " * 500 + '"a": ', "x", '…"a": ⟨here⟩x'),
        ('{"a": ', "x" + " " * 500 + "y", '{"a": ⟨here⟩x…'),
    ],
    ids=brief,
)
def test_d3_an_excerpt_says_where_it_was_cut(before: str, behind: str, expected: str) -> None:
    sides = excerpt(before + behind, len(before))
    assert "⟨here⟩".join(sides) == expected.replace(": ⟨", ":⟨")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("x" * 100, "x" * 100),
        ("x" * 101, "x" * 99 + "…"),
        ("a" + " " * 90 + "b", "a b"),
        ("a" + " " * 900 + "b", "a…"),
        (f"{KEY} " * 50, ("[key removed] " * 8)[:99] + "…"),
    ],
    ids=brief,
)
def test_d3_a_value_that_a_message_shows_says_where_it_was_cut(text: str, shown: str) -> None:
    assert show(text) == shown


def test_d3_a_name_that_is_cut_says_so() -> None:
    assert f'the name {"x" * 39}… must stand in quotation marks: "{"x" * 39}…"' in why(f"{{{'x' * 50}: 1}}")


def test_a4_a_body_that_is_too_deep_still_gives_its_key() -> None:
    opened = open_body(f'{{"key": "{KEY}", "a": ' + "[" * 40 + "]" * 40 + "}")
    assert opened.object is None
    assert opened.keys == (KEY,)
    assert KEY not in opened.text


# Content-Encoding


def raw_deflate(content: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(content) + packer.flush()


PACKED = {
    None: lambda content: content,
    "identity": lambda content: content,
    "gzip": gzip.compress,
    "GZip": gzip.compress,
    "x-gzip": lambda content: gzip.compress(content) + gzip.compress(b"") + b"\0" * 5,
    "deflate": zlib.compress,
    " deflate ": raw_deflate,
}


@pytest.mark.parametrize("encoding", PACKED, ids=str)
@pytest.mark.parametrize("size", [1, 7, 100_000], ids=brief)
def test_b1_gzip_and_both_kinds_of_deflate_are_read_in_pieces_of_any_size(encoding: str | None, size: int) -> None:
    content = b'{"a": "' + bytes(range(97, 123)) * 900 + b'"}'
    packed = PACKED[encoding](content)
    chunks = [packed[start : start + size] for start in range(0, len(packed), size)]
    assert unpack(chunks, encoding, len(content)) == content
    with pytest.raises(BodyTooLarge):
        unpack(chunks, encoding, len(content) - 1)


@pytest.mark.parametrize("encoding", ["gzip", "deflate"], ids=brief)
def test_b6_a_bomb_is_refused_without_being_unpacked(encoding: str) -> None:
    bomb = PACKED[encoding](b"\0" * 50_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(BodyTooLarge, match="1 MiB"):
            unpack([bomb], encoding, 2**20)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_b6_many_empty_members_are_refused() -> None:
    with pytest.raises(MalformedBody):
        unpack([gzip.compress(b"") * 2000], "gzip", 2**20)


def test_b6_a_packed_body_without_content_is_bounded_too() -> None:
    with pytest.raises(BodyTooLarge):
        unpack([b"\x1f\x8b"] + [b"x" * 100_000] * 2, "gzip", 1000)


@pytest.mark.parametrize(
    ("packed", "encoding"),
    [
        (gzip.compress(b"hello", mtime=0)[:-1], "gzip"),
        (gzip.compress(b"hello", mtime=0)[:-4] + b"abcd", "gzip"),
        (b"hello", "gzip"),
        (b"h", "gzip"),
        (gzip.compress(b"hello", mtime=0) + b"junk", "gzip"),
        (b'{"a": 1}', "deflate"),
        (zlib.compress(b"hello")[:-1], "deflate"),
        (zlib.compress(b"hello") + b"x", "deflate"),
    ],
    ids=brief,
)
def test_b1_a_broken_packing_is_a_malformed_body(packed: bytes, encoding: str) -> None:
    with pytest.raises(MalformedBody) as raised:
        unpack([packed], encoding, 1000)
    assert raised.value.problems[0].code == "broken_encoding"


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, br", "gzip, gzip"], ids=brief)
def test_b1_other_encodings_are_refused_by_name(encoding: str) -> None:
    with pytest.raises(UnsupportedEncoding, match=encoding):
        unpack([b""], encoding, 10)


def test_d3_an_encoding_that_the_message_names_says_where_it_was_cut_and_is_no_key() -> None:
    with pytest.raises(UnsupportedEncoding, match=f"packed with {'x' * 59}…; gzip"):
        unpack([b""], "x" * 100, 10)
    with pytest.raises(UnsupportedEncoding, match=r"packed with br, \[key removed\]; gzip"):
        unpack([b""], f"br, {KEY}", 10)


def test_b1_an_empty_body_is_empty_whatever_its_encoding() -> None:
    assert unpack([], "gzip", 10) == b""
