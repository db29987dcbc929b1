"""Senders under load: pushes, batches, atomic batches, repeats, with and without Idempotency-Key.

Each sender is a thread and one connection. It outlives the server: what was in doubt when the server went away is sent
again to the next one, by the rules of docs/feed.md (C8, D6).
"""

import http.client
import json
import threading
import time
from random import Random
from typing import Any

from torture.broken import Broken
from torture.ledger import Acknowledged, Answered, Ledger, Said, Sent
from torture.running import Server

SHARED_PEOPLE = 40
PRIVATE_PEOPLE = 25
_TIMEOUT_S = 30
_PAUSE_S = 0.02
"""Before what was refused for the moment is sent again; a sender of people would wait for `Retry-After`."""
_KEPT_KEYED = 400
_LARGE_BATCH = 1_100
"""Items: more than two of the transactions that a batch is taken in."""


class Sender:
    """One sender, with a source and a key of its own."""

    def __init__(self, name: str, slug: str, key: str, ledger: Ledger, seed: str, *, growing: bool) -> None:
        self.name = name
        self.in_doubt: Sent | None = None
        self._slug = slug
        self._key = key
        self._ledger = ledger
        self._random = Random(seed)
        self._growing = growing
        self._numbers = 0
        self._last: tuple[bytes, str] | None = None
        self._connection: http.client.HTTPConnection | None = None

    def run(self, port: int, enough: threading.Event) -> None:
        """Sends until told to stop, or until the server is gone."""
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_S)
        try:
            while not enough.is_set():
                sent, self.in_doubt = self.in_doubt or self._make(), None
                if not self._deliver(sent):
                    return
        finally:
            self._connection.close()

    def forget(self) -> None:
        """What it believes to be the last that was stored may be gone."""
        self._last = None

    def _deliver(self, sent: Sent) -> bool:
        """Whether the server is still there."""
        assert self._connection is not None
        self._ledger.requests += 1
        try:
            status, content = post(self._connection, self._slug, self._key, sent)
        except ConnectionRefusedError:
            self.in_doubt = sent if sent.key is not None or sent.is_private else None
            return False
        except (OSError, http.client.HTTPException) as error:
            # The next connection tells whether the server is gone.
            self._connection.close()
            self._ledger.unanswered += 1
            self._ledger.last_break = repr(error)
            self._doubt(sent)
            return True
        try:
            self._take(sent, status, content)
        except (KeyError, ValueError, TypeError) as error:
            self._ledger.faults.append(f"{sent.path} of {self.name} got an answer nobody understands: {error!r}")
        return True

    def _doubt(self, sent: Sent) -> None:
        self._ledger.doubtful.append(sent)
        if sent.key is not None or sent.is_private:
            self.in_doubt = sent

    def _take(self, sent: Sent, status: int, content: bytes) -> None:
        answer = json.loads(content)
        if status != 200 and answer.get("retryable"):
            self._ledger.refusals += 1
            self._doubt(sent)
            time.sleep(_PAUSE_S)
            return
        if sent.key is not None:
            self._keep(sent, content)
        if sent.is_batch and status == 200:
            for said, receipt in zip(sent.said, answer["results"], strict=True):
                self._acknowledge(said, receipt)
        elif sent.is_batch and sent.is_atomic and answer["code"] == "invalid_batch":
            self._ledger.forbidden += [said.token for said in sent.said]
            if all(said.is_valid for said in sent.said):
                self._ledger.faults.append(f"an atomic batch of valid pushes was refused: {content[:500]!r}")
        elif not sent.is_batch:
            self._acknowledge(sent.said[0], answer)
            if status == 200 and sent.is_private:
                self._last = sent.body, sent.said[0].token
        else:
            self._ledger.faults.append(f"a batch was answered with {status}: {content[:500]!r}")

    def _acknowledge(self, said: Said, receipt: dict[str, Any]) -> None:
        result = receipt.get("result", "failed")
        if (result == "failed") == said.is_valid or (said.is_repeat and result != "unchanged"):
            self._ledger.faults.append(f"{said} was answered with {json.dumps(receipt)[:500]}")
        self._ledger.acknowledged.append(
            Acknowledged(
                said.token, receipt["id"], result, receipt.get("sequence"), receipt.get("changes", []), time.monotonic()
            )
        )

    def _keep(self, sent: Sent, content: bytes) -> None:
        keyed = self._ledger.keyed
        if len(keyed) < _KEPT_KEYED:
            keyed.append(Answered(sent, content, time.monotonic()))
        else:
            keyed[self._random.randrange(_KEPT_KEYED)] = Answered(sent, content, time.monotonic())

    # What is said

    def _make(self) -> Sent:
        kind = self._random.random()
        if kind < 0.05 and self._last is not None:
            body, token = self._last
            said = Said(token, is_repeat=True)
            return Sent(path="/attendees", body=body, key=None, said=[said], is_private=True)
        # Without a key nobody can send it again blindly but about people that are the sender's own.
        is_keyed = self._random.random() < 0.4
        is_private = not is_keyed and self._random.random() < 0.6
        if kind < 0.12:
            # Once in doubt, a batch without key may only be sent again where nobody else speaks of its people.
            return self._make_batch(is_keyed=is_keyed, is_atomic=self._random.random() < 0.5)
        said, body = self._make_push(self._choose(is_private=is_private), is_valid=self._random.random() > 0.03)
        return Sent(
            path="/attendees",
            body=json.dumps(body).encode(),
            key=f"{said.token}-key" if is_keyed else None,
            said=[said],
            is_private=is_private,
        )

    def _make_batch(self, *, is_keyed: bool, is_atomic: bool) -> Sent:
        size = _LARGE_BATCH if self._random.random() < 0.05 else self._random.randint(1, 60)
        with_bad = self._random.random() < 0.1
        if is_keyed:
            people = [self._choose(is_private=False) for _ in range(size)]
        else:
            # Each once: the order within a batch that is sent again must not matter.
            people = [f"{self.name}-{number}@example.org" for number in range(size)]
            self._last = None
        pushes = [
            self._make_push(email, is_valid=not (with_bad and number == size // 2))
            for number, email in enumerate(people)
        ]
        said = [one for one, _ in pushes]
        return Sent(
            path="/attendees/batch" + ("?atomic=true" if is_atomic else ""),
            body=json.dumps([body for _, body in pushes]).encode(),
            key=f"{said[0].token}-key" if is_keyed else None,
            said=said,
            is_atomic=is_atomic,
            is_private=not is_keyed,
        )

    def _choose(self, *, is_private: bool) -> str:
        if self._growing:
            self._numbers += 1
            return f"{self.name}-new-{self._numbers}@example.org"
        if is_private:
            return f"{self.name}-{self._random.randrange(PRIVATE_PEOPLE)}@example.org"
        return f"shared-{self._random.randrange(SHARED_PEOPLE)}@example.org"

    def _make_push(self, email: str, *, is_valid: bool = True) -> tuple[Said, dict[str, Any]]:
        self._numbers += 1
        token = f"{self.name}-{self._numbers}"
        profile: dict[str, Any] = {
            "email": email if is_valid else "no address",
            "title": token,
            "customFields": [{"fieldName": f"Field {self._numbers % 7}", "fieldValue": str(self._numbers)}],
        }
        if self._growing or self._random.random() < 0.1:
            profile["biography"] = "word " * self._random.randrange(400)
        groups = [f"Group {self._random.randrange(6)}" for _ in range(self._random.randrange(3))]
        return Said(token, is_valid), {"profile": profile, "eventInfo": {"groups": {"groupNames": groups}}}


class Load:
    """All senders of a world at once, from here to `stop`."""

    def __init__(self, senders: list[Sender], ledger: Ledger, server: Server) -> None:
        self._ledger = ledger
        self._server = server
        self._enough = threading.Event()
        self._threads = [
            threading.Thread(target=sender.run, args=(server.port, self._enough), daemon=True) for sender in senders
        ]
        for thread in self._threads:
            thread.start()

    def wait(self, seconds: float) -> None:
        """So long, or until the server is gone."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and any(thread.is_alive() for thread in self._threads):
            time.sleep(min(0.01, max(0.0, deadline - time.monotonic())))

    def wait_for(self, acknowledgements: int = 0, refusals: int = 0, timeout_s: float = 30) -> None:
        """Until so many more pushes are acknowledged, and requests refused for the moment. Raises Broken."""
        acknowledgements += len(self._ledger.acknowledged)
        refusals += self._ledger.refusals
        deadline = time.monotonic() + timeout_s
        while len(self._ledger.acknowledged) < acknowledgements or self._ledger.refusals < refusals:
            if time.monotonic() > deadline or not any(thread.is_alive() for thread in self._threads):
                raise Broken(
                    f"the server {self._server.state}; within {timeout_s} s {len(self._ledger.acknowledged)} pushes "
                    f"were acknowledged of {acknowledgements}, {self._ledger.refusals} refused of {refusals}; "
                    f"{sum(thread.is_alive() for thread in self._threads)} senders are left; the last connection that "
                    f"broke: {self._ledger.last_break or 'none'}"
                )
            time.sleep(0.0005)

    def stop(self) -> None:
        """Every sender has its last answer, or none. Raises Broken when one waits for ever."""
        self._enough.set()
        for thread in self._threads:
            thread.join(_TIMEOUT_S * 2)
            if thread.is_alive():
                raise Broken("a request got neither an answer nor an end")


def post(connection: http.client.HTTPConnection, slug: str, key: str, sent: Sent) -> tuple[int, bytes]:
    """Status and body of the answer, without the port in it: that is another after each start."""
    headers = {"Api-Key": key, "Content-Type": "application/json"}
    if sent.key is not None:
        headers["Idempotency-Key"] = sent.key
    connection.request("POST", f"/e/{slug}{sent.path}", sent.body, headers)
    answer = connection.getresponse()
    return answer.status, answer.read().replace(f"localhost:{connection.port}".encode(), b"localhost")
