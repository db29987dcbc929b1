"""`GET {gateway}/changes`: ordered, without a gap, waiting where that is asked for, and no more than the key shows."""

from itertools import islice
from typing import Any

import pytest

from tests.downstream.following.followers import make_read_key, open_stream, poll, run_beside
from tests.downstream.following.mirror import Mirror, reduced
from tests.product import Product, TestedEvent
from turnout.events import event as event_room
from turnout.events import keys, names
from turnout.feed.acts import decisions
from turnout.feed.acts.scene import on_stage
from turnout.feed.configurations import Configurations
from turnout.feed.forget import erase


def push(event: TestedEvent, email: str, *groups: str, **fields: str) -> dict[str, Any]:
    return event.push_ok({"profile": {"email": email, **fields}, "eventInfo": {"groups": {"groupNames": list(groups)}}})


def wait_in_vain(event: TestedEvent, key: str, after: int) -> None:
    """Whoever asked before this one waits by the time that this one has waited."""
    assert poll(event, key, f"?after={after}&wait=1")["changes"] == []


def test_the_lines_come_in_order_and_a_page_at_a_time(product: Product) -> None:
    event = product.make_event()
    key = make_read_key(event)
    for number in range(5):
        push(event, f"p{number}@example.com", title="CTO")
    first = poll(event, key, "?limit=3")
    assert [line["sequence"] for line in first["changes"]] == [1, 2, 3]
    assert (first["last"], first["head"]) == (3, 5)
    second = poll(event, key, f"?after={first['last']}&limit=3")
    assert [line["sequence"] for line in second["changes"]] == [4, 5]
    assert (second["last"], second["head"]) == (5, 5)
    assert poll(event, key, "?after=5") == {"changes": [], "last": 5, "head": 5}


def test_a_line_is_as_the_command_line_writes_it(product: Product) -> None:
    event = product.make_event()
    receipt = push(event, "john@example.com", "VIP", title="CTO")
    [line] = poll(event, make_read_key(event))["changes"]
    assert line == {
        "sequence": 1,
        "kind": "created",
        "at": line["at"],
        "attendeeId": receipt["attendee"]["id"],
        "email": "john@example.com",
        "pushId": receipt["id"],
        "source": "main",
        "actor": None,
        "changes": [
            {"path": "profile.email", "old": None, "new": "john@example.com"},
            {"path": "profile.title", "old": None, "new": "CTO"},
            {"path": "eventInfo.groups.groupNames", "old": [], "new": ["VIP"]},
        ],
    }


def test_an_event_without_changes_answers_with_none(product: Product) -> None:
    event = product.make_event()
    assert poll(event, make_read_key(event)) == {"changes": [], "last": 0, "head": 0}


def test_a_cursor_beyond_the_head_gets_a_clear_answer(product: Product) -> None:
    event = product.make_event()
    push(event, "john@example.com")
    response = event.get("/changes?after=2", key=make_read_key(event))
    assert (response.status_code, response.json()["code"]) == (400, "cursor_beyond_head")
    assert "is number 1, and 2 is beyond it." in response.json()["detail"]
    assert "another event" in response.text or "cursor is one of this event" in response.text
    assert "backup" in response.text


@pytest.mark.parametrize(
    "query",
    [
        "after=-1",
        "after=x",
        "after=1e3",
        "limit=0",
        "wait=soon",
        "payload=xml",
        "afterr=3",
        "unknown=1",
        "after=" + "9" * 19,
    ],
)
def test_what_cannot_be_meant_is_told(product: Product, query: str) -> None:
    event = product.make_event()
    response = event.get(f"/changes?{query}", key=make_read_key(event))
    assert (response.status_code, response.json()["code"]) == (400, "invalid_request")


def test_limit_and_wait_are_capped(product: Product) -> None:
    event = product.make_event()
    event.batch_ok([{"profile": {"email": f"p{number}@example.com"}} for number in range(1_100)])
    answer = poll(event, make_read_key(event), "?limit=1000000&wait=3600")
    assert len(answer["changes"]) == 1_000


