"""`turnout token`: what an event's tokens are signed with."""

from typing import TYPE_CHECKING, Any

import rich_click as click

from turnout.cli import output
from turnout.cli.asking import confirm, yes_option
from turnout.cli.opened import acting, event_option, opened_event

if TYPE_CHECKING:
    from collections.abc import Sequence

    from turnout.model.event import Event
    from turnout.model.signing_key import SigningKey


@click.group()
def command() -> None:
    """Signing keys of tokens: list and replace them. The first is made when the first token is asked for.

    Example: turnout token keys --event spring
    """


@command.command()
@event_option
@output.json_option
def keys(slug: str) -> None:
    """List what an event's tokens are signed with, as far as tokens of it may still be good.

    Example: turnout token keys --event spring
    """
    from turnout.store import signing_keys

    with opened_event(slug) as (database, configuration), database.read() as connection:
        found = signing_keys.list_signing_keys(connection, configuration.event.id)
    _show(found, configuration.event)


@command.command()
@event_option
@click.option("--at-once", is_flag=True, help="The former keys are worthless from now on, as where one was stolen.")
@yes_option
@output.json_option
def rotate(slug: str, at_once: bool, yes: bool) -> None:
    """Make a new signing key. It takes over in ten minutes, when everybody who verifies has it; no token is lost.

    This happens by itself every 90 days. With --at-once the new key signs from now on and the former ones are no
    longer published: tokens that they signed are refused as soon as those who verify have looked again, within five
    minutes.

    Example: turnout token rotate --event spring
    """
    from turnout.downstream.tokens import signing

    with opened_event(slug) as (database, configuration):
        if at_once:
            confirm(
                ["All tokens that were given for this event become worthless; whoever holds one needs a new one."],
                "Replace the keys at once?",
                yes=yes,
            )
        event_id = configuration.event.id
        with acting(database, "signing_key.rotate", event_id=event_id) as deed:
            found = signing.rotate(database, event_id, at_once=at_once)
            deed.target = max(found, key=lambda key: key.created_at).id
            deed.after = {"atOnce": at_once}
    _show(found, configuration.event)


def _show(found: "Sequence[SigningKey]", event: "Event") -> None:
    from turnout.downstream.tokens import signing
    from turnout.now import as_text, now_us

    at = now_us()
    published = signing.list_published(found, at)
    states = _name_states(published, at)
    if output.wants_json():
        shown: list[dict[str, Any]] = [
            {
                "id": key.id,
                "state": states[key.id],
                "createdAt": as_text(key.created_at),
                "retiredAt": None if key.retired_at is None else as_text(key.retired_at),
            }
            for key in published
        ]
        output.write_json({"signingKeys": shown})
        return
    output.table(
        ("id", "state", "made", "signs until"),
        [
            (
                key.id,
                states[key.id],
                output.show_time(key.created_at, event.time_zone),
                output.show_time(key.retired_at, event.time_zone),
            )
            for key in published
        ],
        empty="There are none yet: the first is made when the first token is asked for.",
    )


def _name_states(published: "Sequence[SigningKey]", at: int) -> dict[str, str]:
    """`signs`, `next` or `published` alone, by the key's id."""
    from turnout.downstream.tokens import signing

    states = {key.id: "published" for key in published}
    for index, key in enumerate(signing.list_usable(published, at)):
        states[key.id] = "signs" if index == 0 else "next"
    return states
