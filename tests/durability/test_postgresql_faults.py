"""What happens to PostgreSQL, and what must not happen to pushes: each acknowledged one is there, once (D1, D3)."""

import itertools
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.durability.cutting import CuttingWay, Moment
from tests.durability.load import Senders, check_acknowledged
from tests.fair_time import FairTime
from tests.patience import PATIENCE_S
from tests.pgbouncer import pooled_url
from tests.postgresql import PostgresServer
from tests.product import Product, RunningServer, TestedEvent
from turnout.now import made_at, now_us
from turnout.operations.verify.verify import verify
from turnout.store.database import OutcomeUnknown
from turnout.store.postgresql import database as postgresql_database
from turnout.store.postgresql.database import PostgresDatabase

_databases = itertools.count(1)


@pytest.fixture(scope="module")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A server of these tests' own, which keeps what it says that it keeps."""
    with PostgresServer(tmp_path_factory.mktemp("postgresql"), durable=True) as server:
        yield server


@pytest.fixture
def url(postgresql: PostgresServer) -> str:
    return postgresql.create_database(f"faults_{next(_databases)}")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Product]]:
    """Starts a server on a database, behind another command where one is given; several on one are several machines."""
    with ExitStack() as started:
        numbers = itertools.count(1)

        def start(url: str, *command_prefix: str, **settings: str) -> Product:
            folder = tmp_path / f"machine-{next(numbers)}"
            folder.mkdir()
            environment = {f"TURNOUT_{name}": value for name, value in settings.items()}
            running = RunningServer(folder, url, TURNOUT_TRUSTED_PROXIES="127.0.0.1/32", **environment)
            running.start(*command_prefix)
            started.callback(running.stop)
            return started.enter_context(Product(running))

        yield start


def check(event: TestedEvent, *senders: Senders) -> None:
    """Every acknowledged push is there; every other one got an answer that says to come again; all agrees."""
    for one in senders:
        one.stop()
        check_acknowledged(event, one.receipts)
        assert {problem["retryable"] for problem in one.refused} <= {True}
    event.check()
    assert verify(event.database).ok
    # Nothing was applied twice: a line of the log for each push that has one, and the other way round.
    with event.database.read() as connection:
        (twice,) = connection.exec_driver_sql(
            "SELECT count(*) FROM (SELECT push_id FROM changes WHERE push_id IS NOT NULL"
            " GROUP BY event_id, push_id HAVING count(*) > 1) AS twice"
        ).one()
    assert twice == 0
    assert event.push_ok({"profile.email": "last@example.org"})["result"] in ("created", "unchanged")


def test_a_restart_under_load_loses_nothing_and_service_resumes_by_itself(
    postgresql: PostgresServer, url: str, start: Callable[..., Product]
) -> None:
    event = start(url).make_event()
    senders = Senders(event).start()
    senders.wait_for(50)
    for end in (postgresql.stop, postgresql.kill):
        end()
        senders.wait_for_refusals(5)
        assert {problem["code"] for problem in senders.refused} == {"storage_unavailable"}
        health = event.product.client.get(f"{event.product.server.url}/health")
        assert health.status_code == 503
        # What the way there says, with machine and account, is for the log and the command line.
        told = [health.json()["reason"], *(problem["detail"] for problem in senders.refused)]
        assert not any("connection failed" in one or "127.0.0.1" in one for one in told)
        postgresql.start()
        senders.wait_for(100)
    check(event, senders)


def test_a_database_that_hangs_is_answered_retryable_within_ten_seconds(
    postgresql: PostgresServer, url: str, start: Callable[..., Product]
) -> None:
    event = start(url).make_event()
    senders = Senders(event).start()
    senders.wait_for(50)
    postgresql.pause()
    passed = FairTime(event.product.server.pid)
    try:
        # One that comes while it hangs, besides those that were under way.
        with ThreadPoolExecutor(1) as pool:
            late = pool.submit(event.push_failed, {"profile.email": "hung@example.org"})
            senders.wait_for_refusals(8)
            assert late.result()["retryable"] is True
        assert passed.seconds < 11
    finally:
        postgresql.resume()
    senders.wait_for(100)
    check(event, senders)