def test_who_waits_is_answered_by_the_next_push(product: Product) -> None:
    event = product.make_event()
    key = make_read_key(event)
    push(event, "a@example.com")
    answers: list[dict[str, Any]] = []
    waiting = run_beside(lambda: answers.append(poll(event, key, "?after=1&wait=60")))
    wait_in_vain(event, key, 1)
    push(event, "b@example.com")
    waiting.join()
    assert [line["email"] for line in answers[0]["changes"]] == ["b@example.com"]


def test_a_wait_that_is_over_is_answered_with_nothing_and_the_cursor_asked_for(product: Product) -> None:
    event = product.make_event()
    push(event, "a@example.com")
    assert poll(event, make_read_key(event), "?after=1&wait=1") == {"changes": [], "last": 1, "head": 1}


def test_a_hundred_wait_and_all_are_answered_the_same(product: Product) -> None:
    event = product.make_event()
    key = make_read_key(event)
    answers: list[str] = []
    threads = [run_beside(lambda: answers.append(event.get("/changes?wait=60", key=key).text)) for _ in range(40)]
    push(event, "a@example.com")
    for thread in threads:
        thread.join()
    assert len(answers) == 40
    assert len(set(answers)) == 1


def test_push_keys_other_events_keys_and_none_read_nothing(product: Product) -> None:
    event, other = product.make_event(), product.make_event()
    push(event, "john@example.com")
    for path in ("/changes", "/changes/stream"):
        assert event.get(path).status_code == 403
        assert event.get(path, key=make_read_key(other)).status_code == 401
        assert event.get(path, key=None).status_code == 401


def test_a_key_that_is_revoked_while_somebody_waits_shows_nothing_more(product: Product) -> None:
    event = product.make_event()
    issued = keys.create(event.database, event.id, scope="read")
    codes: list[int] = []
    waiting = run_beside(lambda: codes.append(event.get("/changes?wait=60", key=issued.text).status_code))
    wait_in_vain(event, make_read_key(event), 0)
    keys.revoke(event.database, issued.key.id)
    push(event, "john@example.com")
    waiting.join()
    assert codes == [401]


def test_a_key_for_groups_is_told_of_entering_and_leaving_and_of_nobody_else(product: Product) -> None:
    event = product.make_event()
    push(event, "in@example.com", "VIP", title="Secret Title", phone="+49 30 1234")
    key = make_read_key(event, groups=["VIP"])
    push(event, "out@example.com", "Press", title="Nobody's")
    push(event, "in@example.com", "Press", "VIP", title="Other Title")
    entered = push(event, "out@example.com", "Press", "VIP")
    gone = push(event, "in@example.com", "Press", title="Very Secret", company="ACME")
    push(event, "in@example.com", "Press", title="Unseen")
    response = event.get("/changes", key=key)
    answer = response.json()
    assert [(line["sequence"], line["kind"]) for line in answer["changes"]] == [
        (1, "created"),
        (3, "updated"),
        (4, "updated"),
        (5, "left"),
    ]
    assert answer["last"] == answer["head"] == 6
    assert answer["changes"][0]["changes"][-1] == {"path": "eventInfo.groups.groupNames", "old": [], "new": ["VIP"]}
    # Nothing is said of the other group.
    assert [one["path"] for one in answer["changes"][1]["changes"]] == ["profile.title"]
    # Who comes in comes with all there is of him, as if he had just been created.
    assert answer["changes"][2]["changes"] == [
        {"path": "profile.email", "old": None, "new": "out@example.com"},
        {"path": "profile.title", "old": None, "new": "Nobody's"},
        {"path": "eventInfo.groups.groupNames", "old": [], "new": ["VIP"]},
    ]
    assert answer["changes"][2]["attendeeId"] == entered["attendee"]["id"]
    assert answer["changes"][3] == {
        "sequence": 5,
        "kind": "left",
        "at": answer["changes"][3]["at"],
        "attendeeId": gone["attendee"]["id"],
        "email": None,
        "pushId": None,
        "source": None,
        "actor": None,
        "changes": [],
    }
    for value in ("Very Secret", "ACME", "Unseen", "Press"):
        assert value not in response.text


