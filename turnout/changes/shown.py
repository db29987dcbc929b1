"""What of a change is shown: paths with old and new values, in names instead of numbers. Pure."""

from collections.abc import Iterator, Sequence

from msgspec import UNSET

from turnout.model.change import Entry
from turnout.model.names import Names
from turnout.model.receipt import PathChange

GROUPS_PATH = "eventInfo.groups.groupNames"
CUSTOM_FIELDS_PATH = "profile.customFields"


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
    if what == "merged_into" and source is None:
        return PathChange("mergedInto", old=entry.old, new=entry.new)
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


def spell_field(key: str | int, custom_fields: Names) -> str:
    """The path of a field that can be pinned or cleared: `profile.title`, `profile.customFields.Shoe size`."""
    return f"profile.{key}" if isinstance(key, str) else f"{CUSTOM_FIELDS_PATH}.{custom_fields.spell(key)}"


def list_acts(entries: Sequence[Entry], custom_fields: Names, groups: Names) -> Iterator[str]:
    """What a person decided, in words: it is not seen in the values (C7, C10)."""
    for entry in entries:
        if entry.what == "pin":
            assert entry.key is not None
            yield f"{spell_field(entry.key, custom_fields)} {'pinned' if entry.new else 'unpinned'}"
        elif entry.what == "held":
            assert isinstance(entry.key, int)
            how = {True: "held in", False: "held out of", None: "released in"}[entry.new]
            yield f"{how} the group {groups.spell(entry.key)}"
        elif entry.what == "removed":
            yield "removed" if entry.new else "removal undone"
        elif entry.what == "absorbed" and entry.new:
            yield f"took in {', '.join(one for one in entry.new if one not in entry.old)}"
        elif entry.what == "aliases" and (added := [one for one in entry.new if one not in (entry.old or [])]):
            yield f"known as {', '.join(added)} too"
