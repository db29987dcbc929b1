"""What is kept only for a time (F3): set and shown at the command line, done by the server's housekeeping."""

import json
import random
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog
from sqlalchemy import text

from tests.cli.conftest import Cli, person
from tests.databases import as_file, drop_database, only_sqlite, open_one
from tests.postgresql import shared_server
from tests.turns import make_turn
from turnout.events import event as events
from turnout.feed.configurations import Configurations
from turnout.feed.forget import erase as erasing
from turnout.feed.forget import purge as purging
from turnout.model.event import DAY_US
from turnout.now import new_id, now_us
from turnout.operations import retention
from turnout.operations.retention import Retention
from turnout.operations.verify.verify import verify
from turnout.store.database import Database
from turnout.store.sqlite import wipe as wiping
from turnout.store.sqlite.database import SqliteDatabase
from turnout.store.statements import is_postgresql
from turnout.store.tables import metadata

MARK = "zqx"
"""Stands in all that tells of anybody."""
OVER = ("ends_at=2025-03-01", "purge_after=90d", "--yes")


def work(database: Database) -> None:
    """Housekeeping until there is nothing to do."""
    working = Retention(database, threading.Event(), make_turn(database))
    while working.work(60):
        pass


@pytest.fixture(autouse=True)
def without_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "_MIN_REST_S", 0.0)
    monkeypatch.setattr(retention, "_REST_SHARE", 0.0)


@pytest.fixture
def spring(cli: Cli) -> Cli:
    cli.make_event("spring", "time_zone=Europe/Berlin")
    return cli


def bodies(cli: Cli) -> int:
    with closing(cli.open()) as database, database.read() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM bodies").scalar_one())


def age_bodies(cli: Cli, days: int) -> None:
    """Lets everything have come so many days earlier."""
    shift = days * 86_400_000
    with closing(cli.open()) as database, database.write() as connection:
        for table, column in (("bodies", "push_id"), ("pushes", "id"), ("changes", "push_id")):
            found = connection.execute(text(f"SELECT {column} FROM {table} WHERE {column} IS NOT NULL"))
            for (one,) in found.all():
                older = f"psh_{int(one[4:16], 16) - shift:012x}{one[16:]}"
                statement = text(f"UPDATE {table} SET {column} = :older WHERE {column} = :one")
                connection.execute(statement, {"older": older, "one": one})


# --- Settings --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "shown", "is_at"),
    [
        ("2027-05-04", "2027-05-04", "2027-05-04T22:00:00.000000Z"),
        ("2027-05-04T18:00:00+02:00", "2027-05-04T18:00:00+02:00", "2027-05-04T16:00:00.000000Z"),
        ("2027-05-04T16:00:00Z", "2027-05-04T18:00:00+02:00", "2027-05-04T16:00:00.000000Z"),
        # The clocks change on that day.
        ("2027-10-31", "2027-10-31", "2027-10-31T23:00:00.000000Z"),
    ],
)
def test_an_end_is_shown_as_it_can_be_set(spring: Cli, given: str, shown: str, is_at: str) -> None:
    spring.run("event", "set", "spring", f"ends_at={given}", "purge_after=0d")
    described = spring.json("event", "show", "spring")
    assert described["settings"]["ends_at"] == shown
    assert described["retention"]["purgeAt"] == is_at
    spring.run("event", "set", "spring", f"ends_at={shown}")
    assert spring.json("event", "show", "spring")["retention"]["purgeAt"] == is_at


