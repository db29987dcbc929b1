"""Read keys that are limited to groups and fields: nothing of what they do not see can be learnt from a list."""

from typing import Any

import pytest

from tests.downstream.attendees.crowd import Reader, list_expected, make_crowd, push_crowd
from tests.product import Product, TestedEvent


@pytest.fixture
def event(product: Product) -> TestedEvent:
    """Ann and Bob are VIP, Bob is Press too, Cid is in no group."""
    event = product.make_event()
    for name, groups in (("Ann", ["VIP"]), ("Bob", ["VIP", "Press"]), ("Cid", [])):
        event.push_ok(
            {
                "profile": {
                    "email": f"{name.lower()}@secret.org",
                    "firstName": name,
                    "lastName": f"{name}son",
                    "company": "ACME",
                    "phone": "123",
                    "customFields": [{"fieldName": "Diet", "fieldValue": "vegan"}],
                },
                "eventInfo": {"groups": {"groupNames": groups}},
            }
        )
    return event


def names(page: dict[str, Any]) -> list[str]:
    return [one["profile"]["firstName"] for one in page["attendees"]]


def test_a_key_of_a_group_sees_its_people_only_however_it_asks(event: TestedEvent) -> None:
    reader = Reader(event, groups=["Press"])
    for query in ({}, {"sort": "email"}, {"q": "acme"}, {"source": "main"}, {"status": "all"}, {"sort": "-updated"}):
        page = reader.page(**query)
        assert names(page) == ["Bob"], query
        assert page["attendees"][0]["groups"] == ["Press"]
    assert reader.read(email="ann@secret.org") == []
    assert reader.read(email="bob@secret.org") == ["bob@secret.org"]
    # The same for a group that it does not see and for one that there is not.
    assert reader.refused(group="VIP") == reader.refused(group="Nobody's") == (400, "invalid_request")
    assert reader.get(group="VIP").json()["detail"] == reader.get(group="Cool").json()["detail"].replace("Cool", "VIP")


def test_a_key_of_several_groups_sees_everybody_once(product: Product) -> None:
    event = product.make_event()
    crowd = make_crowd(40)
    push_crowd(event, crowd)
    reader = Reader(event, groups=["VIP", "Press"])
    seen = [one for one in crowd if one.groups & {"VIP", "Press"}]
    for query in ({}, {"sort": "email"}, {"sort": "-lastName"}, {"sort": "-updated"}, {"sort": "-id", "status": "all"}):
        assert reader.read(limit="5", **query) == list_expected(seen, query)
    assert sorted(reader.read(q="a")) == sorted(list_expected(seen, {"q": "a"}))


def test_a_key_without_email_cannot_look_for_it_by_any_way(event: TestedEvent) -> None:
    reader = Reader(event, fields=["firstName", "lastName"])
    assert [one["email"] for one in reader.page()["attendees"]] == [None] * 3
    for query in ({"email": "ann@secret.org"}, {"sort": "email"}, {"sort": "-email"}):
        assert reader.refused(**query) == (403, "hidden_field")
        (problem,) = reader.get(**query).json()["errors"]
        assert problem["path"] == f"query.{next(iter(query))}"
        assert "ask whoever made the key" in problem["help"]
    # Text search looks at what is shown, and nowhere else.
    assert names(reader.page(q="ann")) == ["Ann"]
    for hidden in ("secret", "ann@s", "acme"):
        assert names(reader.page(q=hidden)) == []


def test_the_order_of_a_search_tells_nothing_of_words_that_are_not_shown(product: Product) -> None:
    event = product.make_event()
    for number, hidden in enumerate(("Maxz", "Maxa", "Maxm")):
        event.push_ok({"profile": {"email": f"{number}@x.org", "firstName": "Max", "lastName": hidden}})
    in_order = [one["id"] for one in Reader(event).page()["attendees"]]
    shown = Reader(event, fields=["firstName"]).page(q="max")["attendees"]
    assert [one["id"] for one in shown] == in_order
    assert [one["id"] for one in Reader(event).page(q="max")["attendees"]] != in_order


