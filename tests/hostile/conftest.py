"""Each attack goes to an event of its own; afterwards the fixture holds against the server what it must still be."""

from collections.abc import Callable, Iterator

import pytest

from tests.databases import make_database
from tests.hostile.target import Target
from tests.product import Product, RunningServer


@pytest.fixture(scope="session")
def server(database_kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server that only these tests attack, or its memory would tell of others."""
    folder = tmp_path_factory.mktemp("hostile")
    with RunningServer(folder, make_database(database_kind, folder), TURNOUT_TRUSTED_PROXIES="127.0.0.1/32") as running:
        yield running


@pytest.fixture
def target(product: Product) -> Iterator[Target]:
    target = Target(product)
    yield target
    target.check()


@pytest.fixture
def start_target(start_product: Callable[..., Product]) -> Iterator[Callable[..., Target]]:
    """Starts a server of the test's own, with settings as `MAX_BODY="2048"`."""
    targets: list[Target] = []

    def start(**settings: str) -> Target:
        targets.append(Target(start_product(**settings)))
        return targets[-1]

    yield start
    for target in targets:
        target.check()
