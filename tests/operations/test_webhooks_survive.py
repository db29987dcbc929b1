"""Webhooks, their cursors and what waits for them go along into a backup and to another database."""

import os
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.conftest import Cli, person
from tests.databases import only_sqlite, settings_of
from tests.downstream.webhooks.hooked import Hooked, hook
from tests.installation import fill
from tests.postgresql import shared_server
from tests.product import Product
from tests.receivers import Receiver, say
from turnout.cli.webhook.showing import describe
from turnout.downstream.webhooks import endpoint
from turnout.downstream.webhooks.health import list_health
from turnout.operations import migrate_data
from turnout.store import cursors, delivery_log, schema
from turnout.store.connect import open_database
from turnout.store.database import Database

ANN, BOB, CARL, DORA = (f"{name}@example.org" for name in ("ann", "bob", "carl", "dora"))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def target_url() -> Iterator[str]:
    name = f"webhooks_moved_{os.getpid()}"
    yield shared_server().create_database(name)
    shared_server().drop_database(name)


def describe_all(database: Database) -> Generator[object]:
    """Everything about the webhooks that is kept."""
    for health in list_health(database):
        webhook = health.webhook
        yield describe(health)
        yield endpoint.find_secret(database.secret_key, webhook)
        with database.read() as connection:
            yield cursors.list_cursors(connection, webhook.id)
            yield delivery_log.list_deliveries(connection, webhook.id)


@only_sqlite
def test_a_restored_backup_goes_on_where_it_was_and_leaves_nothing_out(
    start_product: Callable[..., Product], receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What had failed comes with the id that it had, what is new with new ones, and nothing older once more."""
    product = start_product()
    event = product.make_event()
    for name, value in settings_of(product.server.environment["TURNOUT_DATABASE_URL"]).items():
        monkeypatch.setenv(name, value)
    cli = Cli(event.database.url)
    hooked = hook(event, receiver)
    receiver.answer = lambda request: say(500) if BOB.encode() in request.body else say(204)
    event.push_ok(person(ANN))
    event.push_ok(person(BOB))
    of_ann, of_bob = sorted(receiver.wait_for(2), key=lambda request: request.sequence)
    hooked.wait_until(lambda found: {one.state for one in found} == {"delivered", "parked"})
    cli.run("backup", str(tmp_path / "monday.backup"))
    event.push_ok(person(CARL))
    of_carl = receiver.wait_for(1, lambda request: CARL.encode() in request.body)[0]
    product.server.stop()
    receiver.answer = lambda _: say(204)
    before = len(receiver.requests)
    cli.run("restore", str(tmp_path / "monday.backup"), "--force")
    # Monday is long ago.
    product.server.end_turns()
    product.server.start()
    event.move_to(product.server)
    hooked = Hooked(event.database, hooked.id, hooked.secret)
    hooked.make_due()
    receipt = event.push_ok(person(DORA))
    assert receipt["sequence"] == of_carl.sequence
    receiver.wait_for(1, lambda request: DORA.encode() in request.body)
    hooked.wait_until(lambda found: [one.state for one in found] == ["delivered"] * 3)
    again = receiver.requests[before:]
    assert {request.id for request in again if BOB.encode() in request.body} == {of_bob.id}
    (of_dora,) = {request.id for request in again if DORA.encode() in request.body}
    assert of_dora not in {of_ann.id, of_bob.id, of_carl.id}
    assert all(ANN.encode() not in request.body for request in again)
    assert all(request.is_signed(hooked.secret) for request in again)


def test_they_move_to_postgresql_with_the_key_that_opens_their_secrets(
    tmp_path: Path, target_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    fill(tmp_path / "turnout.db")
    with (
        closing(open_database(f"sqlite:///{tmp_path / 'turnout.db'}")) as source,
        closing(open_database(target_url)) as target,
    ):
        before = list(describe_all(source))
        migrate_data.migrate(source, target)
        schema.prepare(target)
        assert list(describe_all(target)) == before
    assert any(isinstance(one, str) and one.startswith("whsec_") for one in before)
