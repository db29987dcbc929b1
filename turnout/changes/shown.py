"""What of a change is shown: paths with old and new values, in names instead of numbers. Pure."""

from collections.abc import Sequence

from msgspec import UNSET

from turnout.model.change import Entry
from turnout.model.names import Names
from turnout.model.receipt import PathChange

GROUPS_PATH = "eventInfo.groups.groupNames"


def shown_to_all(entries: Sequence[Entry], custom_fields: Names, groups: Names) -> list[PathChange]:
    """As staff and whoever follows the log see it: the groups are those that all sources together lead to."""
    return [shown for entry in entries if (shown := _shown(entry, custom_fields, groups, None)) is not None]


def shown_to_source(entries: Sequence[Entry], custom_fields: Names, groups: Names, source: int) -> list[PathChange]:
    """As the receipt shows it: old values that another source set are hidden, and groups are the source's own (D1)."""
    return [shown for entry in entries if (shown := _shown(entry, custom_fields, groups, source)) is not None]


def _shown(entry: Entry, custom_fields: Names, groups: Names, source: int | None) -> PathChange | None:
    what = entry.what
    if what == "profile":
        return _with_old(f"profile.{entry.key}", entry, source)
    if what == "custom_field":
        assert isinstance(entry.key, int)
        return _with_old("profile.customFields", entry, source, custom_fields.spell(entry.key))
    if what == "unknown_field":
        return _with_old(str(entry.key), entry, source)
    if what == "status":
        return PathChange("status", old=entry.old, new=entry.new)
    if what == ("groups" if source is None else "part_groups") and (source is None or entry.key == source):
        return PathChange(
            GROUPS_PATH,
            old=[groups.spell(number) for number in entry.old],
            new=[groups.spell(number) for number in entry.new],
        )
    return None


def _with_old(path: str, entry: Entry, source: int | None, field_name: str | None = None) -> PathChange:
    name = UNSET if field_name is None else field_name
    if source is not None and entry.old is not None and entry.old_source != source:
        return PathChange(path, field_name=name, old=UNSET, new=entry.new, old_hidden=True)
    return PathChange(path, field_name=name, old=entry.old, new=entry.new)
