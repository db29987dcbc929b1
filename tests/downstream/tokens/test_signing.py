"""Signing keys: made once, replaced in time, published long enough, and never lost for good."""

from collections.abc import Callable

import pytest
import structlog
from cryptography.hazmat.primitives.serialization import load_der_private_key

from turnout.downstream.tokens import signing
from turnout.downstream.tokens.signing import AHEAD_US, PUBLISHED_US, REPLACED_AFTER_US
from turnout.events import event as events
from turnout.model.signing_key import SigningKey
from turnout.now import now_us
from turnout.operations.check import check_content
from turnout.store import signing_keys
from turnout.store.database import Database

SECOND_US = 1_000_000


@pytest.fixture
def event_id(database: Database) -> str:
    return events.create(database, "Spring")[0].id


@pytest.fixture
def wait(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Lets so much time pass."""
    passed = 0

    def pass_(more_us: int) -> None:
        nonlocal passed
        passed += more_us
        monkeypatch.setattr(signing, "now_us", lambda: now_us() + passed)

    return pass_


def list_published(database: Database, event_id: str) -> list[SigningKey]:
    with database.read() as connection:
        return signing.list_published(signing_keys.list_signing_keys(connection, event_id), signing.now_us())


def list_stored(database: Database, event_id: str) -> list[SigningKey]:
    with database.read() as connection:
        return signing_keys.list_signing_keys(connection, event_id)


def test_the_first_key_is_made_when_it_is_needed_and_used_again(database: Database, event_id: str) -> None:
    assert list_published(database, event_id) == []
    first = signing.get_signer(database, event_id)
    assert signing.get_signer(database, event_id).id == first.id
    assert [key.id for key in list_published(database, event_id)] == [first.id]


def test_the_private_half_is_sealed(database: Database, event_id: str) -> None:
    signing.get_signer(database, event_id)
    (stored,) = list_stored(database, event_id)
    with pytest.raises(ValueError, match="Could not deserialize"):
        load_der_private_key(stored.private_key, None)
    assert '"d"' not in stored.public_key


def test_events_have_keys_of_their_own(database: Database, event_id: str) -> None:
    other = events.create(database, "Autumn")[0].id
    assert signing.get_signer(database, event_id).id != signing.get_signer(database, other).id
    assert len(list_published(database, event_id)) == 1


def test_a_new_key_is_published_before_it_signs_and_the_former_one_until_its_tokens_are_over(
    database: Database, event_id: str, wait: Callable[[int], None]
) -> None:
    first = signing.get_signer(database, event_id).id
    _, next_ = (key.id for key in signing.rotate(database, event_id))
    assert [key.id for key in list_published(database, event_id)] == [first, next_]
    wait(AHEAD_US - SECOND_US)
    assert signing.get_signer(database, event_id).id == first
    wait(2 * SECOND_US)
    assert signing.get_signer(database, event_id).id == next_
    # The last token of the first key was given a second before, and is good for an hour.
    wait(PUBLISHED_US - 2 * SECOND_US)
    assert [key.id for key in list_published(database, event_id)] == [first, next_]
    wait(2 * SECOND_US)
    assert [key.id for key in list_published(database, event_id)] == [next_]
    signing.rotate(database, event_id)
    assert first not in [key.id for key in list_stored(database, event_id)]


def test_a_former_key_is_published_for_as_long_as_its_longest_token_and_caches_in_between() -> None:
    assert PUBLISHED_US >= (signing.LONGEST_S + signing.KEPT_S) * SECOND_US
    assert AHEAD_US > signing.KEPT_S * SECOND_US


def test_to_rotate_again_while_a_key_is_on_its_way_makes_no_other(database: Database, event_id: str) -> None:
    signing.get_signer(database, event_id)
    first_time = [key.id for key in signing.rotate(database, event_id)]
    assert [key.id for key in signing.rotate(database, event_id)] == first_time


def test_keys_are_replaced_by_themselves_after_90_days(
    database: Database, event_id: str, wait: Callable[[int], None]
) -> None:
    first = signing.get_signer(database, event_id).id
    wait(REPLACED_AFTER_US - SECOND_US)
    signing.get_signer(database, event_id)
    assert len(list_published(database, event_id)) == 1
    wait(2 * SECOND_US)
    assert signing.get_signer(database, event_id).id == first
    (_, next_) = list_published(database, event_id)
    signing.get_signer(database, event_id)
    assert len(list_stored(database, event_id)) == 2
    wait(AHEAD_US + SECOND_US)
    assert signing.get_signer(database, event_id).id == next_.id


def test_a_stolen_key_is_replaced_at_once(database: Database, event_id: str) -> None:
    first = signing.get_signer(database, event_id).id
    signing.rotate(database, event_id)
    (left,) = signing.rotate(database, event_id, at_once=True)
    assert signing.get_signer(database, event_id).id == left.id != first
    assert [key.id for key in list_published(database, event_id)] == [left.id]


def test_an_event_without_a_key_gets_its_first_by_rotating(database: Database, event_id: str) -> None:
    (first,) = signing.rotate(database, event_id)
    assert signing.get_signer(database, event_id).id == first.id


def test_where_the_secret_key_was_lost_a_new_key_signs_and_what_was_signed_stays_verified(
    database: Database, event_id: str
) -> None:
    first = signing.get_signer(database, event_id).id
    assert "signing keys" not in [check.name for check in check_content(database, "")]
    # What it is after `turnout accept-secret-key`.
    database._secret_key = bytes(32)
    (found,) = [check for check in check_content(database, "") if check.name == "signing keys"]
    assert (found.state, found.message[:8]) == ("warning", "1 of 1 k")
    with structlog.testing.capture_logs() as logs:
        second = signing.get_signer(database, event_id).id
    assert [(one["event"], one["event_id"], one["keys"]) for one in logs] == [("signing_keys_lost", event_id, [first])]
    assert second != first
    assert [key.id for key in list_published(database, event_id)] == [first, second]
    assert signing.get_signer(database, event_id).id == second
    assert "signing keys" not in [check.name for check in check_content(database, "")]
