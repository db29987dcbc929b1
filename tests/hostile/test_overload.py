"""More than can be stored, more than fits, more guesses than anybody counts (A4, D3; design, 6)."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address

import pytest

from tests.databases import commits_held
from tests.fair_time import FairTime
from tests.hostile.target import MIB, Answer, Target, all_at_once, wait_until
from turnout.events import keys
from turnout.model.key import write_key

StartTarget = Callable[..., Target]


def push(target: Target, number: int, padding: str = "") -> Answer:
    return target.ask(f'{{"profile":{{"email":"p{number}@example.org","title":"{padding}"}}}}'.encode())


def test_d3_a_full_queue_is_told_at_once_and_what_is_in_it_is_stored(start_target: StartTarget) -> None:
    target = start_target(QUEUE_LIMIT="10")
    with ThreadPoolExecutor(60) as pool:
        with commits_held(target.event.database):
            pushes = [pool.submit(push, target, number) for number in range(60)]
            wait_until(lambda: sum(one.done() for one in pushes) == 50, "they are not told")
            refused = [one.result() for one in pushes if one.done()]
            assert max(answer.seconds for answer in refused) < 2
            # Nor is there room for a batch, and whoever has no key learns nothing of it.
            assert target.batch(b'[{"profile.email":"x@example.org"}]').code == "too_many_pushes"
            assert target.ask(b"{}", key="trn_0_0").status == 401
        taken = [one.result() for one in pushes if one.result() not in refused]
    assert {answer.code for answer in refused} == {"too_many_pushes"}
    assert [answer.status for answer in taken] == [200] * 10
    assert len(target.event.changes()) == 1 + 10


def test_d4_the_same_in_precise_statuses(start_target: StartTarget) -> None:
    target = start_target(QUEUE_LIMIT="2")
    event = target.product.make_event(status_codes="precise")
    path = f"/e/{event.slug}/attendees"
    with ThreadPoolExecutor(12) as pool, commits_held(target.event.database):
        body = b'{"profile.email":"p@example.org"}'
        asks = [pool.submit(target.ask, body, path=path, key=event.key, statuses=(200, 429)) for _ in range(12)]
        wait_until(lambda: sum(one.done() for one in asks) == 10, "they are not told")
    assert Counter(one.result().status for one in asks) == {200: 2, 429: 10}


def test_what_waits_for_a_lock_that_is_never_released_is_told_and_forgotten(target: Target) -> None:
    """Sixty bodies of half a MiB, many times as large as objects: they cost what was sent, and then nothing."""
    lists = ('{"profile.email":"p@example.org","x":[' + "0," * 9_000 + "0]," + " " * (MIB // 2) + '"y":0}').encode()
    before = target.used_mib
    with commits_held(target.event.database):
        answers = all_at_once([lambda: target.ask(lists)] * 60)
    assert {answer.code for answer in answers} == {"storage_unavailable"}
    assert max(answer.seconds for answer in answers) < 15
    assert target.extra_mib < 200, f"{target.extra_mib:.0f} MiB"
    wait_until(lambda: target.used_mib < before + 64, "what was refused is kept")


def test_no_more_is_held_at_once_than_the_limit_says(start_target: StartTarget) -> None:
    """Twenty bodies of 900 KiB where 4 MiB may be held: some are told to come again, and then they are taken."""
    target = start_target(IN_FLIGHT_LIMIT="4MiB", MAX_BATCH_BODY="4MiB")
    with ThreadPoolExecutor(20) as pool:
        with commits_held(target.event.database):
            pushes = [pool.submit(push, target, number, "x" * 900 * 1024) for number in range(20)]
            wait_until(lambda: sum(one.done() for one in pushes) >= 15, "they are not told")
            assert target.held_bytes <= 4 * MIB
            refused = [one.result() for one in pushes if one.done()]
    assert {answer.code for answer in refused} == {"queue_full"}
    assert [one.result().status for one in pushes].count(200) == 20 - len(refused)
    assert push(target, 99, "x" * 900 * 1024).status == 200


FLOODS = 1_500


@pytest.mark.parametrize("kind", ["addresses", "keys", "gateways"])
def test_a4_a_flood_of_guesses_costs_no_memory_and_holds_up_no_good_key(target: Target, kind: str) -> None:
    """From as many addresses, with as many keys, to as many events that do not exist."""
    before = target.used_mib
    numbers = iter(range(10**6))
    turn = threading.Lock()

    def guess() -> None:
        with target.connect() as connection:
            for _ in range(FLOODS // 10):
                with turn:
                    number = next(numbers)
                address = ip_address(0x20010DB8 << 96 | number << 64)
                key = write_key(f"key_{number:032x}", "x" * 32) if kind == "keys" else "trn_0_0"
                path = f"/e/{number}-{'x' * 1_000}" if kind == "gateways" else target.path
                connection.sendall(
                    b"POST %b HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: %b\r\nApi-Key: %b\r\nContent-Length: 0\r\n\r\n"
                    % (path.encode(), str(address).encode(), key.encode())
                )
                assert target.read(connection, (401,)).seconds < 2

    with target.others_at_work(within_s=2):
        all_at_once([guess] * 10)
    assert target.used_mib < before + 32


def test_a4_whoever_guesses_on_and_on_waits_and_nobody_else_does(target: Target) -> None:
    """Eighty guesses at once from one address, which is also somebody else's who has a key."""
    guess = target.head(0, key="trn_0_0").replace(b"X-Forwarded-For: ", b"X-Forwarded-For: 192.0.2.7, ")
    connections = [target.connect() for _ in range(80)]
    address = guess.split(b"X-Forwarded-For: 192.0.2.7, ")[1].split(b"\r\n")[0]
    for connection in connections:
        connection.sendall(guess)
    passed = FairTime(target.pid)
    body = b'{"profile.email":"p@example.org"}'
    with target.connect() as connection:
        head = target.head(len(body)).split(b"X-Forwarded-For: ")
        connection.sendall(head[0] + b"X-Forwarded-For: " + address + b"\r\n" + head[1].split(b"\r\n", 1)[1] + body)
        assert target.read(connection).status == 200
    assert passed.seconds < 1
    for connection in connections:
        connection.close()  # before they are answered


def test_a_key_that_is_revoked_in_the_middle_of_a_flood_is_refused_at_once(target: Target) -> None:
    event = target.event
    key = event.make_source("Other")
    statuses: list[int] = []

    def flood() -> None:
        for _ in range(60):
            answer = target.ask(b'{"profile.email":"p@example.org"}', key=key)
            statuses.append(answer.status)

    threads = [threading.Thread(target=flood) for _ in range(3)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(statuses) > 10, "nothing is answered")
    keys.revoke(event.database, f"key_{key.split('_')[1]}")
    assert target.ask(b'{"profile.email":"p@example.org"}', key=key).status == 401
    for thread in threads:
        thread.join()
    assert set(statuses) == {200, 401}
