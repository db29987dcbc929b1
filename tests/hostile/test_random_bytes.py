"""Whatever bytes come as a body, there is an answer (D2, D3)."""

import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.hostile.target import Target

TYPES = ("application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", "")
TYPES_OF_BATCHES = ("application/json", "application/x-ndjson", "text/csv", "")
# fmt: off
NAMES = st.sampled_from([
    "profile", "profile.email", "Profile.E-Mail", "email", "customFields", "customFields[0]", "fieldName",
    "fieldValue", "eventInfo", "groups", "groupNames", "groupNames[]", "attending", "observedAt",
    "clear", "key", "a.b", "[0]", "0", "attendees", ".", "[", "é", "\0", "\ud800", "",
])
# fmt: on
TEXTS = st.sampled_from(["a@b.cd", "", " ", "null", "[]", '["A"]', "2025-01-01T00:00:00Z", "true", "\0"]) | st.text(
    st.characters(), max_size=8
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)
JSON = VALUES.map(lambda value: json.dumps(value).encode())
BYTES = st.binary(max_size=200)
TOKENS = st.lists(
    st.sampled_from(
        [b'"', b"{", b"}", b"[", b"]", b":", b",", b"\\u0000", b"\\ud800", b"1", b"key", b"&", b"=", b"--x"]
    )
    | st.sampled_from(
        [b"\r\n", b"\n", b"profile.email", b"a@b.cd", b"\xff", b"\0", b"trn_0_0", b"%00", b"\xef\xbb\xbf"]
    ),
    max_size=30,
).map(b"".join)
BODIES = BYTES | JSON | TOKENS
BOUNDED = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@BOUNDED
@given(
    body=BODIES, kind=st.sampled_from(TYPES), has_key=st.booleans(), encoding=st.sampled_from(["", "gzip", "deflate"])
)
def test_any_bytes_have_an_answer(target: Target, body: bytes, kind: str, has_key: bool, encoding: str) -> None:
    answer = target.ask(body, f"Content-Type: {kind}", f"Content-Encoding: {encoding}", key="" if has_key else None)
    assert has_key or answer.status == 401


@BOUNDED
@given(body=BODIES, kind=st.sampled_from(TYPES_OF_BATCHES), has_key=st.booleans(), atomic=st.booleans())
def test_any_bytes_as_a_batch_have_an_answer(
    target: Target, body: bytes, kind: str, has_key: bool, atomic: bool
) -> None:
    path = f"{target.path}/batch?atomic={atomic}"
    answer = target.ask(body, f"Content-Type: {kind}", path=path, key="" if has_key else None)
    assert has_key or answer.status == 401
