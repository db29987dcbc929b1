"""Which attendee a push is about (C1, C6). Pure: it looks at the attendees that the commit has read."""

from collections.abc import Sequence
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
    by_id: Attendee | None,
    by_address: Sequence[Attendee],
) -> Identified | Failure:
    """The attendee that this push is about, or why nobody can tell.

    `by_id` has the push's id at this source, `by_address` all that have or had its address, the oldest first.
    """
    given = push.profile.get("thirdPartyId")
    holders = holders_of(push.email, by_address)
    if identity == "email":
        return Identified(holders[0] if holders else None)
    if given:
        if by_id is not None:
            return Identified(by_id, renames=True)
        # Linked to whoever has the address and no id of this source yet; else somebody new, even with that address.
        unlinked = [holder for holder in holders if not holder.ids_of(source)]
        return Identified(unlinked[0] if unlinked else None)
    if len(holders) > 1:
        return _ambiguous(push, source, holders)
    return Identified(holders[0] if holders else None)


def holders_of(address: str, known: Sequence[Attendee]) -> list[Attendee]:
    """Those who have the address now; where nobody has, those who had it (C1)."""
    folded = fold_case(address)
    alive = [attendee for attendee in known if attendee.merged_into is None]
    return [attendee for attendee in alive if fold_case(attendee.email) == folded] or alive


def _ambiguous(push: Push, source: int, holders: Sequence[Attendee]) -> Failure:
    path = push.spell("profile.email")
    # Of other sources' ids a sender learns nothing (D1).
    ids = [third_party_id for holder in holders for third_party_id in holder.ids_of(source)]
    named = ", ".join(ids[:MAX_IDS_NAMED]) + (" …" if len(ids) > MAX_IDS_NAMED else "")
    known = f" Your ids of them: {named}." if ids else " None of them has an id of this source yet."
    message = (
        f"{len(holders)} people have this address, and without thirdPartyId nobody knows whom this is about.{known}"
    )
    problem = Problem(path, "ambiguous_email", message, "Send profile.thirdPartyId along, your own id of the person.")
    return Failure(errors.InvalidPush.code, message, [problem])