def test_a_date_ends_in_the_time_zone_that_is_set_with_it(cli: Cli) -> None:
    cli.make_event("spring")
    cli.run("event", "set", "spring", "ends_at=2027-05-04", "time_zone=Asia/Tokyo", "purge_after=90d")
    shown = cli.json("event", "show", "spring")
    assert (shown["settings"]["ends_at"], shown["settings"]["purge_after"]) == ("2027-05-04", "90d")
    assert shown["retention"]["purgeAt"] == "2027-08-02T15:00:00.000000Z"
    assert "2027-08-02, in" in cli.text("event", "show", "spring")
    cli.run("event", "set", "spring", "ends_at=", "keep_bodies=7d")
    settings = cli.json("event", "show", "spring")["settings"]
    assert (settings["ends_at"], settings["purge_after"], settings["keep_bodies"]) == (None, "90d", "7d")
    assert "purge_after counts from ends_at, which is not set" in cli.text("event", "show", "spring")
    cli.run("event", "set", "spring", "purge_after=", "keep_bodies=")
    settings = cli.json("event", "show", "spring")["settings"]
    assert (settings["purge_after"], settings["keep_bodies"]) == (None, "30d")


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("ends_at=2027-05-04T18:00:00", "no offset"),
        ("ends_at=2027-02-30", "no end of an event"),
        ("ends_at=soon", "no end of an event"),
        ("purge_after=3 months", "number of days"),
        ("purge_after=-1d", "number of days"),
        ("keep_bodies=12h", "number of days"),
        ("keep_bodies=99999d", "36500d at most"),
    ],
)
def test_a_time_that_cannot_be_meant_is_explained(spring: Cli, setting: str, says: str) -> None:
    assert says in spring.error("event", "set", "spring", setting)


def test_a_source_has_no_end_of_its_own(spring: Cli) -> None:
    assert "setting of the event" in spring.error("source", "set", "--event", "spring", "main", "keep_bodies=1d")


def test_to_erase_everyone_at_once_has_to_be_meant(spring: Cli) -> None:
    settings = ("event", "set", "spring", "ends_at=2025-03-01", "purge_after=90d")
    assert "would be erased within minutes" in spring.error(*settings, "--json")
    assert "Everyone is erased 1 day after the event's end" in spring.error(
        "event", "set", "spring", "ends_at=2025-03-01", "purge_after=1d", "--json"
    )
    asked = spring.run(*settings, code=1, stdin="n\n")
    assert "days ago" in asked.output
    assert "Nothing was done" in asked.output
    assert spring.json("event", "show", "spring")["settings"]["ends_at"] is None
    spring.run(*settings, "--yes")
    # Nothing new is about to happen.
    spring.run("event", "set", "spring", "name=Autumn")
    spring.run("event", "set", "spring", "ends_at=2099-01-01")


# --- Bodies ----------------------------------------------------------------------------------------------------------


def test_bodies_go_when_their_time_is_over(spring: Cli) -> None:
    spring.push(person("old@x.org"), person("nobody"), code=1)
    age_bodies(spring, 31)
    spring.push(person("new@x.org"))
    assert bodies(spring) == 3
    with structlog.testing.capture_logs() as logs, closing(spring.open()) as database:
        work(database)
        work(database)
        assert verify(database).ok
    assert logs == [{"event": "bodies_forgotten", "log_level": "info", "gateway": "spring", "bodies": 2}]
    assert bodies(spring) == 1
    failed = spring.json("pushes", "list", "--event", "spring", "--result", "failed")["pushes"][0]
    assert "time was over" in spring.error("pushes", "replay", failed["id"])
    assert "1 push left out" in spring.run("pushes", "replay", "--event", "spring", "--failed").stderr


def test_bodies_may_go_as_soon_as_possible_or_stay_longer(spring: Cli) -> None:
    spring.run("event", "set", "spring", "keep_bodies=400d")
    spring.push(person("old@x.org"))
    age_bodies(spring, 399)
    with closing(spring.open()) as database:
        work(database)
        assert bodies(spring) == 1
        shown = spring.json("event", "show", "spring")["retention"]
        assert shown["oldestBodyAt"] < shown["oldestBodyGoesAt"]
        spring.run("event", "set", "spring", "keep_bodies=0d")
        spring.push(person("new@x.org"))
        work(database)
    assert bodies(spring) == 0


def test_large_bodies_go_a_few_at_a_time(spring: Cli) -> None:
    spring.push(*(person(f"p{number}@x.org", biography="x" * 300_000) for number in range(5)))
    spring.run("event", "set", "spring", "keep_bodies=0d")
    with closing(spring.open()) as database:
        for left in (4, 3, 2, 1, 0):
            with database.read() as connection:
                event_id = str(connection.exec_driver_sql("SELECT id FROM events").scalar_one())
                to = purging.find_bodies(connection, event_id, "psh_g", 500)
            assert to is not None
            with database.write() as connection:
                assert purging.erasure.remove_bodies(connection, event_id, to) == 1
            assert bodies(spring) == left


