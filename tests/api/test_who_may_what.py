"""Every operation of /api/ × everybody who may call, made from the operations themselves.

Which roles one lets in is written down here once more, by hand: a role that gains something shows up.
"""

import re

import httpx2
import pytest

from tests.api.caller import Caller, make_caller
from tests.databases import only_sqlite
from tests.product import Product
from turnout.api.operation import Operation
from turnout.api.operations import list_operations
from turnout.model.user import ROLES

pytestmark = only_sqlite
OPERATIONS = list_operations()
EVERYBODY = ("nobody", "viewer", "masked viewer", "viewer elsewhere", "manager", "manager elsewhere", "administrator")
LETS_IN = {
    "user": {*EVERYBODY} - {"nobody"},
    "viewer": {"viewer", "masked viewer", "manager", "administrator"},
    "manager": {"manager", "administrator"},
    "administrator": {"administrator"},
}
NOT_FOR_MASKED = {
    # By an address, which `nothing` is one of.
    "events/{event}/attendees/{attendee}",
    "events/{event}/attendees/{attendee}/history",
    # Files have names and addresses whole.
    "events/{event}/exports",
    "events/{event}/exports/{export}",
    "events/{event}/exports/{export}/file",
}


def show(operation: Operation) -> str:
    return f"{operation.method} {operation.path}"


def send(caller: Caller, operation: Operation, slug: str) -> httpx2.Response:
    """With nothing in the body, and `nothing` for every id: what is let in finds nothing, or makes no sense."""
    path = re.sub(r"\{\w+\}", "nothing", operation.path.replace("{event}", slug))
    return caller.call(operation.method, path, {"nonsense": 1} if operation.takes is not None else None)


def test_an_operation_lets_in_whom_it_should_and_nobody_else(product: Product) -> None:
    event, other = product.make_event(), product.make_event()
    wrong = []
    for who in EVERYBODY:
        role = next((one for one in ROLES if one in who), ROLES[0])
        its = other if who.endswith("elsewhere") else event
        caller = Caller(product, None)
        if who != "nobody":
            caller = make_caller(product, role, its, sees_personal=who != "masked viewer")
        for operation in OPERATIONS:
            if operation.path in ("events/{event}/archive", "events/{event}/unarchive"):
                continue
            answer = send(caller, operation, event.slug)
            code = answer.json()["code"] if answer.status_code >= 400 else ""
            if who == "nobody":
                expected = (answer.status_code, code) == (401, "sign_in_needed")
                expected = expected and answer.headers["www-authenticate"] == 'Bearer realm="Turnout"'
            elif "{event}" in operation.path and who not in LETS_IN["viewer"]:
                # Which events there are is nobody's business who may not see them.
                expected = answer.status_code == 404 and "not for you" in answer.json()["detail"]
            elif who not in LETS_IN[operation.needs]:
                expected = (answer.status_code, code) == (403, "not_allowed")
            elif who == "masked viewer" and operation.path in NOT_FOR_MASKED:
                expected = answer.status_code == (403 if operation.takes is None else 400)
            else:
                expected = answer.status_code in (200, 204, 400, 404) and "not for you" not in answer.text
            if not expected:
                wrong.append((who, show(operation), answer.status_code, answer.text[:200]))
    assert wrong == []


def test_who_may_make_events_is_asked_besides(product: Product) -> None:
    event = product.make_event()
    for caller in (make_caller(product, "viewer", event), make_caller(product, "manager", event)):
        assert caller.fail("POST", "events", {"name": "Fair"})[:2] == (403, "not_allowed")


@pytest.mark.parametrize("action", ["archive", "unarchive"])
def test_an_event_is_archived_by_its_managers(action: str, product: Product) -> None:
    event, other = product.make_event(), product.make_event()
    assert make_caller(product, "viewer", event).fail("POST", f"events/{event.slug}/{action}")[0] == 403
    assert make_caller(product, "manager", other).fail("POST", f"events/{event.slug}/{action}")[0] == 404
    archived = make_caller(product, "manager", event).ask("POST", f"events/{event.slug}/{action}")["archivedAt"]
    assert (archived is not None) == (action == "archive")
