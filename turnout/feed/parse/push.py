"""A decoded body → a Push, or every problem found, in the sender's own notation (B2–B7, C3–C5, C9, D7). Pure."""

from collections.abc import Iterator

from turnout.errors import InvalidPush, MalformedBody
from turnout.feed.parse.body import Body, decode_any
from turnout.feed.parse.fields import CUSTOM_FIELDS, PUSH, suggest
from turnout.feed.parse.lists import MAX_SUGGESTIONS, Lists, list_entries, read_clear, read_custom_fields, read_groups
from turnout.feed.parse.notes import Notes, show_path
from turnout.feed.parse.paths import Missing, Node, as_text, normalise, show_scalar
from turnout.feed.parse.redact import show
from turnout.feed.parse.texts import is_blank, open_parent, read_text
from turnout.feed.parse.values import BadTime, explain_address, is_address, read_time
from turnout.model.attendee import PROFILE_FIELDS, UnknownValue
from turnout.model.push import Push

MAX_AHEAD_US = 5 * 60 * 1_000_000
"""How far ahead of our clock an `observedAt` may be (D7)."""
EMAIL_IN_JSON = 'Send it as "profile": {"email": "john.doe@example.com"}, or flat as "profile.email".'
"""What the help for a missing address ends with."""


def to_push(body: Body, *, lists: Lists, now: int) -> Push:
    """What a body says (B2–B7). `now` is in microseconds since 1970.

    Raises MalformedBody for a body that could not be opened, and InvalidPush with every problem there is.
    """
    push = body.push
    if push is None:
        return read_any(body, lists=lists, now=now)
    if lists != "none" and any(lists in group.name for group in push.groups or ()):
        return read_any(decode_any(body.text.encode(), None), lists=lists, now=now)
    return push


def read_any(body: Body, *, lists: Lists, now: int) -> Push:
    """The same for a body that is not plain."""
    if body.object is None:
        raise MalformedBody(body.problems[0].message, list(body.problems))
    notes = Notes()
    root = normalise(body.object, PUSH, notes, may_hold_odd_characters=body.may_hold_odd_characters)
    event_info, profile = root.find("eventInfo"), root.find("profile")
    profile = open_parent(profile, notes)
    event_info = open_parent(event_info, notes)
    groups = open_parent(event_info.find("groups"), notes) if event_info else None
    custom_fields_node = profile.find("customFields") if profile else None

    unknown_fields = dict(_read_unknown_fields(root, profile, custom_fields_node, event_info, groups, notes))
    email = _read_email(root, profile, notes)
    fields = {
        field: read_text(node, notes)
        for field in PROFILE_FIELDS[1:]
        if profile is not None and (node := profile.find(field)) is not None
    }
    custom_fields = read_custom_fields(custom_fields_node, notes)
    group_names = groups.find("groupNames") if groups else None
    said_groups = read_groups(group_names, notes, lists)
    attending = _read_attending(event_info.find("attending") if event_info else None, notes)
    observed_at = _read_observed_at(root.find("observedAt"), now, notes)
    clear_profile, clear_custom_fields = read_clear(root.find("clear"), notes, fields, custom_fields)
    if notes.problems:
        raise InvalidPush(_summarise(notes), notes.problems)
    return Push(
        email=email,
        profile=fields,
        custom_fields=custom_fields,
        groups=said_groups,
        attending=attending,
        clear_profile=clear_profile,
        clear_custom_fields=clear_custom_fields,
        observed_at=observed_at,
        unknown_fields=unknown_fields,
        spelled=_list_spellings(root, profile, event_info, groups),
        warnings=tuple(notes.warnings),
    )


def _summarise(notes: Notes) -> str:
    more = len(notes.problems) - 1
    return notes.problems[0].message + (f" And {more} more." if more else "")


def _list_spellings(*parents: Node | None) -> dict[str, str]:
    """Our path → the sender's, of everything known or kept whose notation differs from ours."""
    return {
        child.path: show_path(child.spelled)
        for parent in parents
        if parent is not None
        for child in (parent.children or {}).values()
        if child.spelled != child.path
    }


def _read_unknown_fields(
    root: Node,
    profile: Node | None,
    custom_fields: Node | None,
    event_info: Node | None,
    groups: Node | None,
    notes: Notes,
) -> Iterator[tuple[str, UnknownValue]]:
    """Whatever stands under a name that is none of ours, each with a warning that says what was probably meant (B5)."""
    places: list[tuple[Node | None, str, str]] = [
        (root, "", "a push"),
        (profile, "profile", "the profile"),
        (custom_fields, CUSTOM_FIELDS, "the list of custom fields"),
        (event_info, "eventInfo", "eventInfo"),
        (groups, "eventInfo.groups", "eventInfo.groups"),
    ]
    if custom_fields is not None:
        entries = [entry for entry in list_entries(custom_fields) if entry is not custom_fields]
        places += [(entry, f"{CUSTOM_FIELDS}[{at}]", "a custom field") for at, entry in enumerate(entries)]
    for place, path, title in places:
        for child in (place.children or {}).values() if place is not None else ():
            if child.shape is not None:
                continue
            _warn_of_unknown(child, title, notes)
            value = _read_unknown(child)
            if value is not None:
                yield (f"{path}.{child.name}" if path else child.name), value


