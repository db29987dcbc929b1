"""`turnout reindex`: the list index of an event, made anew."""

import rich_click as click

from turnout.cli import output
from turnout.cli.opened import acting, event_option, opened_event


@click.command()
@event_option
@output.json_option
def command(slug: str) -> None:
    """Make the index that lists and searches use anew, from the log; for when `turnout verify` finds it wrong.

    May run beside a server. Until it is done, lists that need the index say that it is behind.

    Example: turnout reindex --event spring
    """
    from turnout.downstream.listing.catch_up import catch_up
    from turnout.store import listing

    with opened_event(slug) as (database, configuration):
        event_id = configuration.event.id
        with acting(database, "event.reindex", event_id=event_id, target=event_id):
            with database.write() as connection:
                listing.reindex(connection, event_id)
            is_done = catch_up(database, event_id)
        with database.read() as connection:
            cursor = listing.find_cursor(connection, event_id)
    if output.wants_json():
        output.write_json({"event": slug, "done": is_done, "sequence": cursor})
    elif is_done:
        output.say(f"{slug}: indexed up to change {cursor:,}.")
    else:
        output.say(f"{slug}: the server does it now; `turnout_listing_lag_changes` in its /metrics says how far it is.")
