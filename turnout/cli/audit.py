"""`turnout audit`: who did what."""

from typing import TYPE_CHECKING, Any

import rich_click as click

from turnout.cli import output
from turnout.cli.opened import opened

if TYPE_CHECKING:
    from turnout.model.user import AuditLine


@click.group()
def command() -> None:
    """The audit log: who did what, from where, and what it was before. Its lines are kept for ever.

    Example: turnout audit list --event spring
    """


@command.command("list")
@click.option("--event", "slug", metavar="SLUG", help="Only what was done to this event.")
@click.option("--user", "email", metavar="EMAIL", help="Only what this user did.")
@click.option("--action", metavar="A", help="Only this, such as user.invite.")
@click.option("--before", "before_id", metavar="ID", help="What came before this line: the next page.")
@click.option("--limit", type=click.IntRange(1, 1_000), default=50, show_default=True)
@output.json_option
def list_(slug: str | None, email: str | None, action: str | None, before_id: str | None, limit: int) -> None:
    """List lines of the audit log, the latest first. `begun` is a deed of which nobody knows how it ended.

    Example: turnout audit list --user ann@example.org --limit 20
    """
    from turnout.access import audit, users
    from turnout.events import event
    from turnout.events.setup import get_configuration

    with opened() as database:
        lines = audit.list_lines(
            database,
            event_id=None if slug is None else get_configuration(database, slug).event.id,
            user_id=None if email is None else users.get_by_email(database, email).id,
            action=action,
            before_id=before_id,
            limit=limit,
        )
        slugs = {one.id: one.slug for one in event.list_all(database)}
    if output.wants_json():
        output.write_json({"lines": [_describe(line, slugs) for line in lines]})
        return
    output.table(
        ("id", "at", "who", "from", "action", "event", "target", "outcome", "before", "after"),
        [
            (
                line.id,
                output.show_time(line.at, "UTC"),
                line.actor,
                line.address or "–",
                line.action,
                slugs.get(line.event_id, line.event_id) or "–",
                line.target,
                line.outcome,
                output.show_value(line.before),
                output.show_value(line.after),
            )
            for line in lines
        ],
        empty="Nothing was done yet.",
    )


def _describe(line: "AuditLine", slugs: dict[str, str]) -> dict[str, Any]:
    from turnout.now import as_text

    return {
        "id": line.id,
        "at": as_text(line.at),
        "userId": line.user_id,
        "actor": line.actor,
        "address": line.address or None,
        "action": line.action,
        "event": slugs.get(line.event_id, line.event_id) or None,
        "target": line.target,
        "outcome": line.outcome,
        "before": line.before,
        "after": line.after,
    }
