"""Concurrent senders that remember every acknowledgement, and the check that none was forgotten."""

import itertools
import json
import threading
from typing import Any

import httpx2
import msgspec

from tests.fair_time import FairTime
from tests.patience import PATIENCE_S
from tests.product import TestedEvent
from turnout.changes.shown import shown_to_source
from turnout.events.setup import get_configuration
from turnout.model.push import StoredPush
from turnout.store import changes, pushes


class Senders:
    """Threads that push until the server goes away or they are told to stop; each answer is kept."""

    def __init__(self, event: TestedEvent, threads: int = 8, people: int = 40) -> None:
        self.receipts: list[dict[str, Any]] = []
        """Bodies of 200s."""
        self.refused: list[dict[str, Any]] = []
        """Bodies of all other answers."""
        self.slowest_refusal_s = 0.0
        self.event = event
        self._people = people
        self._enough = threading.Event()
        self._some = threading.Semaphore(0)
        self._some_refused = threading.Semaphore(0)
        self._counter = itertools.count()
        self._threads = [threading.Thread(target=self._send, daemon=True) for _ in range(threads)]

    def start(self) -> "Senders":
        for thread in self._threads:
            thread.start()
        return self

    def wait_for(self, acknowledgements: int) -> None:
        """Returns when so many more pushes were acknowledged."""
        for _ in range(acknowledgements):
            assert self._some.acquire(timeout=PATIENCE_S), "The server acknowledges nothing."

    def wait_for_refusals(self, refusals: int) -> None:
        """Returns when so many more pushes were answered otherwise."""
        for _ in range(refusals):
            assert self._some_refused.acquire(timeout=PATIENCE_S), "The server refuses nothing."

    def stop(self) -> None:
        self._enough.set()
        for thread in self._threads:
            thread.join(PATIENCE_S)

    def _send(self) -> None:
        # Nothing here is HTTPS: certificates are not loaded, which takes a while for each of the threads.
        with httpx2.Client(trust_env=False, timeout=PATIENCE_S, verify=False) as client:
            while not self._enough.is_set():
                number = next(self._counter)
                body = {
                    "profile": {
                        "email": f"person{number % self._people}@example.org",
                        "title": f"Title {number}",
                        "customFields": [{"fieldName": f"Field {number % 7}", "fieldValue": str(number)}],
                    },
                    "eventInfo": {"groups": {"groupNames": [f"Group {number % 5}"]}},
                }
                passed = FairTime(self.event.product.server.pid)
                try:
                    response = client.post(
                        f"{self.event.gateway}/attendees",
                        content=json.dumps(body),
                        headers={"Api-Key": self.event.key},
                    )
                except httpx2.HTTPError:
                    return
                if response.status_code == 200:
                    self.receipts.append(response.json())
                    self._some.release()
                else:
                    self.slowest_refusal_s = max(self.slowest_refusal_s, passed.seconds)
                    self.refused.append(response.json())
                    self._some_refused.release()


def check_acknowledged(event: TestedEvent, receipts: list[dict[str, Any]]) -> None:
    """Every acknowledged push is in the push log and, with what its receipt said, in the change log."""
    configuration = get_configuration(event.database, event.slug)
    with event.database.read() as connection:
        lines = {change.sequence: change for change in changes.list_changes(connection, event.id, limit=1_000_000)}
        stored: dict[str, StoredPush] = {
            push.id: push for push in pushes.list_pushes(connection, event.id, limit=1_000_000)
        }
    for receipt in receipts:
        push = stored[receipt["id"]]
        if receipt["result"] == "unchanged":
            # Counted on the line of the push that it repeats, or a line of its own.
            assert push.repeats or push.result == "unchanged"
            continue
        assert push.result == receipt["result"]
        assert push.sequence == receipt["sequence"]
        line = lines[receipt["sequence"]]
        assert line.push_id == receipt["id"]
        assert line.source_number is not None
        told = shown_to_source(line.entries, configuration.custom_fields, configuration.groups, line.source_number)
        assert msgspec.to_builtins(told) == receipt["changes"]
