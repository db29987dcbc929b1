"""What holds for every body: one push in any spelling is one push, and nothing crashes (B1–B7, A5)."""

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from turnout.errors import InvalidPush, MalformedBody, Refused
from turnout.feed.batch.split import split
from turnout.feed.parse.body import Body, decode, decode_any, unpack
from turnout.feed.parse.push import read_any, to_push
from turnout.model.attendee import PROFILE_FIELDS
from turnout.model.push import Push
from turnout.model.receipt import Problem

NOW = 1_750_000_000_000_000
FORM = "application/x-www-form-urlencoded"

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
scalars = st.one_of(st.none(), st.booleans(), texts, st.integers(), st.sampled_from(["", " ", "null", "{{x}}", "a,b"]))
addresses = st.sampled_from(["a@b.c", "zoë@bücher.example", " A@B.C ", '"q@q"@b.c'])
names = st.text("aAöß. ", max_size=3)


@st.composite
def pushes(draw: st.DrawFn) -> dict[str, Any]:
    """A push in the nested form, exactly named, without empty lists (which the flat format cannot say)."""
    profile: dict[str, Any] = draw(st.dictionaries(st.sampled_from(PROFILE_FIELDS[1:]), scalars, max_size=5))
    profile["email"] = draw(addresses)
    values = st.one_of(scalars, st.lists(scalars, min_size=1, max_size=3))
    fields = st.lists(st.fixed_dictionaries({"fieldName": names, "fieldValue": values}), max_size=4)
    if rows := draw(fields):
        profile["customFields"] = rows
    profile |= draw(st.dictionaries(st.sampled_from(["jobTitle", "shoeSize", "x-y"]), scalars, max_size=2))
    body: dict[str, Any] = {"profile": profile}
    event_info: dict[str, Any] = {}
    if groups := draw(st.lists(scalars, max_size=4)):
        event_info["groups"] = {"groupNames": groups}
    if (attending := draw(st.sampled_from([True, False, None, "true", ...]))) is not ...:
        event_info["attending"] = attending
    if event_info:
        body["eventInfo"] = event_info
    if (observed_at := draw(st.sampled_from([None, 1_700_000_000, "2025-03-01T08:30Z", 2**40, ...]))) is not ...:
        body["observedAt"] = observed_at
    if clear := draw(st.lists(st.sampled_from(["profile.motto", "profile.customFields.q"]), max_size=2)):
        body["clear"] = clear
    return body


def flatten(value: Any, path: str, notation: str) -> Iterator[tuple[str, Any]]:
    """The leaves with their paths: `a[0].b`, `a.0.b` or `a[0][b]`."""
    if isinstance(value, dict):
        for name, inner in value.items():
            below = f"{path}[{name}]" if path and notation == "form" else f"{path}.{name}" if path else name
            yield from flatten(inner, below, notation)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from flatten(inner, f"{path}.{index}" if notation == "dots" else f"{path}[{index}]", notation)
    else:
        yield path, value


def spread(value: Any, draw: st.DataObject) -> list[tuple[str, Any]]:
    """The members of an object, each left nested, or flattened by one level or wholly, and shuffled."""
    members: list[tuple[str, Any]] = []
    for name, inner in value.items():
        how = draw.draw(st.sampled_from(["nested", "deeper", "brackets", "dots", "indexed"]))
        if how in ("brackets", "dots") or not isinstance(inner, (dict, list)):
            members += flatten(inner, name, how)
        elif isinstance(inner, dict) and how == "deeper":
            members += [(f"{name}.{below}", value) for below, value in spread(inner, draw)]
        elif isinstance(inner, dict):
            members.append((name, Members(spread(inner, draw))))
        elif how == "indexed":
            indices = sorted(draw.draw(st.sets(st.integers(0, 9999), min_size=len(inner), max_size=len(inner))))
            members += [(f"{name}[{index}]", item) for index, item in zip(indices, inner, strict=True)]
        else:
            members.append((name, inner))
    return draw.draw(st.permutations(members))


class Members(list[tuple[str, Any]]):
    """An object whose names may come twice."""


def write(value: Any) -> str:
    if isinstance(value, Members):
        return "{" + ",".join(f"{json.dumps(name)}: {write(inner)}" for name, inner in value) + "}"
    if isinstance(value, dict):
        return write(Members(value.items()))
    return "[" + ",".join(map(write, value)) + "]" if isinstance(value, list) else json.dumps(value, ensure_ascii=False)


def outcome(body: Body, **policy: Any) -> object:
    """What a push says, or the problems' codes: all that may not depend on the notation."""
    try:
        return meaning(to_push(body, lists=policy.get("lists", "none"), now=NOW))
    except InvalidPush as error:
        return sorted(problem.code for problem in error.problems)


def meaning(push: Push) -> object:
    return (
        push.email,
        push.profile,
        [(field.name, field.value) for field in push.custom_fields],
        None if push.groups is None else [group.name for group in push.groups],
        (push.attending, push.observed_at, push.clear_profile, push.clear_custom_fields),
        push.unknown_fields,
        sorted((warning.code, str(warning.suggestion)) for warning in push.warnings),
    )


