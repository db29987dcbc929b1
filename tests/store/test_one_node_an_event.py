"""What lets tables be spread over several database machines by event: keys that hold it, statements that name it."""

import re
from collections.abc import Callable, Iterator

import pytest

from tests.databases import only_postgresql
from tests.postgresql import shared_server
from tests.product import Product
from turnout.store import tables
from turnout.store.database import Database

GLOBAL = {"events", "installation", "leases", "probe"} | {
    *(
        "users",
        "user_events",
        "sessions",
        "links",
        "user_tokens",
        "sign_in_failures",
        "audit",
        "digests",
        "mail_settings",
    )
}
"""Tables that do not grow with the people of an event."""
GROWING = sorted(name for name in tables.metadata.tables if name not in GLOBAL)
_STATEMENT = re.compile(r"^.*? LOG:  (?:execute [^:]*|statement): (.*(?:\n\t.*)*)", re.MULTILINE)
_BEHIND = re.compile(
    r"\b(leases|cursors|listed|facets|words|webhooks|deliveries|exports|alert_\w+|alerts|digests)\b"
    r"|FROM changes|FOR KEY SHARE|SELECT event_id, document FROM attendees"
)
"""What consumers of the log do meanwhile."""

pytestmark = only_postgresql


@pytest.fixture
def product(start_product: Callable[..., Product]) -> Product:
    return start_product()


@pytest.fixture
def sent(product: Product) -> Iterator[Callable[[], list[str]]]:
    """The statements that the database was sent since it was asked last, from its own log."""
    server = shared_server()
    name = product.server.database.url.rpartition("/")[2]
    server.execute(f"ALTER DATABASE {name} SET log_statement = 'all'")
    server.execute(f"ALTER DATABASE {name} SET log_min_duration_statement = -1")
    server.cut_connections(name)
    at = server.log.stat().st_size

    def list_sent() -> list[str]:
        nonlocal at
        with server.log.open("rb") as log:
            log.seek(at)
            told = log.read()
        at += len(told)
        return _STATEMENT.findall(told.decode())

    yield list_sent
    server.execute(f"ALTER DATABASE {name} RESET ALL")


def test_every_statement_of_the_hot_path_names_the_event(product: Product, sent: Callable[[], list[str]]) -> None:
    event = product.make_event(identity="third_party_id")
    shop = event.make_source("Shop")
    sent()
    person = {
        "profile": {
            "email": "john.doe@example.com",
            "thirdPartyId": "17",
            "customFields": [{"fieldName": "Shoe size", "fieldValue": "43"}],
        },
        "eventInfo": {"groups": {"groupNames": ["Speakers"]}},
    }
    for key in (event.key, shop):
        for body in (person, person, {"profile": {"email": "jane.roe@example.com", "thirdPartyId": "17"}}):
            assert event.push(body, key=key, headers={"Idempotency-Key": f"{len(str(body))}"}).status_code in (200, 500)
    event.push_failed({"profile": {"email": "nobody"}})
    event.push_ok({"profile.email": "john.doe@example.com", "eventInfo.attending": "false"})
    event.batch_ok([{"profile.email": f"person{number}@example.org"} for number in range(700)])
    event.batch_ok([{"profile.email": "dry@example.org"}], "?dryRun=true")
    event.batch_ok([{"profile.email": "atomic@example.org"}], "?atomic=true")
    assert product.client.delete(f"{event.gateway}/attendees/person7@example.org", headers={"Api-Key": event.key})
    statements = sent()
    written = {name for name in GROWING if any(f"INSERT INTO {name} " in one for one in statements)}
    assert written >= {"attendees", "addresses", "third_party_ids", "memberships", "changes", "pushes", "bodies"}
    concerned = [one for one in statements if any(re.search(rf"\b{name}\b", one) for name in GROWING)]
    assert [one for one in concerned if "event_id" not in one] == []


def test_a_commit_is_a_handful_of_statements_whatever_its_size(product: Product, sent: Callable[[], list[str]]) -> None:
    """The schema and the connections are there before: what is counted is one request's work."""
    event = product.make_event()

    def count(people: int) -> int:
        event.push_ok({"profile.email": "warm@example.org", "profile.title": str(people)})
        sent()
        event.batch_ok(
            [{"profile.email": f"{people}-{number}@example.org"} for number in range(people)], "?atomic=true"
        )
        statements = [one for one in sent() if not one.startswith(("BEGIN", "COMMIT", "ROLLBACK"))]
        return len([one for one in statements if not _BEHIND.search(one)])

    few, many = count(2), count(2_000)
    # A statement takes 65,535 parameters, which is some thousand rows of the widest table.
    assert many <= few + 6 <= 30


def test_no_key_of_a_growing_table_lacks_the_event(database: Database) -> None:
    with database.read() as connection:
        rows = connection.exec_driver_sql(
            "SELECT relname, pg_get_indexdef(indexrelid) FROM pg_index JOIN pg_class ON pg_class.oid = indrelid"
            " WHERE relnamespace = 'public'::regnamespace AND indisunique"
        )
        keys = [(table, key) for table, key in rows if table in GROWING]
    assert {table for table, _ in keys} == set(GROWING)
    assert [(table, key) for table, key in keys if "event_id" not in key] == []
