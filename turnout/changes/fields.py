"""Fields by the names that people give them, whichever kind they are. Pure."""

from collections.abc import Iterable

from turnout.changes.attendee_view import SHOWN_FIELDS
from turnout.changes.shown import CUSTOM_FIELDS_PATH
from turnout.model.event import Configuration


def find_field(configuration: Configuration, name: str) -> str | int | None:
    """A field by the name that people give it: `lastName` or `profile.lastName`, else a custom field's."""
    plain = name.strip().removeprefix("profile.")
    if plain == "email" or plain in SHOWN_FIELDS:
        return plain
    custom = configuration.custom_fields.find(name.strip().removeprefix(f"{CUSTOM_FIELDS_PATH}."))
    return None if custom is None else custom.number


def list_fields(configuration: Configuration) -> list[tuple[str | int, str]]:
    """All there are, each with its name: those of the profile in its order, then custom fields as they came."""
    custom = configuration.custom_fields.by_number.values()
    return [
        *((field, field) for field in ("email", *SHOWN_FIELDS)),
        *((field.number, field.name) for field in sorted(custom, key=lambda one: one.number)),
    ]


def spell_fields(configuration: Configuration, fields: Iterable[str | int]) -> list[str]:
    """The fields' names as they are now: those of the profile first, in its order, then custom fields."""
    given = set(fields)
    profile = [field for field in ("email", *SHOWN_FIELDS) if field in given]
    return profile + [configuration.custom_fields.spell(field) for field in _list_numbers(given)]


def spell_groups(configuration: Configuration, groups: Iterable[int]) -> list[str]:
    """The groups' names as they are now."""
    return [configuration.groups.spell(number) for number in sorted(groups)]


def _list_numbers(fields: Iterable[str | int]) -> list[int]:
    return sorted(field for field in fields if isinstance(field, int))
