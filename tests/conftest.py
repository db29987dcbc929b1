"""A real server on a real file, and events on it to push to."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.product import Product, RunningServer


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """One server for all tests that do not harm it; they make events of their own on it."""
    with RunningServer(tmp_path_factory.mktemp("server"), TURNOUT_TRUSTED_PROXIES="127.0.0.1/32") as running:
        yield running


@pytest.fixture
def product(server: RunningServer) -> Iterator[Product]:
    """The shared server as its users see it; at the end each event's log has to fold to its state."""
    with Product(server) as product:
        yield product
        product.check()


@pytest.fixture
def start_product(tmp_path: Path) -> Iterator[Callable[..., Product]]:
    """Starts a server of the test's own, with settings as `MAX_BODY="2048"`: to be stopped, or set up otherwise."""
    with ExitStack() as started:
        products: list[Product] = []

        def start(**settings: str) -> Product:
            folder = tmp_path / f"server-{len(products)}"
            folder.mkdir()
            environment = {"TURNOUT_TRUSTED_PROXIES": "127.0.0.1/32"}
            environment |= {f"TURNOUT_{name}": value for name, value in settings.items()}
            product = started.enter_context(Product(started.enter_context(RunningServer(folder, **environment))))
            products.append(product)
            return product

        yield start
        for product in products:
            product.check()
