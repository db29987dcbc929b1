"""The settings that decide what a push means: the event's, and what a source says otherwise (A6)."""

from typing import Literal

import msgspec


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """How pushes are understood. The defaults are the contract's."""

    null: Literal["keep", "clear"] = "keep"
    """What `null` does to a field (C2)."""
    blank: Literal["clear", "keep"] = "clear"
    """What `""` does to a field (C3)."""
    groups: Literal["source", "add", "replace"] = "source"
    """What a list of groups does: replaces what this source said, only adds, or is final for everyone (C5)."""
    lists: Literal["none", ",", ";"] = "none"
    """The sign that separates several group names within one text (C5)."""
    status_codes: Literal["seed", "precise"] = "seed"
    """Whether every error is a 500, or has a status of its own (D3, D4)."""
    mode: Literal["live", "rehearsal"] = "live"
    """Whether pushes take effect (A7)."""


class SourcePolicy(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a source sets otherwise than its event; None means: as the event."""

    null: Literal["keep", "clear"] | None = None
    blank: Literal["clear", "keep"] | None = None
    groups: Literal["source", "add", "replace"] | None = None
    lists: Literal["none", ",", ";"] | None = None
    status_codes: Literal["seed", "precise"] | None = None
    mode: Literal["live", "rehearsal"] | None = None

    def over(self, event: Policy) -> Policy:
        """The policy that holds for this source's pushes."""
        return Policy(
            null=self.null or event.null,
            blank=self.blank or event.blank,
            groups=self.groups or event.groups,
            lists=self.lists or event.lists,
            status_codes=self.status_codes or event.status_codes,
            mode=self.mode or event.mode,
        )
