"""SIGKILL at any instant: every acknowledged push is there, none is half there, the log has no gap (D1)."""

import signal
from collections.abc import Callable

from tests.durability.load import Senders, check_acknowledged
from tests.product import Product
from turnout.operations.verify.verify import verify

ACKNOWLEDGED_BEFORE_THE_KILL = (1, 40, 150, 10)


def test_d1_every_acknowledged_push_survives_sigkill_under_load(start_product: Callable[..., Product]) -> None:
    """Killed while eight senders push, again and again, on the same data."""
    product = start_product()
    event = product.make_event()
    receipts = []
    for before_the_kill in ACKNOWLEDGED_BEFORE_THE_KILL:
        senders = Senders(event).start()
        senders.wait_for(before_the_kill)
        product.server.kill()
        senders.stop()
        receipts += senders.receipts
        assert senders.refused == []
        product.server.start()
        event.move_to(product.server)
        check_acknowledged(event, receipts)
        event.check()
        assert verify(event.database).ok
    assert event.push_ok({"profile.email": "last@example.org"})["result"] == "created"
    assert len(receipts) >= sum(ACKNOWLEDGED_BEFORE_THE_KILL)


def test_sigterm_answers_what_was_accepted_and_ends_within_ten_seconds(start_product: Callable[..., Product]) -> None:
    """Told to stop under load: no sender gets anything but a receipt, or a word to come again, or a closed door."""
    product = start_product()
    event = product.make_event()
    senders = Senders(event).start()
    senders.wait_for(50)
    code = product.server.end(signal.SIGTERM)
    senders.stop()
    # After ten seconds it would have cut off what was left, and said so with 1.
    assert code == 0
    assert all(problem["retryable"] for problem in senders.refused)
    check_acknowledged(event, senders.receipts)
