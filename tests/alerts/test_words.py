"""What alerts say: short titles, ways that exist, and nothing of anybody who attends."""

from types import SimpleNamespace
from typing import get_args
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.feed.builders import make_names
from turnout.alerts import words
from turnout.alerts.words import MAX_TITLE
from turnout.console.pages import list_pages
from turnout.model.alert import KINDS, Alert, AlertKind, Facts
from turnout.model.event import Configuration, Event
from turnout.model.key import Key
from turnout.model.policy import Policy
from turnout.model.source import Source
from turnout.now import now_us

HOUR_US = 3_600 * 1_000_000
AT = 60 * 365 * 24 * HOUR_US
FACTS: dict[str, list[Facts]] = {
    "first_push": [{"source": 1, "at": AT}, {"source": 1, "at": AT, "rehearsed": 1}],
    "silent": [{"source": 1, "last": AT, "hours": 9, "usually": 12}],
    "errors": [
        {"source": 1, "failed": 5, "pushes": 26, "percent": 19, "code": "invalid_email", "path": "profile.email"},
        {"source": 1, "failed": 7, "pushes": 7, "percent": 100},
        {"source": 1, "failed": 7, "pushes": 7, "percent": 100, "code": "ambiguous_email", "path": "profile.email"},
    ],
    "refused_key": [
        *(
            {"key": key, "label": "app", "state": state, "times": 9, "addresses": 1, "since": AT, "last": AT} | more
            for key in ("key_1", "key_gone")
            for state in ("revoked", "expired", "read", "good")
            for more in ({}, {"source": 1}, {"source": 1, "another": 1})
        ),
        *(
            {"state": state, "times": 1_200, "addresses": 40, "keys": keys, "since": AT, "last": AT}
            for state, keys in (("missing", 0), ("unknown", 1), ("unknown", 90), ("both", 2), ("elsewhere", 1))
        ),
    ],
    "unknown_field": [
        {"source": 1, "path": "profile.jobTitle", "meant": "profile.title"},
        {"source": 1, "path": "profile.a", "more": 6, "others": "b, c, d, e"},
    ],
    "falling": [
        {"about": about, "before": 40, "now": 10, "lost": 30, "percent": 75} | more
        for about in ("people", "group:1", "custom_field:1", "profile:title", "group:99")
        for more in ({}, {"more": 3})
    ],
    "key_expiring": [
        {"key": key, "label": "app", "expires": AT + left} | more
        for key in ("key_1", "key_gone")
        for left in (-HOUR_US, 5 * HOUR_US, 300 * HOUR_US)
        for more in ({}, {"source": 1}, {"rotated": 1})
    ],
    "webhook": [
        {"webhook": "whk_1", "host": "hooks.example.com", "state": "off", "failure": "It answered 410 Gone."},
        {"webhook": "whk_1", "host": "hooks.example.com", "state": "active", "waiting": 1, "failure": "503: no"},
        {"webhook": "whk_1", "host": "hooks.example.com", "state": "active", "waiting": 9, "everywhere": 1},
    ],
}


def make_configuration(name: str) -> Configuration:
    event = Event(id="evt_1", slug="conf", name=name, policy=Policy(), created_at=AT, time_zone="Europe/Berlin")
    source = Source(id="src_1", event_id="evt_1", number=1, name=name, created_at=AT)
    key = Key(
        id="key_1", event_id="evt_1", source_number=1, scope="push", label=name, digest=b"", created_at=AT
    )  # fmt: skip
    return Configuration(
        version=1,
        event=event,
        sources={1: source},
        keys={"key_1": key},
        custom_fields=make_names(name),
        groups=make_names(name),
    )


def make_alert(kind: AlertKind, facts: Facts) -> Alert:
    return Alert(
        event_id="evt_1", id="alr_1", kind=kind, cause=f"{kind}:1", facts=facts, opened_at=AT, seen_at=AT
    )  # fmt: skip


def test_every_kind_has_facts_here() -> None:
    assert set(FACTS) == set(KINDS) == set(get_args(AlertKind))


