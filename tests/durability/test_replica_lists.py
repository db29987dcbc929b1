"""Lists from a replica: over HTTP, in the console and on the command line each says how old it is."""

import subprocess
from collections.abc import Iterator
from contextlib import closing

import httpx2
import pytest

from tests.console.gallery import render
from tests.console.signed_in import Visitor, make_user
from tests.databases import SECRET_KEY
from tests.downstream.following.followers import make_read_key
from tests.postgresql import PostgresServer
from tests.product import TURNOUT, Product, RunningServer, TestedEvent
from turnout.downstream.exports import walk as walking
from turnout.downstream.exports.walk import Walk
from turnout.downstream.exports.wanted import Wish, understand
from turnout.downstream.limits import EVERYTHING
from turnout.events.setup import get_configuration
from turnout.model.age import Age
from turnout.store.connect import open_database
from turnout.store.database import Database
from turnout.store.postgresql import database as postgresql
from turnout.store.postgresql import replica_state


class Replicated:
    """A server whose lists are read from a replica, and somebody who reads them."""

    def __init__(self, product: Product, replica: PostgresServer) -> None:
        self.product = product
        self.replica = replica
        self.event: TestedEvent = product.make_event()
        self.read = {"Authorization": f"Bearer {make_read_key(self.event)}"}

    def get(self, path: str, **headers: str) -> httpx2.Response:
        return self.product.client.get(f"{self.event.gateway}/{path}", headers=self.read | headers)

    def push(self, email: str) -> None:
        self.event.push_ok({"profile.email": email, "eventInfo.groups.groupNames": ["Speakers"]})

    def read_figures(self) -> str:
        return httpx2.get(f"{self.product.server.url}/metrics", trust_env=False).text

    def stand_still(self) -> None:
        """The replica receives, and shows nothing new."""
        self.replica.wait_until_streaming()
        self.replica.execute("SELECT pg_wal_replay_pause()")

    def go_on(self) -> None:
        self.replica.execute("SELECT pg_wal_replay_resume()")

    def open(self) -> Database:
        """As a process of its own."""
        url = self.product.server.environment["TURNOUT_DATABASE_URL"]
        return open_database(url, SECRET_KEY, read_url=self.replica.url_of("turnout"))

    def walk(self, database: Database) -> Walk:
        configuration = get_configuration(database, self.event.slug)
        return Walk(database, self.event.id, understand(Wish(format="csv"), configuration, EVERYTHING))

    def export(self) -> str:
        """What the command says of where it has read."""
        done = subprocess.run(
            [*TURNOUT, "attendees", "export", "--event", self.event.slug, "--force"],
            env=self.product.server.environment,
            cwd=self.product.server.folder,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stderr


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[PostgresServer, PostgresServer]]:
    with PostgresServer(tmp_path_factory.mktemp("primary")) as primary:
        primary.create_database("turnout")
        yield primary, primary.make_standby(tmp_path_factory.mktemp("replica"), "replica", synchronous=False)


@pytest.fixture(scope="module")
def lists(
    pair: tuple[PostgresServer, PostgresServer], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Replicated]:
    primary, replica = pair
    settings = {"TURNOUT_READ_DATABASE_URL": replica.url_of("turnout"), "TURNOUT_TRUSTED_PROXIES": "127.0.0.1/32"}
    with (
        RunningServer(tmp_path_factory.mktemp("server"), primary.url_of("turnout"), **settings) as running,
        Product(running) as product,
    ):
        yield Replicated(product, replica)


def test_every_list_has_a_header_with_its_age(lists: Replicated) -> None:
    lists.push("john.doe@example.com")
    lists.replica.wait_until_streaming()
    shown = [lists.get(path) for path in ("attendees", "attendees?format=csv", "attendees?format=ndjson", "groups")]
    shown.append(lists.get("attendees", **{"If-None-Match": shown[0].headers["etag"]}))
    assert [one.status_code for one in shown] == [200, 200, 200, 200, 304]
    # As its own, a process that has just looked may say that it is older than a moment, and never that it is unknown.
    assert all(float(one.headers["x-data-age"]) >= 0 for one in shown)
    # Read where commits go.
    for path in ("custom-fields", "attendees/john.doe@example.com", "changes"):
        assert "x-data-age" not in lists.get(path).headers


