"""How the places of a push are read that hold one text, and those that hold others (B4)."""

from turnout.feed.parse.notes import Notes, show_path
from turnout.feed.parse.paths import Missing, Node, as_text, show_scalar
from turnout.feed.parse.redact import show
from turnout.feed.parse.values import looks_like_slip


def read_text(node: Node, notes: Notes) -> str | None:
    """The text at a node, without surrounding white space; None for null, and where there is a problem instead."""
    if node.children is not None:
        refuse_text(node, notes)
        return None
    if node.value is None or isinstance(node.value, Missing):
        return None
    text = as_text(node.value)
    if type(node.value) is str and text is not None:
        warn_of_slip(node.spelled, text, notes)
    return text


def refuse_text(node: Node, notes: Notes) -> None:
    kind = "a list" if node.is_list else "an object"
    message = f"{show_path(node.spelled)} is {kind}, where one text belongs."
    cure = "Send one text." if kind == "a list" else "Send the text itself, without the object around it."
    notes.problem(node.spelled, "not_a_text", message, cure)


def warn_of_slip(path: str, text: str, notes: Notes) -> None:
    """A text that a template or a program left behind is kept, because nobody can be sure (B4)."""
    if looks_like_slip(text):
        what = "it is stored, and looks as if a value had not been filled in"
        message = f'{show_path(path)} is "{show(text)}"; {what}.'
        notes.warn(path, "placeholder_text", message)


def open_parent(node: Node | None, notes: Notes) -> Node | None:
    """The node, if it holds others; null and blank are not given, and so is `[]`, as PHP writes an empty object."""
    if node is None or is_blank(node):
        return None
    if node.children is None or (len(node.children) > 0 and node.is_list):
        kind = show_scalar(node.value) if node.children is None else "a list"
        message = f"{show_path(node.spelled)} is {kind}, where an object belongs."
        notes.problem(node.spelled, "object_expected", message, _SHAPES.get(node.path, "Send an object."))
        return None
    return node


_SHAPES = {
    "profile": 'Send one attendee, as in "profile": {"email": "john.doe@example.com"}.',
    "eventInfo": 'Send it as in "eventInfo": {"groups": {"groupNames": ["Group1"]}}.',
    "eventInfo.groups": 'Send it as in "groups": {"groupNames": ["Group1"]}.',
}


def is_blank(node: Node) -> bool:
    """Whether a node is null or holds nothing but white space."""
    return node.children is None and not isinstance(node.value, Missing) and (as_text(node.value) or "") == ""
