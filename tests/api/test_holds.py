"""/api/ does what the OpenAPI document says, for requests that schemathesis makes up."""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis import Case
from schemathesis.specs.openapi.checks import ignored_auth, negative_data_rejection, positive_data_acceptance

from tests.api.caller import Caller, make_caller
from tests.databases import only_postgresql
from tests.product import Product, TestedEvent, make_address
from turnout import __version__
from turnout.api.described import describe
from turnout.reference.openapi.document import document, with_more

BASE = "http://127.0.0.1"
WHOLE = with_more(document(BASE, __version__), describe(f"{BASE}/problems"))
schema = schemathesis.openapi.from_dict(
    WHOLE | {"paths": {path: its for path, its in WHOLE["paths"].items() if path.startswith("/api/")}}
)
pytestmark = only_postgresql
"""It is the stricter one about what a text may hold."""


@pytest.fixture
def event(product: Product) -> TestedEvent:
    event = product.make_event()
    group = {"groups": {"groupNames": ["Crew"]}}
    event.push_ok({"profile": {"email": "ada@example.org", "firstName": "Ada"}, "eventInfo": group})
    return event


@pytest.fixture
def caller(product: Product, event: TestedEvent) -> Caller:
    return make_caller(product, "manager", event)


@schema.parametrize()
@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
def test_every_answer_is_one_that_the_document_describes(case: Case[Any], event: TestedEvent, caller: Caller) -> None:
    known = {"event": event.slug, "source": "1", "number": "1", "attendee": "ada@example.org"}
    case.path_parameters.update({name: value for name, value in known.items() if name in case.path_parameters})
    headers = {"Authorization": f"Bearer {caller.token}", "X-Forwarded-For": make_address()}
    response = case.call(base_url=event.product.server.url, headers=headers)
    # Which names there are, and which times can be read, the document does not say.
    case.validate_response(response, excluded_checks=[ignored_auth, negative_data_rejection, positive_data_acceptance])