@given(pushes(), st.data(), st.sampled_from(["none", ",", ";"]))
def test_b2_a_push_means_the_same_in_every_notation(body: dict[str, Any], data: st.DataObject, lists: str) -> None:
    nested = outcome(decode(write(body).encode(), None), lists=lists)
    for notation in ("brackets", "dots", "form"):
        flat = Members(flatten(body, "", notation))
        assert outcome(decode(write(flat).encode(), None), lists=lists) == nested
    mixed = write(Members(spread(body, data)))
    assert outcome(decode(mixed.encode(), FORM), lists=lists) == nested
    batch = split(f"[{{}}, {mixed}]".encode(), None)
    assert outcome(batch.item(1), lists=lists) == nested


@given(pushes())
def test_b1_a_form_means_what_the_same_texts_mean_in_json(body: dict[str, Any]) -> None:
    pairs = [
        (path, json.dumps(value) if isinstance(value, (bool, int)) else value)
        for path, value in flatten(body, "", "form")
        if value is not None
    ]
    form = decode(urlencode(pairs).encode(), FORM)
    assert outcome(form) == outcome(decode(write(Members(pairs)).encode(), None))
    assert outcome(decode(form.text.encode(), None)) == outcome(form)


@given(pushes(), st.data())
def test_b5_a_push_means_the_same_in_every_spelling(body: dict[str, Any], data: st.DataObject) -> None:
    def respell(value: Any) -> Any:
        if isinstance(value, dict):
            return {data.draw(st.sampled_from([name, name.upper(), f"_{name} ", f"{name[:1]}-{name[1:]}"]))
                    if name not in ("jobTitle", "shoeSize", "x-y") else name: respell(inner)
                    for name, inner in value.items()}  # fmt: skip
        return [respell(inner) for inner in value] if isinstance(value, list) else value

    def without_renamed(result: object) -> object:
        if isinstance(result, tuple):
            return (*result[:-1], [warning for warning in result[-1] if warning[0] != "renamed_field"])
        return result

    exact, respelled = (outcome(decode(write(each).encode(), None)) for each in (body, respell(body)))
    assert without_renamed(respelled) == without_renamed(exact)


plain_texts = st.one_of(st.text("aö ,;{}", max_size=6), st.none())
plain_pushes = st.fixed_dictionaries(
    {
        "profile": st.fixed_dictionaries(
            {"email": addresses},
            optional={
                "title": plain_texts,
                "thirdPartyId": plain_texts,
                "customFields": st.lists(
                    st.fixed_dictionaries({"fieldName": names, "fieldValue": plain_texts}), max_size=3
                ),
            },
        )
    },
    optional={
        "eventInfo": st.fixed_dictionaries(
            {},
            optional={
                "groups": st.fixed_dictionaries({"groupNames": st.lists(names, max_size=3)}),
                "attending": st.booleans(),
            },
        ),
        "key": st.text("trn_a1", max_size=9),
        "observedAt": st.none(),
    },
)


def twice(text: str, at: int) -> str:
    """The JSON text with one of its members, wherever it stands, given twice."""
    members = list(re.finditer(r'"[^"]*": (?:"[^"]*"|null|true|false|\[[^\[\]{}]*\])', text))
    member = members[at % len(members)]
    return f"{text[: member.start()]}{member[0]}, {text[member.start() :]}"


@given(plain_pushes, st.sampled_from(["none", ",", ";"]), st.none() | st.integers(0, 50))
@settings(suppress_health_check=[HealthCheck.filter_too_much])
def test_the_short_way_gives_what_the_long_way_gives(body: dict[str, Any], lists: Any, doubled: int | None) -> None:
    text = json.dumps(body, ensure_ascii=False)
    raw = (text if doubled is None else twice(text, doubled)).encode()
    short = decode(raw, None)
    assume(short.push is not None)
    long = decode_any(raw, None)
    assert short.text == long.text
    assert long.keys == ()
    assert to_push(short, lists=lists, now=NOW) == read_any(long, lists=lists, now=NOW)


PLAIN = {
    "profile": {"email": "a@b.c", "title": "CTO", "customFields": [{"fieldName": "f", "fieldValue": "1"}]},
    "eventInfo": {"groups": {"groupNames": ["A"]}, "attending": False},
}


def test_the_short_way_is_taken_by_the_usual_push_and_by_no_other() -> None:
    def takes(body: str) -> bool:
        return decode(body.encode(), None).push is not None

    assert takes(json.dumps(PLAIN | {"key": None, "observedAt": None, "clear": None}))
    for other in ({"x": 1}, {"clear": ["profile.title"]}, {"Profile": {}}, {"profile.title": "CTO"}, {"observedAt": 1},
                  {"key": "x"}):  # fmt: skip
        assert not takes(json.dumps(PLAIN | other))
    text = json.dumps(PLAIN)
    assert takes(text)
    for at in range(7):
        assert not takes(twice(text, at))
    for odd in ("\\u0041", "\\n", "\t", "trn_a_b", "{{first_name}}"):
        assert not takes(text.replace("CTO", odd))


