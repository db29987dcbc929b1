"""`turnout key`: what opens a gateway."""

import os
import sys
from typing import TYPE_CHECKING, Any

import rich_click as click

from turnout.cli import output
from turnout.cli.durations import Duration
from turnout.cli.opened import acting, event_option, opened, opened_event

if TYPE_CHECKING:
    from turnout.events.keys import IssuedKey
    from turnout.model.event import Configuration
    from turnout.model.key import Key


HOUR_US = 3_600 * 1_000_000


@click.group()
def command() -> None:
    """Keys: make, list, rotate, revoke and check them.

    Example: turnout key create --event spring --label "Ticket shop"
    """


@command.command()
@event_option
@click.option("--label", metavar="L", help="Make a new source of this name; of a read key it is only its name.")
@click.option("--source", metavar="NAME", help="Another key of this source.")
@click.option("--scope", type=click.Choice(["push", "read"]), default="push", show_default=True)
@click.option("--expires", "expires_in_us", type=Duration(), metavar="SPAN", help="Good for so long, such as 90d.")
@click.option(
    "--groups", multiple=True, metavar="G,…", help="A read key sees only who is in one of these; may be given again."
)
@click.option("--fields", multiple=True, metavar="F,…", help="A read key sees only these fields; may be given again.")
@output.json_option
def create(
    slug: str,
    label: str | None,
    source: str | None,
    scope: str,
    expires_in_us: int | None,
    groups: tuple[str, ...],
    fields: tuple[str, ...],
) -> None:
    """Make a key and show it, this once.

    With neither --label nor --source it is another key of the event's first source.

    A read key sees everybody and everything, or what --groups and --fields leave: id, status and times it always sees,
    of groups only those, and the address only where email is among the fields. A name with a comma in it is given by
    itself: --groups "Press, TV" --groups Crew.

    Example: turnout key create --event spring --scope read --label "Badge printer" --fields firstName,lastName
    """
    from turnout.events import keys

    with (
        opened_event(slug) as (database, configuration),
        acting(database, "key.create", event_id=configuration.event.id) as deed,
    ):
        issued = keys.create(
            database,
            configuration.event.id,
            label=label,
            source=source,
            scope=scope,
            expires_in_us=expires_in_us,
            groups=groups or None,
            fields=fields or None,
        )
        deed.target = issued.key.id
        deed.after = {"scope": issued.key.scope, "source": issued.key.source_number}
    _show_issued(issued, configuration)


@command.command("list")
@event_option
@output.json_option
def list_(slug: str) -> None:
    """List an event's keys. What opens a gateway is not among it: of that only a digest is kept.

    Example: turnout key list --event spring
    """
    from turnout.events import keys
    from turnout.now import now_us

    at = now_us()
    with opened_event(slug) as (_, configuration):
        pass
    rows = [(key, keys.source_name(configuration, key), keys.state_of(key, at)) for key in configuration.keys.values()]
    if output.wants_json():
        output.write_json({"keys": [_describe(key, source, state, configuration) for key, source, state in rows]})
        return
    zone = configuration.event.time_zone
    output.table(
        ("id", "label", "source", "scope", "sees", "state", "made", "expires", "last use", "from"),
        [
            (
                key.id,
                key.label,
                source,
                key.scope,
                _describe_limits(key, configuration),
                state,
                output.show_time(key.created_at, zone),
                output.show_time(key.expires_at, zone),
                output.show_time(key.last_used_at, zone),
                key.last_address or "",
            )
            for key, source, state in rows
        ],
    )


