"""What a read key is limited to, as people write it: names of groups and of fields."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from turnout.changes.attendee_view import SHOWN_FIELDS
from turnout.changes.fields import find_field
from turnout.changes.meant import tell_meant
from turnout.errors import InvalidRequest
from turnout.model.event import Configuration

Found = TypeVar("Found", int, "str | int")


def read_groups(configuration: Configuration, given: Sequence[str] | None) -> tuple[int, ...] | None:
    """The groups' numbers; None where nothing is given, which is no limit. Raises InvalidRequest."""
    if given is None:
        return None
    groups = configuration.groups

    def find(name: str) -> int | None:
        group = groups.find(name)
        return None if group is None else group.number

    return _read("group", given, find, [group.name for group in groups.by_number.values()], configuration)


def read_fields(configuration: Configuration, given: Sequence[str] | None) -> tuple[str | int, ...] | None:
    """Names of the profile's fields, numbers of custom fields; None where nothing is given. Raises InvalidRequest."""
    if given is None:
        return None
    names = ["email", *SHOWN_FIELDS, *(field.name for field in configuration.custom_fields.by_number.values())]
    return _read("field", given, lambda name: find_field(configuration, name), names, configuration)


def _read(
    what: str,
    given: Sequence[str],
    find: Callable[[str], Found | None],
    names: list[str],
    configuration: Configuration,
) -> tuple[Found, ...]:
    """Each text is one name, or several with commas between; a name that has a comma itself comes first."""
    found: dict[Found, None] = {}
    for text in given:
        whole = find(text)
        for name in [text] if whole is not None else [part.strip() for part in text.split(",") if part.strip()]:
            one = find(name)
            if one is None:
                raise InvalidRequest(_explain(what, name, names, configuration.event.slug))
            found[one] = None
    if not found:
        raise InvalidRequest(f"--{what}s names no {what}: leave it out where there is to be no limit.")
    return tuple(found)


def _explain(what: str, name: str, names: list[str], slug: str) -> str:
    if not names:
        return f"The event {slug} has no {what} {name!r}. It has none yet: they come with the pushes that name them."
    return f"The event {slug} has no {what} {name!r}. {tell_meant(name, names)}"
