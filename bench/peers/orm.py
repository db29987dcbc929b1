"""What one would write oneself: FastAPI and SQLAlchemy's ORM, once as the tutorials do it and once without threads."""

from bench.peers.datasette import uvicorn
from bench.peers.peer import TOKEN, Peer

PACKAGE = "fastapi"
_FACTORY = "bench.peers.orm_app:build"


class Orm(Peer):
    """A handler in a thread of the pool, with a session of its own."""

    way = "orm"
    path_of_handler = "/attendees"

    @property
    def path(self) -> str:
        return self.path_of_handler

    def command(self) -> tuple[str, ...]:
        return uvicorn(_FACTORY, self.port)

    def environment(self) -> dict[str, str]:
        return {"BENCH_DATABASE": str(self.database), "BENCH_TOKEN": TOKEN}

    def prepare(self) -> None:
        self.headers = {"Api-Key": TOKEN}


class OrmAsInstalled(Orm):
    """The same as its installation alone makes it."""

    def command(self) -> tuple[str, ...]:
        return uvicorn(_FACTORY, self.port, tuned=False)


class OrmInLoop(Orm):
    """The same handler in the event loop: nobody waits for a thread or for SQLite's lock, and nobody else is served."""

    path_of_handler = "/attendees-in-loop"
