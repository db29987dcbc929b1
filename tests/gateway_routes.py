"""The table of all addresses of a gateway, as the product is wired."""

import tempfile
from functools import cache
from pathlib import Path

from turnout import app, settings
from turnout.feed.gateway import Route
from turnout.store.connect import open_configured


@cache
def list_routes() -> tuple[Route, ...]:
    """Every one, whichever room adds it."""
    with tempfile.TemporaryDirectory() as folder:
        configured = settings.read({"TURNOUT_DATABASE_URL": f"sqlite:///{Path(folder) / 'turnout.db'}"})
        database = open_configured(configured)
        try:
            return app.build(configured, database, "https://feed.example.org").routes
        finally:
            database.close()