@command.command()
@click.argument("key_id", metavar="ID")
@click.option(
    "--overlap",
    "overlap_us",
    type=Duration(),
    default="0",
    metavar="SPAN",
    help="How long the old key stays good, such as 24h; else not at all.",
)
@output.json_option
def rotate(key_id: str, overlap_us: int) -> None:
    """Make a new key of the same source, or with the same limits, in place of this one.

    Example: turnout key rotate key_0193… --overlap 24h
    """
    from turnout.events import keys
    from turnout.store import events

    with opened() as database:
        with acting(database, "key.rotate", target=key_id) as deed:
            issued = keys.rotate(database, key_id, overlap_us)
            deed.event_id = issued.key.event_id
            deed.after = {"key": issued.key.id, "overlapHours": overlap_us // HOUR_US}
        with database.read() as connection:
            configuration = events.load_configuration(connection, issued.key.event_id)
    assert configuration is not None
    _show_issued(issued, configuration)
    if not output.wants_json():
        until = output.show_time(configuration.keys[key_id].expires_at, configuration.event.time_zone)
        output.say(f"The old key is good until {until}." if overlap_us else "The old key is good no longer.")


@command.command()
@click.argument("key_id", metavar="ID")
@output.json_option
def revoke(key_id: str) -> None:
    """Make a key good for nothing, from now on and everywhere.

    Example: turnout key revoke key_0193…
    """
    from turnout.events import keys
    from turnout.now import as_text

    with opened() as database, acting(database, "key.revoke", target=key_id) as deed:
        key = keys.revoke(database, key_id)
        deed.event_id = key.event_id
    if output.wants_json():
        output.write_json({"id": key.id, "state": "revoked", "revokedAt": as_text(key.revoked_at or 0)})
        return
    output.say(f"The key {key.id} ({key.label}) is revoked: whoever sends it gets 401.")


@command.command()
@click.option("--event", "slug", metavar="SLUG", help="Also whether it is a key of this event.")
@output.json_option
def check(slug: str | None) -> None:
    """Say whose key this is and whether it is good. It is read from TURNOUT_KEY, else from standard input.

    Exit code 1 when it is not good.

    Example: turnout key check --event spring < key.txt
    """
    from turnout.events.key_check import check_key

    with opened() as database:
        checked = check_key(database, _read_key(), slug)
    if output.wants_json():
        output.write_json(checked)
    else:
        output.say(checked.message)
    if checked.state != "good":
        output.end(1)


@command.command()
@event_option
@output.json_option
def refusals(slug: str) -> None:
    """List who was refused at an event's gateway: from where, with which key, how often. At most ten seconds old.

    Example: turnout key refusals --event spring
    """
    from turnout.now import as_text
    from turnout.store.refusals import list_refusals

    with opened_event(slug) as (database, configuration), database.read() as connection:
        found = list_refusals(connection, configuration.event.id)
    if output.wants_json():
        output.write_json(
            {
                "refusals": [
                    {
                        "address": one.address,
                        "keyId": one.key_id or None,
                        "count": one.count,
                        "firstAt": as_text(one.first_at),
                        "lastAt": as_text(one.last_at),
                    }
                    for one in found
                ]
            }
        )
        return
    zone = configuration.event.time_zone
    output.table(
        ("from", "key", "times", "first", "last"),
        [
            (
                one.address,
                _name_key(one.key_id, configuration.keys.get(one.key_id)),
                one.count,
                output.show_time(one.first_at, zone),
                output.show_time(one.last_at, zone),
            )
            for one in found
        ],
        empty="Nobody was refused.",
    )


def _name_key(key_id: str, key: "Key | None") -> str:
    if not key_id:
        return "no key, or none of ours"
    return f"{key_id} (no key of this event)" if key is None else f"{key_id} ({key.label})"


def _show_issued(issued: "IssuedKey", configuration: "Configuration") -> None:
    if output.wants_json():
        output.write_json({"id": issued.key.id, "key": issued.text})
        return
    expires = issued.key.expires_at
    output.pairs(
        [
            ("Id", issued.key.id),
            ("Key", issued.text),
            ("Of", f"{issued.key.label} ({issued.key.scope})"),
            *([("Sees", _describe_limits(issued.key, configuration))] if issued.key.scope == "read" else []),
            ("Good until", "revoked" if expires is None else output.show_time(expires, configuration.event.time_zone)),
        ]
    )
    output.say("", "The key is shown this once; only a digest of it is kept.")


def _describe_limits(key: "Key", configuration: "Configuration") -> str:
    """Whom a read key sees and what of them, on one line."""
    from turnout.changes.fields import spell_fields, spell_groups

    if key.scope != "read":
        return ""
    people = "everybody" if key.groups is None else "who is in " + ", ".join(spell_groups(configuration, key.groups))
    what = "" if key.fields is None else ": " + ", ".join(spell_fields(configuration, key.fields))
    return people + what


def _describe(key: "Key", source: str | None, state: str, configuration: "Configuration") -> dict[str, Any]:
    from turnout.changes.fields import spell_fields, spell_groups
    from turnout.now import as_text

    times = {"createdAt": key.created_at, "expiresAt": key.expires_at, "lastUsedAt": key.last_used_at}
    return {
        "id": key.id,
        "label": key.label,
        "source": source,
        "scope": key.scope,
        "groups": None if key.groups is None else spell_groups(configuration, key.groups),
        "fields": None if key.fields is None else spell_fields(configuration, key.fields),
        "state": state,
        **{name: None if at is None else as_text(at) for name, at in times.items()},
        "lastAddress": key.last_address,
    }


def _read_key() -> str:
    """Never an argument: those are seen by everybody on the machine, and stay in the shell's history."""
    given = os.environ.get("TURNOUT_KEY", "").strip()
    if given:
        return given
    if sys.stdin.isatty():
        return str(click.prompt("Key", hide_input=True, err=True)).strip()
    return sys.stdin.read(10_000).strip()
