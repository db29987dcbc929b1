"""The names that a push may hold (the seed's, C3, C9, D7), how many, and what was probably meant by another (B5)."""

import re
from functools import lru_cache

from turnout.model.attendee import PROFILE_FIELDS
from turnout.model.names import fold_case

MAX_CUSTOM_FIELDS = 1_000
MAX_GROUPS = 1_000
"""Both in one push (B3)."""
MAX_NAME_CHARACTERS = 255
"""Of a custom field's or group's name (B3)."""
LONGEST_NAME = 64
"""A longer name is none of ours, however it is spelled; it is not even folded."""


@lru_cache(maxsize=4096)
def fold_name(name: str) -> str:
    """The form in which field names are compared: without case, `_`, `-` and spaces (B5). Not for long texts."""
    return _SEPARATORS.sub("", fold_case(name))


_SEPARATORS = re.compile(r"[\s_-]+")


def is_key_name(name: str) -> bool:
    """Whether a name at the root is `key`, in any spelling that B5 tolerates."""
    return name == "key" or (len(name) <= LONGEST_NAME and fold_name(name) == "key")


class Shape:
    """What one place of a push may hold: names, each with a shape of its own, and as a list items."""

    __slots__ = ("folded", "items", "names")

    def __init__(self, names: "dict[str, Shape] | None" = None, items: "Shape | None" = None) -> None:
        self.names = names or {}
        self.folded = {fold_name(name): name for name in self.names}
        self.items = items

    def find(self, name: str) -> str | None:
        """The known name that this one is, as it stands or but for its spelling."""
        if name in self.names:
            return name
        return self.folded.get(fold_name(name)) if len(name) <= LONGEST_NAME else None


TEXT = Shape()
TEXTS = Shape(items=TEXT)
CUSTOM_FIELD = Shape({"fieldName": TEXT, "fieldValue": TEXTS})
PROFILE = Shape(dict.fromkeys(PROFILE_FIELDS, TEXT) | {"customFields": Shape(CUSTOM_FIELD.names, items=CUSTOM_FIELD)})
EVENT_INFO = Shape({"groups": Shape({"groupNames": TEXTS}), "attending": TEXT})
PUSH = Shape({"profile": PROFILE, "eventInfo": EVENT_INFO, "key": TEXT, "observedAt": TEXT, "clear": TEXTS})

CUSTOM_FIELDS = "profile.customFields"

_SYNONYMS = {
    "profile.email": "e mail, mail, email address, e mail address, mail address, primary email, work email, user email",
    "profile.thirdPartyId": "id, external id, foreign id, reference, reference id, attendee id, contact id, crm id, "
    "user id, member id, customer id, ticket id, order id",
    "profile.prefix": "salutation, honorific, honorific prefix, name prefix, greeting, anrede",
    "profile.firstName": "given name, forename, first, fname, christian name, vorname",
    "profile.lastName": "surname, family name, last, lname, nachname",
    "profile.phone": "mobile, cell, telephone, tel, phone number, mobile phone, cell phone, mobile number, work phone, "
    "business phone, phone 1, fon",
    "profile.website": "url, web, homepage, web page, site, web site url, www",
    "profile.facebook": "facebook url, fb, facebook profile",
    "profile.twitter": "x, twitter handle, twitter url, twitter name",
    "profile.linkedin": "linked in url, linkedin profile",
    "profile.instagram": "insta, instagram handle, instagram url, ig",
    "profile.title": "job title, position, role, job, job role, job position, function, occupation, headline",
    "profile.department": "dept, division, team, unit, business unit",
    "profile.company": "organisation, organization, employer, company name, organisation name, organization name, org, "
    "firm, business, account, account name, institution, affiliation",
    "profile.city": "town, location, place, locality, address city",
    "profile.state": "region, province, county, federal state, address state",
    "profile.country": "nation, country code, country name, address country",
    "profile.assistantName": "assistant, pa name, assistant full name",
    "profile.assistantPhone": "assistant telephone, assistant mobile, pa phone",
    "profile.assistantEmail": "assistant mail, assistant email address, pa email",
    "profile.motto": "slogan, tagline, quote, claim",
    "profile.biography": "bio, about, about me, description, summary, short bio, profile text",
    "profile.customFields": "custom, custom field, extra fields, additional fields, properties, attributes, answers, "
    "questions",
    "eventInfo.groups.groupNames": "groups, group, group name, tags, tag, labels, categories, category, segments, "
    "ticket type, ticket types",
    "eventInfo.attending": "status, attendance, is attending, attends, cancelled, canceled, registration status",
    "eventInfo": "event, info",
    "profile": "attendee, person, user, contact, participant, guest, member, attendee profile",
    "observedAt": "timestamp, updated at, modified at, last modified, changed at, updated, as of, observed",
    "clear": "clear fields, empty, reset",
}
"""What other systems call our fields, by the path that is meant."""


def _list_meanings() -> dict[str, str]:
    """Folded name → path, of known names and of what others call them; a known name beats a synonym."""
    meant = {fold_name(word): path for path, words in _SYNONYMS.items() for word in words.split(", ")}
    return meant | {fold_name(path.rpartition(".")[2]): path for path in _SYNONYMS}


_MEANINGS = _list_meanings()
_KNOWN = {fold_name(path.rpartition(".")[2]): path for path in _SYNONYMS}


@lru_cache(maxsize=1024)
def suggest(name: str) -> str | None:
    """The path that an unknown name probably means, wherever it stood; None when nothing is near."""
    if len(name) > LONGEST_NAME:
        return None
    folded = fold_name(name)
    if folded in _MEANINGS:
        return _MEANINGS[folded]
    most = 1 if len(folded) < 6 else 2
    distance, nearest = min((_edits(folded, known, most), known) for known in _KNOWN)
    return _KNOWN[nearest] if distance <= most and len(folded) > 2 else None


def is_slip(folded: str, known: str) -> bool:
    """Whether a folded name is this one but for a slip or two."""
    most = 1 if len(folded) < 6 else 2
    return len(folded) > 2 and _edits(folded, known, most) <= most


def _edits(one: str, other: str, most: int) -> int:
    """How many letters to insert, drop, replace or swap with their neighbour; above `most` any number above it."""
    if abs(len(one) - len(other)) > most:
        return most + 1
    rows = [list(range(len(other) + 1))]
    for i, letter in enumerate(one, 1):
        above, row = rows[-1], [i]
        for j, against in enumerate(other, 1):
            cost = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (letter != against))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == against:
                cost = min(cost, rows[-2][j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
        rows.append(row)
    return rows[-1][-1]
