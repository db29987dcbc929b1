"""Which of an event's pushes a command is about: the same filters as the console's, as options."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import rich_click as click

if TYPE_CHECKING:
    from turnout.model.event import Configuration
    from turnout.store.push_search import PushSearch

RESULTS = ("created", "updated", "unchanged", "suppressed", "failed")
EFFECTS = ("live", "dry_run", "rehearsed")


class Time(click.ParamType[int]):
    """In microseconds since 1970."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        from datetime import UTC, datetime

        if isinstance(value, int):
            return value
        try:
            at = datetime.fromisoformat(str(value).strip())
            return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1_000_000)
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is not a time; write it like 2026-05-01T09:00:00Z.", param, ctx)


_OPTIONS = (
    click.option("--result", type=click.Choice(RESULTS), help="Only those with this result."),
    click.option("--source", metavar="NAME", help="Only those of this source."),
    click.option("--email", metavar="TEXT", help="Only those with this in the address, as it was sent."),
    click.option("--attendee", metavar="ID", help="Only those about this attendee (att_…)."),
    click.option("--path", metavar="TEXT", help="Only those with an error or a warning at a path that begins so."),
    click.option("--code", metavar="CODE", help="Only those with this error, warning or failure."),
    click.option("--effect", type=click.Choice(EFFECTS), help="Only those that took effect, or did not."),
    click.option("--since", type=Time(), metavar="TIME", help="Only those from this time on."),
    click.option("--until", type=Time(), metavar="TIME", help="Only those before this time."),
)


def filter_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds them; the command gets them by their names, as `**filters`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def as_search(filters: dict[str, Any], configuration: "Configuration") -> "PushSearch":
    """What they mean for this event. Raises NotFound for a source that there is not."""
    from turnout.events import sources
    from turnout.store.push_search import PushSearch

    source = filters["source"]
    return PushSearch(
        result=filters["result"],
        source_number=None if source is None else sources.get_source(configuration, source).number,
        email=filters["email"],
        attendee_id=filters["attendee"],
        path=filters["path"],
        code=filters["code"],
        effect=filters["effect"],
        since=filters["since"],
        until=filters["until"],
    )
