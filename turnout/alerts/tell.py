"""Tells people: what was queued goes by e-mail and to webhooks; one process of all does it.

Nothing is remembered but in the database: whoever is killed between the sending of a message and its recording sends it
again, with the same id, by which mail programs and receivers know it.
"""

import asyncio
import random
import threading
import time
from collections.abc import Callable, Collection, Sequence

import structlog

from turnout.access import links
from turnout.alerts import digest, letters, mail, outcome
from turnout.alerts.due import Broken, Mail, Moot, Post, Reading, Ready
from turnout.alerts.mail_message import Letter, write
from turnout.alerts.webhook import find_secret, write_body
from turnout.changes.turn import Turn
from turnout.downstream.webhooks import request
from turnout.downstream.webhooks.request import Tried
from turnout.downstream.webhooks.results import describe_attempt
from turnout.errors import StorageUnavailable
from turnout.logs import Thinned
from turnout.model.alert import Alert, AlertMessage, MailSettings, Watch
from turnout.now import new_id, now_us
from turnout.outside.http import Outside
from turnout.outside.mail import MailRefused, send
from turnout.store import alert_messages
from turnout.store import mail as stored_mail
from turnout.store.database import Database
from turnout.store.leases import LeaseLost
from turnout.store.statements import Connection

MAX_DUE = 200
"""Messages looked at in one round."""
POSTS_AT_ONCE = 16
ROUND_S = 20.0
"""No e-mail, and no post, is begun later in its part of a round: the others have their turn."""
LASTS_US = 120 * 1_000_000
"""So long others wait for a process that was killed; no e-mail takes nearly as long."""
IDLE_S = 1.0
ELSEWHERE_S = 5.0
_BUSY_REST = 8
"""While pushes wait it rests so many times as long as it has worked."""
_MOST_REST_S = 5.0
_DIGESTS_EVERY_S = 30.0
_STOP_S = 5.0
_LISTED = 1_000
_MISTAKE = "A mistake in Turnout kept this from being written."
_CANNOT_SIGN = "The webhook’s secret cannot be opened with the secret key that is there: set the webhook up again."
log = structlog.get_logger()


def queue(
    connection: Connection, alert: Alert, follower_ids: Collection[str], watch: Watch, at: int
) -> list[AlertMessage]:
    """Lets these be told of the alert, and the event's webhook where it has one, once the transaction counts.

    Who may not see the event any more when it is sent gets nothing.
    """
    recipients: list[str | None] = [*sorted(follower_ids), *([None] if watch.webhook is not None else [])]
    messages = [
        AlertMessage(
            event_id=alert.event_id,
            id=new_id("msg"),
            kind="alert",
            alert_id=alert.id,
            user_id=user_id,
            state="waiting",
            tries=0,
            next_at=at,
            created_at=at,
        )
        for user_id in recipients
    ]
    alert_messages.add(connection, messages)
    return messages


def list_messages(database: Database, event_id: str, alert_ids: Sequence[str]) -> list[AlertMessage]:
    """What became of the messages of these alerts, in the order in which they were queued; 1,000 at most."""
    if not alert_ids:
        return []
    with database.read() as connection:
        return alert_messages.list_of_alerts(connection, event_id, alert_ids, _LISTED)


def latest_webhook_message(database: Database, event_id: str) -> AlertMessage | None:
    """The message to the event's webhook that was queued last; None where there was none."""
    with database.read() as connection:
        return alert_messages.find_latest_of_webhook(connection, event_id)


