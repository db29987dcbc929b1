"""The three lists of a push: custom fields (C4), groups (C5) and what is to be cleared (C3)."""

from typing import Literal, TypeAlias

from turnout.feed.parse.body import Json, read_json
from turnout.feed.parse.fields import (
    CUSTOM_FIELDS,
    MAX_CUSTOM_FIELDS,
    MAX_GROUPS,
    MAX_NAME_CHARACTERS,
    PROFILE,
    PUSH,
    suggest,
)
from turnout.feed.parse.notes import Notes, find_odd_character, show_path
from turnout.feed.parse.paths import MAX_INDEX, Missing, Node, as_text, cut, is_index
from turnout.feed.parse.redact import mask, show
from turnout.feed.parse.texts import is_blank, read_text, refuse_text, warn_of_slip
from turnout.model.attendee import PROFILE_FIELDS, FieldValue
from turnout.model.names import fold_case
from turnout.model.push import SaidField, SaidGroup

MAX_SUGGESTIONS = 100
"""How many unknown names of one push are compared with ours; the answer lists no more problems or warnings (D3)."""

Lists: TypeAlias = Literal["none", ",", ";"]
"""The setting `lists`: the sign that separates several group names within one text (C5)."""


def list_entries(node: Node) -> list[Node]:
    """The entries of `customFields` in order. A single one that came without the list around it is a list of one."""
    children = node.children or {}
    entries = sorted((child for name, child in children.items() if is_index(name)), key=lambda child: int(child.name))
    return [node, *entries] if "fieldName" in children or "fieldValue" in children else entries


def read_custom_fields(node: Node | None, notes: Notes) -> tuple[SaidField, ...]:
    """Each name once, with its last value (C4); null rows, and rows without name and value, are left out."""
    if node is None or is_blank(node):
        return ()
    if node.children is None:
        message = f"{show_path(node.spelled)} is one value, where a list of custom fields belongs."
        notes.problem(node.spelled, "list_expected", message, _CUSTOM_FIELDS_CURE)
        return ()
    entries = list_entries(node)
    if len(entries) > MAX_CUSTOM_FIELDS:
        message = f"{show_path(node.spelled)} holds {len(entries):,} custom fields; {MAX_CUSTOM_FIELDS:,} are the most."
        notes.problem(node.spelled, "too_many_custom_fields", message, "Send the others in a further push.")
        return ()
    said: dict[str, SaidField] = {}
    for entry in entries:
        field = _read_custom_field(entry, notes)
        if field is None:
            continue
        folded = fold_case(field.name)
        if (earlier := said.pop(folded, None)) is not None:
            message = f'The custom field "{show(field.name)}" is given twice; the last value counts.'
            notes.warn(earlier.path, "duplicate_custom_field", message)
        said[folded] = field
    return tuple(said.values())


_CUSTOM_FIELDS_CURE = 'Send it as in "customFields": [{"fieldName": "Shoe size", "fieldValue": "43"}].'


def _read_custom_field(entry: Node, notes: Notes) -> SaidField | None:
    if is_blank(entry):
        return None
    if entry.children is None or (entry.is_list and "fieldName" not in entry.children):
        message = f"{show_path(entry.spelled)} is not an object with fieldName and fieldValue."
        notes.problem(entry.spelled, "object_expected", message, _CUSTOM_FIELDS_CURE)
        return None
    found = len(notes.problems)
    name_node, value_node = entry.find("fieldName"), entry.find("fieldValue")
    name = (read_text(name_node, notes) if name_node is not None else None) or ""
    value = None if value_node is None else _read_field_value(value_node, notes)
    if len(notes.problems) > found:
        return None
    if value is None and value_node is not None and value_node.is_list:
        return None  # a list of nothing is not provided, whatever null does (C2)
    if not name:
        if value is not None and len(value) > 0:
            path = value_node.spelled if value_node is not None else entry.spelled
            message = f"{show_path(path)} has a value, but its custom field has no name."
            notes.problem(path, "missing_name", message, "Give the field's name as fieldName beside the fieldValue.")
        return None
    if name_node is not None and not _is_short_enough(name_node.spelled, name, notes):
        return None
    return SaidField((value_node or name_node or entry).spelled, name, value)


