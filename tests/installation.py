"""An installation with everything in it that there can be, for tests that carry one elsewhere."""

import json
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.downstream.webhooks.queued import park, queue
from turnout.access import audit, links, sign_in, tokens, users
from turnout.alerts import digest, mail, tell, watching
from turnout.alerts import webhook as posting
from turnout.changes.follow import Follower
from turnout.downstream.listing import consumer as listing
from turnout.downstream.tokens import signing
from turnout.downstream.webhooks import endpoint
from turnout.events import event, keys, names, sources
from turnout.events.setup import get_configuration
from turnout.feed.acts import decisions
from turnout.feed.acts import merge as merging
from turnout.feed.acts.scene import on_stage
from turnout.feed.by_hand.hand_in import as_sender, hand_in
from turnout.feed.configurations import Configurations
from turnout.feed.forget.erase import erase
from turnout.feed.intake import read_item
from turnout.feed.parse.body import decode
from turnout.feed.submission import Idempotency
from turnout.model.alert import Alert
from turnout.model.event import Configuration
from turnout.now import new_id, now_us
from turnout.store import alert_moves, alerts, installation, probe, schema
from turnout.store import users as stored_users
from turnout.store.connect import open_database
from turnout.store.database import Database
from turnout.store.statements import insert
from turnout.store.tables import metadata

ERASED = "eve@example.org"
USER, PASSWORD = "zoe@example.org", "correct horse battery"
"""Who signs in to the console."""


def fill(path: Path, *, rows: int = 30, secret_key: bytes | None = None) -> str:
    """Makes it at that path; gives a key of the event `spring`, in which so many people are besides the others."""
    with closing(open_database(f"sqlite:///{path}", secret_key)) as database:
        schema.prepare(database)
        installation.prepare_key(database)
        spring, key = event.create(database, "Frühling 春 🌸", "spring")
        event.set_up(database, spring.id, {"time_zone": "Europe/Zurich", "ends_at": "2099-01-01"})
        keys.create(database, spring.id, label="Büro")
        _tell(database, "spring", *(_body(number) for number in range(rows)))
        _decide(database, spring.id)
        _follow(database, spring.id)
        _sign_in(database, spring.id)
        _alert(database, spring.id)
        for slug in ("autumn", "archived", "empty"):
            other, _ = event.create(database, slug.title(), slug)
            if slug != "empty":
                _tell(database, slug, *(_body(number) for number in range(5)))
            if slug == "archived":
                event.archive(database, other.id)
        with database.write() as connection:
            # What an older server, or one that was killed, leaves behind.
            probe.commit_probe(connection, now_us())
            connection.exec_driver_sql("INSERT INTO leases VALUES ('purge', 'somebody', 1, 1)")
            connection.exec_driver_sql("INSERT INTO commits VALUES (?, 'w', 1, 1)", (spring.id,))
            connection.exec_driver_sql("INSERT INTO refusals VALUES (?, '192.0.2.1', 'key_1', 3, 1, 2)", (spring.id,))
    return key


def _tell(database: Database, slug: str, *bodies: Any, source: int = 1, key: str | None = None) -> None:
    def read(configuration: Configuration) -> list[Any]:
        sender = as_sender(configuration, source, "test")
        return [
            read_item(
                new_id("psh"),
                decode(json.dumps(body).encode(), None),
                sender,
                idempotency=None if key is None else Idempotency(key, place, "digest"),
            )
            for place, body in enumerate(bodies)
        ]

    hand_in(database, Configurations(database), slug, read)


