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
    def is_key_revoked(self) -> bool:
        return self.key_shown is not None and self.key_shown.revoked_at is not None

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