def _read_field_value(node: Node, notes: Notes) -> FieldValue | None:
    """Text, or a list of texts without its null and blank entries; `[]` clears, a list of nothing else keeps."""
    if node.children is None:
        return read_text(node, notes)
    if not node.is_list:
        refuse_text(node, notes)
        return None
    items = node.items()
    texts = [text for text in (read_text(item, notes) or "" for item in items) if text]
    return texts or (None if items else "")


def read_groups(node: Node | None, notes: Notes, lists: Lists) -> tuple[SaidGroup, ...] | None:
    """The groups, each once and in order; None when the list was not provided (C5)."""
    if node is None:
        return None
    texts = _list_group_texts(node, notes, lists)
    if texts is None or len(texts) == 0:
        return None if texts is None else ()
    if lists != "none":
        if sum(text.count(lists) for _, text in texts) > MAX_INDEX:
            return _refuse_groups(node, notes)
        texts = tuple((path, piece.strip()) for path, text in texts for piece in text.split(lists))
    groups: dict[str, SaidGroup] = {}
    for path, text in texts:
        if text and _is_short_enough(path, text, notes):
            warn_of_slip(path, text, notes)
            groups.setdefault(fold_case(text), SaidGroup(path, text))
            if len(groups) > MAX_GROUPS:
                return _refuse_groups(node, notes)
    return tuple(groups.values()) or None


def _refuse_groups(node: Node, notes: Notes) -> None:
    message = f"{show_path(node.spelled)} names more than {MAX_GROUPS:,} groups, the most in one push."
    notes.problem(node.spelled, "too_many_groups", message, "Name fewer groups.")


def _list_group_texts(node: Node, notes: Notes, lists: Lists) -> tuple[tuple[str, str], ...] | None:
    """The texts that were given, each with its path: one, a list, or one that is a JSON array. Empty only for `[]`."""
    if node.children is not None:
        if not node.is_list:
            message = f"{show_path(node.spelled)} is an object, where a list of names belongs."
            notes.problem(node.spelled, "list_expected", message, 'Send it as in "groupNames": ["Group1", "Group2"].')
            return None
        quiet = Notes()  # what looks like a slip is said once the texts are split
        texts = tuple((item.spelled, read_text(item, quiet) or "") for item in node.items())
        notes.problems += quiet.problems
        return texts
    if node.value is None or isinstance(node.value, Missing):
        return None
    text = as_text(node.value) or ""
    listed = _read_json_list(text)
    if listed is None:
        if lists == "none" and len(text) <= MAX_NAME_CHARACTERS:
            _warn_of_several(node.spelled, text, notes)
        return ((node.spelled, text),)
    if len(listed) > MAX_INDEX + 1:
        return _refuse_groups(node, notes)
    for inner in listed:
        if isinstance(inner, (tuple, list)):
            message = f"The list in the text of {show_path(node.spelled)} holds something that is not a text."
            notes.problem(node.spelled, "not_a_text", message, "Name the groups as texts.")
            return None
        odd = find_odd_character(inner) if isinstance(inner, str) else None
        if odd is not None:
            message = f"The text in {show_path(node.spelled)} holds {odd}, which cannot be kept."
            notes.problem(node.spelled, "forbidden_character", message, "Leave the character out.")
            return None
    # A key may hide behind the escapes of a second layer of JSON (A5).
    return tuple((node.spelled, mask(as_text(inner) or "")) for inner in listed if not isinstance(inner, (tuple, list)))


def _warn_of_several(path: str, text: str, notes: Notes) -> None:
    """Where one text looks like several names and no sign is set at which to split it."""
    for sign in (",", ";"):
        if sum(bool(piece.strip()) for piece in text.split(sign)) > 1:
            message = (
                f'"{show(text)}" is taken as the name of one group. If it is several, send a list, or have '
                f"lists={sign} set for your source."
            )
            notes.warn(path, "unsplit_groups", message)
            return


def _read_json_list(text: str) -> list[Json] | None:
    if not (text.startswith("[") and text.endswith("]")):
        return None
    try:
        value, end = read_json(text)
    except (ValueError, RecursionError):
        return None
    return value if type(value) is list and end == len(text) else None


