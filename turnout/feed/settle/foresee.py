"""What pushes would do: settled in a fork of which nothing is kept, and seen as staff may see it."""

import hashlib
from collections.abc import Collection
from typing import Any

import msgspec

from turnout.changes.shown import shown_to_all
from turnout.feed.settle.draft import Draft
from turnout.feed.settle.rehearse import NUMBERS_BEHIND
from turnout.feed.settle.take import take_item
from turnout.feed.submission import Foreseen, Item, Submission
from turnout.model.change import Entry
from turnout.model.receipt import Outcome

DIFFERS = (
    "Something has changed since the preview: applied now, this would do something else than what was shown, so "
    "nothing was applied. Look at the preview again, and apply that."
)


def fork_dry(draft: Draft) -> Draft:
    """A draft that sees this one, for what is not to be kept."""
    fork = draft.fork()
    fork.is_rehearsal = True
    fork.numbers_behind = NUMBERS_BEHIND
    return fork


def foresee(draft: Draft, submission: Submission) -> list[str]:
    """The digests of what each push leads to now."""
    fork, known = fork_dry(draft), set(draft.attendees)
    return [take_foreseen(fork, item, known)[1].digest for item in submission.items]


def take_dry(fork: Draft, item: Item) -> Outcome:
    # No line counts a dry push, so it has no digest by which it might repeat another one.
    return take_item(fork, msgspec.structs.replace(item, digest=item.id))


def take_foreseen(fork: Draft, item: Item, known: Collection[str]) -> tuple[Outcome, Foreseen]:
    """The outcome, and all that would change. Who is not among the known ones has no id yet."""
    lines = len(fork.changes)
    outcome = take_dry(fork, item)
    entries = [entry for change in fork.changes[lines:] for entry in change.entries]
    shown = shown_to_all(entries, fork.custom_fields, fork.groups)
    attendee_id = outcome.attendee.id if outcome.attendee is not None else None
    effects = (
        # The same push of a source that rehearses takes no effect at all (A7).
        item.sender.policy.mode,
        outcome.result,
        attendee_id if attendee_id in known else None,
        None if outcome.failure is None else (outcome.failure.code, _list_noted(outcome.failure.errors)),
        _list_noted(outcome.warnings),
        [_spell(fork, entry) for entry in entries],
    )
    return outcome, Foreseen(shown, hashlib.sha256(msgspec.json.encode(effects)).hexdigest())


def _list_noted(noted: Any) -> list[tuple[str, str]]:
    return [(one.path, one.code) for one in noted]


def _spell(fork: Draft, entry: Entry) -> tuple[Any, ...]:
    """The entry in names: a new one has another number each time that it is foreseen."""
    if entry.what == "custom_field":
        assert isinstance(entry.key, int)
        return entry.what, fork.custom_fields.spell(entry.key), entry.old, entry.new
    if entry.what in ("groups", "part_groups"):
        spell = fork.groups.spell
        return entry.what, entry.key, sorted(map(spell, entry.old)), sorted(map(spell, entry.new))
    return entry.what, entry.key, entry.old, entry.new