# Anything at all

odd_names = st.one_of(
    st.sampled_from(
        ["profile", "eventInfo", "key", "clear", "observedAt", "email", "customFields", "fieldName", "fieldValue",
         "groups", "groupNames", "attending", "profile.email", "profile.customFields[0]", "profile[title]", "[0]", "[]",
         "0", "9999", "10000", "a[]", "profile.customFields.0.fieldName", "KEY", "Profile", "e-mail", "", ".", "a..b",
         "trn_a1_b2", "\0", "\ud800"]
    ),
    st.text("ab.[]01 _-", max_size=8),
    st.text(max_size=5),
)  # fmt: skip
json_values = st.recursive(
    st.one_of(scalars, st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(odd_names, inner, max_size=4)),
    max_leaves=12,
)


def read_everything(raw: bytes, content_type: str | None) -> None:
    for body in (decode(raw, content_type), *split(raw, content_type).items()):
        body.text.encode()
        assert "\0" not in body.text
        assert (body.object is None and body.push is None) == bool(body.problems)
        for lists in ("none", ","):
            try:
                push = to_push(body, lists=lists, now=NOW)
            except (InvalidPush, MalformedBody) as error:
                check_problems(error.problems)
                continue
            str(push.unknown_fields).encode()
            f"{push.email}{push.profile}{push.custom_fields}{push.groups}{push.warnings}".encode()
            assert "\0" not in f"{push.email}{push.profile}{push.custom_fields}"
            if not body.problems:
                again = decode(body.text.encode(), None)
                assert meaning(to_push(again, lists=lists, now=NOW)) == meaning(without_key_warning(push))


def check_problems(problems: list[Problem]) -> None:
    assert problems
    for problem in problems:
        assert problem.message
        assert problem.help
        f"{problem.path}{problem.message}".encode()


def without_key_warning(push: Push) -> Push:
    """A replay does not see the key, so it is not told how `key` is spelled."""
    return replace(push, warnings=tuple(warning for warning in push.warnings if warning.suggestion != "key"))


content_types = st.sampled_from(
    [None, "application/json", FORM, "multipart/form-data; boundary=B", "application/x-ndjson"]
)


@given(st.dictionaries(odd_names, json_values, max_size=5), content_types)
@example({"profile.email": "a@b.c", "profile.title": "x", "profile": {"title": {"\ud800": 1}}}, None)
@example({"KEY": "trn_a_b", "profile": {"email": "a@b.c", "a": "trn_a1_b2"}}, None)
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_b1_any_object_gives_a_push_or_problems(body: dict[str, Any], content_type: str | None) -> None:
    read_everything(json.dumps(body).encode(), content_type)


TOKENS = [
    *"{}[],:\"'\\\n\t \0-=&é",
    *(
        "\\u0000",
        "\\ud800",
        "1",
        ".5",
        "1e9",
        "NaN",
        "Infinity",
        "null",
        "true",
        "key=",
        "key",
        "trn_a_b",
        "{{",
        "}}",
        "a[]",
    ),
    *('"key"', '"a"', '"profile"', '"email"', '"a@b.c"', '"attendees"', "%00", "%E9", "--B", "\r\n", "//"),
    'Content-Disposition: form-data; name="a"',
]
tokens = st.lists(st.sampled_from(TOKENS), max_size=30).map("".join)


@given(st.one_of(tokens.map(str.encode), st.binary(max_size=60)), content_types)
def test_b1_any_bytes_give_a_push_or_problems(raw: bytes, content_type: str | None) -> None:
    read_everything(raw, content_type)


@given(st.lists(st.sampled_from([token for token in TOKENS if "key" not in token]), max_size=20).map("".join))
def test_a5_no_text_to_be_stored_holds_the_value_of_a_key(text: str) -> None:
    for raw in (
        f'{{"key": "S3cret", "a": {text}}}',
        f'{{"a": {text}, "KEY" :"S3cret"}}',
        f'{text}\n"key": "S3cret"{text}',
    ):
        assert "S3cret" not in decode(raw.encode(), None).text, raw
    for raw in (f'{{"a": {text}trn_a1_S3cret}}', f'{{"a": "trn_a1_S3cret{text}"}}', f"{text}trn_a1_S3cret{text}"):
        opened = decode(raw.encode(), None)
        assert "S3cret" not in f"{opened}{split(raw.encode(), None).text}"


@given(st.binary(max_size=200), st.sampled_from([None, "gzip", "deflate"]))
def test_b6_any_packed_bytes_are_unpacked_or_refused(raw: bytes, encoding: str | None) -> None:
    for packed in (raw, b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03" + raw, b"\x78\x9c" + raw):
        with suppress(Refused):
            assert len(unpack([packed[:3], packed[3:]], encoding, 1000)) <= 1000