def test_left_tells_nothing_of_the_person(product: Product) -> None:
    """Asked for from just before it, in each form, the whole answer holds none of his values."""
    event = product.make_event()
    push(event, "in@example.com", "VIP", title="Title", phone="+49 30 1234")
    key = make_read_key(event, groups=["VIP"])
    push(event, "in@example.com", title="Other", company="ACME")
    for query in ("", "&payload=nested", "&payload=flat", "&field=title"):
        response = event.get(f"/changes?after=1{query}", key=key)
        [line] = response.json()["changes"]
        assert line["kind"] == "left"
        for value in ("in@", "Title", "Other", "ACME", "+49", "main", "psh_"):
            assert value not in response.text


def test_a_key_for_fields_is_told_when_they_change_and_only_of_them(product: Product) -> None:
    event = product.make_event()
    push(event, "john@example.com", "VIP", title="CTO", phone="+49 30 1234")
    key = make_read_key(event, fields=["title"])
    push(event, "john@example.com", "VIP", phone="+49 30 5678")
    push(event, "john@example.com", "VIP", title="CEO", phone="+49 30 9999")
    event.push_ok({"profile": {"email": "john@example.com"}, "title": "a field that is none of ours"})
    response = event.get("/changes", key=key)
    answer = response.json()
    assert [(line["sequence"], [one["path"] for one in line["changes"]]) for line in answer["changes"]] == [
        (1, ["profile.title", "eventInfo.groups.groupNames"]),
        (3, ["profile.title"]),
    ]
    assert answer["last"] == 4
    for value in ("john@", "+49", "none of ours"):
        assert value not in response.text


def test_a_query_narrows_what_the_key_shows_and_never_widens_it(product: Product) -> None:
    event = product.make_event()
    push(event, "v@example.com", "VIP", title="CTO", phone="+49")
    push(event, "p@example.com", "Press", title="CTO", phone="+49")
    push(event, "b@example.com", "Press", "VIP", title="CTO", phone="+49")
    key = make_read_key(event, groups=["VIP"], fields=["email", "title"])
    for query in ("?group=Press", "?group=VIP&group=Press", "?field=phone", "?field=title&field=phone"):
        assert event.get(f"/changes{query}", key=key).status_code == 400
    assert [line["email"] for line in poll(event, key, "?group=VIP")["changes"]] == ["v@example.com", "b@example.com"]
    answer = poll(event, key, "?field=title")
    assert {one["path"] for line in answer["changes"] for one in line["changes"]} == {
        "profile.title",
        "eventInfo.groups.groupNames",
    }
    assert {line["email"] for line in answer["changes"]} == {None}
    both = make_read_key(event, groups=["VIP", "Press"])
    assert [line["email"] for line in poll(event, both, "?group=VIP")["changes"]] == ["v@example.com", "b@example.com"]
    everybody = make_read_key(event)
    assert [line["email"] for line in poll(event, everybody, "?group=press")["changes"]] == [
        "p@example.com",
        "b@example.com",
    ]


