"""The tool that tortures: what it would say if something were lost, which never happens where it looks."""

import threading
from collections.abc import Callable

from sqlalchemy import text

from tests.product import Product
from torture.check import Seen, check
from torture.ledger import Ledger
from torture.senders import Sender

ENOUGH = 120


HARMS = (
    "DELETE FROM pushes WHERE id = :id",
    "UPDATE pushes SET result = 'unchanged', sequence = NULL WHERE id = :id",
    "DELETE FROM bodies WHERE push_id = :id",
)


def test_what_was_acknowledged_is_found_and_what_is_gone_is_told(start_product: Callable[..., Product]) -> None:
    """A sender's ledger agrees with the store, until something is taken out of it."""
    product = start_product()
    event = product.make_event()
    ledger, seen = Ledger(), Seen()
    send(product, Sender("s0", event.slug, event.key, ledger, "seed", growing=False), ledger)
    assert check(event.database, event.slug, ledger, seen) == []
    created = [one.push_id for one in ledger.acknowledged if one.result == "created"]
    harmed: set[str] = set()
    for victim, harm in zip(created, HARMS, strict=False):
        with event.database.write() as connection:
            assert connection.execute(text(harm), {"id": victim}).rowcount == 1
        harmed.add(victim)
        faults = check(event.database, event.slug, ledger, seen, again=True)
        assert all(fault.startswith("LOST") for fault in faults)
        assert {one for one in created if any(one in fault for fault in faults)} == harmed
    assert len(harmed) == len(HARMS)


def send(product: Product, sender: Sender, ledger: Ledger) -> None:
    """Until enough is acknowledged."""
    enough = threading.Event()
    thread = threading.Thread(target=sender.run, args=(int(product.server.url.rpartition(":")[2]), enough))
    thread.start()
    while thread.is_alive() and len(ledger.acknowledged) < ENOUGH:
        thread.join(0.01)
    enough.set()
    thread.join()
