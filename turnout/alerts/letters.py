"""What people are written: of one alert, of many at once, of an invitation, and to see whether e-mail works. Pure."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from turnout.alerts.mail_message import Item, Letter, Way
from turnout.model.alert import Alert
from turnout.model.event import Event

if TYPE_CHECKING:
    from turnout.alerts.words import Told

MAX_NAMED = 5
"""Events that an invitation names."""
_OVER = "It is over meanwhile, and nothing has to be done any more."


class Shown(msgspec.Struct, frozen=True):
    """An alert with its words."""

    event: Event
    alert: Alert
    told: "Told"
    url: str
    """Where it is mended."""


def of_alert(one: Shown, public_url: str) -> Letter:
    """One message per cause."""
    return Letter(
        subject=f"{one.event.name}: {one.told.title}",
        title=one.told.title,
        paragraphs=(one.told.text, *([_OVER] if _is_over(one.alert) else [one.told.advice])),
        way=Way(one.told.label, one.url),
        why=f"You get this because you follow the event {one.event.name}.",
        stop=Way("Stop following it", page_of(public_url, one.event)),
    )


def of_alerts(several: Sequence[Shown], public_url: str) -> Letter:
    """Those that came when somebody was sent more than is read one by one."""
    names = list(dict.fromkeys(one.event.name for one in several))
    of = names[0] if len(names) == 1 else f"{len(names)} events"
    return Letter(
        subject=f"{of}: {len(several)} alerts",
        title=f"{len(several)} alerts of {of}",
        paragraphs=("There were so many within an hour that these come together.",),
        items=tuple(
            Item(
                one.told.title if len(names) == 1 else f"{one.event.name}: {one.told.title}",
                f"{one.told.text} {_OVER}" if _is_over(one.alert) else one.told.text,
                Way(one.told.label, one.url),
            )
            for one in several
        ),
        why="You get this because you follow these events." if len(names) > 1 else f"You follow the event {of}.",
        stop=Way("Choose what you follow", f"{public_url}/console/account"),
    )


def of_test() -> Letter:
    return Letter(
        subject="E-mail from Turnout works",
        title="E-mail from Turnout works",
        paragraphs=(
            "Somebody has asked for this message, to see whether the mail server is set up as it should be: it is.",
        ),
        why="It was sent once, and nothing has to be done.",
    )


def of_invitation(url: str, public_url: str, days: int, *, by: str, events: Sequence[str] | None) -> Letter:
    """`by` is an e-mail address, or empty; `events` are names, None for all."""
    return Letter(
        subject="You are invited to Turnout",
        title="You are invited to Turnout",
        paragraphs=(
            f"{by or 'Somebody'} has invited you to Turnout at {public_url}, where events’ attendees are looked after.",
            *_say_events(events),
            f"The link is good once, for {days} days: with it you choose your name and a password.",
        ),
        way=Way("Accept the invitation", url),
        why="If you do not know what this is about, ignore it: nothing happens without you.",
    )


def of_new_password(url: str, public_url: str, hours: int) -> Letter:
    return Letter(
        subject="A new password for Turnout",
        title="Choose a new password",
        paragraphs=(
            f"Here is a link with which you choose a new password for Turnout at {public_url}.",
            f"It is good once, for {hours} hours. Until then your present password stays good.",
        ),
        way=Way("Choose a new password", url),
        why="If you did not ask for it, ignore it, and tell whoever looks after Turnout for you.",
    )


def _say_events(events: Sequence[str] | None) -> tuple[str, ...]:
    if events is None:
        return ("It is for all events.",)
    if not events:
        return ()
    left = len(events) - MAX_NAMED
    others = [] if left <= 0 else [f"{left} more"]
    *names, last = [*events[:MAX_NAMED], *others]
    named = f"{', '.join(names)} and {last}" if names else last
    return (f"It is for the {'event' if len(events) == 1 else 'events'} {named}.",)


def page_of(public_url: str, event: Event) -> str:
    """Where an event's alerts are, and where one stops to follow it."""
    return f"{public_url}/console/events/{event.slug}/alerts"


def _is_over(alert: Alert) -> bool:
    """Whether something that lasts until it is mended is mended."""
    return alert.closed_at is not None and alert.closed_at > alert.opened_at