def test_a_follower_who_sees_little_gets_on_all_the_same(product: Product) -> None:
    """`last` is the last line that was looked at."""
    event = product.make_event()
    push(event, "v@example.com", "VIP")
    event.batch_ok([{"profile": {"email": f"p{number}@example.com"}} for number in range(2_500)])
    push(event, "w@example.com", "VIP")
    key = make_read_key(event, groups=["VIP"])
    last, emails, asked = 0, [], 0
    while True:
        answer = poll(event, key, f"?after={last}")
        emails += [line["email"] for line in answer["changes"]]
        asked += 1
        assert answer["last"] > last
        last = answer["last"]
        if last == answer["head"]:
            break
    assert emails == ["v@example.com", "w@example.com"]
    assert asked <= 5
    # And who waits does not ask again and again.
    answer = poll(event, key, "?after=1&limit=1&wait=30")
    assert [line["email"] for line in answer["changes"]] == ["w@example.com"]


def test_new_names_are_told_to_those_who_see_what_has_them_and_settings_to_those_who_see_everything(
    product: Product,
) -> None:
    event = product.make_event()
    event.push_ok(
        {
            "profile": {"email": "v@example.com", "customFields": [{"fieldName": "Size", "fieldValue": "43"}]},
            "eventInfo": {"groups": {"groupNames": ["VIP", "Crew"]}},
        }
    )
    names.rename(event.database, event.id, "group", "VIP", "Very Important")
    names.rename(event.database, event.id, "custom_field", "Size", "Shoe size")
    event_room.set_up(event.database, event.id, {"blank": "keep"})

    def told(query: str = "", **limits: list[str]) -> list[tuple[str, dict[str, Any]]]:
        lines = poll(event, make_read_key(event, **limits), f"?after=1{query}")["changes"]
        return [(line["kind"], line["changes"][0]) for line in lines]

    group = ("group_renamed", {"path": "group", "old": "VIP", "new": "Very Important"})
    field = ("field_renamed", {"path": "customField", "old": "Size", "new": "Shoe size"})
    assert told()[:2] == [group, field]
    assert [kind for kind, _ in told()] == ["group_renamed", "field_renamed", "setting_changed"]
    assert told(groups=["VIP"]) == told("&group=VIP") == [group, field]
    assert told(groups=["Crew"], fields=["Size"]) == told("&field=size", groups=["Crew"]) == [field]
    assert told(fields=["title"]) == [group]
    assert told(groups=["Crew"], fields=["title"]) == []


def push_diet(event: TestedEvent, email: str, diet: str, *groups: str) -> None:
    fields = [{"fieldName": "Diet", "fieldValue": diet}]
    event.push_ok(
        {"profile": {"email": email, "customFields": fields}, "eventInfo": {"groups": {"groupNames": list(groups)}}}
    )


