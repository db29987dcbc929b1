"""Hand-outs: a link that shows a source's key once."""

import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from turnout import errors, now
from turnout.events import event, handouts, keys, sources
from turnout.events.handouts import BadLink
from turnout.events.key_check import check_key
from turnout.model.event import Configuration
from turnout.store import events
from turnout.store.database import Database

_slugs = itertools.count(1)
DAY_US = 86_400_000_000


@pytest.fixture
def event_id(database: Database) -> str:
    return event.create(database, "Spring", f"spring-{next(_slugs)}")[0].id


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Lets so much time pass for hand-outs."""

    def pass_by(span: timedelta) -> None:
        at = now.now_us() + int(span.total_seconds() * 1_000_000)
        monkeypatch.setattr(handouts, "now_us", lambda: at)

    return pass_by


def configuration_of(database: Database, event_id: str) -> Configuration:
    with database.read() as connection:
        configuration = events.load_configuration(connection, event_id)
    assert configuration is not None
    return configuration


def test_a_new_source_gets_the_tools_settings_and_rehearses(database: Database, event_id: str) -> None:
    handout, _ = handouts.create(database, event_id, "Zapier", "zapier", settings={"lists": ",", "blank": "keep"})
    configuration = configuration_of(database, event_id)
    source = configuration.sources[handout.source_number]
    assert source.name == "Zapier"
    assert (source.policy.lists, source.policy.blank, source.policy.mode) == (",", "keep", "rehearsal")
    assert not [key for key in configuration.keys.values() if key.source_number == source.number]


def test_a_source_that_is_there_stays_as_it_is(database: Database, event_id: str) -> None:
    keys.create(database, event_id, label="Shop")
    handout, _ = handouts.create(database, event_id, "SHOP", "python", settings={"blank": "keep"})
    source = configuration_of(database, event_id).sources[handout.source_number]
    assert (source.name, source.policy.blank, source.policy.mode) == ("Shop", None, None)


def test_a_setting_that_cannot_be_meant_makes_neither_source_nor_hand_out(database: Database, event_id: str) -> None:
    with pytest.raises(errors.InvalidRequest):
        handouts.create(database, event_id, "Zapier", "zapier", settings={"lists": "x"})
    configuration = configuration_of(database, event_id)
    assert sources.find_source(configuration, "Zapier") is None
    assert handouts.list_of(database, configuration) == []


def test_the_link_finds_its_hand_out_and_only_its_digest_is_kept(database: Database, event_id: str) -> None:
    handout, text = handouts.create(database, event_id, "Shop", "curl", label="Ann", actor="user:1")
    found, configuration = handouts.find(database, text)
    assert found == handout
    assert configuration.event.id == event_id
    assert text.partition(".")[2].encode() not in found.digest


def test_guessed_cut_and_foreign_links_get_the_same_error(database: Database, event_id: str) -> None:
    handout, text = handouts.create(database, event_id, "Shop", "curl")
    _, other = handouts.create(database, event_id, "Other", "curl")
    secret = text.partition(".")[2]
    said = set()
    for wrong in (
        "",
        ".",
        handout.id,
        f"{handout.id}.",
        text[:-1],
        text + "a",
        f"{handout.id}.{other.partition('.')[2]}",
        f"hnd_{0:032x}.{secret}",
        f"{handout.id}\0.{secret}",
        "hnd_\ud800." + secret,
        text + "\ud800",
    ):
        with pytest.raises(BadLink) as caught:
            handouts.find(database, wrong)
        said.add(caught.value.detail)
    assert len(said) == 1


def test_an_expired_link_is_good_for_nothing(
    database: Database, event_id: str, later: Callable[[timedelta], None]
) -> None:
    handout, text = handouts.create(database, event_id, "Shop", "curl")
    later(timedelta(days=13, hours=23))
    handouts.find(database, text)
    later(timedelta(days=14, seconds=1))
    with pytest.raises(BadLink):
        handouts.find(database, text)
    with pytest.raises(BadLink):
        handouts.take_key(database, handout)
    with pytest.raises(errors.Conflict):
        handouts.give_again(database, event_id, handout.id)


def test_a_revoked_link_is_good_for_nothing_and_its_key_stays(database: Database, event_id: str) -> None:
    handout, text = handouts.create(database, event_id, "Shop", "curl")
    key = handouts.take_key(database, handout)
    assert handouts.revoke(database, event_id, handout.id).state(now.now_us()) == "revoked"
    with pytest.raises(BadLink):
        handouts.find(database, text)
    with pytest.raises(BadLink):
        handouts.take_key(database, handout)
    assert check_key(database, key, None).state == "good"


def test_the_link_ends_with_its_source_and_with_its_event(database: Database, event_id: str) -> None:
    _, of_shop = handouts.create(database, event_id, "Shop", "curl")
    _, of_other = handouts.create(database, event_id, "Other", "curl")
    sources.retire(database, event_id, "Shop")
    with pytest.raises(BadLink):
        handouts.find(database, of_shop)
    handouts.find(database, of_other)
    event.archive(database, event_id)
    with pytest.raises(BadLink):
        handouts.find(database, of_other)


def test_the_key_is_shown_once_and_is_the_sources(database: Database, event_id: str) -> None:
    handout, text = handouts.create(database, event_id, "Shop", "curl")
    key = handouts.take_key(database, handout)
    checked = check_key(database, key, None)
    assert (checked.state, checked.scope, checked.source) == ("good", "push", "Shop")
    found, _ = handouts.find(database, text)
    assert found.key_id == checked.id
    with pytest.raises(errors.Conflict, match=r"was shown on \d{4}-\d\d-\d\d at \d\d:\d\d UTC"):
        handouts.take_key(database, handout)


def test_of_many_who_ask_at_once_one_gets_the_key(database: Database, event_id: str) -> None:
    handout, _ = handouts.create(database, event_id, "Shop", "curl")

    def ask(_: int) -> str | None:
        try:
            return handouts.take_key(database, handout)
        except errors.Conflict:
            return None

    with ThreadPoolExecutor(8) as pool:
        given = [key for key in pool.map(ask, range(8)) if key is not None]
    assert len(given) == 1
    configuration = configuration_of(database, event_id)
    assert sum(key.source_number == handout.source_number for key in configuration.keys.values()) == 1


def test_staff_let_it_be_shown_again_and_the_old_key_ends(database: Database, event_id: str) -> None:
    handout, _ = handouts.create(database, event_id, "Shop", "curl")
    first = handouts.take_key(database, handout)
    assert handouts.give_again(database, event_id, handout.id).key_id is None
    assert check_key(database, first, None).state == "revoked"
    second = handouts.take_key(database, handout)
    assert check_key(database, second, None).state == "good"
    with pytest.raises(errors.Conflict):
        handouts.take_key(database, handout)


def test_a_hand_out_of_another_event_is_not_there(database: Database, event_id: str) -> None:
    handout, text = handouts.create(database, event_id, "Shop", "curl")
    other = event.create(database, "Autumn", f"autumn-{next(_slugs)}")[0].id
    for act in (handouts.give_again, handouts.revoke):
        with pytest.raises(errors.NotFound):
            act(database, other, handout.id)
    handouts.find(database, text)
    assert handouts.list_of(database, configuration_of(database, other)) == []


def test_when_it_was_first_opened_is_noted_once(database: Database, event_id: str) -> None:
    handout, text = handouts.create(database, event_id, "Shop", "curl")
    assert handouts.note_opened(database, handout)
    found, _ = handouts.find(database, text)
    assert found.opened_at is not None
    assert not handouts.note_opened(database, handout)
    assert not handouts.note_opened(database, found)
    assert handouts.find(database, text)[0].opened_at == found.opened_at


def test_lists_show_the_newest_first_and_forget_what_ended_long_ago(
    database: Database, event_id: str, later: Callable[[timedelta], None]
) -> None:
    first, _ = handouts.create(database, event_id, "Shop", "curl", expires_in_us=DAY_US)
    second, _ = handouts.create(database, event_id, "Shop", "curl", expires_in_us=100 * DAY_US)
    configuration = configuration_of(database, event_id)
    assert [one.id for one in handouts.list_of(database, configuration)] == [second.id, first.id]
    later(timedelta(days=92))
    assert [one.id for one in handouts.list_of(database, configuration)] == [second.id]
    third, _ = handouts.create(database, event_id, "Shop", "curl")
    later(timedelta(days=0))
    assert [one.id for one in handouts.list_of(database, configuration)] == [third.id, second.id]


def test_there_is_a_bound(database: Database, event_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handouts, "MAX_HANDOUTS", 2)
    for _ in range(2):
        handouts.create(database, event_id, "Shop", "curl")
    with pytest.raises(errors.Conflict):
        handouts.create(database, event_id, "Shop", "curl")
    for wrong in ({"expires_in_us": 0}, {"expires_in_us": 400 * DAY_US}, {"label": "x" * 256}):
        with pytest.raises(errors.InvalidRequest):
            handouts.create(database, event_id, "Shop", "curl", **wrong)  # ty: ignore[invalid-argument-type]


def test_a_source_goes_live(database: Database, event_id: str) -> None:
    handouts.create(database, event_id, "Shop", "curl")
    assert handouts.go_live(database, event_id, "shop").policy.mode == "live"
    sources.retire(database, event_id, "Shop")
    with pytest.raises(errors.Conflict):
        handouts.go_live(database, event_id, "Shop")
    with pytest.raises(errors.NotFound):
        handouts.go_live(database, event_id, "Nobody")
