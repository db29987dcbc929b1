"""What the senders were told: written down by them, who survive, and compared with what is stored."""

from typing import Any

import msgspec


class Said(msgspec.Struct, frozen=True):
    """One push as its sender means it. The token is its title: no other push has it."""

    token: str
    is_valid: bool = True
    is_repeat: bool = False
    """The sender's own last push about a person of whom nobody else speaks, once more: nothing may change."""


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """One request."""

    path: str
    body: bytes
    key: str | None
    """The Idempotency-Key."""
    said: list[Said]
    is_atomic: bool = False
    is_private: bool
    """Only about people of whom this sender alone speaks: to send it again blindly does no harm (C8)."""

    @property
    def is_batch(self) -> bool:
        return self.path.startswith("/attendees/batch")


class Acknowledged(msgspec.Struct, frozen=True):
    """One push that was answered with a receipt, or as invalid and kept."""

    token: str
    push_id: str
    result: str
    sequence: int | None
    changes: list[dict[str, Any]]
    at: float
    """When its sender knew, by the monotonic clock."""


class Answered(msgspec.Struct, frozen=True):
    """A request with a key, and its first answer."""

    sent: Sent
    answer: bytes
    at: float


class Ledger:
    """All that was acknowledged in one world. Senders append, each from its own thread."""

    def __init__(self) -> None:
        self.acknowledged: list[Acknowledged] = []
        self.forbidden: list[str] = []
        """Tokens of atomic batches that were refused: nothing of them may ever take effect (E2)."""
        self.doubtful: list[Sent] = []
        """Requests that got no answer since the last check, or one that says to send them again."""
        self.keyed: list[Answered] = []
        """Requests with a key, and their first answer: the answer to each repetition (D6)."""
        self.faults: list[str] = []
        """Answers that should not have been."""
        self.refusals = 0
        """Answers that say to send the same again later."""
        self.unanswered = 0
        self.last_break = ""
        """Why the last connection ended without an answer."""
        self.requests = 0

    def forget_since(self, moment: float) -> int:
        """Answers that no real sender would have got, because the power was off; gives how many pushes they tell of.

        ext4 may let a flush succeed while it is being shut down, although it writes nothing any more; where the power
        goes, the processor that would send the answer stops too.
        """
        heard = [one for one in self.acknowledged if one.at < moment]
        unheard = len(self.acknowledged) - len(heard)
        self.acknowledged[:] = heard
        answered = [one for one in self.keyed if one.at >= moment]
        self.doubtful += [one.sent for one in answered]
        self.keyed[:] = [one for one in self.keyed if one.at < moment]
        return unheard
