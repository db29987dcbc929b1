"""Bodies that want to cost more than they are: too wide, too deep, too long, odd in every place (B3, B4, B6)."""

import gzip
import json

import pytest

from tests.hostile.target import MIB, Target, all_at_once, repeat

EXTRA_MIB = 120
"""Whatever a body of at most 1 MiB says."""
OTHERS_S = 2.0
"""How long others may wait meanwhile, on two slow cores."""
EMAIL = '{"profile.email":"victim@example.org",'
FIELDS = '{"profile":{"email":"victim@example.org","customFields":['
GROUPS = '{"profile.email":"victim@example.org","eventInfo.groups.groupNames":'

# Name → body, and the code that must be among the errors; None where it is taken.
COSTLY: dict[str, tuple[bytes, str | None]] = {
    "100,000 unknown names": (repeat(lambda n: f'"u{n}":0', EMAIL, "}"), "too_many_fields"),
    "as many deeper down": (repeat(lambda n: f'"{n}":0', EMAIL + '"x":{"y":{', "}}}"), "too_many_fields"),
    "as many below a long name": (
        repeat(lambda n: f'"{n}":0', EMAIL + f'"{"n" * 300_000}":{{', "}}"),
        "name_too_long",
    ),
    "as many below a name that is just short enough": (
        repeat(lambda n: f'"{n}":0', EMAIL + f'"{"n" * 1_000}":{{', "}}"),
        "too_many_fields",
    ),
    "flat paths of thirty levels": (repeat(lambda n: f'"{n}{".a" * 29}":0', EMAIL, "}"), "too_many_fields"),
    "flat paths of a hundred levels": (repeat(lambda n: f'"{n}{".a" * 99}":0', EMAIL, "}"), "too_deep"),
    "one flat path of 500,000 levels": (f'{EMAIL}"{"a." * 500_000}a":0}}'.encode(), "too_deep"),
    "500,000 pairs of brackets": (f'{EMAIL}"a{"[]" * 500_000}":0}}'.encode(), "too_deep"),
    "100,000 empty custom fields": (repeat(lambda n: "{}", FIELDS, "]}}"), "index_too_high"),
    "9,999 empty custom fields": (repeat(lambda n: "{}", FIELDS, "]}}", most=9_999), "too_many_custom_fields"),
    "300,000 values of custom fields": (
        repeat(lambda n: f'{{"fieldName":"f{n}","fieldValue":[{",".join(["10"] * 9_000)}]}}', FIELDS, "]}}"),
        "too_many_fields",
    ),
    "500,000 groups": ((GROUPS + "[" + "1," * 500_000 + "1]}").encode(), "index_too_high"),
    "500,000 groups in a text": ((GROUPS + '"[' + "1," * 500_000 + '1]"}').encode(), "too_many_groups"),
    "350,000 lists": ((EMAIL + '"x":[' + "[]," * 340_000 + "0]}").encode(), "index_too_high"),
    "lists that are nearly empty": (repeat(lambda n: f'"u{n}[9999][9999]":0', EMAIL, "}", most=2_000), None),
    "100,000 times appended": ((EMAIL + '"a[]":0,' * 100_000 + '"b":0}').encode(), "index_too_high"),
    "two layers of appended": ((EMAIL + '"a[].b[].c":0,' * 60_000 + '"b":0}').encode(), "index_too_high"),
    "brackets that nobody closes": ((EMAIL + '"x":' + "[" * 300 + "0" + ",[]" * 300_000).encode(), "invalid_json"),
    "one field 40,000 times": ((EMAIL + '"profile.title":"x",' * 40_000 + '"x":0}').encode(), None),
    "one field in many spellings": (
        repeat(lambda n: f'"PRO{"_" * (n % 40)}file.ti-tle":"x"', EMAIL, "}", size=MIB // 2),
        None,
    ),
    "9,999 paths to clear": (
        repeat(lambda n: f'"profile.x{n}"', EMAIL + '"clear":[', "]}", most=9_999),
        "unknown_path",
    ),
    "NUL in 90,000 names": ((EMAIL + '"\\u0000":0,' * 90_000 + '"x":0}').encode(), "forbidden_character"),
    "half a character in 40,000 values": (
        repeat(lambda n: f'"u{n}":"\\udc00"', EMAIL, "}"),
        "forbidden_character",
    ),
    "a megabyte of Latin-1": (b"\xff" * MIB, "not_utf8"),
}

LONG = "n" * 1_000_000
DIGITS = "7" * 1_000_000
ODD: dict[str, tuple[str | bytes, str | None]] = {
    "arrays in arrays": ("[" * MIB, "too_deep"),
    "objects in objects": ('{"a":' * 200_000, "too_deep"),
    "arrays in arrays that end": (f'{EMAIL}"x":{"[" * 500}{"]" * 500}}}', "too_deep"),
    "objects in objects that end": (EMAIL + '"x":' + '{"a":' * 400 + "0" + "}" * 401, "too_deep"),
    "customFields[9999]": (f'{EMAIL}"profile.customFields[9999].fieldName":"Far"}}', None),
    "customFields[10000]": (f'{EMAIL}"profile.customFields[10000].fieldName":"Far"}}', "index_too_high"),
    "customFields[99999999999999999999]": (
        f'{EMAIL}"profile.customFields[99999999999999999999].fieldName":"Far"}}',
        "index_too_high",
    ),
    "an index of 100,000 digits": (
        f'{EMAIL}"profile.customFields.{"9" * 100_000}.fieldName":"Far"}}',
        "index_too_high",
    ),
    "1,001 custom fields": (
        repeat(lambda n: f'{{"fieldName":"f{n}","fieldValue":""}}', FIELDS, "]}}", most=1_001),
        "too_many_custom_fields",
    ),
    "a name of a million letters": (f'{EMAIL}"{LONG}":0}}', "name_too_long"),
    "a custom field's name of a million letters": (f'{FIELDS}{{"fieldName":"{LONG}"}}]}}}}', "name_too_long"),
    "a group's name of a million letters": (f'{GROUPS}"{LONG}"}}', "name_too_long"),
    "a value of a million letters": (f'{EMAIL}"profile.title":"{LONG}"}}', None),
    "one more for the same person": (f'{EMAIL}"profile.city":"{LONG}"}}', "attendee_too_large"),
    "an unknown value of a million letters": (f'{{"profile.email":"b@c.de","x":"{LONG}"}}', None),
    "an address of a million letters": (f'{{"profile.email":"{LONG}@b.cd"}}', "invalid_email"),
    "an address of a million signs": (f'{{"profile.email":"{"@" * 1_000_000}"}}', "invalid_email"),
    "a number of a million digits": (f'{{"profile.email":"c@d.ef","profile.title":{DIGITS}}}', None),
    "a fraction of a million digits": (f'{{"profile.email":"d@e.fg","profile.title":0.{DIGITS}}}', None),
    "a time of a million digits": (f'{EMAIL}"observedAt":{DIGITS}}}', "invalid_time"),
    "a power": ('{"profile.email":"e@f.gh","profile.title":1e999999,"profile.city":-1E-999999,"x":1e999999}', None),
    "a time of 1e999999": (f'{EMAIL}"observedAt":1e999999}}', "invalid_time"),
    "a time of 9e999": (f'{EMAIL}"observedAt":9e999}}', "invalid_time"),
    "a time of 1e-999": (f'{EMAIL}"observedAt":1e-999}}', None),
    "a time of -0": (f'{EMAIL}"observedAt":-0}}', None),
    "-0": ('{"profile.email":"e@f.gh","profile.title":-0,"profile.city":-0.0e-0}', None),
    "NaN": (f'{EMAIL}"profile.title":NaN}}', "invalid_json"),
    "Infinity": (f'{EMAIL}"profile.title":-Infinity}}', "invalid_json"),
    "01": (f'{EMAIL}"profile.title":01}}', "invalid_json"),
    "beginnings of templates": (f'{{"profile.email":"f@g.hi","profile.title":"{"{{a" * 250_000}}}"}}', None),
    "quotation marks": ('"' * MIB, "invalid_json"),
    "backslashes": ('{"' + "\\" * (MIB - 2), "invalid_json"),
    "spaces": (" " * MIB, "empty_body"),
    "nothing": ("", "empty_body"),
    "NULs": ("\0" * MIB, "not_utf8"),
    "beginnings of keys": ('{"x" ' + "trn_" * 200_000, "invalid_json"),
    "names of keys": ('{"x" ' + '"key": ' * 100_000, "invalid_json"),
    "a value and a parent": (f'{EMAIL}"profile.title":"x","profile.title.a":"x"}}', "value_and_parent"),
    "the profile twice": ('{"profile":{"email":"a@b.cd"},"profile":{"email":"c@d.ef"}}', "conflicting_values"),
    "the address twice": ('{"profile":{"email":"a@b.cd","email":"c@d.ef"}}', "conflicting_values"),
    "an unknown field twice": (f'{EMAIL}"x":{{"y":1,"y":2}}}}', "conflicting_values"),
    "a custom field's name twice": (f'{FIELDS}{{"fieldName":"A","fieldName":"B"}}]}}}}', "conflicting_values"),
    "the groups twice": (f'{GROUPS}"A","eventInfo":{{"groups":{{"groupNames":"B"}}}}}}', "conflicting_values"),
    "the time twice": (f'{EMAIL}"observedAt":1,"observedAt":2}}', "conflicting_values"),
    "one field 40,000 times, always another": (
        repeat(lambda n: f'"profile.title":"{n}"', EMAIL, "}"),
        "conflicting_values",
    ),
    "NUL in the address": ('{"profile.email":"a\\u0000@b.cd"}', "forbidden_character"),
    "half a character in the address": ('{"profile.email":"\\ud800@b.cd"}', "forbidden_character"),
    "half a character in a name": (f'{EMAIL}"\\udead.\\ud800":0}}', "forbidden_character"),
    "NUL in a custom field's name": (f'{FIELDS}{{"fieldName":"\\u0000"}}]}}}}', "forbidden_character"),
    "NUL in a group": (f'{GROUPS}["\\u0000"]}}', "forbidden_character"),
    "NUL in a group within a text": (f'{GROUPS}"[\\"\\\\u0000\\"]"}}', "forbidden_character"),
    "half a character in a path to clear": (f'{EMAIL}"clear":["profile.\\udfff"]}}', "forbidden_character"),
    "a raw NUL": (f'{EMAIL}"profile.title":"\0"}}', "forbidden_character"),
    "half a character in UTF-8": (EMAIL.encode() + b'"profile.title":"\xed\xa0\x80"}', "not_utf8"),
    "UTF-8 that is longer than it must be": (EMAIL.encode() + b'"profile.title":"\xc0\x80"}', "not_utf8"),
    "UTF-16": (EMAIL.encode("utf-16"), "not_utf8"),
    "UTF-16 without mark": (EMAIL.encode("utf-16-le"), "not_utf8"),
    "UTF-32": (EMAIL.encode("utf-32"), "not_utf8"),
    "UTF-7": (b'{"profile.email":"+AGE-@b.cd"}', None),
    "Latin-1": (EMAIL.encode() + b'"profile.title":"Zo\xeb"}', "not_utf8"),
    "two marks": (b"\xef\xbb\xbf\xef\xbb\xbf" + EMAIL.encode() + b'"x":0}', "invalid_json"),
}


@pytest.mark.parametrize(("body", "code"), COSTLY.values(), ids=COSTLY.keys())
def test_a_costly_body_is_answered_and_holds_nobody_up(target: Target, body: bytes, code: str | None) -> None:
    assert len(body) <= MIB
    with target.others_at_work(within_s=OTHERS_S):
        assert_answered(target, body, code)
    assert target.extra_mib < EXTRA_MIB, f"{target.extra_mib:.0f} MiB"


def test_an_odd_body_has_an_answer(target: Target) -> None:
    for name, (body, code) in ODD.items():
        try:
            assert_answered(target, body if isinstance(body, bytes) else body.encode(), code)
        except AssertionError as error:
            raise AssertionError(name) from error
    assert target.extra_mib < EXTRA_MIB, f"{target.extra_mib:.0f} MiB"


def assert_answered(target: Target, body: bytes, code: str | None) -> None:
    answer = target.ask(body)
    assert answer.status == (200 if code is None else 500), answer.body
    if code is not None:
        assert code in answer.codes
        assert json.loads(answer.body)["retryable"] is False


def test_a4_without_a_good_key_all_of_it_is_the_same_401(target: Target) -> None:
    with target.others_at_work(within_s=OTHERS_S):
        bodies = [body for body, _ in (*COSTLY.values(), *ODD.values())]
        answers = [target.ask(body if isinstance(body, bytes) else body.encode(), key=None) for body in bodies]
    assert {answer.body for answer in answers} == {answers[0].body}
    assert answers[0].status == 401
    assert target.extra_mib < EXTRA_MIB, f"{target.extra_mib:.0f} MiB"


KEYS = {
    "another": '"trn_0_0"',
    "half a character": '"\\ud800"',
    "NUL": '"\\u0000"',
    "a list": '["{key}"]',
    "an object": '{{"key":"{key}"}}',
    "a number of 100,000 digits": "7" * 100_000,
    "true": "true",
    "the same with a NUL behind it": '"{key}\\u0000"',
    "the same in letters of double width": '"\uff54rn_"',
    "arrays in arrays": "[" * 20 + "]" * 20,
}


@pytest.mark.parametrize("odd", KEYS.values(), ids=KEYS.keys())
def test_a2_an_odd_key_is_a_wrong_one_alone_and_beside_the_right_one(target: Target, odd: str) -> None:
    key = odd.format(key=target.key)
    assert target.ask(f'{EMAIL}"key":{key}}}'.encode(), key=None).status == 401
    assert target.ask(f'{EMAIL}"key":{key}}}'.encode()).status == 401
    assert target.ask(f'{EMAIL}"key":"{target.key}","key":{key}}}'.encode(), key=None).status == 401
    assert target.ask(f'{EMAIL}"KEY":{key},"key":"{target.key}"}}'.encode(), key=None).status == 401


def test_a2_a_key_100_000_times_is_one_key(target: Target) -> None:
    body = EMAIL + f'"key":"{target.key}",' * 8_000 + f'"k_e_y":"{target.key}"}}'
    assert target.ask(body.encode(), key=None).status == 200
    many = repeat(lambda n: f'"key":"trn_{n}_{n}"', EMAIL, "}")
    assert target.ask(many).status == 401


def test_many_costly_bodies_at_once_hold_nobody_up(target: Target) -> None:
    """Packed they cost the attacker nothing: a few KiB each."""
    names = ("as many deeper down", "flat paths of thirty levels", "300,000 values of custom fields")
    packed = [gzip.compress(COSTLY[name][0], 1) for name in names]
    attacks = [
        lambda body=body, key=key: target.ask(body, "Content-Encoding: gzip", key=key)
        for key in ("", None)
        for body in packed
        for _ in range(2)
    ]
    with target.others_at_work(within_s=OTHERS_S):
        answers = all_at_once(attacks)
    assert [answer.status for answer in answers] == [500] * 6 + [401] * 6
    assert target.extra_mib < EXTRA_MIB, f"{target.extra_mib:.0f} MiB"


def test_memory_is_flat_however_often_the_same_is_tried(target: Target) -> None:
    bodies = [COSTLY[name][0] for name in ("as many deeper down", "350,000 lists", "500,000 groups in a text")]
    sizes = []
    for _ in range(4):
        for body in bodies:
            target.ask(body)
        sizes.append(target.used_mib)
    assert max(sizes[1:]) < sizes[0] + 32, sizes
