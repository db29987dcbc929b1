"""All that the list index holds of an attendee. Pure."""

from turnout.changes.listing.facets import email_key, facets_of, last_name_key
from turnout.changes.listing.words import words_of
from turnout.model.attendee import Attendee
from turnout.store.listing import Listed


def rows_of(attendee: Attendee) -> Listed | None:
    """What has to be there; None for whoever was merged into somebody else."""
    facets = facets_of(attendee)
    if not facets:
        return None
    return Listed(attendee.id, email_key(attendee), last_name_key(attendee), facets, words_of(attendee))
