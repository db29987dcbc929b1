"""The contract, run over HTTP. What a test has written is held against the log by the fixture `product`."""

import pytest

from tests.product import Product, TestedEvent


@pytest.fixture
def event(product: Product) -> TestedEvent:
    """An event as it is when nothing has been set."""
    return product.make_event()
