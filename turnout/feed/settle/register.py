"""The names of custom fields and groups: whoever is the first to say one registers it for the event (C4, C5)."""

from collections.abc import Iterable

from turnout import errors
from turnout.feed.settle.draft import Draft
from turnout.feed.submission import Item
from turnout.model.names import Name, Names, fold_case
from turnout.model.push import Push
from turnout.model.receipt import Failure, Problem
from turnout.now import new_id

MAX_CUSTOM_FIELDS = 2_000
MAX_GROUPS = 10_000


def register(draft: Draft, item: Item, push: Push) -> tuple[Names, Names, list[Name], list[Name]] | Failure:
    """The event's custom fields and groups with those that this push is the first to name (C4, C5)."""
    known_fields, known_groups = draft.custom_fields, draft.groups
    # One that is cleared is registered too: the time of that keeps an older value out (D7).
    null_says = item.sender.policy.null == "clear"
    fields = [
        (field.path, field.name)
        for field in push.custom_fields
        if (null_says or field.value is not None) and known_fields.find(field.name) is None
    ]
    fields += [
        (f"profile.customFields.{name}", name) for name in push.clear_custom_fields if known_fields.find(name) is None
    ]
    named = [(group.path, group.name) for group in push.groups or () if known_groups.find(group.name) is None]
    if not fields and not named:
        return known_fields, known_groups, [], []
    source = item.sender.source_number
    custom_fields, new_custom_fields = _with_new(draft, draft.custom_fields, fields, "fld", source)
    groups, new_groups = _with_new(draft, draft.groups, named, "grp", source)
    problems = []
    if new_custom_fields and len(custom_fields.by_number) > MAX_CUSTOM_FIELDS:
        problems.append(_too_many(fields, new_custom_fields, "custom fields", MAX_CUSTOM_FIELDS))
    if new_groups and len(groups.by_number) > MAX_GROUPS:
        problems.append(_too_many(named, new_groups, "groups", MAX_GROUPS))
    if problems:
        return Failure(errors.InvalidPush.code, problems[0].message, problems)
    return custom_fields, groups, new_custom_fields, new_groups


def _with_new(
    draft: Draft, names: Names, said: Iterable[tuple[str, str]], prefix: str, source: int
) -> tuple[Names, list[Name]]:
    new: dict[str, Name] = {}
    for _, name in said:
        if names.find(name) is None and fold_case(name) not in new:
            number = draft.numbers_behind + len(names.by_number) + len(new) + 1
            new[fold_case(name)] = Name(
                id=new_id(prefix), number=number, name=name, first_source=source, created_at=draft.at
            )
    added = list(new.values())
    return (names.with_new(added) if added else names), added


def _too_many(said: list[tuple[str, str]], new: list[Name], what: str, most: int) -> Problem:
    first = next(path for path, name in said if name == new[0].name)
    return Problem(
        first,
        "too_many_" + what.replace(" ", "_"),
        f"The event has as many {what} as it can have ({most:,}), and {new[0].name} would be another.",
        f"Send one of the {what} that the event has, or ask its staff to tidy them up.",
    )
