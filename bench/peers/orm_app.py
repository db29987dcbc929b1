# ty: ignore[import-not-found, dynamic-function-decorator-return]
"""An attendee endpoint as one would write it in an afternoon: FastAPI, Pydantic, SQLAlchemy's ORM.

It finds the attendee by e-mail, sets what was sent, commits, and answers with the attendee. Runs in the peers'
environment.
"""

import hmac
import os
from collections.abc import Iterator
from typing import Annotated, Any

import pysqlite3
from fastapi import Depends, FastAPI, Header, HTTPException
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel
from sqlalchemy import JSON, create_engine, event, select, text
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column


class Base(DeclarativeBase):
    pass


class Attendee(Base):
    __tablename__ = "attendees"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(unique=True)
    first_name: Mapped[str | None] = mapped_column("firstName")
    last_name: Mapped[str | None] = mapped_column("lastName")
    phone: Mapped[str | None]
    title: Mapped[str | None]
    department: Mapped[str | None]
    company: Mapped[str | None]
    city: Mapped[str | None]
    country: Mapped[str | None]
    website: Mapped[str | None]
    linkedin: Mapped[str | None]
    motto: Mapped[str | None]
    custom_fields: Mapped[list[dict[str, str]] | None] = mapped_column("customFields", JSON)
    groups: Mapped[list[str] | None] = mapped_column(JSON)


class Words(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, from_attributes=True)


class CustomField(Words):
    field_name: str
    field_value: str


class Profile(Words):
    email: str
    first_name: str | None = None
    last_name: str | None = None
    phone: str | None = None
    title: str | None = None
    department: str | None = None
    company: str | None = None
    city: str | None = None
    country: str | None = None
    website: str | None = None
    linkedin: str | None = None
    motto: str | None = None
    custom_fields: list[CustomField] | None = None


class Groups(Words):
    group_names: list[str]


class EventInfo(Words):
    groups: Groups | None = None


class Push(Words):
    profile: Profile
    event_info: EventInfo | None = None


class Saved(Profile):
    id: int
    groups: list[str] | None = None


def build() -> FastAPI:
    # With the 15 connections that a pool has by itself, 64 requests end in errors: who has a connection waits for one
    # of FastAPI's threads to give it back, and all threads wait for a connection.
    engine = create_engine(
        f"sqlite:///{os.environ['BENCH_DATABASE']}",
        module=pysqlite3,
        connect_args={"timeout": 60},
        pool_size=100,
    )

    @event.listens_for(engine, "connect")
    def flush_every_commit(connection: Any, _: Any) -> None:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")

    Base.metadata.create_all(engine)
    app = FastAPI()

    def open_session() -> Iterator[Session]:
        with Session(engine) as session:
            yield session

    def check_key(api_key: Annotated[str, Header()]) -> None:
        if not hmac.compare_digest(api_key, os.environ["BENCH_TOKEN"]):
            raise HTTPException(401)

    @app.post("/attendees", dependencies=[Depends(check_key)])
    def push_attendee(push: Push, session: Annotated[Session, Depends(open_session)]) -> Saved:
        return save(push, session)

    @app.post("/attendees-in-loop")
    async def push_attendee_in_loop(push: Push, api_key: Annotated[str, Header()]) -> Saved:
        check_key(api_key)
        with Session(engine) as session:
            return save(push, session)

    @app.get("/bench/tell")
    def tell(session: Annotated[Session, Depends(open_session)]) -> dict[str, Any]:
        return {name: session.scalar(text(f"PRAGMA {name}")) for name in ("synchronous", "journal_mode")}

    return app


def save(push: Push, session: Session) -> Saved:
    profile = push.profile.model_dump(exclude_unset=True, exclude={"custom_fields"})
    attendee = session.scalars(select(Attendee).where(Attendee.email == push.profile.email)).one_or_none()
    if attendee is None:
        attendee = Attendee()
        session.add(attendee)
    for name, value in profile.items():
        setattr(attendee, name, value)
    if push.profile.custom_fields is not None:
        attendee.custom_fields = [field.model_dump(by_alias=True) for field in push.profile.custom_fields]
    if push.event_info is not None and push.event_info.groups is not None:
        attendee.groups = push.event_info.groups.group_names
    session.commit()
    return Saved.model_validate(attendee)
