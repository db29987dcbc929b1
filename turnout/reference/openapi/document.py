"""The OpenAPI 3.1 document: every endpoint there is."""

from turnout.reference.openapi import exports, follow, look, push, read, server, tokens, webhooks
from turnout.reference.openapi.parts import HEADERS, PARAMETERS, SECURITY_SCHEMES, Part, any_error, at_gateway
from turnout.reference.schemas.components import components


def with_more(described: Part, more: Part) -> Part:
    """The document with the tags, paths and components of another face beside its own."""
    components = {
        kind: {**described["components"].get(kind, {}), **more["components"].get(kind, {})}
        for kind in (*described["components"], *more["components"])
    }
    return described | {
        "tags": [*described["tags"], *more["tags"]],
        "paths": {**described["paths"], **more["paths"]},
        "components": components,
    }


def document(public_url: str, version: str) -> Part:
    """The whole document. `public_url` is where senders reach this server."""
    problems_url = f"{public_url}/problems"
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Turnout: Attendees Data Feed API",
            "version": version,
            "summary": "Push attendees to an event's gateway; read them there, and follow every change.",
            "description": _INTRODUCTION.replace("PROBLEMS", problems_url).replace("RULES", f"{public_url}/rules"),
            "license": {"name": "Apache-2.0"},
        },
        "servers": [{"url": public_url, "description": "This installation"}],
        "tags": [{"name": name, "description": description} for name, description in _TAGS.items()],
        "paths": _list_paths(problems_url, public_url),
        "webhooks": webhooks.section(),
        "components": {
            "schemas": components(),
            "parameters": PARAMETERS,
            "headers": HEADERS,
            "responses": {"AnyError": any_error(problems_url)},
            "securitySchemes": SECURITY_SCHEMES,
        },
    }


def _list_paths(problems_url: str, public_url: str) -> Part:
    """Every address, with what it answers to each method."""
    return {
        "/e/{slug}/attendees": at_gateway(
            post=push.push(problems_url, "pushAttendee", "Push one attendee"), get=read.list_attendees(problems_url)
        ),
        "/e/{slug}": at_gateway(
            post=push.push(problems_url, "pushAttendeeToGateway", "Push one attendee, at the bare gateway"),
            get=look.show_gateway(public_url),
        ),
        "/e/{slug}/attendees/batch": at_gateway(post=push.push_batch(problems_url)),
        "/e/{slug}/attendees/{email}": at_gateway(
            get=read.show_attendee(problems_url), delete=push.withdraw(problems_url)
        ),
        "/e/{slug}/attendees/{attendee}/history": at_gateway(get=read.show_history(problems_url)),
        "/e/{slug}/attendees/lookup": at_gateway(post=read.look_up(problems_url)),
        "/e/{slug}/groups": at_gateway(get=read.list_groups(problems_url)),
        "/e/{slug}/custom-fields": at_gateway(get=read.list_custom_fields(problems_url)),
        "/e/{slug}/changes": at_gateway(get=follow.list_changes(problems_url)),
        "/e/{slug}/changes/stream": at_gateway(get=follow.stream_changes(problems_url)),
        "/e/{slug}/exports": at_gateway(
            post=exports.ask_for_export(problems_url), get=exports.list_exports(problems_url)
        ),
        "/e/{slug}/exports/{export}": at_gateway(
            get=exports.show_export(problems_url), delete=exports.delete_export(problems_url)
        ),
        "/e/{slug}/exports/{export}/file": at_gateway(get=exports.fetch_export(problems_url)),
        "/e/{slug}/attendees/{attendee}/token": at_gateway(post=tokens.give_token(problems_url)),
        "/e/{slug}/.well-known/jwks.json": at_gateway(get=tokens.list_signing_keys(problems_url)),
        "/e/{slug}/key": at_gateway(get=look.show_key(problems_url)),
        "/e/{slug}/pushes": at_gateway(get=look.list_pushes(problems_url)),
        "/e/{slug}/pushes/{id}": at_gateway(get=look.show_push(problems_url)),
        "/health": {"get": server.show_health()},
        "/metrics": {"get": server.show_metrics(problems_url)},
        "/openapi.json": {"get": server.show_document()},
    }


_INTRODUCTION = """\
Every event has a **gateway**, an address of its own such as `…/e/summer-fair`, and keys that open it: **push keys** to
send attendees, each of one source, and **read keys** to read and follow them. An event may also have a host name of
its own; then its gateway is that host's root, and everything below `/e/{slug}` here is found there.

## To send

Attendees are pushed, one at a time or many at once, and each push is answered with a receipt of what changed.

**What a push does.** It says something about one person, found by e-mail address. A field that is not provided
keeps its value, and so does one that is `null`; `""` empties a field, and so does `clear`, whatever the settings are.
Custom fields merge by name. `groupNames` is the whole list of groups that *your source* puts the person in; what
other systems said stays.

**What the answer means.** `200` is sent when the push is on disk. `401` means that address and key do not go
together. Any other error is a 500 with a [problem document](PROBLEMS) that lists everything wrong at once, in your
own notation; ask for the setting `status_codes = precise` if your tool repeats every 5xx. Decide by `retryable`:
`false` can never succeed as it is, `true` will, after `Retry-After`.

**The body.** JSON in UTF-8, whatever the `Content-Type` says, nested or flat; or a form. It may be packed: set
`Content-Encoding` to `gzip` or `deflate`. A push has at most 1 MiB once unpacked, a batch 32 MiB. Names that differ
from ours only in case, `_`, `-` or spaces are understood, and names that are none of ours are kept, both with a
warning.

**Trying things out.** With `?dryRun=true` everything is checked and answered, and nothing changes.
`Idempotency-Key` makes a request safe to repeat after a time-out.

## To read and follow

**Who is there, then what changes.** Every change has a number in its event: 1, 2, 3, without a gap. Read the list
page by page, and keep the `sequence` that it carries; then ask for the changes behind that number, let them be
streamed to you, or have them sent to a webhook. Nothing is missed and nothing has to be compared.

**What a key sees.** A read key may be limited to groups, then it sees only people who are in one of them now, and to
fields, then it sees only these; `id`, `status`, `groups` and times are always shown, and `email` is null unless it is
among the fields. A push key reads nothing but its own source's pushes and receipts.

**Errors** have precise statuses here, and the same problem documents. **Names** of parameters that are none of ours
are errors. `HEAD` is answered as `GET` without the body, an `ETag` sent as `If-None-Match` with 304. Web pages may
read where the event names their origin (`turnout event set … cors=`).

Numbers such as C5 are [rules](RULES), which say what a push does more exactly, each with a request and its answer."""

_TAGS = {
    "Push": "Say something about attendees: with a push key.",
    "Look": "What became of it, and whom your key belongs to.",
    "Read": "Who is there: with a read key.",
    "Follow": "What changes, from any point on and without a gap: with a read key.",
    "Webhooks": "Be told of every change, signed and in order. Staff set them up: `turnout webhook create`; what is "
    "sent stands at the end of this reference.",
    "Exports": "Everybody in a file, made beside the server: with a read key.",
    "Tokens": "Tell an app, a site or a CDN who somebody is, without a call back.",
    "Server": "For whoever runs this server.",
}
