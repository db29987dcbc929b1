"""Looks at all events again and again, one process of all, and gives way to pushes.

Of thousands of events most have nothing new: some statements over all of them find those at which to look. What takes
longer to find, who is silent for too long, is looked for when it can be so at the earliest.
"""

import threading
import time
from collections.abc import Callable

import structlog

from turnout.alerts import begin
from turnout.alerts.causes import silent
from turnout.alerts.look import FINDERS, Looked, look
from turnout.changes.turn import Turn
from turnout.errors import StorageUnavailable
from turnout.feed.configurations import Configurations
from turnout.logs import Thinned
from turnout.model.event import DAY_US
from turnout.now import now_us
from turnout.store import alert_refusals, alert_watching, alert_webhooks, alerts, events
from turnout.store.database import Database
from turnout.store.leases import LeaseLost
from turnout.store.push_counts import SLOT_US

EVERY_S = 60.0
_FIRST_S = 1.0
"""From the start to the first look."""
LASTS_US = 180 * 1_000_000
"""So long others wait for a process that was killed."""
_KEPT_EVERY_S = 30.0
RECENT_SLOTS = 3
"""An event is looked at for so many ten minutes after its last push, or refusal: what comes of it later is seen too."""
BEGUN_AT_ONCE = 200
"""Events that begin to be watched in one round; after an upgrade these are all."""
RARE_EVERY_US = 600 * 1_000_000
"""How often it is looked for keys that expire, and at the earliest again for who is silent."""
SLOW_S = 0.5
"""An event whose look takes longer is looked at for what falls no more often than that."""
SILENT_AT_ONCE = 500
"""Events of which what is usual is learned in one round; the others in the next."""
_SILENT_LATEST_US = 6 * 3_600 * 1_000_000
"""What is usual is learned anew so often, whatever it was."""
_HEARD_WITHIN_US = 14 * DAY_US
_KEY_AHEAD_US = 91 * DAY_US
_KEY_AFTER_US = 8 * DAY_US
_BUSY_REST = 8
"""While pushes wait it rests so many times as long as a look took, else as long …"""
_MOST_REST_S = 1.0
"""… and not for longer than this."""
_STOP_S = 5.0
_DOWN_AFTER = 3
"""So many looks in a row fail where the database is away."""
log = structlog.get_logger()


