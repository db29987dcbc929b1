"""The addresses of tokens: one gives a token, one the keys by which anybody verifies it."""

import asyncio
import json

import msgspec

from turnout.downstream.attendees.person import get_person
from turnout.downstream.body import read_body
from turnout.downstream.reader import Reader, get_reader
from turnout.downstream.tokens import signing, token
from turnout.errors import NotFound
from turnout.feed.authenticate import Gateway
from turnout.feed.gateway import Asked, Route
from turnout.feed.intake import Feed
from turnout.feed.receipt import JSON, Answer
from turnout.model.event import Event
from turnout.now import now_us
from turnout.store import events, signing_keys
from turnout.store.database import Database

MAX_BODY_BYTES = 64 * 1024
_NOT_KEPT = (b"cache-control", b"no-store")


def list_token_routes(feed: Feed, database: Database, public_url: str) -> list[Route]:
    """Theirs."""

    async def give(asked: Asked) -> Answer:
        reader = await get_reader(feed, asked)
        asked.head.expect_parameters((), only=True)
        wish = token.read_wish(await read_body(asked, MAX_BODY_BYTES))
        return await asyncio.to_thread(_give, feed, database, public_url, reader, asked.what, wish)

    async def list_keys(asked: Asked) -> Answer:
        return await asyncio.to_thread(_list_keys, feed, database, asked.gateway)

    return [
        Route("POST", "attendees/{attendee}/token", "read", give),
        Route("GET", ".well-known/jwks.json", "everybody", list_keys),
    ]


def name_issuer(event: Event, public_url: str) -> str:
    """The gateway that tokens name as theirs: always that below the public URL, whose slug never changes (A1).

    A host name of the event's own may be taken away or given to another event; it verifies tokens as well as long as
    it is there.
    """
    return f"{public_url}/e/{event.slug}"


def _give(feed: Feed, database: Database, public_url: str, reader: Reader, reference: str, wish: token.Wish) -> Answer:
    event = reader.configuration.event
    with database.read() as connection:
        # Of the same moment as the attendee, who may be in a group that is new to us.
        configuration = feed.configurations.refresh(connection, event.id, events.find_version(connection, event.id))
        if configuration is None:
            raise NotFound("There is no such event.")
        attendee = get_person(connection, event.id, reference, reader.limits)
    token.find_fields(wish, configuration, reader.limits)
    made = token.make_token(
        signing.get_signer(database, event.id),
        attendee,
        configuration,
        reader.limits,
        wish,
        iss=name_issuer(event, public_url),
        at=now_us(),
    )
    return Answer(200, msgspec.json.encode(made), (JSON, _NOT_KEPT))


def _list_keys(feed: Feed, database: Database, gateway: Gateway) -> Answer:
    """An address of no event answers like an event that never gave a token: nobody learns which events there are (A3).

    An empty list is not kept: the event's first token may be given in the next moment.
    """
    configuration = feed.configurations.load(slug=gateway.slug, host=gateway.host)
    keys = []
    if configuration is not None:
        with database.read() as connection:
            keys = signing_keys.list_signing_keys(connection, configuration.event.id)
    published = [json.loads(key.public_key) for key in signing.list_published(keys, now_us())]
    kept = f"public, max-age={signing.KEPT_S}" if published else "no-cache"
    return Answer(
        200,
        msgspec.json.encode({"keys": published}),
        ((b"content-type", b"application/jwk-set+json"), (b"cache-control", kept.encode())),
    )
