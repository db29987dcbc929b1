"""Who takes part, what is compared, and the goals."""

from collections.abc import Callable

from bench.contenders import BY_NAME, Contender
from bench.loads import BATCH_ROWS
from bench.peers import datasette, orm, pocketbase
from bench.peers.peer import Peer
from bench.rows import Goal, Round, Row

ATTENDEES = 10_000
PUSH, BATCH = BY_NAME["push-10k"], BY_NAME["batch"]
"""Turnout's own contenders, as `make bench` runs them."""


class Entrant(Contender, frozen=True, kw_only=True):
    """One load on one kind of peer; those of the same kind share the server."""

    peer: type[Peer]
    package: str
    attendees: int = ATTENDEES
    rows_each: int = 1
    """Rows in a request."""


ENTRANTS = (
    Entrant(
        name="pocketbase",
        title="PocketBase: find by e-mail, then update, over its API",
        kind="push",
        peer=pocketbase.PocketBase,
        package=pocketbase.PACKAGE,
    ),
    Entrant(
        name="pocketbase-route",
        title="PocketBase: find and save in a route of a hook",
        kind="push",
        peer=pocketbase.PocketBaseRoute,
        package=pocketbase.PACKAGE,
    ),
    Entrant(
        name="datasette",
        title="Datasette: upsert of one row",
        kind="push",
        peer=datasette.Datasette,
        package=datasette.PACKAGE,
    ),
    Entrant(
        name="datasette-as-installed",
        title="Datasette: upsert of one row, as installed",
        kind="push",
        peer=datasette.DatasetteAsInstalled,
        package=datasette.PACKAGE,
    ),
    Entrant(
        name="orm",
        title="FastAPI and SQLAlchemy's ORM: handler in a thread",
        kind="push",
        peer=orm.Orm,
        package=orm.PACKAGE,
    ),
    Entrant(
        name="orm-as-installed",
        title="FastAPI and SQLAlchemy's ORM: handler in a thread, as installed",
        kind="push",
        peer=orm.OrmAsInstalled,
        package=orm.PACKAGE,
    ),
    Entrant(
        name="orm-in-loop",
        title="FastAPI and SQLAlchemy's ORM: handler in the event loop",
        kind="push",
        peer=orm.OrmInLoop,
        package=orm.PACKAGE,
    ),
    Entrant(
        name="datasette-bulk",
        title="Datasette: upsert of 10,000 rows",
        kind="batch",
        connections=1,
        peer=datasette.Datasette,
        package=datasette.PACKAGE,
        rows_each=BATCH_ROWS,
    ),
)


def _by_cpu(above: str, below: str) -> Callable[[Round], float]:
    """How many more of the one than of the other a second of processor time does."""
    return lambda one: one.measured[above].rows_per_cpu_s / one.measured[below].rows_per_cpu_s


def _row(name: str, title: str, goal: float, prototype: str, ours: Contender = PUSH) -> Row:
    return Row(
        name=name,
        title=title,
        prototype=prototype,
        goal=Goal("≥", goal),
        contenders=(ours.name, name),
        ratio=_by_cpu(ours.name, name),
    )


ROWS = (
    _row("pocketbase", "pushes ÷ PocketBase's API: find by e-mail, update", 6, "8–11"),
    _row("pocketbase-route", "pushes ÷ PocketBase, find and save in one request to a hook", 6, "8–11"),
    _row("datasette", "pushes ÷ Datasette's upsert of one row", 25, "41–57"),
    _row("datasette-as-installed", "pushes ÷ Datasette's upsert of one row, as installed", 25, "41–57"),
    _row("orm", "pushes ÷ FastAPI and ORM, a thread for each request", 25, "49"),
    _row("orm-as-installed", "pushes ÷ FastAPI and ORM, a thread for each request, as installed", 25, "49"),
    _row("orm-in-loop", "pushes ÷ FastAPI and ORM, in the event loop", 25, "49"),
    _row("datasette-bulk", "rows of a batch of 10,000 ÷ Datasette's upsert of 10,000", 0.6, "0.35", BATCH),
)
EXTRA = {
    "flushes": "flushes to disk, counted with strace, against rows written one by one",
    "profile": "where the processor time of a batch of 10,000 goes",
}
NAMES = (*(row.name for row in ROWS), *EXTRA)
