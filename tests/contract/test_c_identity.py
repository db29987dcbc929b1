"""C6. Who a push is about: by address, or by the source's own id."""

from typing import Any

import pytest

from tests.product import Product, TestedEvent
from turnout.events import event as event_room
from turnout.feed.acts import merge as merging
from turnout.feed.acts.scene import on_stage
from turnout.feed.configurations import Configurations
from turnout.operations.verify.verify import verify

DOE = "doe@example.com"
BY_ID = {"identity": "third_party_id"}


@pytest.fixture(params=["nested", "flat"])
def notation(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def by_id(product: Product) -> TestedEvent:
    """An event in which ids decide."""
    return product.make_event(**BY_ID)


def said(email: str, third_party_id: str | None = None, notation: str = "nested", **fields: Any) -> dict[str, Any]:
    fields = {"email": email} | ({} if third_party_id is None else {"thirdPartyId": third_party_id}) | fields
    return {"profile": fields} if notation == "nested" else {f"profile.{name}": value for name, value in fields.items()}


def who(receipt: dict[str, Any]) -> str:
    return str(receipt["attendee"]["id"])


def warned(receipt: dict[str, Any]) -> list[tuple[str, str]]:
    return [(warning["path"], warning["code"]) for warning in receipt["warnings"]]


def people(event: TestedEvent) -> dict[str, tuple[str, list[str]]]:
    """Id → address and former addresses, of everybody; the log has to agree with what is stored."""
    assert verify(event.database, event.slug).ok
    with event.database.read() as connection:
        from turnout.store import attendees

        found = attendees.list_attendees(connection, event.id, status=None)
    return {one.id: (one.email, one.aliases) for one in found}


# By e-mail


def test_c6_by_email_the_id_decides_nothing(event: TestedEvent, notation: str) -> None:
    """With `identity = email`, the default, it decides nothing."""
    first = event.push_ok(said("a@x.org", "1", notation))
    other = event.push_ok(said("b@x.org", "1", notation))
    assert other["result"] == "created"
    assert who(first) != who(other)
    assert event.push_ok(said("a@x.org", "2", notation))["attendee"] == first["attendee"]


def test_c6_by_email_a_shared_address_is_applied_with_a_warning(event: TestedEvent, notation: str) -> None:
    """A known e-mail that comes with another id of the same source and another name is applied, with `shared_email`."""
    event.push_ok(said(DOE, "1", notation, firstName="John"))
    receipt = event.push_ok(said(DOE, "2", notation, firstName="Jane"))
    assert receipt["result"] == "updated"
    assert warned(receipt) == [("profile.email", "shared_email")]
    assert event.attendee(DOE)["profile"]["firstName"] == "Jane"
    assert warned(event.push_ok(said(DOE, "2", notation, firstName="Jane"))) == []
    assert warned(event.push_ok(said(DOE, "1", notation, firstName="John"))) == [("profile.email", "shared_email")]


@pytest.mark.parametrize(
    ("third_party_id", "name"), [("1", "Jane"), ("2", "JOHN"), ("2", None), (None, "Jane"), ("", "Jane")]
)
def test_c6_by_email_it_takes_both_another_id_and_another_name(
    event: TestedEvent, third_party_id: str | None, name: str | None
) -> None:
    """Another id of the same source and another name: one of the two alone is no sign of two people."""
    event.push_ok(said(DOE, "1", firstName="John"))
    fields = {} if name is None else {"firstName": name}
    assert warned(event.push_ok(said(DOE, third_party_id, **fields))) == []


def test_c6_by_email_ids_of_another_source_are_no_sign(event: TestedEvent) -> None:
    """Another id of the same source."""
    shop = event.make_source("Shop")
    event.push_ok(said(DOE, "1", firstName="John"))
    assert warned(event.push_ok(said(DOE, "2", firstName="Jane"), key=shop)) == []


def test_c6_the_warning_is_in_the_senders_own_notation(event: TestedEvent) -> None:
    """The warning `shared_email` names the path as it was sent."""
    event.push_ok(said(DOE, "1", firstName="John"))
    body = {"Profile.E-Mail": DOE, "profile.thirdPartyId": "2", "profile.firstName": "Jane"}
    assert ("Profile.E-Mail", "shared_email") in warned(event.push_ok(body))


# By id


def test_c6_people_who_share_an_address_are_different_people(by_id: TestedEvent, notation: str) -> None:
    """An unknown id is a new attendee, even with an e-mail that others have."""
    john = by_id.push_ok(said(DOE, "1", notation, firstName="John"))
    jane = by_id.push_ok(said(DOE, "2", notation, firstName="Jane"))
    assert (john["result"], jane["result"]) == ("created", "created")
    assert who(john) != who(jane)
    for one, third_party_id in ((john, "1"), (jane, "2")):
        again = by_id.push_ok(said(DOE, third_party_id, notation, title="CTO"))
        assert (again["attendee"], again["warnings"]) == (one["attendee"], [])


def test_c6_a_known_id_with_a_new_address_is_a_change_of_address(by_id: TestedEvent, notation: str) -> None:
    """History stays, the old address becomes an alias."""
    first = by_id.push_ok(said("old@x.org", "1", notation, firstName="John"))
    moved = by_id.push_ok(said("new@x.org", "1", notation))
    assert who(moved) == who(first)
    assert moved["changes"] == [{"path": "profile.email", "old": "old@x.org", "new": "new@x.org"}]
    assert people(by_id) == {who(first): ("new@x.org", ["old@x.org"])}
    assert by_id.push_ok(said("new@x.org", "1", notation))["result"] == "unchanged"
    assert [(line.kind, line.email) for line in by_id.changes()[1:]] == [
        ("created", "old@x.org"),
        ("updated", "new@x.org"),
    ]


def test_c6_a_former_address_is_the_same_person_and_renames_back_only_with_the_id(by_id: TestedEvent) -> None:
    """A former address (alias) is the same attendee (C1); a known id with another e-mail is a change of address."""
    first = by_id.push_ok(said("old@x.org", "1"))
    by_id.push_ok(said("new@x.org", "1"))
    without = by_id.push_ok(said("old@x.org", title="CTO"))
    assert without["attendee"] == {"id": who(first), "email": "new@x.org"}
    assert by_id.push_ok(said("old@x.org", "1"))["attendee"] == {"id": who(first), "email": "old@x.org"}
    assert people(by_id) == {who(first): ("old@x.org", ["new@x.org"])}


def test_c6_an_unknown_id_is_linked_to_who_has_the_address_and_none_yet(by_id: TestedEvent, notation: str) -> None:
    """An unknown id is linked to the attendee with that e-mail who has no id of this source yet."""
    shop = by_id.make_source("Shop")
    first = by_id.push_ok(said(DOE, "crm-7", notation))
    linked = by_id.push_ok(said(DOE, "order-1", notation), key=shop)
    assert who(linked) == who(first)
    other = by_id.push_ok(said(DOE, "order-2", notation), key=shop)
    assert other["result"] == "created"
    assert who(by_id.push_ok(said("moved@x.org", "order-1", notation), key=shop)) == who(first)
    assert who(by_id.push_ok(said("moved@x.org", "crm-7", notation))) == who(first)


def test_c6_to_link_an_id_by_a_former_address_and_say_it_again_changes_nothing(by_id: TestedEvent) -> None:
    """The same push again changes nothing (C8), also where the first one has made the id known."""
    shop = by_id.make_source("Shop")
    first = by_id.push_ok(said("old@x.org", "1"))
    by_id.push_ok(said("new@x.org", "1"))
    assert who(by_id.push_ok(said("old@x.org", "order-1"), key=shop)) == who(first)
    assert by_id.push_ok(said("old@x.org", "order-1"), key=shop)["result"] == "unchanged"


def test_c6_of_several_without_id_rather_the_one_with_that_name(by_id: TestedEvent) -> None:
    """An unknown id is linked to the attendee with that e-mail who has no id of this source yet."""
    shop = by_id.make_source("Shop")
    john = by_id.push_ok(said(DOE, "1", firstName="John", lastName="Doe"))
    jane = by_id.push_ok(said(DOE, "2", firstName="Jane", lastName="Doe"))
    assert who(by_id.push_ok(said(DOE, "order-1", firstName="JANE"), key=shop)) == who(jane)
    assert who(by_id.push_ok(said(DOE, "order-2", firstName="Somebody"), key=shop)) == who(john)


def test_c6_ids_of_sources_have_nothing_to_do_with_each_other(by_id: TestedEvent) -> None:
    """The id decides, within its source."""
    shop = by_id.make_source("Shop")
    main = by_id.push_ok(said("a@x.org", "1"))
    other = by_id.push_ok(said("b@x.org", "1"), key=shop)
    assert who(main) != who(other)
    assert who(by_id.push_ok(said("c@x.org", "1"))) == who(main)
    assert who(by_id.push_ok(said("d@x.org", "1"), key=shop)) == who(other)


def test_c6_ids_are_compared_as_they_are(by_id: TestedEvent) -> None:
    """A known id: the same text, however numbers are written in JSON (B4)."""
    first = by_id.push_ok({"profile": {"email": "a@x.org", "thirdPartyId": 4711}})
    assert who(by_id.push_ok(said("b@x.org", " 4711 "))) == who(first)
    assert by_id.push_ok(said("c@x.org", "a"))["result"] == "created"
    assert by_id.push_ok(said("d@x.org", "A"))["result"] == "created"


def test_c6_a_push_without_id_goes_by_the_address(by_id: TestedEvent, notation: str) -> None:
    """A push without id goes by e-mail."""
    first = by_id.push_ok(said(DOE, "1", notation))
    assert who(by_id.push_ok(said("DOE@example.com", None, notation, title="CTO"))) == who(first)
    assert by_id.push_ok(said("else@x.org", None, notation))["result"] == "created"


@pytest.mark.parametrize("third_party_id", [None, "", "  "])
def test_c6_a_push_without_id_is_an_error_where_several_have_the_address(
    by_id: TestedEvent, notation: str, third_party_id: str | None
) -> None:
    """A push without id is an error that lists the ids where several people have it: this source's alone."""
    shop = by_id.make_source("Shop")
    by_id.push_ok(said(DOE, "1", notation))
    by_id.push_ok(said(DOE, "2", notation))
    by_id.push_ok(said(DOE, "order-9", notation), key=shop)
    before = people(by_id)
    problem = by_id.push_failed(said(DOE, third_party_id, notation, title="CTO"))
    (error,) = problem["errors"]
    assert (problem["code"], error["path"], error["code"]) == ("invalid_push", "profile.email", "ambiguous_email")
    assert "Your ids of them: 1, 2." in error["message"]
    assert "order-9" not in str(problem)
    assert "thirdPartyId" in error["help"]
    theirs = by_id.push_failed(said(DOE, None, notation), key=shop)
    assert "Your ids of them: order-9." in theirs["detail"]
    assert people(by_id) == before
    assert by_id.get(f"/pushes/{problem['id']}").json()["result"] == "failed"


def test_c6_who_has_the_address_comes_before_who_had_it(by_id: TestedEvent) -> None:
    """A push without id goes by e-mail: present addresses first, former ones only where nobody has it."""
    former = by_id.push_ok(said(DOE, "1"))
    by_id.push_ok(said("new@x.org", "1"))
    present = by_id.push_ok(said(DOE, "2"))
    assert who(by_id.push_ok(said(DOE, title="CTO"))) == who(present)
    by_id.push_ok(said("newer@x.org", "2"))
    assert "2 people" in by_id.push_failed(said(DOE, title="CEO"))["detail"]
    assert who(by_id.push_ok(said(DOE, "1"))) == who(former)
    assert who(by_id.push_ok(said(DOE, title="CEO"))) == who(former)


def test_c6_a_blank_takes_the_id_back(by_id: TestedEvent, notation: str) -> None:
    """`""` is provided, and clears (C3): the id is nobody's then, and is linked again when it comes again."""
    first = by_id.push_ok(said(DOE, "1", notation))
    cleared = by_id.push_ok(said(DOE, "", notation))
    assert cleared["changes"] == [{"path": "profile.thirdPartyId", "old": "1", "new": None}]
    other = by_id.push_ok(said("else@x.org", "1", notation))
    assert other["result"] == "created"
    assert who(by_id.push_ok(said(DOE, "2", notation))) == who(first)
    people(by_id)


SWAP = [said("b@x.org", "1"), said("a@x.org", "2")]


@pytest.mark.parametrize("how", ["pushes", "batches", "one batch", "atomic"])
def test_c6_addresses_can_be_swapped(by_id: TestedEvent, how: str) -> None:
    """A known id with a new e-mail is a change of address, also where somebody else has that address at the moment."""
    one, two = who(by_id.push_ok(said("a@x.org", "1"))), who(by_id.push_ok(said("b@x.org", "2")))
    for back in (False, True):
        bodies = [said("a@x.org", "1"), said("b@x.org", "2")] if back else SWAP
        if how == "pushes":
            answered = [by_id.push_ok(body) for body in bodies]
        elif how == "batches":
            answered = [by_id.batch_ok([body])["results"][0] for body in bodies]
        else:
            answered = by_id.batch_ok(bodies, "?atomic=true" if how == "atomic" else "")["results"]
        assert [who(receipt) for receipt in answered] == [one, two]
        assert [receipt["result"] for receipt in answered] == ["updated", "updated"]
        addresses = ("a@x.org", "b@x.org") if back else ("b@x.org", "a@x.org")
        assert people(by_id) == {one: (addresses[0], [addresses[1]]), two: (addresses[1], [addresses[0]])}


def test_c6_changes_of_address_in_one_batch_follow_one_another(by_id: TestedEvent) -> None:
    """A push sees the effect of those before it (C8)."""
    one = who(by_id.push_ok(said("a@x.org", "1")))
    bodies = [
        said("b@x.org", "1"),
        said("a@x.org", title="by a former address"),
        said("c@x.org", "1"),
        said("b@x.org", "2"),
        said("b@x.org", title="by the present one"),
        said("c@x.org", ""),
        said("c@x.org", "3"),
        said("d@x.org", "3"),
        said("e@x.org", "1"),
    ]
    results = by_id.batch_ok(bodies)["results"]
    two, three = who(results[3]), who(results[8])
    assert [who(one) for one in results] == [one, one, one, two, two, one, one, one, three]
    assert len({one, two, three}) == 3
    assert people(by_id) == {
        one: ("d@x.org", ["a@x.org", "b@x.org", "c@x.org"]),
        two: ("b@x.org", []),
        three: ("e@x.org", []),
    }


def test_c6_an_atomic_batch_that_fails_moves_no_id(by_id: TestedEvent) -> None:
    """With one failing item nothing takes effect (E2)."""
    one = who(by_id.push_ok(said("a@x.org", "1")))
    by_id.batch([said("a@x.org", ""), said("b@x.org", "1"), {"profile": {}}], "?atomic=true")
    assert people(by_id) == {one: ("a@x.org", [])}
    assert who(by_id.push_ok(said("c@x.org", "1"))) == one


def test_c6_a_dry_run_sees_what_its_earlier_items_would_do(by_id: TestedEvent, notation: str) -> None:
    """`?dryRun=true`: same checks, same receipt, nothing changed (D5)."""
    one = by_id.push_ok(said("a@x.org", "1", notation))
    before = people(by_id)
    bodies = [
        said("b@x.org", "1", notation),
        said("a@x.org", "2", notation),
        said("a@x.org", None, notation, title="CTO"),
        said("b@x.org", "", notation),
        said("c@x.org", "1", notation),
        said("c@x.org", "4", notation),
        said("c@x.org", None, notation),
    ]
    dry = by_id.batch_ok(bodies, "?dryRun=true")
    assert people(by_id) == before
    real = by_id.batch_ok(bodies)
    shown = [
        [(one.get("result"), one.get("changes"), one.get("attendee", {}).get("email")) for one in answer["results"]]
        for answer in (dry, real)
    ]
    assert shown[0] == shown[1]
    assert [result for result, _, _ in shown[1]] == [
        "updated",
        "created",
        "updated",
        "updated",
        "created",
        "created",
        None,
    ]
    assert dry["results"][0]["attendee"]["id"] == who(one)
    assert dry["results"][1]["attendee"]["id"] is None


def test_c6_a_long_dry_run_sees_its_earlier_chunks(by_id: TestedEvent) -> None:
    """A batch travels in chunks; what an earlier one would do, a later one sees (D5)."""
    by_id.push_ok(said("a@x.org", "1"))
    filling = [said(f"p{number}@x.org") for number in range(600)]
    bodies = [said("a@x.org", ""), said("b@x.org", "2"), *filling, said("c@x.org", "1"), said("d@x.org", "2")]
    first, second, *_, third, fourth = by_id.batch_ok(bodies, "?dryRun=true")["results"]
    assert [one["result"] for one in (first, second, third, fourth)] == ["updated", "created", "created", "updated"]
    assert fourth["changes"] == [{"path": "profile.email", "old": "b@x.org", "new": "d@x.org"}]


def test_c6_an_older_push_with_the_id_does_not_bring_the_old_address_back(by_id: TestedEvent) -> None:
    """A field's older value never replaces a newer one (D7); the address is a field in this."""
    one = by_id.push_ok(said("new@x.org", "1") | {"observedAt": "2025-03-02T08:00:00Z"})
    late = by_id.push_ok(said("old@x.org", "1") | {"observedAt": "2025-03-01T08:00:00Z"})
    assert late["attendee"] == {"id": who(one), "email": "new@x.org"}
    assert warned(late) == [("profile.email", "older_than_current")]


def test_c6_all_ids_of_somebody_who_was_two_stay_known(by_id: TestedEvent) -> None:
    """Merging takes addresses and ids to the one kept (C10); each goes on deciding, whichever came last."""
    one, two = by_id.push_ok(said("a@x.org", "1")), by_id.push_ok(said("b@x.org", "2"))
    configurations = Configurations(by_id.database)
    with on_stage(by_id.database, configurations, by_id.id, "test") as scene:
        merging.merge(scene, who(two), who(one))
    for third_party_id in ("2", "1", "2", "2", "1"):
        receipt = by_id.push_ok(said("c@x.org", third_party_id))
        assert who(receipt) == who(one)
        assert verify(by_id.database, by_id.slug).ok
    assert warned(by_id.push_ok(said("c@x.org", "2", firstName="Another"))) == []


# Changing the setting


def test_c6_the_setting_counts_from_the_next_push_on(event: TestedEvent) -> None:
    """The event's setting `identity = third_party_id`; ids that came before it was set are known."""
    one = event.push_ok(said("a@x.org", "1"))
    event_room.set_up(event.database, event.id, BY_ID)
    assert who(event.push_ok(said("b@x.org", "1"))) == who(one)
    event_room.set_up(event.database, event.id, {"identity": "email"})
    assert event.push_ok(said("c@x.org", "1"))["result"] == "created"


def test_c6_an_id_that_several_people_have_goes_by_the_address_first(event: TestedEvent) -> None:
    """While ids decided nothing, several people could get the same."""
    one, two = event.push_ok(said("a@x.org", "1")), event.push_ok(said("b@x.org", "1"))
    event_room.set_up(event.database, event.id, BY_ID)
    assert who(event.push_ok(said("a@x.org", "1"))) == who(one)
    assert who(event.push_ok(said("b@x.org", "1"))) == who(two)
    assert who(event.push_ok(said("c@x.org", "1"))) == who(two)
