"""Alerts, and the messages of them, hold nothing of anybody who attends, whatever a source sends."""

import json

from sqlalchemy import text

from tests.alerts.failing import count_moves, look_now
from tests.product import Product
from turnout.alerts import words
from turnout.store import alerts, events

SECRETS = ("Zarathustra", "zarathustra@example.com", "+49 170 1234567", "celiac disease")


def test_nothing_of_attendees_is_in_an_alert(product: Product) -> None:
    name, email, phone, diet = SECRETS
    event = product.make_event()
    for number in range(12):
        event.push_ok(
            {
                "profile": {
                    "email": f"{number}{email}",
                    "firstName": name,
                    "phone": phone,
                    "customFields": [{"fieldName": "Diet", "fieldValue": diet}],
                    "nickName": name,
                    f"{number}{email}": phone,
                },
                "eventInfo": {"groups": {"groupNames": ["VIP"]}},
            }
        )
    look_now(event)
    # As some hours later: what comes and goes within one hour is no fall.
    count_moves(event)
    with event.database.write() as connection:
        connection.execute(
            text("UPDATE alert_moves SET hour = hour - 2 WHERE event_id = :event_id"), {"event_id": event.id}
        )
    for number in range(12):
        event.push_ok(
            {
                "profile": {"email": f"{number}{email}", "firstName": "", "phone": ""},
                "eventInfo": {"groups": {"groupNames": []}},
            }
        )
        event.push_failed({"profile": {"email": f"{name} {number}", "firstName": [name], f"{number}{email}": {}}})
    count_moves(event)
    look_now(event)
    with event.database.read() as connection:
        configuration = events.load_configuration(connection, event.id)
        found = alerts.list_alerts(connection, event.id, limit=100)
        rows = [
            list(row)
            for table in ("alerts", "alert_messages", "alert_moves")
            for row in connection.execute(
                text(f"SELECT * FROM {table} WHERE event_id = :event_id"), {"event_id": event.id}
            )
        ]
    assert configuration is not None
    assert {alert.kind for alert in found} == {"first_push", "unknown_field", "errors", "falling"}
    shown = json.dumps([rows, [str(words.describe(alert, configuration)) for alert in found]])
    for secret in SECRETS:
        assert secret.lower() not in shown.lower()
    assert "nickName" in shown