def _is_short_enough(path: str, name: str, notes: Notes) -> bool:
    if len(name) <= MAX_NAME_CHARACTERS:
        return True
    message = f"The name in {show_path(path)} has {len(name):,} characters; {MAX_NAME_CHARACTERS} are the most."
    notes.problem(path, "name_too_long", message, "Send a shorter name.")
    return False


def read_clear(
    node: Node | None, notes: Notes, profile: dict[str, str | None], custom_fields: tuple[SaidField, ...]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The profile's fields and the custom fields to empty (C3); what is set as well cannot be emptied."""
    if node is None or is_blank(node):
        return (), ()
    if node.children is not None and not node.is_list:
        message = f"{show_path(node.spelled)} is an object, where a list of paths belongs."
        notes.problem(node.spelled, "list_expected", message, 'Send it as in "clear": ["profile.title"].')
        return (), ()
    fields: dict[str, None] = {}
    names: dict[str, str] = {}
    values = {fold_case(field.name): field.value for field in custom_fields}
    for entry in [node] if node.children is None else node.items():
        text = read_text(entry, notes) or ""
        if not text:
            continue
        name = _find_custom_field_name(text)
        if name is not None:
            if _is_short_enough(entry.spelled, name, notes) and _is_not_set(
                entry, text, values.get(fold_case(name)), notes
            ):
                names.setdefault(fold_case(name), name)
            continue
        field = _find_field(entry, text, notes)
        if field is not None and _is_not_set(entry, text, profile.get(field), notes):
            fields[field] = None
    return tuple(fields), tuple(names.values())


def _is_not_set(entry: Node, text: str, value: FieldValue | None, notes: Notes) -> bool:
    if value is None or len(value) == 0:
        return True
    message = f"{show(text)} is to be cleared ({show_path(entry.spelled)}), and is given a value as well."
    notes.problem(entry.spelled, "set_and_cleared", message, "Leave one of the two out.")
    return False


def _find_custom_field_name(text: str) -> str | None:
    """The name behind `profile.customFields.`, whatever signs it is made of."""
    parts = text.split(".", 2)
    if len(parts) == 3 and PUSH.find(parts[0]) == "profile" and PROFILE.find(parts[1]) == "customFields":
        return parts[2].strip() or None
    segments = cut(text[: MAX_NAME_CHARACTERS * 2])
    if len(segments) == 3 and PUSH.find(segments[0][0]) == "profile" and PROFILE.find(segments[1][0]) == "customFields":
        return segments[2][0].strip() or None
    return None


def _find_field(entry: Node, text: str, notes: Notes) -> str | None:
    """The profile's field that a path of `clear` names; what cannot be cleared is a problem."""
    segments = [segment for segment, _, _ in cut(text[: MAX_NAME_CHARACTERS * 2])]
    shape = PUSH
    known: list[str] = []
    for segment in segments:
        name = shape.find(segment)
        if name is None:
            meant = suggest(segments[-1]) if len(notes.problems) < MAX_SUGGESTIONS else None
            hint = f"Did you mean {meant}? " if meant in _CLEARABLE else ""
            message = f'"{show(text)}" in {show_path(entry.spelled)} is not a field that can be cleared.'
            cure = hint + "Name a field of the profile, such as profile.title, or profile.customFields.<name>."
            notes.problem(entry.spelled, "unknown_path", message, cure)
            return None
        known.append(name)
        shape = shape.names[name]
    path = ".".join(known)
    if path not in _CLEARABLE:
        message = f"{path} cannot be cleared."
        notes.problem(entry.spelled, "cannot_be_cleared", message, _NOT_CLEARABLE.get(path, _CLEAR_CURE))
        return None
    if known != segments:
        message = f"{show(text)} is taken as {path}, which is how it is spelled."
        notes.warn(entry.spelled, "renamed_field", message, path)
    return known[1]


_CLEARABLE = frozenset(f"profile.{field}" for field in PROFILE_FIELDS if field != "email")
_CLEAR_CURE = "Name a field of the profile, such as profile.title, or profile.customFields.<name>."
_NOT_CLEARABLE = {
    "profile.email": "Every attendee has an address. A new one is sent as profile.email.",
    "eventInfo.groups.groupNames": 'To take all groups back send "groupNames": [].',
    "eventInfo.attending": 'To say that the person is not expected any more send "attending": false.',
    CUSTOM_FIELDS: "Name each custom field, as in profile.customFields.Shoe size.",
}
