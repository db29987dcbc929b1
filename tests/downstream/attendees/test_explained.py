"""Why does it say that? What staff are told of one person and of a list, without HTTP."""

import pytest

from turnout import errors
from turnout.changes import attendee_view
from turnout.downstream.attendees.explained import FieldTold, PersonTold, explain_person, list_history
from turnout.downstream.attendees.listed import wait_listed
from turnout.downstream.attendees.query import make_query
from turnout.downstream.limits import EVERYTHING
from turnout.events import event, keys
from turnout.feed.acts import decisions
from turnout.feed.acts.scene import on_stage
from turnout.feed.by_hand.hand_in import as_sender, hand_in
from turnout.feed.configurations import Configurations
from turnout.feed.intake import read_item
from turnout.feed.parse.body import decode
from turnout.model.event import Configuration
from turnout.model.receipt import Outcome
from turnout.now import new_id
from turnout.store.database import Database

MAIN, SHOP = 1, 2


class Desk:
    def __init__(self, database: Database) -> None:
        self.database = database
        self.event, _ = event.create(database, "Spring")
        keys.create(database, self.event.id, label="Shop")
        self.configurations = Configurations(database)
        self.known = self.load()
        """As a page has it that was opened before anything came."""

    def load(self) -> Configuration:
        configuration = self.configurations.load(slug="spring")
        assert configuration is not None
        return configuration

    def push(self, body: bytes, source: int = MAIN) -> Outcome:
        (outcome,) = hand_in(
            self.database,
            Configurations(self.database),
            "spring",
            lambda its: [read_item(new_id("psh"), decode(body, None), as_sender(its, source, "ann"))],
        )
        return outcome

    def explain(self, reference: str = "ann@x.org") -> PersonTold:
        return explain_person(self.database, self.configurations, self.known, reference)


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk(database)


def find(told: PersonTold, path: str) -> FieldTold:
    return next(field for field in told.fields if field.path == path)


def test_each_value_says_where_it_is_from_and_what_was_there_before(desk: Desk) -> None:
    desk.push(b'{"profile": {"email": "Ann@x.org", "title": "CTO", "city": "Bonn"}}')
    desk.push(b'{"profile": {"email": "ann@x.org", "city": ""}}')
    second = desk.push(
        b'{"profile": {"email": "ann@x.org", "title": "CEO", "shoe": "43",'
        b' "customFields": [{"fieldName": "Size", "fieldValue": ["S", "M"]}]}}',
        SHOP,
    )
    with on_stage(desk.database, desk.configurations, desk.event.id, "staff") as scene:
        decisions.pin(scene, "ann@x.org", "profile.title", is_pinned=True)
        decisions.rename(scene, "ann@x.org", "new@x.org")
    told = desk.explain()
    title = find(told, "profile.title")
    assert title.origin is not None
    assert (title.value, title.origin.old, title.origin.source, title.origin.push) == (
        "CEO",
        "CTO",
        "Shop",
        second.push_id,
    )
    assert title.is_pinned
    assert (find(told, "profile.customFields.Size").value, find(told, "profile.shoe").kind) == (["S", "M"], "unknown")
    city = find(told, "profile.city")
    assert city.origin is not None
    assert (city.value, city.origin.old) == (None, "Bonn")
    never = find(told, "profile.motto")
    assert (never.value, never.origin, never.true_at) == (None, None, None)
    assert [field.path for field in told.fields][:2] == ["profile.email", "profile.thirdPartyId"]
    assert len([field for field in told.fields if field.kind == "profile"]) == 1 + len(attendee_view.SHOWN_FIELDS)
    assert (told.view.email, told.view.aliases) == ("new@x.org", ["ann@x.org"])


def test_groups_say_who_says_so_and_who_holds_them(desk: Desk) -> None:
    desk.push(b'{"profile": {"email": "ann@x.org"}, "eventInfo": {"groups": {"groupNames": ["VIP", "Press"]}}}')
    desk.push(b'{"profile": {"email": "ann@x.org"}, "eventInfo": {"groups": {"groupNames": ["VIP"]}}}', SHOP)
    with on_stage(desk.database, desk.configurations, desk.event.id, "staff") as scene:
        decisions.hold(scene, "ann@x.org", "Press", is_in=False)
        decisions.hold(scene, "ann@x.org", "Crew", is_in=True)
    told = {group.name: (group.is_in, group.sources, group.held) for group in desk.explain().groups}
    assert told == {
        "VIP": (True, ["main", "Shop"], None),
        "Press": (False, ["main"], False),
        "Crew": (True, [], True),
    }


def test_sources_say_whom_they_expect_and_under_which_ids(desk: Desk) -> None:
    desk.push(b'{"profile": {"email": "ann@x.org", "thirdPartyId": "7"}}')
    last = desk.push(b'{"profile": {"email": "ann@x.org"}, "eventInfo": {"attending": false}}', SHOP)
    told = [(one.name, one.expects, one.ids, one.last_push) for one in desk.explain().sources]
    assert [one[:3] for one in told] == [("main", True, ["7"]), ("Shop", False, [])]
    assert told[1][3] == last.push_id


def test_the_history_comes_page_by_page_the_latest_first(desk: Desk) -> None:
    for title in range(5):
        desk.push(b'{"profile": {"email": "ann@x.org", "title": "t%d"}}' % title)
    seen, before = [], None
    while True:
        page = list_history(desk.database, desk.configurations, desk.known, "ann@x.org", before=before, limit=2)
        seen += [line.sequence for line in page.history]
        if page.next is None:
            break
        before = int(page.next)
    assert seen == [5, 4, 3, 2, 1]
    with pytest.raises(errors.InvalidRequest):
        list_history(desk.database, desk.configurations, desk.known, "ann@x.org", limit=0)


def test_nobody_is_not_explained(desk: Desk) -> None:
    with pytest.raises(errors.NotFound):
        desk.explain("nobody@x.org")


def test_a_list_goes_on_where_its_cursor_says_with_names_that_are_newer_than_the_page(desk: Desk) -> None:
    for name in (b"ann", b"bob", b"cid"):
        desk.push(b'{"profile": {"email": "%s@x.org"}, "eventInfo": {"groups": {"groupNames": ["VIP"]}}}' % name)
    query = make_query(desk.load(), EVERYTHING, group="vip")
    first = wait_listed(desk.database, desk.configurations, desk.known, query, limit=2)
    rest = wait_listed(desk.database, desk.configurations, desk.known, query, cursor=first.cursor, limit=2)
    assert [one.email for one in (*first.attendees, *rest.attendees)] == ["ann@x.org", "bob@x.org", "cid@x.org"]
    assert rest.cursor is None
    assert attendee_view.view(first.attendees[0], first.configuration).groups == ["VIP"]
    with pytest.raises(errors.InvalidRequest):
        wait_listed(
            desk.database, desk.configurations, desk.known, make_query(desk.load(), EVERYTHING), cursor=first.cursor
        )