def rehearse(cli: Cli, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Overdue pushes whose values, the mark, stand in their bodies and nowhere else, beside those of other events.

    Some are short and some long, so that pages are split: those that hold others' rows keep copies of these.
    """
    slugs = {f"e{number}": MARK if number % 2 else "stays" for number in range(12)}
    for slug, kept in slugs.items():
        cli.make_event(slug, "mode=rehearsal", f"keep_bodies={'30d' if kept == MARK else '400d'}")
    dice = random.Random(seed)
    for slug in dice.choices(list(slugs), k=60):
        texts = [slugs[slug] * dice.choice((1, 50, 250)) for _ in range(dice.randrange(1, 15))]
        cli.push(*(person("a@x.org", biography=text) for text in texts), slug=slug)
    # Not by age_bodies, which writes every row anew.
    monkeypatch.setattr(retention, "now_us", lambda: now_us() + 31 * DAY_US)


def read_files(database: Database) -> bytes:
    """The database file and its log, as somebody sees them who has the disk."""
    log = as_file(database).path.with_name(as_file(database).path.name + "-wal")
    return as_file(database).path.read_bytes() + (log.read_bytes() if log.exists() else b"")


@only_sqlite
def test_f3_of_bodies_that_went_not_a_byte_is_left_in_the_files(spring: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bodies of pushes stay 30 days, or as set; then they are gone, from the unused parts of pages too."""
    rehearse(spring, 1, monkeypatch)
    with closing(spring.open()) as database:
        assert MARK.encode() in read_files(database)
        work(database)
        assert MARK.encode() not in read_files(database)
        assert verify(database).ok


@only_sqlite
def test_f3_what_a_stopped_server_left_is_wiped_by_the_next(spring: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    rehearse(spring, 2, monkeypatch)
    with closing(spring.open()) as database:
        with monkeypatch.context() as patched:
            patched.setattr(type(database), "wipe", lambda *_: False)
            work(database)
        as_file(database).forget_log()
        assert MARK.encode() in read_files(database), "rows that were moved leave copies"
        work(database)
        assert MARK.encode() not in read_files(database)


def test_the_whole_file_is_looked_through_once_an_hour_and_sooner_where_it_could_not_be_wiped(
    spring: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    wiped: list[float] = []
    can_wipe = [True, False, True]
    hours = [0.0]

    def wipe(*_: object) -> bool:
        wiped.append(hours[0])
        return can_wipe.pop(0)

    with closing(spring.open()) as database:
        monkeypatch.setattr(type(database), "wipe", wipe)
        clock = retention.time.monotonic
        monkeypatch.setattr(retention.time, "monotonic", lambda: clock() + hours[0] * 3_600)
        working = Retention(database, threading.Event(), make_turn(database))
        for hour in (0.0, 0.5, 0.9, 1.1, 1.11, 1.2, 9.0):
            hours[0] = hour
            if hour == 0.5:
                spring.push(person("a@x.org"))
                age_bodies(spring, 31)
            while working.work(60):
                pass
            assert bodies(spring) == 0
    # At the start; for what went at half past, an hour after; again where somebody was reading; and then for nothing.
    assert wiped == [0.0, 1.1, 1.2]


@only_sqlite
def test_wiping_ends_when_the_server_stops(spring: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    rehearse(spring, 1, monkeypatch)
    stopping = threading.Event()
    stopping.set()
    with closing(spring.open()) as database:
        assert not database.wipe(stopping)
        file = wiping._open(as_file(database))
        assert list(wiping._find_dirty(file, 4_096))
        assert database.wipe()
        assert list(wiping._find_dirty(file, 4_096)) == []


# --- Everyone --------------------------------------------------------------------------------------------------------


def fill(cli: Cli, people: int) -> None:
    """People, with all that may be told of somebody; every value holds the mark."""
    cli.run("key", "create", "--event", "spring", "--label", "Shop")
    for source in ("main", "Shop"):
        cli.push(
            *(
                {
                    "profile": {
                        "email": f"{MARK}{number}@x.org",
                        "firstName": f"{MARK} first",
                        "title": f"{MARK} {source} {number}",
                        "thirdPartyId": f"{MARK}-{source}-{number}",
                        "biography": f"{MARK} " * (1_500 if number % 50 == 0 else 3),
                        "jobTitle": f"{MARK} unknown",
                        "customFields": [{"fieldName": "Diet", "fieldValue": f"{MARK} vegan"}],
                    },
                    "eventInfo": {"groups": {"groupNames": ["VIP", f"Group {number % 7}"]}},
                }
                for number in range(people)
            ),
            source=source,
        )
    cli.push(*(person(f"{MARK}{number}@x.org", title=f"{MARK} later") for number in range(0, people, 3)))
    # Repeated: no line of its own, and unchanged ones of an older time.
    cli.push(*({**person(f"{MARK}{number}@x.org", city=MARK), "observedAt": 1} for number in range(0, people, 5)))
    # Nobody's, but it names somebody.
    cli.push({"profile": {"email": f"{MARK}5@x.org", "title": [MARK]}}, code=1)
    cli.run("attendees", "rename", "--event", "spring", f"{MARK}1@x.org", f"{MARK}-new@x.org")
    cli.run("attendees", "merge", "--event", "spring", f"{MARK}2@x.org", f"{MARK}3@x.org", "--yes")


def fill_with_rest(cli: Cli) -> None:
    """What nobody holds: failed, dry and rehearsed pushes, answers, refusals."""
    cli.push({"profile": {"email": f"{MARK} nobody", "title": [MARK]}}, f"{MARK} [", code=1)
    cli.run("push", "--event", "spring", "--dry-run", "-", stdin=json.dumps(person(f"{MARK}-dry@x.org", jobtitle=MARK)))
    cli.run("source", "set", "--event", "spring", "Shop", "mode=rehearsal")
    cli.push(person(f"{MARK}-rehearsed@x.org", title=MARK), source="Shop")
    with closing(cli.open()) as database, database.write() as connection:
        its = {"event_id": connection.exec_driver_sql("SELECT id FROM events").scalar_one()}
        statement = text("INSERT INTO idempotency VALUES (:event_id, 1, :key, -1, 'd', '{}', :at)")
        connection.execute(statement, {**its, "key": MARK, "at": 1 << 60})
        statement = text("INSERT INTO refusals VALUES (:event_id, :address, '', 1, 1, 1)")
        connection.execute(statement, {**its, "address": f"{MARK}.7.7.7"})


def find_mark(database: Database) -> dict[str, int]:
    """How often the mark stands in each of the database's files; in PostgreSQL, in how many rows of each table."""
    with database.read() as connection:
        if is_postgresql(connection):
            has = "SELECT count(*) FROM {0} AS line WHERE CAST(line AS text) LIKE :mark"
            mark = {"mark": f"%{MARK}%"}
            counts = {name: connection.execute(text(has.format(name)), mark).scalar_one() for name in metadata.tables}
            return {name: count for name, count in counts.items() if count}
    path = as_file(database).path
    files = sorted(path.parent.glob(f"{path.name}*"))
    return {file.name: count for file in files if (count := file.read_bytes().count(MARK.encode()))}


def table(database: Database, name: str, columns: str = "*") -> list[tuple[Any, ...]]:
    with database.read() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(f"SELECT {columns} FROM {name} ORDER BY 1, 2, 3")]


def test_a_purge_erases_everyone_and_leaves_no_byte(spring: Cli) -> None:
    fill(spring, 400)
    fill_with_rest(spring)
    spring.run("event", "set", "spring", *OVER)
    assert "under way" in spring.text("event", "show", "spring")
    with closing(spring.open()) as database:
        before = [one[1] for one in table(database, "attendees", "event_id, id, status")]
        head = spring.json("event", "show", "spring")["lastSequence"]
        assert find_mark(database)
        with structlog.testing.capture_logs() as logs:
            work(database)
        assert find_mark(database) == {}
        assert verify(database).ok
        assert [
            name for name in ("attendees", "addresses", "memberships", "third_party_ids") if table(database, name)
        ] == []
        assert [name for name in ("bodies", "idempotency", "refusals", "suppressions") if table(database, name)] == []
        lines = table(database, "changes", "sequence, kind, attendee_id, actor, entries, email")
    erased = [line for line in lines if line[1] == "erased"]
    assert [line[0] for line in erased] == list(range(head + 1, head + 401))
    assert sorted(line[2] for line in erased) == sorted(before)
    assert {line[3] for line in erased} == {"retention"}
    assert {(line[4], line[5]) for line in lines if line[2] is not None} == {("[]", None)}
    (told,) = [one for one in logs if one["event"] == "purged"]
    assert told["attendees"] == 400
    assert MARK not in str(logs)
    shown = spring.json("event", "show", "spring")
    assert shown["attendees"] == {"attending": 0, "withdrawn": 0}
    assert shown["retention"]["purgedAt"]
    assert "done;" in spring.text("event", "show", "spring")
    assert spring.json("suppressed", "list", "--event", "spring") == {"suppressed": []}


@contextmanager
def copied(cli: Cli, folder: Path) -> Generator[Database]:
    """A copy of the database as it is."""
    if cli.url.startswith("postgresql:"):
        name = cli.url.rpartition("/")[2]
        url = shared_server().create_database(f"{name}_copy", name)
    else:
        url = f"sqlite:///{folder / 'copy.db'}"
        with closing(cli.open()) as database:
            as_file(database).forget_log()
            shutil.copy(as_file(database).path, folder / "copy.db")
    with closing(open_one(url)) as database:
        yield database
    drop_database(url)


def test_a_purge_leaves_what_erasing_each_of_them_leaves(spring: Cli, tmp_path: Path) -> None:
    fill(spring, 60)
    with copied(spring, tmp_path) as other, closing(spring.open()) as database:
        spring.run("event", "set", "spring", *OVER)
        work(database)
        (event,) = events.list_all(other)
        configurations = Configurations(other)
        while people := table(other, "attendees", "event_id, id, status"):
            erasing.erase(other, configurations, event.id, people[0][1], "retention", suppresses=False)
        for name in ("attendees", "addresses", "memberships", "third_party_ids", "bodies", "names", "spellings"):
            assert table(database, name) == table(other, name)
        assert table(database, "pushes", "id, event_id, *") == table(other, "pushes", "id, event_id, *")
        columns = "kind, attendee_id, sequence, at, email, push_id, source_number, actor, entries, previous"
        mine, theirs = (table(one, "changes", columns) for one in (database, other))
        told = [line for line in mine if line[0] != "erased"], [line for line in theirs if line[0] != "erased"]
        assert [line for line in told[0] if line[0] != "setting_changed" or line[2] < 10] == told[1]
        ends = [[(*line[:2], *line[4:]) for line in lines if line[0] == "erased"] for lines in (mine, theirs)]
        assert ends[0] == ends[1]
        assert verify(other).ok


def test_what_is_pushed_after_a_purge_is_taken_and_erased_again(spring: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    spring.push(person("a@x.org"))
    spring.run("event", "set", "spring", *OVER)
    monkeypatch.setattr(retention, "AGAIN_S", 0.0)
    with closing(spring.open()) as database:
        working = Retention(database, threading.Event(), make_turn(database))
        until_done(working)
        first = spring.json("event", "show", "spring")["retention"]["purgedAt"]
        assert spring.push(person("a@x.org", title="CTO"))["created"] == 1
        assert spring.json("attendees", "get", "--event", "spring", "a@x.org")["profile"]["title"] == "CTO"
        until_done(working)
        assert spring.json("event", "show", "spring")["attendees"] == {"attending": 0, "withdrawn": 0}
        second = spring.json("event", "show", "spring")["retention"]["purgedAt"]
        assert first < second
        # Nobody has come: nothing is written.
        until_done(working)
        assert spring.json("event", "show", "spring")["retention"]["purgedAt"] == second
        assert verify(database).ok


def until_done(working: Retention) -> None:
    """One round: the next one begins at once where a purge is never done."""
    assert working._begin_round()
    for _ in working._round:
        pass


def test_other_events_and_suppressions_stay(spring: Cli) -> None:
    spring.make_event("autumn")
    spring.push(person("a@x.org"), slug="autumn")
    spring.push(person("a@x.org"), person("b@x.org"))
    spring.run("attendees", "erase", "--event", "spring", "b@x.org", "--yes")
    spring.run("event", "set", "spring", *OVER)
    spring.run("event", "archive", "spring")
    with closing(spring.open()) as database:
        work(database)
        assert verify(database).ok
        assert len(table(database, "attendees")) == 1
        assert len(table(database, "suppressions")) == 1
    spring.run("event", "archive", "spring", "--undo")
    assert spring.push(person("b@x.org"))["suppressed"] == 1


def test_a_purge_ends_where_staff_have_set_another_end(spring: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purging, "_AT_ONCE_S", 0.0)
    spring.push(*(person(f"p{number}@x.org") for number in range(200)))
    spring.run("event", "set", "spring", *OVER)
    with closing(spring.open()) as database:
        working = Retention(database, threading.Event(), make_turn(database))
        assert working._begin_round()
        left = 200
        while left == 200:
            next(working._round)
            left = len(table(database, "attendees"))
        assert left
        spring.run("event", "set", "spring", "purge_after=")
        assert list(working._round) == []
        assert len(table(database, "attendees")) == left
        assert verify(database).ok


_PURGE = """
import sys, threading
from turnout.operations import retention
from turnout.store.connect import open_database
from tests.turns import make_turn
retention._MIN_REST_S = retention._REST_SHARE = 0.0
database = open_database(sys.argv[1])
working = retention.Retention(database, threading.Event(), make_turn(database))
while working.work(60):
    pass
"""


def test_killed_at_any_point_a_purge_agrees_with_itself_and_goes_on(spring: Cli) -> None:
    fill(spring, 150)
    fill_with_rest(spring)
    spring.run("event", "set", "spring", *OVER)
    with closing(spring.open()) as database:
        for after in (lambda: table(database, "bodies"), lambda: table(database, "attendees")):
            before = after()
            process = subprocess.Popen([sys.executable, "-c", _PURGE, spring.url])
            while process.poll() is None and len(after()) == len(before):
                time.sleep(0.005)
            process.kill()
            # Killed, or done: never ended by a mistake of its own.
            assert process.wait() in (-9, 0)
            assert verify(database).events[0].problems == []
        work(database)
        assert verify(database).ok
        assert find_mark(database) == {}
        kinds = [line[0] for line in table(database, "changes", "kind, sequence, at")]
    assert kinds.count("erased") == 150


def test_whoever_is_changed_in_that_moment_is_erased_all_the_same(spring: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    spring.push(person("a@x.org"), person("b@x.org"))
    spring.run("event", "set", "spring", *OVER)
    found = purging.erasure.find_unchanged
    pushed: list[Any] = []

    def find_late(*given: Any) -> Iterator[str] | set[str]:
        # As though a push had come between the reading and the transaction.
        pushed.append(1)
        return set(sorted(found(*given))[:1]) if len(pushed) == 1 else found(*given)

    monkeypatch.setattr(purging.erasure, "find_unchanged", find_late)
    with closing(spring.open()) as database:
        work(database)
        assert table(database, "attendees") == []
        assert verify(database).ok


def test_ids_tell_when_they_were_made() -> None:
    from turnout.now import first_id, made_at

    assert made_at(first_id("psh", 1_700_000_000_123_000)) == 1_700_000_000_123_000
    assert made_at(new_id("psh")) > 1_700_000_000_000_000


@only_sqlite
def test_a_purge_is_done_only_when_nothing_is_left_in_the_files(spring: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who reads for long, as a backup does, keeps old bytes in the log file."""
    spring.push(person("a@x.org"))
    spring.run("event", "set", "spring", *OVER)
    wipe = SqliteDatabase.wipe
    monkeypatch.setattr(SqliteDatabase, "wipe", lambda *_: False)
    with closing(spring.open()) as database:
        working = Retention(database, threading.Event(), make_turn(database))
        while working.work(60):
            pass
        assert spring.json("event", "show", "spring")["retention"]["purgedAt"] is None
        assert table(database, "attendees") == []
        monkeypatch.setattr(SqliteDatabase, "wipe", wipe)
        working._not_before.clear()
        while working.work(60):
            pass
    assert spring.json("event", "show", "spring")["retention"]["purgedAt"]