def test_a_line_has_the_names_of_its_time_however_late_it_is_read(product: Product) -> None:
    event = product.make_event()
    push_diet(event, "a@example.com", "vegan", "VIP")
    push_diet(event, "b@example.com", "vegan")
    snapshot = event.get("/attendees?status=all", key=make_read_key(event)).json()
    push_diet(event, "a@example.com", "none", "VIP")
    push_diet(event, "b@example.com", "", "VIP")
    names.rename(event.database, event.id, "custom_field", "Diet", "Food")
    names.rename(event.database, event.id, "group", "VIP", "Guests")
    shown = event.get("/attendees?status=all", key=make_read_key(event)).json()["attendees"]
    for limit in (1, 100):
        mirror = Mirror(snapshot=snapshot["attendees"])
        after, head = snapshot["sequence"], None
        while after != head:
            page = poll(event, make_read_key(event), f"?after={after}&limit={limit}")
            for line in page["changes"]:
                mirror.take(line)
            after, head = page["last"], page["head"]
        assert list(mirror.people.values()) == [reduced(one) for one in shown], limit
    with open_stream(event, make_read_key(event), "?after=2") as reader:
        told = list(islice(reader.lines(), 4))
    assert told == poll(event, make_read_key(event), "?after=2")["changes"]
    assert [change.get("fieldName") for line in told[:2] for change in line["changes"]] == ["Diet", "Diet", None]
    # Who comes in, with all that is shown of him; and as pushes.
    key = make_read_key(event, groups=["Guests"], fields=["email", "Food"])
    first, entrance, *renames = poll(event, key, "?after=2&payload=flat")["changes"]
    assert [change.get("fieldName") for change in first["changes"]] == ["Diet"]
    assert entrance["changes"][-1]["new"] == ["VIP"]
    assert entrance["payload"]["eventInfo.groups.groupNames[0]"] == "VIP"
    assert entrance["payload"]["profile.customFields[0].fieldName"] == "Diet"
    assert [line["kind"] for line in renames] == ["field_renamed", "group_renamed"]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("group=Speekers", 'Did you mean Speakers? There are: "Speakers", "Crew".'),
        ("group=Speakers&group=Nope", 'There is no group "Nope". There are: "Speakers", "Crew".'),
        ("field=fistName", "Did you mean firstName?"),
        ("field=Dite", "Did you mean Diet?"),
        ("group=%20", "group is empty"),
    ],
)
@pytest.mark.parametrize("path", ["/changes", "/changes/stream"])
def test_a_name_that_there_is_not_is_no_silence(product: Product, path: str, query: str, said: str) -> None:
    event = make_named(product)
    answer = event.get(f"{path}?{query}", key=make_read_key(event))
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert said in answer.json()["detail"]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("group=Crew", 'There is no group "Crew", or none that this key sees. There are: "Speakers".'),
        ("field=email", 'There is no field "email", or none that this key sees. There are: "firstName", "Diet".'),
        ("field=Diets", 'Did you mean Diet? There are: "firstName", "Diet".'),
    ],
)
def test_a_limited_key_is_not_told_of_names_that_it_does_not_see(product: Product, query: str, said: str) -> None:
    event = make_named(product)
    key = make_read_key(event, groups=["Speakers"], fields=["firstName", "Diet"])
    answer = event.get(f"/changes?{query}", key=key)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert said in answer.json()["detail"]


def make_named(product: Product) -> TestedEvent:
    event = product.make_event()
    fields = [{"fieldName": name, "fieldValue": "x"} for name in ("Diet", "Secret")]
    push_of = {"profile": {"email": "a@example.com", "customFields": fields}}
    event.push_ok({**push_of, "eventInfo": {"groups": {"groupNames": ["Speakers", "Crew"]}}})
    return event


def test_more_than_may_be_asked_for_counts_as_the_most(product: Product) -> None:
    """As the guide says."""
    event = product.make_event()
    push(event, "a@example.com")
    assert poll(event, make_read_key(event), "?limit=1001&wait=61")["last"] == 1


def test_erasing_is_told_to_everybody_and_nothing_of_him_is_left(product: Product) -> None:
    event = product.make_event()
    receipt = push(event, "john@example.com", "VIP", title="CTO")
    key = make_read_key(event, groups=["VIP"])
    erase.erase(event.database, Configurations(event.database), event.id, "john@example.com", "test")
    for one in (key, make_read_key(event)):
        response = event.get("/changes?payload=nested", key=one)
        line = response.json()["changes"][-1]
        assert (line["kind"], line["attendeeId"], line["payload"]) == ("erased", receipt["attendee"]["id"], None)
        assert "john@" not in response.text
        assert "CTO" not in response.text


def test_a_payload_needs_the_address(product: Product) -> None:
    event = product.make_event()
    for key, query in ((make_read_key(event, fields=["title"]), ""), (make_read_key(event), "&field=title")):
        response = event.get(f"/changes?payload=nested{query}", key=key)
        assert (response.status_code, response.json()["code"]) == (400, "invalid_request")


