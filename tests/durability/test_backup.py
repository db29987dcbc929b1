"""A backup beside a server under load: no push is refused, and what is in it is the beginning of every log."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.databases import make_database, only_sqlite
from tests.durability.load import Senders, check_acknowledged
from tests.forked import Forked
from tests.product import Product, RunningServer, TestedEvent
from turnout.operations.verify.verify import verify

BACKUPS = 2


def run(server: RunningServer, *arguments: str) -> dict[str, Any]:
    """What a command beside this server says."""
    with (server.folder / "command.log").open("w+") as errors:
        running = Forked(*arguments, "--json", env=server.environment, cwd=server.folder, stderr=errors)
        with running.stdout:
            said = running.stdout.read()
        code = running.wait(60)
        errors.seek(0)
        assert code == 0, errors.read()
    return json.loads(said)


def find_heads(backup: dict[str, Any]) -> dict[str, int]:
    return {one["slug"]: one["lastSequence"] for one in backup["manifest"]["events"]}


@only_sqlite
def test_a_backup_under_load_is_the_beginning_of_every_log(
    start_product: Callable[..., Product], tmp_path: Path
) -> None:
    """Several senders to two events; each acknowledged push is in it with all that came before, or is not in it."""
    product = start_product()
    events = [product.make_event(), product.make_event()]
    senders = [Senders(event, threads=4).start() for event in events]
    taken: list[tuple[Path, dict[str, Any], list[int]]] = []
    for number in range(BACKUPS):
        for one in senders:
            one.wait_for(60)
        file = tmp_path / f"{number}.backup"
        acknowledged = [len(one.receipts) for one in senders]
        taken.append((file, run(product.server, "backup", str(file)), acknowledged))
    for one in senders:
        one.wait_for(20)
        one.stop()
        assert one.refused == []
    for number, (file, said, acknowledged) in enumerate(taken):
        assert find_heads(said).keys() == {event.slug for event in events}
        folder = tmp_path / f"restored-{number}"
        folder.mkdir()
        restored = RunningServer(folder, make_database("sqlite", folder))
        run(restored, "restore", str(file))
        with restored, Product(restored) as again:
            for event, one, before in zip(events, senders, acknowledged, strict=True):
                check_beginning(event, again, one.receipts, before, find_heads(said)[event.slug])
            assert verify(restored.database).ok


def check_beginning(event: TestedEvent, again: Product, receipts: list[dict[str, Any]], before: int, head: int) -> None:
    """The restored log ends at the head; what was acknowledged up to there is in it, and nothing that came later."""
    copy = TestedEvent(again, event.id, event.slug, event.key)
    copy.check()
    assert len(copy.changes()) == head
    assert [change.push_id for change in copy.changes()] == [change.push_id for change in event.changes()[:head]]
    changing = [receipt for receipt in receipts if receipt["sequence"] is not None]
    check_acknowledged(copy, [receipt for receipt in changing if receipt["sequence"] <= head])
    # Who had an answer before the backup was asked for finds the push in it.
    assert all(receipt["sequence"] <= head for receipt in receipts[:before] if receipt["sequence"] is not None)
    assert copy.push_ok({"profile.email": "new@example.org"})["sequence"] == head + 1


@only_sqlite
def test_the_log_file_shrinks_again_after_a_backup(start_product: Callable[..., Product], tmp_path: Path) -> None:
    """As long as somebody reads an old moment, the log file only grows; afterwards it comes back to its size."""
    product = start_product()
    event = product.make_event()
    log = product.server.database_path.with_name("turnout.db-wal")
    rows = [{"profile": {"email": f"{n}@example.org", "biography": "x" * 2_000}} for n in range(1_500)]
    with product.server.database.read() as connection:
        connection.exec_driver_sql("SELECT 1 FROM events").all()
        while log.stat().st_size < 40 << 20:
            event.batch_ok({"attendees": rows}, "?receipts=summary")
            for row in rows:
                row["profile"]["title"] = os.urandom(4).hex()
    for _ in range(8):
        event.batch_ok({"attendees": rows}, "?receipts=summary")
        for row in rows:
            row["profile"]["title"] = os.urandom(4).hex()
    assert log.stat().st_size <= 33 << 20
    event.check()


def test_a_command_beside_a_server_does_not_end_it(
    database_kind: str, start_product: Callable[..., Product], tmp_path: Path
) -> None:
    """Nobody but the server has the database open, not this process either: each command is the second to open it."""
    # PostgreSQL has backups of its own.
    commands = [["backup", str(tmp_path / f"{number}.backup")] for number in range(3)]
    if database_kind == "postgresql":
        commands = [["event", "list"], ["verify"]]
    product = start_product()
    made = run(product.server, "event", "create", "Test")
    event = TestedEvent(product, made["event"]["id"], made["event"]["slug"], made["key"])
    for number, command in enumerate(commands):
        event.push_ok({"profile.email": f"{number}@example.org"})
        run(product.server, *command)
    senders = Senders(event, threads=2).start()
    senders.wait_for(50)
    senders.stop()
    assert product.client.get(f"{product.server.url}/health").status_code == 200
    event.check()
