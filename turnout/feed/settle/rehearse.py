"""A source that rehearses (A7): its pushes are settled in a fork, and nothing but their lines and bodies is kept."""

from collections.abc import Container

import msgspec

from turnout.feed.settle.draft import Draft
from turnout.feed.submission import Item
from turnout.model.attendee import Attendee
from turnout.model.names import fold_case
from turnout.model.receipt import AttendeeReference, Outcome

NUMBERS_BEHIND = 1_000_000
"""Names that a dry run would register have numbers behind this, so that real ones of its time have others."""


def is_rehearsing(draft: Draft, source_number: int) -> bool:
    """Whether the source's pushes are without effect at present (A7)."""
    source = draft.configuration.sources[source_number]
    return source.policy.over(draft.configuration.event.policy).mode == "rehearsal"


def fork_to_rehearse(draft: Draft, item: Item) -> Draft:
    """A draft in which one push may have its effects; it sees all whom the push may be about."""
    fork = draft.fork_for(_list_concerned(draft, item))
    fork.is_rehearsal = True
    fork.numbers_behind = NUMBERS_BEHIND
    return fork


def _list_concerned(draft: Draft, item: Item) -> list[Attendee]:
    """All whom the push may be about."""
    if item.push is None:
        return []
    third_party_id = item.push.profile.get("thirdPartyId")
    return [
        *draft.list_by_address(fold_case(item.push.email)),
        *draft.list_by_id(item.sender.source_number, third_party_id),
        *([draft.attendees[item.about]] if item.about in draft.attendees else []),
    ]


def keep_rehearsed(draft: Draft, fork: Draft, outcome: Outcome) -> Outcome:
    """Takes over the push's line and its body alone, and gives the outcome that it would have had (A7)."""
    known = draft.attendees
    draft.bodies += fork.bodies
    draft.pushes += [
        msgspec.structs.replace(
            push,
            dry_run=True,
            rehearsed=True,
            sequence=None,
            attendee_id=push.attendee_id if push.attendee_id in known else None,
        )
        for push in fork.pushes
    ]
    return as_dry(outcome, known)


def as_dry(outcome: Outcome, known: Container[str | None]) -> Outcome:
    """An outcome as one that had no effect; whoever is not among the known ones has no id yet."""
    attendee = outcome.attendee
    if attendee is not None and attendee.id not in known:
        attendee = AttendeeReference(None, attendee.email)
    return msgspec.structs.replace(outcome, dry_run=True, sequence=None, attendee=attendee)
