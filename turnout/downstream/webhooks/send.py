"""Sends what is queued: one process of all does it, the others stand by.

A round, in a thread, records what the requests made since have come to, queues what is new in the log, and fetches what
is due; requests are made in between, in the server's event loop. Nothing is remembered but in the database, so it may
end at any moment: what was sent and not recorded is sent again, with the same id and body.
"""

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import msgspec
import structlog

from turnout.changes.turn import Turn
from turnout.downstream.webhooks import queue, request, results
from turnout.downstream.webhooks.endpoint import find_secret
from turnout.downstream.webhooks.lane import HELD, HELD_BUSY, Held, Lane, Made, fetch
from turnout.downstream.webhooks.queue import Queue, Step
from turnout.downstream.webhooks.request import Tried
from turnout.errors import StorageUnavailable
from turnout.logs import Thinned
from turnout.model.webhook import Attempt, Delivery, Webhook
from turnout.now import now_us
from turnout.outside.http import Outside
from turnout.store import deliveries, sealing, webhooks
from turnout.store.database import Database
from turnout.store.leases import LeaseLost

AT_ONCE = 8
"""Requests to one webhook at the same time …"""
ALL_AT_ONCE = 256
"""… and to all: with more than 32 busy webhooks each has fewer, so that none waits for another one's receiver."""
LASTS_US = 10 * 1_000_000
"""So long the others wait for a process that was killed."""
_RENEWED_EVERY_S = 3.0
_LOOK_S = 1.0
"""How often it is looked for what no notice tells of: new and resumed webhooks, deliveries to be sent again."""
_STAND_BY_S = 2.0
_REST_S = 0.02
"""After a round, or as long as it took: pushes first, and what is finished meanwhile is recorded together."""
_MAX_REST_S = 0.5
_BUSY_REST = 4
"""While pushes wait it rests so many times as long as a round took."""
_TROUBLE_S = 5.0
"""After something unforeseen."""
_STOP_S = 1.0
"""How long requests that are under way at the end may take."""
log = structlog.get_logger()


class Round(msgspec.Struct, frozen=True):
    """What one round has found."""

    active: Sequence[Webhook] = ()
    secrets: Mapping[str, Sequence[str]] = {}
    fetched: Sequence[Delivery] = ()
    is_ours: bool = True
    has_more: bool = False
    next_in_s: float = _LOOK_S


