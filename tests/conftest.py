"""A real server on a real file, and events on it to push to."""

import gc
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
import structlog

from tests.databases import KINDS, drop_database, make_database, open_one
from tests.product import Product, RunningServer
from turnout.store import schema
from turnout.store.database import Database


def pytest_configure() -> None:
    """What a shell starts in the background ignores Ctrl-C, and so would all that tests start, and end with it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # Thousands of tests are collected, which all stay: to look through them for what does not takes half of the time.
    gc.disable()


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def _loggers_are_not_kept() -> Iterator[None]:
    """A server that one test starts in this process would fix for all tests behind it where their lines go."""
    configure = structlog.configure
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            structlog,
            "configure",
            lambda *args, **options: configure(*args, **options | {"cache_logger_on_first_use": False}),
        )
        yield


@pytest.fixture(scope="session", params=KINDS)
def database_kind(request: pytest.FixtureRequest) -> str:
    """Which database: whatever asks for this runs with both."""
    kind: str = request.param
    return kind


@pytest.fixture
def database_url(database_kind: str, tmp_path: Path) -> Iterator[str]:
    """An empty database."""
    url = make_database(database_kind, tmp_path)
    yield url
    drop_database(url)


@pytest.fixture(scope="session")
def sqlite_with_schema(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file to be copied: to make all tables takes twenty times as long."""
    path = tmp_path_factory.mktemp("schema") / "turnout.db"
    with closing(open_one(f"sqlite:///{path}")) as database:
        schema.prepare(database)
    return path


@pytest.fixture
def database(database_kind: str, database_url: str, sqlite_with_schema: Path) -> Iterator[Database]:
    """An empty database with the schema."""
    if database_kind == "sqlite":
        shutil.copyfile(sqlite_with_schema, database_url.removeprefix("sqlite:///"))
    with closing(open_one(database_url)) as database:
        schema.prepare(database)
        yield database


@pytest.fixture(scope="session")
def server(database_kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """One server for all tests that do not harm it; they make events of their own on it."""
    folder = tmp_path_factory.mktemp("server")
    with RunningServer(folder, make_database(database_kind, folder), TURNOUT_TRUSTED_PROXIES="127.0.0.1/32") as running:
        yield running


@pytest.fixture
def product(server: RunningServer) -> Iterator[Product]:
    """The shared server as its users see it; at the end each event's log has to fold to its state."""
    with Product(server) as product:
        yield product
        product.check()


@pytest.fixture
def start_product(database_kind: str, tmp_path: Path) -> Iterator[Callable[..., Product]]:
    """Starts a server of the test's own, with settings as `MAX_BODY="2048"`: to be stopped, or set up otherwise."""
    with ExitStack() as started:
        products: list[Product] = []

        def start(**settings: str) -> Product:
            folder = tmp_path / f"server-{len(products)}"
            folder.mkdir()
            environment = {"TURNOUT_TRUSTED_PROXIES": "127.0.0.1/32"}
            environment |= {f"TURNOUT_{name}": value for name, value in settings.items()}
            url = make_database(database_kind, folder)
            started.callback(drop_database, url)
            product = started.enter_context(Product(started.enter_context(RunningServer(folder, url, **environment))))
            products.append(product)
            return product

        yield start
        for product in products:
            product.check()
