"""What failed, written to a file that can be mended and pushed again."""

from pathlib import Path
from typing import TYPE_CHECKING

from turnout.cli.push.items import Items
from turnout.feed.batch.csv.failed import write_failed
from turnout.feed.batch.csv.table import describe
from turnout.feed.batch.split import Batch
from turnout.model.receipt import Failure

if TYPE_CHECKING:
    from turnout.cli.push.sending import Sending


def write(path: Path, items: Items, sending: "Sending") -> None:
    """CSV, as a gateway answers it with `format=csv`: the file's own columns, or of JSON flat paths."""
    raw = b"\n".join(item.raw for item in sending.failed_items)
    places: list[tuple[int, int]] = []
    at = 0
    for item in sending.failed_items:
        places.append((at, at + len(item.raw)))
        at += len(item.raw) + 1
    table = None if items.sheet is None else items.sheet.table
    reasons = [
        describe(Failure(failed.code, failed.detail, failed.errors), item.place)
        for item, failed in zip(sending.failed_items, sending.failed, strict=True)
    ]
    path.write_bytes(write_failed(Batch(raw, places, table=table), list(enumerate(reasons))))