class Sender:
    """The sending of one process: `start` it in an event loop, and `stop` it there."""

    def __init__(
        self, database: Database, lasts_us: int = LASTS_US, is_busy: Callable[[], bool] = lambda: False
    ) -> None:
        """`is_busy` is asked in each round: whether pushes wait."""
        self._database = database
        self._is_busy = is_busy
        self._turn = Turn(database, "webhooks", lasts_us)
        self._put_off = Thinned()
        self._lasts_s = lasts_us / 1e6
        self._renewed_at = float("-inf")
        self._queue = Queue(database)
        self.results: Counter[str] = Counter()
        """What the requests recorded here have come to: delivered, failed (and to be tried again) or given_up."""
        self._failing: set[str] = set()
        """Webhooks of which was told that they are."""
        self._outside = {allow_private: Outside(allow_private=allow_private) for allow_private in (False, True)}
        self._lanes: dict[str, Lane] = {}
        self._made: list[Made] = []
        self._requests: set[asyncio.Task[None]] = set()
        self._poke = asyncio.Event()
        self._stopping = asyncio.Event()
        self._running: asyncio.Task[None] | None = None
        self._listening: asyncio.Task[None] | None = None
        # Of its own, so that it is one at a time and waits for nobody.
        self._thread = ThreadPoolExecutor(1, "webhooks")
        self._dice = random.Random()  # noqa: S311 - spreads tries, and is no secret

    def start(self) -> None:
        self._running = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Begins nothing more, records what ends within a second, and leaves the rest to be tried again."""
        self._stopping.set()
        self._poke.set()
        if self._running is not None:
            await asyncio.wait([self._running])
        self._set_listening(False)
        if self._requests:
            await asyncio.wait(self._requests, timeout=_STOP_S)
        await self._cancel_requests()
        loop = asyncio.get_running_loop()
        if self._made:
            with contextlib.suppress(StorageUnavailable, LeaseLost):
                await loop.run_in_executor(self._thread, self._write, self._made, (), now_us(), True)
        await loop.run_in_executor(self._thread, self._turn.give_back)
        self._thread.shutdown()
        for outside in self._outside.values():
            await outside.close()

    async def _run(self) -> None:
        while not self._stopping.is_set():
            self._poke.clear()
            began = time.monotonic()
            wait_s, is_ours = await self._go_round()
            # What comes meanwhile goes together.
            await _wait_for(self._stopping, self._find_rest(time.monotonic() - began))
            await _wait_for(self._poke if is_ours else self._stopping, wait_s)

    def _find_rest(self, took_s: float) -> float:
        return min(max(_REST_S, took_s * (_BUSY_REST if self._is_busy() else 1)), _MAX_REST_S)

    def _set_listening(self, wanted: bool) -> None:
        """Where nobody wants to be told, each push's notice costs nothing."""
        if wanted and self._listening is None:
            self._listening = asyncio.create_task(self._listen())
        elif not wanted and self._listening is not None:
            self._listening.cancel()
            self._listening = None

    async def _listen(self) -> None:
        with self._database.notices.watching_all_in_loop() as watch:
            while True:
                await watch.wait(0)
                self._poke.set()

    # A round

    async def _go_round(self) -> tuple[float, bool]:
        """How long to wait for the next one, and whether it is our turn."""
        made, self._made = self._made, []
        try:
            found = await asyncio.get_running_loop().run_in_executor(
                self._thread, self._work, made, self._find_held(made)
            )
            return await self._go_on(made, found)
        except StorageUnavailable as error:
            # They are recorded when it can be written again.
            self._made = made + self._made
            if (times := self._put_off.count("storage")) is not None:
                log.warning("webhooks_put_off", reason=error.detail, times=times)
            return _LOOK_S, True
        except LeaseLost:
            log.warning("webhooks_left_to_another")
            await self._drop()
            return _STAND_BY_S, False
        except Exception:
            # Whatever it is: all of it is in the database, and is tried again.
            log.exception("webhooks_failed")
            await self._drop()
            return _TROUBLE_S, False

    async def _go_on(self, made: Sequence[Made], found: Round) -> tuple[float, bool]:
        """Begins what the round has found."""
        for one in made:
            one.lane.let_go(one.delivery)
        self._set_listening(found.is_ours and bool(found.active))
        if not found.is_ours:
            await self._drop()
            return _STAND_BY_S, False
        self._set_lanes(found)
        self._tell_of_failing({webhook.id for webhook in found.active})
        for delivery in found.fetched:
            self._lanes[delivery.webhook_id].take(delivery)
        self._begin_requests()
        return 0.0 if found.has_more else found.next_in_s, True

    def _find_held(self, made: Sequence[Made]) -> Held:
        done = {(one.lane, one.place) for one in made}
        return Held(
            {
                lane.webhook.id: {place: whose for place, whose in lane.taken.items() if (lane, place) not in done}
                for lane in self._lanes.values()
            },
            sum(len(delivery.body or "") for lane in self._lanes.values() for delivery in lane.ready),
            any(lane.taken for lane in self._lanes.values()),
        )

    def _set_lanes(self, found: Round) -> None:
        """A lane for each active webhook. What is under way of one that no longer is ends, and is recorded."""
        active = {webhook.id for webhook in found.active}
        for lane in [lane for lane in self._lanes.values() if lane.webhook.id not in active]:
            while lane.ready:
                lane.let_go(lane.ready.popleft())
            if not lane.taken:
                del self._lanes[lane.webhook.id]
        for webhook in found.active:
            secrets = found.secrets[webhook.id]
            lane = self._lanes.setdefault(webhook.id, Lane(webhook, secrets))
            lane.webhook, lane.secrets = webhook, secrets

    def _tell_of_failing(self, active: set[str]) -> None:
        """Once when a webhook stops because too much fails, and once when it goes on."""
        stuck = self._queue.stuck & active
        for webhook_id in stuck - self._failing:
            log.warning("webhook_failing", webhook=webhook_id)
        for webhook_id in (self._failing & active) - stuck:
            log.info("webhook_recovered", webhook=webhook_id)
        self._failing = stuck

    def _begin_requests(self) -> None:
        if self._stopping.is_set():
            return
        busy = [lane for lane in self._lanes.values() if lane.ready or lane.under_way]
        at_once = max(1, min(AT_ONCE, ALL_AT_ONCE // max(1, len(busy))))
        for lane in busy:
            while lane.ready and lane.under_way < at_once:
                lane.under_way += 1
                task = asyncio.create_task(self._make_request(lane, lane.ready.popleft()))
                self._requests.add(task)
                task.add_done_callback(self._requests.discard)

    async def _make_request(self, lane: Lane, delivery: Delivery) -> None:
        webhook = lane.webhook
        at = now_us()
        try:
            tried = await request.send(
                self._outside[webhook.allow_private], webhook.url, lane.secrets, delivery.id, delivery.body or ""
            )
        except Exception:
            # Tried again as every failure is, and told to whoever looks.
            log.exception("webhook_request_failed", webhook=webhook.id, delivery=delivery.id)
            tried = Tried(Attempt(at, 0, error="a mistake in Turnout kept this from being sent"), is_good=False)
        finally:
            lane.under_way -= 1
        self._made.append(Made(lane, delivery, tried))
        self._poke.set()
        self._begin_requests()

    async def _drop(self) -> None:
        """It is somebody else's turn: nothing of what was begun is recorded."""
        self._renewed_at = float("-inf")
        await self._cancel_requests()
        self._lanes.clear()
        self._made.clear()

    async def _cancel_requests(self) -> None:
        if self._requests:
            for task in self._requests:
                task.cancel()
            await asyncio.wait(self._requests)

    # In the thread

    def _work(self, made: Sequence[Made], held: Held) -> Round:
        """Records, queues and fetches. Raises LeaseLost and StorageUnavailable."""
        now = now_us()
        with self._database.read() as connection:
            active = webhooks.list_webhooks(connection, state="active")
            if not active and not made:
                return Round()
            steps = self._queue.read(connection, active, now)
            has_work = held.has_begun or any(deliveries.has_due(connection, webhook.id, now) for webhook in active)
        must_write = made or steps or (has_work and self._is_turn_old())
        if must_write and not self._write(made, steps, now, held.has_begun):
            return Round(is_ours=False)
        secrets = self._open_secrets(active, now, held.has_begun)
        active = [webhook for webhook in active if webhook.id in secrets]
        limit = HELD_BUSY if self._is_busy() else HELD
        with self._database.read() as connection:
            fetched = fetch(connection, active, held, now, limit) if has_work or steps else []
            next_at = min(
                (at for one in active if (at := deliveries.find_next_at(connection, one.id, now)) is not None),
                default=None,
            )
        return Round(
            active=active,
            secrets=secrets,
            fetched=fetched,
            has_more=any(step.upto < step.head for step in steps),
            next_in_s=_LOOK_S if next_at is None else min(_LOOK_S, (next_at - now) / 1e6),
        )

    def _is_turn_old(self) -> bool:
        return time.monotonic() - self._renewed_at >= min(_RENEWED_EVERY_S, self._lasts_s / 3)

    def _write(self, made: Sequence[Made], steps: Sequence[Step], now: int, has_begun: bool) -> bool:
        """All that a round writes, in one transaction; False where it is another's turn.

        Raises LeaseLost where that came about while something was under way.
        """
        began = time.monotonic()
        with self._turn.recording() if has_begun else self._turn.taking() as connection:
            if connection is None:
                return False
            for one in {one.lane.webhook.id: one.lane.webhook for one in made if one.tried.is_gone}.values():
                results.switch_off(connection, one, "Its receiver has answered 410: nobody is there any more.")
            queue.begin(connection, steps)
            places = {(one.delivery.event_id, one.delivery.webhook_id) for one in made}
            locked = deliveries.lock_cursors(connection, places | {step.place for step in steps})
            after = [results.find_result(one.delivery, one.tried, now, self._dice.random()) for one in made]
            results.record(connection, after, now)
            queue.write(connection, steps, locked, now)
        self._renewed_at = began
        self.results.update("failed" if one.state == "parked" else one.state for one in after)
        return True

    def _open_secrets(self, active: Sequence[Webhook], now: int, has_begun: bool) -> dict[str, Sequence[str]]:
        """What each webhook's requests are signed with. One whose secret cannot be opened is switched off."""
        secret_key = self._database.secret_key if active else b""
        opened: dict[str, Sequence[str]] = {}
        for webhook in active:
            secret = find_secret(secret_key, webhook)
            if secret is not None:
                opened[webhook.id] = [secret, *_open_former(secret_key, webhook, now)]
                continue
            with self._turn.recording() if has_begun else self._turn.taking() as connection:
                if connection is not None:
                    results.switch_off(
                        connection, webhook, "Its secret cannot be opened with the secret key that is there."
                    )
        return opened


async def _wait_for(event: asyncio.Event, longest_s: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(longest_s):
            await event.wait()


def _open_former(secret_key: bytes, webhook: Webhook, now: int) -> list[str]:
    """The secret before, as long as it counts."""
    if webhook.former_secret is None or (webhook.former_until or 0) <= now:
        return []
    with contextlib.suppress(sealing.CannotOpen):
        return [sealing.unseal(secret_key, webhook.former_secret, webhook.id).decode()]
    return []
