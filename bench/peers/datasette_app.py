# ty: ignore[import-not-found, dynamic-function-decorator-return]
"""Datasette as the benchmark runs it, in the peers' environment: as it comes, but for its limits and one plug-in."""

import os
from typing import Any

from datasette import hookimpl
from datasette.app import Datasette
from datasette.plugins import pm
from datasette.utils.asgi import Response

_FEED = {"id": "feed"}


class Flushing:
    """Flushes every commit, and says so."""

    __name__ = "flushing"

    @hookimpl
    def prepare_connection(self, conn: Any) -> None:
        conn.execute("PRAGMA synchronous = FULL")

    @hookimpl
    def register_routes(self) -> list[tuple[str, Any]]:
        return [(r"^/bench/tell$", tell)]


async def tell(datasette: Any) -> Any:
    def ask(connection: Any) -> dict[str, Any]:
        return {name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("synchronous", "journal_mode")}

    return Response.json(await datasette.get_database("bench").execute_write_fn(ask, transaction=False))


def build() -> Any:
    pm.register(Flushing(), name="flushing")
    permissions = {"insert-row": _FEED, "update-row": _FEED}
    datasette = Datasette(
        [os.environ["BENCH_DATABASE"]],
        secret=os.environ["BENCH_SECRET"],
        settings={"max_insert_rows": 10_000, "max_post_body_bytes": 0},
        config={"databases": {"bench": {"tables": {"attendees": {"permissions": permissions}}}}},
    )
    return datasette.app()
