"""How people and their fields are called on the screen. Pure."""

from turnout.changes.shown import CUSTOM_FIELDS_PATH
from turnout.model.attendee import Attendee

FIELD_LABELS = {
    "email": "E-mail",
    "thirdPartyId": "Third-party id",
    "prefix": "Prefix",
    "firstName": "First name",
    "lastName": "Last name",
    "phone": "Phone",
    "website": "Website",
    "facebook": "Facebook",
    "twitter": "Twitter",
    "linkedin": "LinkedIn",
    "instagram": "Instagram",
    "title": "Title",
    "department": "Department",
    "company": "Company",
    "city": "City",
    "state": "State",
    "country": "Country",
    "assistantName": "Assistant's name",
    "assistantPhone": "Assistant's phone",
    "assistantEmail": "Assistant's e-mail",
    "motto": "Motto",
    "biography": "Biography",
}
UNKNOWN = "A field that Turnout does not know"
"""What an unknown field (B5) is called where its path, which is the sender's own and may say anything, is not shown."""


def label_of_pin(path: str) -> str:
    """What a field that can be held is called: `Title`, the custom field's name."""
    if path.startswith(f"{CUSTOM_FIELDS_PATH}."):
        return path.removeprefix(f"{CUSTOM_FIELDS_PATH}.")
    return FIELD_LABELS.get(path.removeprefix("profile."), path)


def name_of(attendee: Attendee) -> str:
    """`Ada Lovelace`; empty where there is none."""
    said = (value_of(attendee, field) for field in ("firstName", "lastName"))
    return " ".join(text for text in said if text)


def value_of(attendee: Attendee, field: str) -> str:
    """One field of the profile; empty where it is not set."""
    said = attendee.profile.get(field)
    return said.value or "" if said is not None else ""
