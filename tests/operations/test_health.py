"""`/health` says what a push would be told."""

import time
from collections.abc import Callable

from tests.patience import PATIENCE_S
from tests.product import Product
from turnout.store.tables import VERSION


def test_a_process_whose_schema_another_version_has_changed_is_taken_out_before_a_push_is_refused(
    start_product: Callable[..., Product],
) -> None:
    product = start_product()
    event = product.make_event()
    event.push_ok({"profile.email": "first@example.org"})
    with product.server.database.write() as connection:
        # As migrations leave it; the tables are as they were, and a row more would find its place.
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
        connection.exec_driver_sql("UPDATE clocks SET version = version + 1")
    address = f"{product.server.url}/health"
    deadline = time.monotonic() + PATIENCE_S / 3
    # What succeeded a second ago stands that long.
    while (health := product.client.get(address)).status_code == 200 and time.monotonic() < deadline:
        pass
    assert health.status_code == 503
    assert product.client.head(address).status_code == 503
    reason = health.json()["reason"]
    assert "brought to schema 9999 by another version of Turnout" in reason
    assert "has to be restarted with that version" in reason
    assert event.push_failed({"profile.email": "second@example.org"})["detail"] == reason
    with product.server.database.write() as connection:
        connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{VERSION}'")