def _warn_of_unknown(node: Node, title: str, notes: Notes) -> None:
    message = f"{show_path(node.spelled)} is not a field of {title}; it is kept."
    meant = None
    if node.path.startswith(CUSTOM_FIELDS + "."):
        message = (
            f"{show_path(node.spelled)} is not an entry of {title}; it is kept. A custom field is written "
            f'{{"fieldName": "{show(node.name)}", "fieldValue": "…"}}.'
        )
    elif len(notes.warnings) < MAX_SUGGESTIONS and (meant := suggest(node.name)) is not None:
        message += f" Did you mean {meant}?"
    notes.warn(node.spelled, "unknown_field", message, meant)


def _read_unknown(node: Node) -> UnknownValue:
    """Text, or lists and objects of it; None when there is nothing but null."""
    if node.children is None:
        return None if isinstance(node.value, Missing) else as_text(node.value)
    if node.is_list:
        items = [value for item in node.items() if (value := _read_unknown(item)) is not None]
        return items if items or not node.children else None
    members = {name: value for name, child in node.children.items() if (value := _read_unknown(child)) is not None}
    return members if members or not node.children else None


def _read_email(root: Node, profile: Node | None, notes: Notes) -> str:
    node = profile.find("email") if profile is not None else None
    found = len(notes.problems)
    quiet = Notes()  # a slip in the address is a problem below, not a warning
    email = (read_text(node, quiet) if node is not None else None) or ""
    notes.problems += quiet.problems
    if len(notes.problems) > found:
        return ""
    path = "profile.email" if node is None else node.spelled
    if not email:
        what = "is missing" if node is None else "is null" if node.value is None else "is blank"
        notes.problem(
            path,
            "missing_email",
            f"{show_path(path)} {what}, and without it nobody knows whom this is about.",
            _help_with_email(root),
        )
    elif not is_address(email):
        why, cure = explain_address(email)
        notes.problem(
            path, "invalid_email", f'{show_path(path)} is "{show(email)}", which is not an e-mail address: {why}.', cure
        )
    return email


def _help_with_email(root: Node) -> str:
    """What to do about a missing address, naming the nearest thing that was given."""
    candidates = [node for node in _walk(root) if node.shape is None and node.children is None and not is_blank(node)]
    named = next((node for node in candidates if suggest(node.name) == "profile.email"), None)
    if named is not None:
        return f"You sent {show_path(named.spelled)}: send it as profile.email. {EMAIL_IN_JSON}"
    held = next((n for n in candidates if isinstance(n.value, str) and is_address(n.value.strip())), None)
    if held is not None:
        where = show_path(held.spelled)
        return f"{where} holds an address: if it is the attendee's, send it as profile.email. {EMAIL_IN_JSON}"
    packed = next((n for n in candidates if isinstance(n.value, str) and n.value.lstrip()[:1] == "{"), None)
    if packed is not None:
        where = show_path(packed.spelled)
        return f"{where} holds JSON inside a text, which is not read: send what is in it as fields. {EMAIL_IN_JSON}"
    return EMAIL_IN_JSON


def _walk(root: Node, most: int = 1_000) -> Iterator[Node]:
    """The nodes below, the nearest first."""
    waiting = [root]
    for node in waiting:
        yield node
        if len(waiting) < most:
            waiting += list((node.children or {}).values())[:most]


def _read_attending(node: Node | None, notes: Notes) -> bool | None:
    """Whether the source expects the person (C9)."""
    if node is None or is_blank(node):
        return None
    text = as_text(node.value) if node.children is None and not isinstance(node.value, Missing) else None
    if text not in ("true", "false"):
        given = show_scalar(node.value) if node.children is None else "a list or an object"
        message = f"{show_path(node.spelled)} is {given}; it can only be true or false."
        notes.problem(node.spelled, "invalid_attending", message, "Send true or false, or leave it out.")
        return None
    return text == "true"


def _read_observed_at(node: Node | None, now: int, notes: Notes) -> int | None:
    """When the data was true (D7), in microseconds since 1970."""
    if node is None or is_blank(node):
        return None
    if node.children is not None or isinstance(node.value, (Missing, bool)):
        message = f"{show_path(node.spelled)} is not a time."
        notes.problem(node.spelled, "invalid_time", message, _TIME_CURE)
        return None
    text = as_text(node.value) or ""
    try:
        at = read_time(text)
    except BadTime as error:
        message = f'{show_path(node.spelled)}, "{show(text)}", {error}.'
        notes.problem(node.spelled, error.code, message, _TIME_CURE)
        return None
    if at > now + MAX_AHEAD_US:
        message = f'{show_path(node.spelled)}, "{show(text)}", lies in the future; it counts as now.'
        notes.warn(node.spelled, "observed_at_in_future", message)
        return now
    return at


_TIME_CURE = (
    "Send date, time and offset, as in 2025-03-01T09:30:00+01:00 or 2025-03-01T08:30:00Z, or seconds or milliseconds "
    "since 1970."
)
