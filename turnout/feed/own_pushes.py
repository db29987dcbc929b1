"""What a sender sees of his own: whom the key belongs to, the source's pushes, and what became of each (A6)."""

import asyncio
from typing import Any

import msgspec

from turnout import errors
from turnout.changes.fields import spell_fields, spell_groups
from turnout.changes.shown import shown_to_source
from turnout.feed.authenticate import Caller, Gateway, get_caller
from turnout.feed.intake import Feed
from turnout.feed.reading import Head
from turnout.feed.receipt import JSON, Answer
from turnout.model.event import Configuration
from turnout.model.key import Key
from turnout.model.push import StoredPush
from turnout.now import as_text
from turnout.store import changes, pushes

MAX_PAGE = 1_000
_encode = msgspec.json.Encoder().encode


async def show_key(feed: Feed, gateway: Gateway, head: Head) -> Answer:
    """`GET {gateway}/key`: which event, source, mode and settings the key has, and when it last pushed."""
    caller = await _get_caller(feed, gateway, head)
    return await asyncio.to_thread(_show_key, feed, caller)


async def list_own(feed: Feed, gateway: Gateway, head: Head) -> Answer:
    """`GET {gateway}/pushes`: the source's pushes, latest first; `next` is the `cursor` of the page behind, or null."""
    caller = await _get_source(feed, gateway, head)
    # One that is not understood would be answered with everything.
    head.expect_parameters(("limit", "cursor", "result"), only=True)
    limit = head.number("limit", 100, MAX_PAGE)
    result = head.choice("result", ("", "created", "updated", "unchanged", "suppressed", "failed"))
    before = head.text("cursor")
    return await asyncio.to_thread(_list_own, feed, caller, limit, result or None, before or None)


async def show_own(feed: Feed, gateway: Gateway, head: Head, push_id: str) -> Answer:
    """`GET {gateway}/pushes/{id}`: one push of the source with what it changed and with its body."""
    caller = await _get_source(feed, gateway, head)
    return await asyncio.to_thread(_show_own, feed, caller, push_id)


def describe(push: StoredPush, configuration: Configuration) -> dict[str, Any]:
    """A line of the push log, as lists show it."""
    line = {
        "id": push.id,
        "at": as_text(push.at),
        "result": push.result,
        "email": push.email,
        "attendeeId": push.attendee_id,
        "sequence": push.sequence,
        "source": configuration.sources[push.source_number].name,
        "keyId": push.key_id,
        "repeats": push.repeats,
        "lastAt": as_text(push.last_at),
    }
    if push.dry_run:
        line["dryRun"] = True
    if push.rehearsed:
        line["rehearsed"] = True
    if push.replay_of is not None:
        line["replayOf"] = push.replay_of
    if push.failure is not None:
        line["detail"] = push.failure.detail
    return line


def _show_key(feed: Feed, caller: Caller) -> Answer:
    configuration, key = caller.configuration, caller.key
    event = configuration.event
    source = None
    last_at = key.last_used_at if key.scope == "push" else None
    if key.source_number is not None:
        its = configuration.sources[key.source_number]
        with feed.configurations.reading() as connection:
            latest = pushes.list_pushes(connection, event.id, source_number=its.number, limit=1)
        last_at = max([last_at or 0, *(push.last_at for push in latest if push.key_id == key.id)]) or None
        settings = msgspec.to_builtins(caller.policy)
        source = {"id": its.id, "name": its.name, "mode": settings.pop("mode"), "settings": settings}
    shown = {
        "event": {"id": event.id, "slug": event.slug, "name": event.name},
        "source": source,
        "key": {
            "id": key.id,
            "scope": key.scope,
            "expiresAt": None if key.expires_at is None else as_text(key.expires_at),
            **({} if key.scope == "push" else _describe_limits(configuration, key)),
        },
        "lastPushAt": None if last_at is None else as_text(last_at),
    }
    return Answer(200, _encode(shown), (JSON,))


def _describe_limits(configuration: Configuration, key: Key) -> dict[str, list[str] | None]:
    """Whom a read key sees, and what of them; null for everybody and everything."""
    return {
        "groups": None if key.groups is None else spell_groups(configuration, key.groups),
        "fields": None if key.fields is None else spell_fields(configuration, key.fields),
    }


def _list_own(feed: Feed, caller: Caller, limit: int, result: str | None, before: str | None) -> Answer:
    with feed.configurations.reading() as connection:
        found = pushes.list_pushes(
            connection,
            caller.configuration.event.id,
            source_number=caller.key.source_number,
            result=result,
            before_id=before,
            limit=limit + 1,
        )
    page = found[:limit]
    shown = {
        "pushes": [describe(push, caller.configuration) for push in page],
        "next": page[-1].id if len(found) > limit else None,
    }
    return Answer(200, _encode(shown), (JSON,))


def _show_own(feed: Feed, caller: Caller, push_id: str) -> Answer:
    configuration = caller.configuration
    event_id = configuration.event.id
    with feed.configurations.reading() as connection:
        push = pushes.find_push(connection, push_id, event_id)
        if push is None or push.source_number != caller.key.source_number:
            raise errors.NotFound("This source has no such push.")
        body = pushes.find_body(connection, event_id, push_id)
        lines = changes.find_changes(connection, event_id, [push.sequence] if push.sequence else [])
    entries = [entry for line in lines.values() for entry in line.entries]
    shown = describe(push, configuration) | {
        "changes": shown_to_source(entries, configuration.custom_fields, configuration.groups, push.source_number),
        "warnings": push.warnings,
        "errors": push.failure.errors if push.failure else [],
        "body": body,
    }
    if push.more_warnings:
        shown["moreWarnings"] = push.more_warnings
    if push.failure is not None and push.failure.more_errors:
        shown["moreErrors"] = push.failure.more_errors
    return Answer(200, _encode(shown), (JSON,))


async def _get_caller(feed: Feed, gateway: Gateway, head: Head) -> Caller:
    return await get_caller(
        feed.configurations, feed.refusals, gateway, head.keys, head.address, scope=None, fresh=True
    )


async def _get_source(feed: Feed, gateway: Gateway, head: Head) -> Caller:
    caller = await _get_caller(feed, gateway, head)
    if caller.key.source_number is None:
        raise errors.WrongScope("A read key has no pushes of its own. Use the push key of a source.")
    return caller