class Watcher:
    """One process's place in it; a thread of its own does the work once it is started."""

    def __init__(
        self,
        database: Database,
        configurations: Configurations,
        is_busy: Callable[[], bool] = lambda: False,
        every_s: float | None = None,
    ) -> None:
        """`is_busy` is asked between two looks: whether pushes wait."""
        self._database = database
        self._configurations = configurations
        self._is_busy = is_busy
        self._every_s = EVERY_S if every_s is None else every_s
        self._turn = Turn(database, "alerts", LASTS_US)
        self._put_off = Thinned()
        self._up_since = 0
        """When it was started: whoever was silent before may not have been heard …"""
        self._open_since: dict[str, int] = {}
        """… nor could he while the event was archived."""
        self._failures = 0
        """Looks in a row that the database did not let be."""
        self._rare_at = 0
        self._rare: set[str] = set()
        """Events with open alerts, or keys that expire: looked at now and then, whatever comes."""
        self._silent_at: dict[str, int] = {}
        """By event that was heard lately, when a source can be silent for too long at the earliest."""
        self._falling_at: dict[str, int] = {}
        """By event that took long to look at, when it is looked at again for what falls: that may count everybody."""
        self._stopping = threading.Event()
        self._one_at_a_time = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="alerts", daemon=True)

    def start(self) -> None:
        self._up_since = now_us()
        self._thread.start()

    def stop(self) -> None:
        """Ends behind the look under way; one that hangs is left behind."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(_STOP_S)
        if not self._thread.is_alive():
            self._turn.give_back()

    def look_now(self, at: int | None = None) -> list[Looked]:
        """One round, in the thread that calls; none where it is another process's turn.

        Raises StorageUnavailable and LeaseLost.
        """
        with self._one_at_a_time:
            return self._go_round(now_us() if at is None else at)

    def _run(self) -> None:
        rest_s = _FIRST_S
        while not self._stopping.wait(rest_s):
            rest_s = self._every_s
            try:
                self.look_now()
                self._failures = 0
            except LeaseLost:
                log.info("alerts_left_to_another")
            except StorageUnavailable as error:
                self._failures += 1
                if self._failures >= _DOWN_AFTER:
                    # Then pushes could not be stored either.
                    self._up_since = now_us()
                if (times := self._put_off.count("storage")) is not None:
                    log.warning("alerts_put_off", reason=error.detail, times=times)
            except Exception:
                log.exception("alerts_failed")

    def _go_round(self, at: int) -> list[Looked]:
        due, has_new = self._list_due(at)
        if not (due or has_new) or not self._turn.take():
            return []
        if has_new:
            self._begin(at)
        done = []
        kept_at = time.monotonic()
        for event_id in due:
            began = time.monotonic()
            # While pushes wait a round takes long.
            if began - kept_at > _KEPT_EVERY_S:
                kept_at = began
                if not self._turn.take():
                    break
            done.append(self._try_look(event_id, at))
            took_s = time.monotonic() - began
            if self._stopping.wait(min(took_s * (_BUSY_REST if self._is_busy() else 1), _MOST_REST_S)):
                break
        return [one for one in done if one is not None]

    def _list_due(self, at: int) -> tuple[list[str], bool]:
        """The events at which to look, each once; and whether there are any that nobody watches yet."""
        with self._database.read() as connection:
            if at - self._rare_at >= RARE_EVERY_US:
                self._rare_at = at
                expiring = alert_watching.list_expiring(connection, at - _KEY_AFTER_US, at + _KEY_AHEAD_US)
                self._rare = {*expiring, *alerts.list_events_with_open(connection)}
                heard = set(alert_watching.list_heard(connection, (at - _HEARD_WITHIN_US) // SLOT_US))
                if self._silent_at:
                    self._open_since |= {one: at for one in heard if one not in self._silent_at}
                self._open_since = {one: since for one, since in self._open_since.items() if one in heard}
                self._falling_at = {one: due_at for one, due_at in self._falling_at.items() if due_at > at}
                self._silent_at = {one: self._silent_at.get(one, 0) for one in heard}
            recent = alert_watching.list_heard(connection, at // SLOT_US - RECENT_SLOTS + 1)
            refused = alert_refusals.list_refused(connection, at - RECENT_SLOTS * SLOT_US)
            unwell = alert_webhooks.list_unwell(connection)
            homes = {one.event_id or alert_webhooks.find_home(connection) for one in unwell}
            has_new = bool(alert_watching.list_unwatched(connection, 1))
        silent_due = [one for one, due_at in self._silent_at.items() if due_at <= at][:SILENT_AT_ONCE]
        rare, self._rare = self._rare, set()
        return [
            *dict.fromkeys([*recent, *refused, *sorted(rare), *sorted(one for one in homes if one), *silent_due])
        ], has_new

    def _begin(self, at: int) -> None:
        """Some of the events that nobody has watched yet."""
        with self._database.read() as connection:
            begun = []
            for event_id in alert_watching.list_unwatched(connection, BEGUN_AT_ONCE):
                configuration = events.load_configuration(connection, event_id)
                if configuration is not None:
                    begun.append(begin.find_watch(connection, configuration, at)[1])
        if begun:
            with self._turn.recording() as connection:
                for one in begun:
                    if one is not None:
                        begin.write(connection, one)

    def _try_look(self, event_id: str, at: int) -> Looked | None:
        """Whatever is wrong with this event keeps nobody from looking at the others."""
        due_at = {"silent": self._silent_at.get(event_id, 0), "falling": self._falling_at.get(event_id, 0)}
        kinds = tuple(kind for kind in FINDERS if due_at.get(kind, 0) <= at)
        began = time.monotonic()
        try:
            looked = look(
                self._database,
                self._configurations,
                event_id,
                at,
                kinds=kinds,
                up_since=self._find_up_since(event_id),
                recording=self._turn.recording,
            )
            if "falling" in kinds and time.monotonic() - began > SLOW_S:
                self._falling_at[event_id] = at + RARE_EVERY_US
            if "silent" in kinds:
                self._silent_at[event_id] = self._find_next_silence(event_id, at)
        except (LeaseLost, StorageUnavailable):
            raise
        except Exception:
            log.exception("event_not_looked_at", event_id=event_id)
            return None
        return looked

    def _find_next_silence(self, event_id: str, at: int) -> int:
        """When it is looked for again who is silent: of whom is, soon, so that people see that he is back."""
        with self._database.read() as connection:
            version = events.find_version(connection, event_id)
            configuration = self._configurations.refresh(connection, event_id, version)
            if configuration is None:
                return at + _SILENT_LATEST_US
            if any(alert.kind == "silent" for alert in alerts.list_open(connection, event_id)):
                return at
            due_at = silent.find_next(connection, configuration, at, self._find_up_since(event_id))
        return min(max(due_at or at + _SILENT_LATEST_US, at + RARE_EVERY_US), at + _SILENT_LATEST_US)

    def _find_up_since(self, event_id: str) -> int:
        """Since when somebody could have been heard, if he had pushed."""
        return max(self._up_since, self._open_since.get(event_id, 0))