def test_to_ask_why_a_commit_hangs_takes_no_longer_where_everything_does(
    postgresql: PostgresServer, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Connections that lie idle are looked at first, and then replaced: both wait for the server that hangs."""
    monkeypatch.setattr(postgresql_database, "_LOOKED_AT_AFTER_S", 0.0)
    with closing(PostgresDatabase(url, key_file=tmp_path / "key")) as database:
        with database.read() as connection:
            connection.exec_driver_sql("SELECT 1")

        def hang() -> None:
            with database.write(within_s=1) as connection:
                connection.exec_driver_sql("CREATE TABLE here (there int)")
                postgresql.pause()

        passed = FairTime()
        try:
            with pytest.raises(OutcomeUnknown):
                hang()
            assert passed.seconds < 3
        finally:
            postgresql.resume()
            # Whoever still asks has a connection, which is closed with the others.
            for thread in threading.enumerate():
                if thread.name == "why":
                    thread.join(PATIENCE_S)


def test_how_things_are_is_told_within_seconds_while_the_database_hangs(
    postgresql: PostgresServer, url: str, start: Callable[..., Product]
) -> None:
    """`/health` is a 503 with the reason; `/metrics` has what this process knows by itself."""
    product = start(url)
    event = product.make_event()
    event.push_ok({"profile.email": "first@example.org"})

    def get(path: str) -> tuple[int, str]:
        # A caller on this machine, who is not patient.
        passed = FairTime(product.server.pid)
        answer = product.client.get(product.server.url + path, headers={"X-Forwarded-For": ""})
        assert passed.seconds < 4
        return answer.status_code, answer.text

    assert get("/health")[0] == 200
    assert f'turnout_log_head{{event="{event.slug}"}} 1.0' in get("/metrics")[1]
    before = count_threads(product.server.pid)
    postgresql.pause()
    try:
        # What it knew a second ago counts no more.
        while get("/health")[0] == 200:
            pass
        for _ in range(5):
            status, text = get("/health")
            assert status == 503
            assert "2 seconds" in text or "answers nothing" in text or "cannot be reached" in text
            status, text = get("/metrics")
            assert status == 200
            assert 'turnout_pushes_total{result="created"} 1.0' in text
            assert "turnout_log_head{" not in text
            assert "turnout_database_bytes " not in text
        # One that asks for each of the two, and those that wait for it in turn.
        assert count_threads(product.server.pid) <= before + 4
    finally:
        postgresql.resume()
    event.push_ok({"profile.email": "second@example.org"})
    assert get("/health")[0] == 200
    while f'turnout_log_head{{event="{event.slug}"}} 2.0' not in get("/metrics")[1]:
        pass
    product.check()


def count_threads(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


@pytest.mark.parametrize("moment", ["before COMMIT", "after COMMIT"])
def test_a_connection_cut_while_it_commits_is_looked_up_and_applied_once(
    postgresql: PostgresServer, url: str, start: Callable[..., Product], moment: Moment
) -> None:
    with CuttingWay(postgresql.port) as way:
        product = start(url.replace(f":{postgresql.port}/", f":{way.port}/"))
        event = product.make_event()
        senders = Senders(event).start()
        for _ in range(8):
            senders.wait_for(10)
            way.cut(moment)
            assert way.cuts.acquire(timeout=PATIENCE_S)
        senders.wait_for(20)
        senders.stop()
        # What was cut off was looked up, and nobody had to send it again.
        assert senders.refused == []
        # Nor was it run again, and taken for a repeat of itself.
        assert {receipt["result"] for receipt in senders.receipts} == {"created", "updated"}
        check(event, senders)


@pytest.mark.parametrize("moment", ["before COMMIT", "after COMMIT"])
def test_a_repeat_that_is_cut_off_is_counted_once(
    postgresql: PostgresServer, url: str, start: Callable[..., Product], moment: Moment
) -> None:
    """It adds no line to the push log by which it could be found."""
    body = {"profile": {"email": "john.doe@example.com", "title": "CTO"}}
    with CuttingWay(postgresql.port) as way:
        event = start(url.replace(f":{postgresql.port}/", f":{way.port}/")).make_event()
        receipt = event.push_ok(body)
        for repeats in range(1, 3):
            way.cut(moment)
            again = event.push_ok(body)
            assert way.cuts.acquire(timeout=PATIENCE_S)
            assert (again["id"], again["result"]) == (receipt["id"], "unchanged")
            with event.database.read() as connection:
                counted = connection.exec_driver_sql("SELECT repeats FROM pushes").scalar_one()
            assert counted == repeats


def test_connections_cut_in_the_middle_of_transactions_cost_nobody_anything(
    postgresql: PostgresServer, url: str, start: Callable[..., Product]
) -> None:
    event = start(url).make_event()
    senders = Senders(event).start()
    for _ in range(8):
        senders.wait_for(10)
        postgresql.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", url.rpartition("/")[2]
        )
    senders.wait_for(20)
    check(event, senders)


_FAILING_IN_TURN = """
    CREATE SEQUENCE faults;
    CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE number bigint := nextval('faults');
        BEGIN
            IF number % 3 = 0 THEN
                RAISE EXCEPTION 'made to fail'
                USING ERRCODE = CASE WHEN number % 2 = 0 THEN '40001' ELSE '40P01' END;
            END IF;
            RETURN NEW;
        END $$;
    CREATE TRIGGER fail BEFORE INSERT ON changes FOR EACH STATEMENT EXECUTE FUNCTION fail()
"""
"""Every third statement that adds lines fails once, in turn as a deadlock and as a failed serialization."""


def test_deadlocks_and_serialization_failures_are_tried_again(
    postgresql: PostgresServer, url: str, start: Callable[..., Product]
) -> None:
    event = start(url).make_event()
    database = url.rpartition("/")[2]
    event.push_ok({"profile.email": "first@example.org"})
    postgresql.execute(_FAILING_IN_TURN, database=database)
    senders = Senders(event, threads=4).start()
    senders.wait_for(100)
    senders.stop()
    assert senders.refused == []
    check(event, senders)


def test_a_real_deadlock_ends_well(postgresql: PostgresServer, url: str, start: Callable[..., Product]) -> None:
    """Somebody locks two events' clocks in the wrong order while their pushes are committed together."""
    product = start(url)
    events = sorted((product.make_event(), product.make_event()), key=lambda event: event.id)
    with closing(psycopg.connect(url)) as other:
        # We are to find out first, and to be the one that is ended.
        other.execute("SET deadlock_timeout = '30s'")
        other.execute("SELECT 1 FROM clocks WHERE event_id = %s FOR UPDATE", (events[1].id,))
        answers: list[object] = []
        pushing = [
            threading.Thread(
                target=lambda event=event: answers.append(event.push_ok({"profile.email": "a@example.org"}))
            )
            for event in events
        ]
        for one in pushing:
            one.start()
        other.execute("SELECT 1 FROM clocks WHERE event_id = %s FOR UPDATE", (events[0].id,))
        other.rollback()
        for one in pushing:
            one.join(PATIENCE_S)
        assert len(answers) == 2
    product.check()


def test_an_event_that_somebody_holds_does_not_hold_up_the_others(
    postgresql: PostgresServer, url: str, start: Callable[..., Product]
) -> None:
    product = start(url)
    held, free = product.make_event(), product.make_event()
    slowest_s = 0.0
    with closing(psycopg.connect(url)) as other:
        other.execute("SELECT 1 FROM clocks WHERE event_id = %s FOR UPDATE", (held.id,))
        refused: list[object] = []
        waiting = threading.Thread(
            target=lambda: refused.append(held.push_failed({"profile.email": "held@example.org"})["code"])
        )
        waiting.start()
        while waiting.is_alive():
            passed = FairTime(product.server.pid)
            assert free.push_ok({"profile.email": "free@example.org"})
            slowest_s = max(slowest_s, passed.seconds)
        assert refused == ["storage_unavailable"]
        # They wait for the commit that tries it, and travel with the next: half a second each.
        assert slowest_s < 2
        other.rollback()
    assert held.push_ok({"profile.email": "held@example.org"})["result"] == "created"
    product.check()


def take_all_connections(url: str, greedy: ExitStack) -> None:
    """Those of others too, who are quick to come again."""
    ours: list[psycopg.Connection[Any]] = []
    while True:
        with suppress(psycopg.OperationalError):
            while True:
                ours.append(greedy.enter_context(closing(psycopg.connect(url, autocommit=True))))
        others = (
            ours[0]
            .execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE backend_type = 'client backend' AND pid <> ALL(%s)",
                ([one.info.backend_pid for one in ours],),
            )
            .fetchall()
        )
        if not others:
            return