def test_a_key_that_sees_nothing_that_is_searched_cannot_search(event: TestedEvent) -> None:
    reader = Reader(event, fields=["phone"])
    assert reader.refused(q="ann") == (403, "hidden_field")
    assert reader.refused(sort="lastName") == (403, "hidden_field")
    assert len(reader.page(sort="updated")["attendees"]) == 3


def test_a_key_cannot_filter_by_a_custom_field_that_it_does_not_see(event: TestedEvent) -> None:
    reader = Reader(event, fields=["firstName"])
    hidden, missing = (reader.get(**{f"customField.{name}": "vegan"}) for name in ("Diet", "Debt"))
    assert hidden.status_code == missing.status_code == 400
    assert hidden.json()["detail"].replace("Diet", "Debt") == missing.json()["detail"]
    assert names(Reader(event, fields=["firstName", "Diet"]).page(**{"customField.Diet": "vegan"})) == [
        "Ann",
        "Bob",
        "Cid",
    ]


def test_fields_chosen_never_widen_what_the_key_sees(event: TestedEvent) -> None:
    reader = Reader(event, fields=["firstName", "lastName"])
    (shown, *_) = reader.page(fields="firstName")["attendees"]
    assert shown["profile"] == {"firstName": "Ann"}
    assert reader.refused(fields="phone") == (400, "invalid_request")


def test_somebody_outside_of_the_groups_is_as_if_he_were_not_there(event: TestedEvent) -> None:
    reader = Reader(event, groups=["Press"])
    ann, nobody = reader.get("/attendees/ann@secret.org"), reader.get("/attendees/nobody@secret.org")
    assert ann.status_code == nobody.status_code == 404
    assert ann.json() == nobody.json()
    ann_id = event.attendee("ann@secret.org")["id"]
    assert reader.get(f"/attendees/{ann_id}").json() == nobody.json()
    assert reader.get(f"/attendees/{ann_id}/history").status_code == 404
    found = event.send('{"emails": ["ann@secret.org", "bob@secret.org"]}', path="/attendees/lookup", key=reader.key)
    assert [one["email"] for one in found.json()["attendees"]] == ["bob@secret.org"]
    assert found.json()["notFound"] == ["ann@secret.org"]


def test_without_email_an_address_leads_nowhere_whether_or_not_somebody_has_it(event: TestedEvent) -> None:
    reader = Reader(event, fields=["firstName"])
    for address in ("ann@secret.org", "nobody@secret.org"):
        for path in (f"/attendees/{address}", f"/attendees/{address}/history"):
            answer = reader.get(path)
            assert (answer.status_code, answer.json()["code"]) == (403, "hidden_field")
        answer = event.send(f'{{"email": "{address}"}}', path="/attendees/lookup", key=reader.key)
        assert (answer.status_code, answer.json()["code"]) == (403, "hidden_field")
    ann_id = event.attendee("ann@secret.org")["id"]
    shown = reader.get(f"/attendees/{ann_id}").json()
    assert (shown["email"], shown["profile"]) == (None, {"firstName": "Ann"})


def test_the_history_shows_only_what_the_key_sees(event: TestedEvent) -> None:
    event.push_ok({"profile": {"email": "bob@secret.org", "phone": "456"}})
    event.push_ok({"profile": {"email": "bob@secret.org", "firstName": "Rob"}})
    bob_id = event.attendee("bob@secret.org")["id"]
    lines = Reader(event, fields=["firstName"]).get(f"/attendees/{bob_id}/history").json()["history"]
    assert [(line["kind"], line["email"]) for line in lines] == [("updated", None), ("created", None)]
    paths = {change["path"] for line in lines for change in line["changes"]}
    assert paths == {"profile.firstName", "eventInfo.groups.groupNames"}


