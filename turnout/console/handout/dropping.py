"""A CSV that an integrator drops on the page: looked at first, then sent. Nothing of it is kept between the two."""

import base64
import hashlib
import threading
from collections.abc import Callable
from typing import Any

from turnout import errors
from turnout.console.handout.given import Given, render
from turnout.console.page import Visit
from turnout.feed import dropped_csv
from turnout.feed.receipt import Answer

MAX_FORM_BYTES = 12_000_000
"""Of the form: the largest file, and what stands around it."""
AT_ONCE = 2
"""Files read in one process: one of many rows takes some seconds, and the console's other pages wait for a thread."""
COLUMNS = 12
"""Shown of a row."""
FAILED = 20
"""Rows that failed, shown with their reason; the CSV has all of them."""
_turns = threading.BoundedSemaphore(AT_ONCE)


def take(visit: Visit, given: Given) -> Answer:
    """What the file would do; and where it is the file that was looked at, and to be sent, what it did."""
    content = visit.files["file"].content if "file" in visit.files else b""
    if not content:
        return _answer(visit, given, status=422, error="Choose a CSV file that has something in it.")
    if not _turns.acquire(blocking=False):
        return _answer(visit, given, status=409, error="Other files are being read. Try again in a moment.")
    try:
        return _take(visit, given, content)
    except (errors.MalformedBody, errors.BodyTooLarge, errors.Conflict) as error:
        return _answer(visit, given, status=422, error=error.detail)
    finally:
        _turns.release()


def _take(visit: Visit, given: Given, content: bytes) -> Answer:
    digest = hashlib.sha256(content).hexdigest()
    is_to_be_sent, is_same = visit.form.get("deed") == "send", visit.form.get("looked") == digest
    if is_to_be_sent and is_same:
        return _send(visit, given, content)
    preview = _run(visit, given, dropped_csv.preview, content)
    name = visit.files["file"].name
    return _answer(visit, given, preview=preview, digest=digest, is_other=is_to_be_sent, name=name)


def _send(visit: Visit, given: Given, content: bytes) -> Answer:
    with visit.acting("handout.send_csv", target=given.handout.id, event_id=given.event.id) as deed:
        sent = _run(visit, given, dropped_csv.send, content)
        deed.after = {"source": given.source.number, **sent.counts}
    failed_csv = None if sent.failed_csv is None else base64.b64encode(sent.failed_csv).decode()
    return _answer(visit, given, sent=sent, failed_csv=failed_csv)


def _run(visit: Visit, given: Given, do: Callable[..., Any], content: bytes) -> Any:
    configurations = visit.product.feed.configurations
    return do(visit.database, configurations, given.event.slug, given.source.number, content, actor=given.handout.id)


def _answer(visit: Visit, given: Given, *, status: int = 200, **shown: Any) -> Answer:
    """The result alone for a script, else a page with it."""
    nothing = dict.fromkeys(("error", "preview", "sent", "failed_csv", "name", "digest", "is_other"))
    everything: dict[str, Any] = nothing | shown | {"columns": COLUMNS, "failed_shown": FAILED}
    if visit.is_fragment:
        return visit.render("_dropped.html", status=status, given=given, **everything)
    return render(visit, given, "dropped.html", status=status, **everything)
