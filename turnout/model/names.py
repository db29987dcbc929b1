"""The names that an event has seen: its custom fields and its groups, each registered when first given (C4, C5)."""

import unicodedata
from functools import lru_cache

import msgspec


@lru_cache(8_192)
def fold_case(text: str) -> str:
    """The form in which names and addresses are compared "without case" (C1, C4, C5).

    Unicode's caseless matching: composed, case folded, composed again.
    """
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


class Name(msgspec.Struct, frozen=True, kw_only=True):
    """One custom field or group of an event."""

    id: str
    number: int
    """Short for the id within the event; what documents and log lines hold. It stays when the name changes."""
    name: str
    """The first spelling, until somebody renames it."""
    first_source: int | None
    created_at: int
    staff_only: bool = False
    """Of a group: pushes do not touch it (C5)."""


class Names(msgspec.Struct, frozen=True):
    """The registry of one kind of names in one event."""

    by_number: dict[int, Name]
    by_spelling: dict[str, int]
    """Folded spelling → number; former names go on matching."""

    def find(self, spelling: str) -> Name | None:
        number = self.by_spelling.get(fold_case(spelling.strip()))
        return None if number is None else self.by_number[number]

    def spell(self, number: int) -> str:
        return self.by_number[number].name

    def with_new(self, new: list[Name]) -> "Names":
        """This registry and the names that a commit has added."""
        return Names(
            self.by_number | {name.number: name for name in new},
            self.by_spelling | {fold_case(name.name): name.number for name in new},
        )