def _decide(database: Database, event_id: str) -> None:
    person = {"email": "dora@example.org", "firstName": "Dóra", "company": "ООО «Ромашка»", "title": "a\tb\\N\nc"}
    _tell(
        database,
        "spring",
        {"profile": {**person, "thirdPartyId": "17", "customFields": [{"fieldName": "Größe", "fieldValue": "43"}]}},
        {"profile": {"email": "dan@example.org", "motto": "𝔘𝔫𝔦 \\ud800"}},
        {"profile": {"email": ERASED, "title": "CTO"}},
        {"profile": {"email": "not an address"}},
        {"profile": {"email": "dan@example.org"}, "observedAt": "never"},
        key="a key",
    )
    _tell(database, "spring", {"profile": person}, {"profile": {"email": ERASED}}, source=2)
    configurations = Configurations(database)
    with on_stage(database, configurations, event_id, "test") as scene:
        decisions.rename(scene, "dora@example.org", "doris@example.org")
    with on_stage(database, configurations, event_id, "test") as scene:
        decisions.pin(scene, "doris@example.org", "profile.title", is_pinned=True)
    with on_stage(database, configurations, event_id, "test") as scene:
        decisions.hold(scene, "doris@example.org", "VIP", is_in=True)
    with on_stage(database, configurations, event_id, "test") as scene:
        merging.merge(scene, "dan@example.org", "doris@example.org")
    names.rename(database, event_id, "group", "VIP", "Gäste")
    names.set_staff_only(database, event_id, "Press", True)
    erase(database, configurations, event_id, ERASED, "test")
    sources.set_up(database, event_id, "Büro", {"null": "clear"})
    _tell(database, "spring", {"profile": {"email": ERASED}})


def _follow(database: Database, event_id: str) -> None:
    """What there is downstream: the index of lists, a webhook with what it was sent, an export, keys for tokens."""
    Follower(database, listing.consumer).catch_up(event_id)
    configuration = get_configuration(database, "spring")
    webhook = endpoint.create(database, configuration, "https://1.1.1.1/", kinds=["created"], groups=["Gäste"]).webhook
    endpoint.rotate(database, webhook.id, 3_600_000_000)
    queue(database, event_id, webhook.id, 3)
    park(database, event_id, webhook.id, 2)
    signing.get_signer(database, event_id)
    with database.write() as connection:
        for table in ("exports", "export_parts", "handouts", "push_counts"):
            # Whatever has to be there.
            columns = [column for column in metadata.tables[table].columns if not column.nullable]
            row = tuple(
                event_id if column.name == "event_id" else _MADE_UP[column.type.python_type] for column in columns
            )
            insert(connection, table, ", ".join(column.name for column in columns), [row])


def _sign_in(database: Database, event_id: str) -> None:
    """Users of the console, and all that goes with them."""
    text = (links.first_link(database, "") or "").rpartition("/")[2]
    user = links.accept(database, text, "Zoë", PASSWORD, USER)
    with audit.acting(database, user, "user.invite", event_id=event_id) as deed:
        links.invite(database, "", "viewer@example.org", events=[event_id], sees_personal=False)
        deed.after = {"email": "viewer@example.org"}
    users.set_events(database, user.id, [event_id])
    tokens.create(database, user.id, "Büro")
    sign_in.sign_in(database, USER, PASSWORD, "192.0.2.1", "Firefox")


def _alert(database: Database, event_id: str) -> None:
    """What is told of alerts, to whom, and by what."""
    posting.put_webhook(database, event_id, "https://1.1.1.1/alerts")
    with database.read() as connection:
        user = stored_users.find_user_by_email(connection, USER)
        watch = alerts.find_watch(connection, event_id)
    assert user is not None
    assert watch is not None
    watching.follow(database, event_id, user.id)
    digest.ask(database, user.id, 7, "Europe/Zurich")
    mail.change(
        database,
        host="smtp.example.org",
        port=587,
        security="starttls",
        user_name="turnout",
        password="größer als 春",
        sender="turnout@example.org",
        sender_name="Büro",
    )
    opened = Alert(
        event_id=event_id,
        id=new_id("alr"),
        kind="errors",
        cause="errors:1",
        facts={"source": 1, "failed": 6, "pushes": 50, "percent": 12},
        opened_at=now_us(),
        seen_at=now_us(),
    )
    with database.write() as connection:
        alerts.add_alert(connection, opened)
        tell.queue(connection, opened, [user.id], watch, now_us())
        alert_moves.add_moves(connection, event_id, [(1, "group:1", 2, 1)])


_MADE_UP = {str: "done", int: 1, bytes: bytes(range(256))}


def _body(number: int) -> dict[str, Any]:
    return {
        "profile": {"email": f"p{number}@example.org", "firstName": f"Zoë {number}", "thirdPartyId": f"#{number}"},
        "eventInfo": {"groups": {"groupNames": ["VIP", "Press"] if number % 3 else ["VIP"]}},
    }
