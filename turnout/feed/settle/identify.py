"""Which attendee a push is about (C1, C6). Pure: it looks at the attendees that the commit has read."""

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from turnout import errors
from turnout.model.attendee import Attendee
from turnout.model.names import fold_case
from turnout.model.push import Push
from turnout.model.receipt import Failure, Problem

MAX_IDS_NAMED = 10


class Identified(msgspec.Struct, frozen=True):
    """Who it is; None for somebody new."""

    attendee: Attendee | None
    renames: bool = False
    """Whether the address in the push becomes the attendee's, whatever it was."""


def identify(
    push: Push,
    source: int,
    identity: Literal["email", "third_party_id"],
    with_id: Sequence[Attendee],
    by_address: Sequence[Attendee],
) -> Identified | Failure:
    """The attendee that this push is about, or why nobody can tell.

    `with_id` have the push's id at this source; `by_address` are all that have or had its address, the oldest first.
    """
    given = push.profile.get("thirdPartyId")
    holders = holders_of(push.email, by_address)
    if identity == "email":
        return Identified(holders[0] if holders else None)
    if given:
        found = _choose(push, source, given, with_id) if with_id else _find_unlinked(push, source, holders)
        # Also who is linked only now: the same push once more must change nothing (C8), and then the id is known.
        return Identified(found, renames=found is not None)
    if len(holders) > 1:
        return _ambiguous(push, source, holders)
    return Identified(holders[0] if holders else None)


def holders_of(address: str, known: Sequence[Attendee]) -> list[Attendee]:
    """Those who have the address now; where nobody has, those who had it (C1)."""
    folded = fold_case(address)
    alive = [attendee for attendee in known if attendee.merged_into is None]
    return [attendee for attendee in alive if fold_case(attendee.email) == folded] or alive


def has_another_name(attendee: Attendee, said: Mapping[str, str | None]) -> bool:
    """Whether first or last name are said otherwise than they are known, as of two people who share an address."""
    for field in ("firstName", "lastName"):
        new, known = said.get(field), attendee.profile.get(field)
        if new and known is not None and known.value and fold_case(new) != fold_case(known.value):
            return True
    return False


def _choose(push: Push, source: int, third_party_id: str, with_id: Sequence[Attendee]) -> Attendee:
    """Of several with one id, as the time before ids decided may have left them: who has the address, or got it last.

    Nobody gets an id that somebody else has while ids decide.
    """
    folded = fold_case(push.email)

    def rank(attendee: Attendee) -> tuple[bool, int]:
        said = attendee.parts[source].third_party_id
        is_present = said is not None and said.value == third_party_id
        return fold_case(attendee.email) == folded, said.sequence if said is not None and is_present else 0

    return max(with_id, key=rank)


def _find_unlinked(push: Push, source: int, holders: Sequence[Attendee]) -> Attendee | None:
    """Who has the address and no id of this source yet; of several rather one with that name."""
    unlinked = [holder for holder in holders if not holder.ids_of(source)]
    alike = [holder for holder in unlinked if not has_another_name(holder, push.profile)]
    return next(iter(alike or unlinked), None)


def _ambiguous(push: Push, source: int, holders: Sequence[Attendee]) -> Failure:
    path = push.spell("profile.email")
    # Of other sources' ids a sender learns nothing (D1).
    ids = [third_party_id for holder in holders for third_party_id in holder.ids_of(source)]
    named = ", ".join(ids[:MAX_IDS_NAMED]) + (" …" if len(ids) > MAX_IDS_NAMED else "")
    known = f" Your ids of them: {named}." if ids else " None of them has an id of this source yet."
    message = (
        f"{len(holders)} people have this address, and without thirdPartyId nobody knows whom this is about.{known}"
    )
    cure = "Send profile.thirdPartyId along, your own id of the person; with DELETE as ?thirdPartyId=."
    problem = Problem(path, "ambiguous_email", message, cure)
    return Failure(errors.InvalidPush.code, message, [problem])
