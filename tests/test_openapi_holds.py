"""The server does what /openapi.json says, for requests that schemathesis makes up."""

import json
from http import HTTPStatus
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case, Response
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import ignored_auth

from tests.product import Product, TestedEvent, make_address
from turnout import __version__
from turnout.errors import BY_CODE, Unexpected
from turnout.reference import openapi


@schemathesis.serializer("application/x-ndjson")
def as_lines(_: object, value: object) -> bytes:
    """NDJSON is described as text; anything else goes as JSON on one line."""
    return value.encode() if isinstance(value, str) else json.dumps(value, default=str).encode()


@schemathesis.serializer("text/csv")
def as_csv(_: object, value: object) -> bytes:
    """CSV is described as text too."""
    return str(value).encode()


schema = schemathesis.openapi.from_dict(openapi.document("http://127.0.0.1", __version__))


@pytest.fixture
def event(product: Product) -> TestedEvent:
    return product.make_event()


@schema.parametrize()
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_answer_is_one_that_the_document_describes(case: Case[Any], event: TestedEvent) -> None:
    """Statuses, content types, headers and bodies; an invalid push is a described 500 (D3), never an unexpected one."""
    if "slug" in case.path_parameters:
        case.path_parameters["slug"] = event.slug
    response = case.call(
        base_url=event.product.server.url, headers={"Api-Key": event.key, "X-Forwarded-For": make_address()}
    )
    assert_explained(response)
    case.validate_response(response, excluded_checks=[not_a_server_error, ignored_auth])


def assert_explained(response: Response) -> None:
    if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        assert BY_CODE[response.json()["code"]] is not Unexpected