def test_a_list_that_stands_still_grows_old_and_the_console_and_figures_say_so(lists: Replicated) -> None:
    with Visitor(lists.product, make_user(lists.product.server.database)) as visitor:
        page = f"events/{lists.event.slug}/attendees"
        while "from a replica" in visitor.get(page).text:
            pass
        lists.stand_still()
        try:
            lists.push("late@example.com")
            while float((list_of := lists.get("attendees")).headers["x-data-age"]) < 2.2:
                # It is rounded up.
                pass
            assert "late@example.com" not in list_of.text
            assert "s ago, from a replica." in visitor.get(page).text
            assert "s ago, from a replica." in visitor.get("search", q="late").text
            assert "People of the last moments may be missing." in visitor.get("search", fragment=True, q="late").text
            assert "the file has them all" in visitor.get(f"{page}/files").text
            for path in (f"events/{lists.event.slug}/attendees", "search?q=late"):
                answer = visitor.client.get(f"{lists.product.server.url}/api/{path}")
                assert float(answer.headers["x-data-age"]) >= 2
            figures = lists.read_figures()
            assert "turnout_replica_away 0.0" in figures
            (told,) = [line for line in figures.splitlines() if line.startswith("turnout_replica_age_seconds ")]
            assert float(told.split()[1]) >= 2
        finally:
            lists.go_on()
        while "late@example.com" not in lists.get("attendees").text:
            pass
        while "from a replica" in visitor.get(page).text:
            pass


def test_far_behind_is_a_notice_of_its_own() -> None:
    shown = [render("age.html", age=age).strip() for age in (None, Age(1.9), Age(60.0), Age(7_205.0), Age(None))]
    assert shown[:2] == ["", ""]
    assert "As of 60 s ago, from a replica." in shown[2]
    assert "note-warn" in shown[3]
    assert "As of about 2 h ago" in shown[3]
    assert "cannot be told" in shown[4]


def test_who_may_not_ask_the_replica_how_far_it_is_has_lists_all_the_same(
    lists: Replicated, pair: tuple[PostgresServer, PostgresServer]
) -> None:
    primary, replica = pair
    primary.execute("CREATE ROLE reader LOGIN PASSWORD 'reader'")
    primary.execute("GRANT pg_read_all_data TO reader")
    primary.execute("REVOKE EXECUTE ON FUNCTION pg_last_wal_replay_lsn() FROM PUBLIC", database="turnout")
    replica.wait_until_streaming()
    url = f"postgresql://reader:reader@127.0.0.1:{replica.port}/turnout"
    with closing(open_database(primary.url_of("turnout"), SECRET_KEY, read_url=url)) as database:
        for _ in range(2):
            with database.read_replica() as connection:
                assert connection.exec_driver_sql("SELECT current_user").scalar_one() == "reader"
                assert database.age_of(connection) == Age(None)
        with database.read() as connection:
            assert database.age_of(connection) is None


def test_an_export_is_of_no_moment_before_it_began_though_the_replica_comes_back_meanwhile(
    lists: Replicated, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was away when the export began, and is back for its pages: behind, with somebody who has been erased, say."""
    monkeypatch.setattr(walking, "_REPLICA_WAITED_S", 0.0)
    monkeypatch.setattr(postgresql, "_REPLICA_ANSWER_S", 0.2)
    monkeypatch.setattr(replica_state, "REPLICA_LEFT_ALONE_S", 0.0)
    lists.stand_still()
    try:
        lists.push("last@example.com")
        with closing(lists.open()) as database:
            with database.read_replica() as connection:
                assert database.age_of(connection) is not None
            lists.replica.pause()
            try:
                walk = lists.walk(database)
            finally:
                lists.replica.resume()
            emails = [one.email for page in walk.list_pages() for one in page]
        assert "last@example.com" in emails
        assert (walk.where.oldest, walk.where.is_of_primary) == (None, True)
    finally:
        lists.go_on()


def test_an_export_names_what_it_has_read(lists: Replicated) -> None:
    lists.replica.wait_until_streaming()
    assert lists.export().startswith("Read from the replica, ")
    lists.replica.stop()
    try:
        (away,) = lists.export().splitlines()
        assert away.startswith("The replica is away (")
        assert away.endswith("); this is from the primary.")
        assert "x-data-age" not in lists.get("attendees").headers
        assert "turnout_replica_away 1.0" in lists.read_figures()
    finally:
        lists.replica.start()


def test_without_a_replica_nothing_is_said(product: Product) -> None:
    event = product.make_event()
    answer = product.client.get(
        f"{event.gateway}/attendees", headers={"Authorization": f"Bearer {make_read_key(event)}"}
    )
    assert answer.status_code == 200
    assert "x-data-age" not in answer.headers