@pytest.mark.parametrize("name", ["Northwind CRM", "R&D / 50 % #1?"])
def test_every_alert_has_words_and_a_way_to_a_page_that_exists(name: str) -> None:
    pages = {page.path for _, page in list_pages() if page.method == "GET"}
    for kind in KINDS:
        for facts in FACTS[kind]:
            told = words.describe(make_alert(kind, facts), make_configuration(name))
            assert 0 < len(told.title) <= MAX_TITLE, told
            for said in (told.text, told.advice):
                assert said[0].isupper() or said.startswith(name)
                assert said.endswith(".")
                assert ".." not in said.replace("...", "")
                assert "  " not in said
            assert told.label
            way = urlsplit(told.way)
            assert not way.fragment
            place = way.path.removeprefix("console/events/conf/")
            expected = {
                "pushes": "events/{event}/pushes",
                "attendees": "events/{event}/attendees",
                "connect": "events/{event}/connect",
                "connect/sources/1": "events/{event}/connect/sources/{source}",
                "settings/webhooks/whk_1": "events/{event}/settings/webhooks/{webhook}",
            }[place]
            assert expected in pages
            query = parse_qs(way.query, strict_parsing=bool(way.query))
            assert query.get("source", [name]) == [name]


def test_examples() -> None:
    def tell(kind: AlertKind, number: int = 0) -> SimpleNamespace:
        told = words.describe(make_alert(kind, FACTS[kind][number]), make_configuration("Northwind CRM"))
        return SimpleNamespace(title=told.title, text=told.text, way=told.way, advice=told.advice)

    assert tell("silent").title == "Northwind CRM has been silent for 9 h"
    assert tell("errors").title == "Northwind CRM: 5 of 26 pushes failed"
    assert (
        "The commonest reason, at profile.email: The text in profile.email does not look like an address: a local part,"
        " one @, a domain."
    ) in tell("errors").text
    # A replay is for what was mended here; what was sent wrong would fail again.
    assert "a replay would fail again: have the sender mend it and send them again" in tell("errors").advice
    assert "What lies in what was sent the sender mends" in tell("errors", 1).advice
    assert "Once that is mended in the event, replay them all." in tell("errors", 2).advice
    assert tell("errors", 1).title == "Northwind CRM: all 7 pushes failed"
    assert tell("refused_key", 1).title == "The revoked key of Northwind CRM is still used"
    assert tell("refused_key", 1).text == (
        "Since 17 December at 01:00 (Europe/Berlin) 9 requests were refused, from 1 address: the key Northwind CRM is "
        "revoked. What they held is not stored."
    )
    assert tell("refused_key", 1).advice.startswith("If it should still send, make a new key")
    assert tell("refused_key", 2).advice.startswith("Put the new key of this source into the system")
    assert tell("refused_key", 24).title == "Requests come without a key"
    assert "they came with 90 keys that this event does not have." in tell("refused_key", 26).text
    assert tell("unknown_field").title == "Northwind CRM sends the unknown field profile.jobTitle"
    assert "code=unknown_field&path=profile.jobTitle&" in tell("unknown_field").way
    assert "path" not in tell("unknown_field", 1).way
    assert tell("unknown_field", 1).text.startswith("Northwind CRM sends profile.a, b, c, d, e and 2 more: ")
    assert tell("falling").title == "30 people left within a day"
    assert tell("webhook", 1).text.endswith("1 delivery waits.")
    # By the clocks of the event.
    assert "on 17 December at 01:00 (Europe/Berlin)" in tell("first_push").text
    assert "What Northwind CRM had sent in its rehearsal took effect on 17 December" in tell("first_push", 1).text


@given(st.text(min_size=1, max_size=255), st.sampled_from([(kind, facts) for kind in KINDS for facts in FACTS[kind]]))
def test_long_and_odd_names_keep_the_title_short(name: str, told: tuple[AlertKind, Facts]) -> None:
    said = words.describe(make_alert(*told), make_configuration(name))
    assert len(said.title) <= MAX_TITLE
    assert "\n" not in said.way
    assert said.way.isascii()
    assert now_us() > 0
