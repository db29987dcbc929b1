"""What a link gives: the hand-out, and its event and source as they are now."""

from typing import Any

import msgspec

from turnout.console.handout import own
from turnout.console.page import Visit
from turnout.events import handouts
from turnout.feed.receipt import Answer
from turnout.model.event import Configuration, Event
from turnout.model.handout import Handout
from turnout.model.key import Key
from turnout.model.source import Source
from turnout.now import now_us


class Given(msgspec.Struct, frozen=True):
    """A good link, and what is behind it."""

    handout: Handout
    configuration: Configuration
    way: str
    """Of the page, within the console."""
    gateway: str

    @property
    def event(self) -> Event:
        return self.configuration.event

    @property
    def source(self) -> Source:
        return self.configuration.sources[self.handout.source_number]

    @property
    def rehearses(self) -> bool:
        return self.source.policy.over(self.event.policy).mode == "rehearsal"

    @property
    def key_shown(self) -> Key | None:
        return self.configuration.keys.get(self.handout.key_id or "")

    @property
    def is_key_over(self) -> bool:
        """Whether the key that was shown opens nothing any more."""
        return self.key_shown is not None and not self.key_shown.is_good(now_us())

    @property
    def key_end(self) -> int | None:
        """When a key that is good still ends, as it was replaced: those of hand-outs have no end of their own."""
        return None if self.key_shown is None or self.is_key_over else self.key_shown.expires_at

    @property
    def key_as_shown(self) -> str:
        """Which key the page tells of, and whether it is over: as a window says what it has."""
        return f"{self.handout.key_id or ''}.{'over' if self.is_key_over else ''}"

    @property
    def giver(self) -> str:
        """Whom to ask."""
        actor = self.handout.actor or ""
        return actor if "@" in actor else "whoever gave you the link"


def find(visit: Visit) -> Given:
    """Raises BadLink, the same for every reason."""
    text = visit.places["link"]
    handout, configuration = handouts.find(visit.database, text)
    return Given(handout, configuration, f"h/{text}", configuration.event.gateway(visit.product.public_url))


def render(visit: Visit, given: Given, template: str, *, status: int = 200, **shown: Any) -> Answer:
    """The whole page, with what has arrived so far."""
    return visit.render(
        template,
        status=status,
        headers=no_index(),
        given=given,
        rows=own.list_latest(visit.database, given.handout),
        **shown,
    )


def no_index() -> tuple[tuple[bytes, bytes], ...]:
    """What keeps it out of search engines, should the link ever stand somewhere."""
    return ((b"x-robots-tag", b"noindex, nofollow, noarchive"),)