def test_without_a_free_connection_senders_are_asked_to_come_again(
    postgresql: PostgresServer, url: str, start: Callable[..., Product]
) -> None:
    product = start(url)
    event = product.make_event()
    event.push_ok({"profile.email": "first@example.org"})
    with ExitStack() as greedy:
        take_all_connections(url, greedy)
        problem = event.push_failed({"profile.email": "second@example.org"})
        assert (problem["code"], problem["retryable"]) == ("storage_unavailable", True)
        # Which machine and which account is nothing that a sender should read.
        assert "127.0.0.1" not in str(problem)
    assert event.push_ok({"profile.email": "second@example.org"})["result"] == "created"
    product.check()


def test_three_machines_on_one_database_keep_one_order_and_lose_no_update(
    url: str, start: Callable[..., Product]
) -> None:
    """One of them is killed under load and comes back; the others do not notice."""
    machines = [start(url) for _ in range(3)]
    event = machines[0].make_event()
    seen = [TestedEvent(machine, event.id, event.slug, event.key) for machine in machines]
    senders = [Senders(one, threads=4).start() for one in seen]
    for one in senders:
        one.wait_for(30)
    machines[2].server.kill()
    senders[2].stop()
    for one in senders[:2]:
        one.wait_for(60)
    machines[2].server.start()
    seen[2].move_to(machines[2].server)
    late = Senders(seen[2], threads=4).start()
    late.wait_for(30)
    check(event, *senders, late)
    assert all(one.refused == [] for one in (*senders, late))