def test_an_event_is_fed_over_http_by_what_comes_from_another(product: Product) -> None:
    """Both formats, each pushed as it came."""
    event = product.make_event()
    push(event, "john@example.com", "VIP", "Press", title="CTO")
    event.push_ok(
        {
            "profile": {
                "email": "john@example.com",
                "title": "",
                "jobTitle": "x",
                "customFields": [
                    {"fieldName": "Days", "fieldValue": ["Mon", "Tue"]},
                    {"fieldName": "Size", "fieldValue": "43", "unit": "EU"},
                ],
            },
            "eventInfo": {"groups": {"groupNames": []}},
        }
    )
    push(event, "jane@example.com", "VIP")
    event.push_ok({"profile": {"email": "jane@example.com"}, "eventInfo": {"attending": False}})
    with on_stage(event.database, Configurations(event.database), event.id, "test") as scene:
        decisions.remove(scene, "john@example.com", is_removed=True)
        decisions.remove(scene, "john@example.com", is_removed=False)
    for how in ("nested", "flat"):
        target = product.make_event()
        for line in poll(event, make_read_key(event), f"?payload={how}")["changes"]:
            target.push_ok(line["payload"])
        for email in ("john@example.com", "jane@example.com"):
            there, here = target.attendee(email), event.attendee(email)
            for name in ("status", "profile", "customFields", "unknownFields"):
                assert there[name] == here[name], name
            assert sorted(there["groups"]) == sorted(here["groups"])


def test_the_payload_is_the_push_that_would_make_the_change(product: Product) -> None:
    event = product.make_event()
    push(event, "john@example.com", "VIP", title="CTO", company="ACME")
    event.push_ok(
        {
            "profile": {
                "email": "john@example.com",
                "title": "",
                "customFields": [{"fieldName": "Size", "fieldValue": "43"}],
            }
        }
    )
    event.push_ok({"profile": {"email": "john@example.com"}, "eventInfo": {"attending": False}})
    event.push_ok({"profile": {"email": "john@example.com"}, "eventInfo": {"groups": {"groupNames": ["Press"]}}})
    key = make_read_key(event)
    nested = [line["payload"] for line in poll(event, key, "?payload=nested")["changes"]]
    assert nested == [
        {
            "profile": {"email": "john@example.com", "title": "CTO", "company": "ACME"},
            "eventInfo": {"groups": {"groupNames": ["VIP"]}},
        },
        {
            "profile": {
                "email": "john@example.com",
                "customFields": [{"fieldName": "Size", "fieldValue": "43"}],
                "title": "",
            }
        },
        {"profile": {"email": "john@example.com"}, "eventInfo": {"attending": False}},
        {
            "profile": {"email": "john@example.com"},
            "eventInfo": {"groups": {"groupNames": ["Press"]}, "attending": True},
        },
    ]
    flat = [line["payload"] for line in poll(event, key, "?payload=flat")["changes"]]
    assert flat[1] == {
        "profile.email": "john@example.com",
        "profile.customFields[0].fieldName": "Size",
        "profile.customFields[0].fieldValue": "43",
        "profile.title": "",
    }
    assert flat[3] == {
        "profile.email": "john@example.com",
        "eventInfo.groups.groupNames[0]": "Press",
        "eventInfo.attending": True,
    }


def test_who_comes_in_again_is_pushed_with_what_was_cleared_meanwhile(product: Product) -> None:
    """Whoever is fed has him as he was when he left."""
    event = product.make_event()
    push(event, "john@example.com", "VIP", title="CTO", company="ACME")
    key = make_read_key(event, groups=["VIP"])
    push(event, "john@example.com", "Press")
    push(event, "john@example.com", "Press", title="")
    push(event, "john@example.com", "VIP")
    payloads = [line["payload"] for line in poll(event, key, "?payload=flat")["changes"]]
    assert payloads[1:] == [
        None,
        {
            "profile.email": "john@example.com",
            "profile.title": "",
            "profile.company": "ACME",
            "eventInfo.groups.groupNames[0]": "VIP",
        },
    ]


def test_answers_are_not_kept_by_anybody_on_the_way(product: Product) -> None:
    event = product.make_event()
    assert event.get("/changes", key=make_read_key(event)).headers["cache-control"] == "no-store"