def test_the_history_before_somebody_came_into_the_group_is_not_told(event: TestedEvent) -> None:
    event.push_ok({"profile": {"email": "cid@secret.org", "phone": "hidden"}})
    event.push_ok({"profile": {"email": "cid@secret.org"}, "eventInfo": {"groups": {"groupNames": ["Press"]}}})
    answer = Reader(event, groups=["Press"]).get("/attendees/cid@secret.org/history")
    (line,) = answer.json()["history"]
    values = {change["path"]: (change["old"], change["new"]) for change in line["changes"]}
    assert values["profile.phone"] == (None, "hidden")
    assert values["eventInfo.groups.groupNames"] == ([], ["Press"])


def test_an_origin_tells_nothing_of_while_somebody_was_not_in_the_group(event: TestedEvent) -> None:
    def push(groups: list[str], **profile: Any) -> dict[str, Any]:
        profile = {"email": "bob@secret.org", **profile}
        return event.push_ok({"profile": profile, "eventInfo": {"groups": {"groupNames": groups}}})

    push(["VIP"], lastName="SECRETLAST", title="Boss", city="Gone", shoe="43")
    push(["VIP"], city="")
    push(["VIP", "Press"], lastName="Two")
    push(["VIP", "Press"], phone="789")
    reader = Reader(event, groups=["Press"])
    answer = reader.get("/attendees/bob@secret.org", explain="true")
    assert "SECRETLAST" not in answer.text
    origins = answer.json()["origins"]
    at_entrance = event.changes()[-2]
    expected = {"sequence": at_entrance.sequence, "push": at_entrance.push_id, "source": "main", "old": None}
    for told in (
        *(origins["profile"][field] for field in ("email", "firstName", "lastName", "title", "company")),
        origins["customFields"]["Diet"],
        origins["unknownFields"]["profile.shoe"],
    ):
        assert {name: told[name] for name in expected} == expected
    assert (origins["profile"]["phone"]["sequence"], origins["profile"]["phone"]["old"]) == (
        at_entrance.sequence + 1,
        "123",
    )
    # What was cleared before is as if it had never been.
    assert "city" not in origins["profile"]
    # As the history says, and the log to whoever follows.
    lines = reader.get("/attendees/bob@secret.org/history").json()["history"]
    told = {change["path"]: (line, change["old"]) for line in reversed(lines[:2]) for change in line["changes"]}
    for field, origin in origins["profile"].items():
        line, old = told[f"profile.{field}"]
        assert (line["sequence"], line["pushId"], line["source"], line["at"], old) == tuple(
            origin[name] for name in ("sequence", "push", "source", "at", "old")
        )
    in_full = Reader(event).get("/attendees/bob@secret.org", explain="true").json()["origins"]
    assert in_full["profile"]["lastName"]["old"] == "SECRETLAST"
    assert "city" in in_full["profile"]


def test_a_limited_key_is_not_told_which_sources_there_are(event: TestedEvent) -> None:
    assert "There are: " in Reader(event).get(source="mian").json()["detail"]
    for reader in (Reader(event, groups=["Press"]), Reader(event, fields=["phone"])):
        assert reader.get(source="mian").json()["detail"] == 'There is no source "mian".'


def test_names_are_those_that_the_key_sees(event: TestedEvent) -> None:
    reader = Reader(event, groups=["Press"], fields=["phone"])
    assert [(one["name"], one["members"]) for one in reader.get("/groups").json()["groups"]] == [("Press", 1)]
    assert reader.get("/custom-fields").json()["customFields"] == []
    everything = Reader(event)
    assert [one["name"] for one in everything.get("/groups").json()["groups"]] == ["VIP", "Press"]
    (field,) = everything.get("/custom-fields").json()["customFields"]
    assert (field["name"], field["id"][:4]) == ("Diet", "fld_")
