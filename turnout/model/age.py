"""How old what was read is: it may come from a replica, which is a little behind."""

import math

import msgspec

NOTICED_S = 2.0
"""What is younger nobody at a screen takes for old."""
FAR_S = 60.0
"""So far behind, a replica is of little use."""


class Age(msgspec.Struct, frozen=True):
    """How old it was when it was read, at most: all that had happened before is in it."""

    seconds: float | None
    """None where nobody can tell."""

    @property
    def is_noticed(self) -> bool:
        return self.seconds is None or self.seconds >= NOTICED_S

    @property
    def is_far(self) -> bool:
        return self.seconds is not None and self.seconds > FAR_S

    @property
    def as_header(self) -> str:
        """In tenths of a second, never less than it is."""
        return "unknown" if self.seconds is None else f"{math.ceil(self.seconds * 10) / 10:.1f}"

    @property
    def order(self) -> float:
        """What nobody can tell is the oldest."""
        return math.inf if self.seconds is None else self.seconds


class Where:
    """Where something was read that takes several transactions."""

    def __init__(self) -> None:
        self.oldest: Age | None = None
        """Of what came from a replica; None where nothing did."""
        self.is_of_primary = False
        """Whether any of it came from the primary."""

    def note(self, age: Age | None) -> None:
        """One transaction's, as `Database.age_of` has it."""
        if age is None:
            self.is_of_primary = True
        elif self.oldest is None or age.order > self.oldest.order:
            self.oldest = age
