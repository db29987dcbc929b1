"""What stands at single places of a push."""

from turnout.model.attendee import PROFILE_FIELDS
from turnout.reference.schemas.parts import Schema, ref, text

NO_NUL = "^[^\\u0000]*$"
INDEX = "(0|[1-9][0-9]{0,3})"
AT = f"(\\[{INDEX}\\]|\\.{INDEX})"
NOTHING: tuple[Schema, ...] = (
    {"type": "null"},
    {"type": "string", "pattern": "^\\s*$", "description": "Empty, or nothing but white space."},
)
_CLEARABLE = "|".join(PROFILE_FIELDS[1:])

MEANINGS = {
    "email": "Necessary, and who it is: compared without case (B7, C1).",
    "thirdPartyId": "Your own id of the person, remembered for each source. Where the event's `identity` is "
    "`third_party_id` it says who is meant (C6).",
    "prefix": "Such as Dr. or Ms.",
    "phone": "As you write it.",
    "title": "The job title.",
    "state": "Or province, or region.",
    "twitter": "Handle or address, as you write it.",
    "motto": "A line of their own.",
    "biography": "As long as it needs to be; an attendee may hold 1 MiB.",
}


def schemas() -> dict[str, Schema]:
    """What stands at single places."""
    return {
        "Text": {
            "type": ["string", "number", "boolean", "null"],
            "pattern": NO_NUL,
            "description": "A text, stored as sent less surrounding white space. A number becomes the text it was "
            "written "
            'as, true and false become texts (B4). `null` keeps what is there, `""` empties it, unless the settings of '
            "your source say otherwise (C2, C3).",
        },
        "Email": text(
            "An address: a local part, one `@`, a domain; international addresses too (B7).",
            format="email",
            maxLength=320,
        ),
        "Name": {
            "type": ["string", "number", "boolean", "null"],
            "pattern": NO_NUL,
            "maxLength": 255,
            "description": "The name of a group or custom field, trimmed and compared without case; the first "
            "spelling in "
            "the event counts (C4, C5).",
        },
        "NotGiven": {
            "anyOf": [*NOTHING, {"type": "array", "maxItems": 0}],
            "description": "Says nothing: null, blank, or an empty list, which is how PHP writes an empty object.",
        },
        "FieldValue": {
            "anyOf": [
                ref("Text"),
                {"type": "array", "items": ref("Text"), "description": "A multiple choice."},
                {
                    "type": "object",
                    "minProperties": 1,
                    "patternProperties": {f"^{INDEX}$": ref("Text")},
                    "additionalProperties": False,
                    "description": "An object whose keys are all indices is a list (B2).",
                },
            ],
            "description": "The value of a custom field, or several of them (B4).",
        },
        "ClearPath": text(
            "What to empty: a field of the profile such as `profile.title`, or `profile.customFields.<name>` (C3).",
            pattern=f"^profile\\.(({_CLEARABLE})|customFields\\.[^\\s\\u0000.][^\\u0000]{{0,200}})$",
            examples=["profile.customFields.Shoe size"],
        ),
        "Time": {
            "anyOf": [
                {"type": "string", "format": "date-time", "description": "ISO 8601 with an offset."},
                {
                    "type": "number",
                    "minimum": 0,
                    "exclusiveMaximum": 10**14,
                    "description": "Seconds since 1970; from 100,000,000,000 on milliseconds.",
                },
                {
                    "type": "string",
                    "pattern": "^\\s*([0-9]{1,14}(\\.[0-9]{1,6})?)?\\s*$",
                    "description": "The same as a text; blank is not given.",
                },
                {"type": "null"},
            ],
            "description": "When the data was true (D7). A field's older value never replaces a newer one. Without it "
            "a "
            "push is true when it arrives.",
            "examples": ["2025-03-01T09:30:00+01:00", 1740817800],
        },
    }