def test_a3_a_revocation_on_one_machine_holds_on_the_others_from_that_instant(
    url: str, start: Callable[..., Product]
) -> None:
    from turnout.events import keys

    here, there = start(url), start(url)
    event = here.make_event()
    elsewhere = TestedEvent(there, event.id, event.slug, event.key)
    for number in range(3):
        elsewhere.key = event.make_source(f"source {number}")
        assert elsewhere.push({"profile.email": "john.doe@example.com"}).status_code == 200
        keys.revoke(here.server.database, elsewhere.key.split("_")[1].join(("key_", "")))
        assert elsewhere.push({"profile.email": "john.doe@example.com"}).status_code == 401


def test_behind_a_pooler_that_gives_each_transaction_another_connection_all_is_the_same(
    url: str, start: Callable[..., Product], tmp_path: Path
) -> None:
    """With fewer connections than the machines want."""
    with pooled_url(url, tmp_path, pool_size=3) as pooled:
        machines = [start(pooled, NOTICE_DATABASE_URL=url) for _ in range(2)]
        event = machines[0].make_event()
        senders = [Senders(TestedEvent(machine, event.id, event.slug, event.key)).start() for machine in machines]
        for one in senders:
            one.wait_for(100)
        check(event, *senders)
        assert [problem for one in senders for problem in one.refused] == []


def at_another_time(offset: str) -> list[str]:
    """What a command stands behind whose clock is to be so far off.

    Not the program `faketime`: it leaves a semaphore behind when it is killed, and fails at the next one of its number.
    """
    [library] = Path("/usr/lib").glob("*/faketime/libfaketime.so.1")
    return ["env", f"LD_PRELOAD={library}", f"FAKETIME={offset}", "FAKETIME_DISABLE_SHM=1"]


def test_d7_a_machine_whose_clock_is_off_by_minutes_does_not_disturb_the_order(
    url: str, start: Callable[..., Product]
) -> None:
    """Times and ids are the database's, whatever the machine says."""
    event = start(url).make_event()
    machines = [event]
    for offset in ("-7m", "+7m"):
        product = start(url, *at_another_time(offset))
        machines.append(TestedEvent(product, event.id, event.slug, event.key))
    began = now_us()
    title = ""
    for number in range(3):
        for machine in machines:
            title = f"{number} of {machine.product.server.url}"
            receipt = machine.push_ok({"profile.email": "john.doe@example.com", "profile.title": title})
            assert receipt["result"] in ("created", "updated")
            assert abs(made_at(receipt["id"]) - now_us()) < 60_000_000
    for line in event.changes():
        # Minutes would be theirs.
        assert began - 60_000_000 < line.at < now_us() + 60_000_000
    # The last one said is what holds.
    assert event.attendee("john.doe@example.com")["profile"]["title"] == title
    event.check()
    assert verify(event.database).ok
    for machine in machines[1:]:
        # What sets the clock does not pass on that it is to end.
        wrapper = machine.product.server.pid
        for child in Path(f"/proc/{wrapper}/task/{wrapper}/children").read_text().split():
            os.kill(int(child), signal.SIGTERM)