class Teller:
    """One process's place in it; a thread of its own does the work once it is started."""

    def __init__(self, database: Database, public_url: str, is_busy: Callable[[], bool] = lambda: False) -> None:
        """`is_busy` is asked after each round: whether pushes wait."""
        self._database = database
        self._public_url = public_url.rstrip("/")
        self._is_busy = is_busy
        self._turn = Turn(database, "alert-messages", LASTS_US)
        self._put_off = Thinned()
        self._dice = random.Random()  # noqa: S311 - spreads tries, and is no secret
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="alert-messages", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread behind the message under way; one that takes long is left behind, and sent again."""
        self._stopping.set()
        self._thread.join(_STOP_S)
        if not self._thread.is_alive():
            self._turn.give_back()

    def tell_now(self) -> None:
        """Makes the digests whose time has come, and sends all that is due, in the thread that calls.

        Raises StorageUnavailable, and LeaseLost where another process does it.
        """
        try:
            if not self._turn.take():
                raise LeaseLost("alert-messages")
            digest.queue_due(self._database, self._turn, now_us())
            while self._go_round():
                pass
        finally:
            self._turn.give_back()

    def _run(self) -> None:
        rest_s = 0.0
        while not self._stopping.wait(rest_s):
            began = time.monotonic()
            try:
                rest_s = self._work()
            except LeaseLost:
                rest_s = ELSEWHERE_S
            except StorageUnavailable as error:
                if (times := self._put_off.count("storage")) is not None:
                    log.warning("alerts_not_sent", reason=error.detail, times=times)
                rest_s = ELSEWHERE_S
            except Exception:
                log.exception("alerts_not_sent")
                rest_s = ELSEWHERE_S
            if self._is_busy():
                rest_s = max(rest_s, min(_BUSY_REST * (time.monotonic() - began), _MOST_REST_S))

    def _work(self) -> float:
        """One round; gives how long to rest before the next."""
        now = now_us()
        if self._turn.is_due("digests", _DIGESTS_EVERY_S) and digest.has_due(self._database, now):
            if not self._turn.take():
                return ELSEWHERE_S
            digest.queue_due(self._database, self._turn, now)
        with self._database.read() as connection:
            has_due = alert_messages.has_due(connection, now)
        if not has_due:
            return IDLE_S
        if not self._turn.take():
            return ELSEWHERE_S
        return 0.0 if self._go_round() else IDLE_S

    # A round

    def _go_round(self) -> bool:
        """Sends what is due; gives whether there is more to do at once."""
        # Patient: a digest is of all events.
        with self._database.read(patient=True) as connection:
            due = alert_messages.list_due(connection, now_us(), MAX_DUE)
            reading = Reading(connection, self._public_url)
            ready = [reading.read(message) for message in due]
        self._record([self._settle(one) for one in ready if isinstance(one, Moot | Broken)])
        is_done = self._post_all([one for one in ready if isinstance(one, Post)])
        mails = [one for one in ready if isinstance(one, Mail)]
        is_done = (self._mail(mails) if mails else True) and is_done
        return not self._stopping.is_set() and (not is_done or len(due) == MAX_DUE)

    def _settle(self, one: Ready) -> AlertMessage:
        """Of what cannot be sent."""
        if isinstance(one, Moot):
            return outcome.given_up(one.message, now_us(), one.why)
        return outcome.failed(one.message, now_us(), _MISTAKE, self._dice.random())

    def _record(self, messages: Sequence[AlertMessage], failure: str | None = None, *, succeeded: bool = False) -> None:
        """Writes what became of them, and how the mail server fared. Raises LeaseLost and StorageUnavailable."""
        if not messages:
            return
        with self._turn.recording() as connection:
            alert_messages.record(connection, messages)
            if succeeded:
                stored_mail.note_success(connection, now_us())
            if failure is not None:
                stored_mail.note_failure(connection, now_us(), failure)
        for one in messages:
            if one.state == "given_up":
                log.warning("alert_given_up", message=one.id, event_id=one.event_id, reason=one.failure)

    # By webhook

    def _post_all(self, posts: Sequence[Post]) -> bool:
        """Gives whether all of them were seen to. Each step takes 15 s at most, and is recorded, so the turn lasts."""
        began = time.monotonic()
        for start in range(0, len(posts), POSTS_AT_ONCE):
            if self._stopping.is_set() or time.monotonic() - began > ROUND_S:
                return False
            self._record(asyncio.run(self._post(posts[start : start + POSTS_AT_ONCE])))
        return True

    async def _post(self, posts: Sequence[Post]) -> list[AlertMessage]:
        outsides = {allow_private: Outside(allow_private=allow_private) for allow_private in (False, True)}
        secret_key = self._database.secret_key

        async def post(one: Post) -> AlertMessage:
            secret = find_secret(secret_key, one.message.event_id, one.webhook)
            if secret is None:
                return outcome.failed(one.message, now_us(), _CANNOT_SIGN, self._dice.random())
            tried = await request.send(
                outsides[one.webhook.allow_private],
                one.webhook.url,
                [secret],
                one.message.id,
                write_body(one.shown, one.webhook.url),
            )
            return self._judge(one.message, tried)

        try:
            return await asyncio.gather(*map(post, posts))
        finally:
            for outside in outsides.values():
                await outside.close()

    def _judge(self, message: AlertMessage, tried: Tried) -> AlertMessage:
        now = now_us()
        if tried.is_good:
            return outcome.sent(message, now)
        failure = describe_attempt(tried.attempt)
        if tried.is_gone:
            return outcome.given_up(message, now, f"{failure}: nobody is there any more")
        return outcome.failed(message, now, failure, self._dice.random(), tried.retry_after_us)

    # By e-mail

    def _mail(self, mails: Sequence[Mail]) -> bool:
        """Gives whether all of them were seen to; what is left is still due."""
        settings = mail.get(self._database)
        if settings is None:
            now = now_us()
            at = now + outcome.NO_SERVER_US
            self._record([outcome.put_off(one.message, now, at, outcome.NO_SERVER) for one in mails])
            return True
        began = time.monotonic()
        pending = self._plan(mails)
        try:
            password = mail.open_password(self._database, settings)
            while pending:
                if self._stopping.is_set() or time.monotonic() - began > ROUND_S:
                    return False
                self._try_to_send(settings, password, pending[0])
                pending.pop(0)
        except MailRefused as error:
            # So would all the others fare.
            if (times := self._put_off.count("mail")) is not None:
                log.warning("mail_server_failing", reason=error.said, times=times)
            now = now_us()
            failed = [
                outcome.failed(one.message, now, error.said, self._dice.random()) for group in pending for one in group
            ]
            self._record(failed, error.said)
        return True

    def _plan(self, mails: Sequence[Mail]) -> list[list[Mail]]:
        """What goes in one e-mail each. What somebody is not sent yet, because it is too much, is put off."""
        by_id = {one.message.id: one for one in mails}
        by_user: dict[str, list[AlertMessage]] = {}
        for one in mails:
            by_user.setdefault(one.user.id, []).append(one.message)
        together: list[list[Mail]] = []
        held: list[AlertMessage] = []
        now = now_us()
        with self._database.read() as connection:
            for user_id, due in by_user.items():
                sent, first_at = alert_messages.count_mails(connection, user_id, now - outcome.HOUR_US)
                planned = outcome.plan(due, sent)
                together += [[by_id[message.id] for message in group] for group in planned.together]
                at = (now if first_at is None else first_at) + outcome.HOUR_US
                held += [outcome.put_off(message, now, at, outcome.HELD) for message in planned.held]
        self._record(held)
        return together

    def _try_to_send(self, settings: MailSettings, password: str | None, group: Sequence[Mail]) -> None:
        """One e-mail; whatever is wrong with this one holds up no other."""
        try:
            self._send(settings, password, group)
        except (MailRefused, LeaseLost, StorageUnavailable):
            raise
        except Exception:
            log.exception("alert_not_written", message=group[0].message.id)
            self._record([self._fail(one.message, now_us(), _MISTAKE) for one in group])

    def _send(self, settings: MailSettings, password: str | None, group: Sequence[Mail]) -> None:
        """One e-mail. Raises MailRefused where the next one would fare alike."""
        first = group[0]
        # Another try has another link, and the one before opens nothing: who takes the two for one keeps the wrong one.
        message_id = new_id("msg") if first.message.kind == "password" else first.message.id
        message = write(self._write_letter(group), settings, first.user.email, message_id, first.message.created_at)
        try:
            send(settings, password, message)
        except MailRefused as error:
            if error.of_server and not error.permanent:
                raise
            after = outcome.given_up if error.permanent else self._fail
            failed = [after(one.message, now_us(), error.said) for one in group]
            self._record(failed, error.said if error.of_server else None)
        else:
            now = now_us()
            self._record([outcome.sent(one.message, now) for one in group], succeeded=True)

    def _fail(self, message: AlertMessage, now: int, failure: str) -> AlertMessage:
        return outcome.failed(message, now, failure, self._dice.random())

    def _write_letter(self, group: Sequence[Mail]) -> Letter:
        [first, *others] = group
        if first.letter is not None:
            return first.letter
        if first.message.kind == "password":
            return mail.write_link(
                self._database,
                links.new_password(self._database, self._public_url, first.user.id),
                self._public_url,
            )
        shown = [one.shown for one in group if one.shown is not None]
        return letters.of_alerts(shown, self._public_url) if others else letters.of_alert(shown[0], self._public_url)
