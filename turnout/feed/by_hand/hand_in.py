"""Pushes that somebody hands in beside the server: read under what is set up now, and committed."""

import getpass
import os
from collections.abc import Callable, Sequence

from turnout import errors
from turnout.feed import commit
from turnout.feed.configurations import Configurations
from turnout.feed.submission import Item, Overlay, Sender, StaleConfiguration, Submission
from turnout.model.event import Configuration
from turnout.model.receipt import Outcome
from turnout.store.database import Database

MAX_TOGETHER = 500
"""Pushes that should be handed in at once, so that a server beside us is not held up."""


def hand_in(
    database: Database,
    configurations: Configurations,
    slug: str,
    read: Callable[[Configuration], Sequence[Item]],
    dry_run: Overlay | None = None,
    expected: Sequence[str] | None = None,
) -> list[Outcome]:
    """The outcomes of the pushes that `read` makes, once they are durable.

    `read` is called again when the event's set-up changes meanwhile; `expected` are the digests of what a dry run has
    foreseen. Raises NotFound, Conflict for an archived event and where the pushes would do something else by now, and
    StorageUnavailable; then nothing took effect.
    """
    while True:
        configuration = configurations.load(slug=slug)
        if configuration is None:
            raise errors.NotFound(f"There is no event {slug}. `turnout event list` shows the events that there are.")
        if configuration.event.archived_at is not None:
            raise errors.Conflict(
                f"The event {slug} is archived and takes no pushes. "
                f"`turnout event archive {slug} --undo` opens it again."
            )
        submission = Submission(
            configuration=configuration, items=read(configuration), dry_run=dry_run, expected=expected
        )
        (result,) = commit.write(database, configurations, [submission])
        database.move_log()
        if isinstance(result, StaleConfiguration):
            continue
        if isinstance(result, errors.TurnoutError):
            raise result
        return result


def as_sender(configuration: Configuration, source_number: int, actor: str) -> Sender:
    """A person who sends on behalf of a source, without one of its keys. Raises Conflict where it is retired."""
    source = configuration.sources[source_number]
    if source.retired_at is not None:
        raise errors.Conflict(
            f"The source {source.name!r} is retired and says nothing any more; no push is taken for it."
        )
    policy = source.policy.over(configuration.event.policy)
    return Sender(source_number=source_number, policy=policy, actor=actor)


def name_actor() -> str:
    """Who sits at the command line: `cli:` and the login name."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError, ImportError):
        # An account without a name, as containers have them.
        return f"cli:{os.getuid()}"
