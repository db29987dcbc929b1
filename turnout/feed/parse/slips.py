"""What is wrong with a text that is not JSON, in words for people who do not write JSON (B1)."""

import re
from json import JSONDecodeError

from msgspec.structs import replace

from turnout.feed.parse.redact import excerpt, redact, show
from turnout.model.receipt import Problem


def explain(text: str, error: ValueError | RecursionError, *, bytewise: bool = False) -> Problem:
    """The problem of a text that the JSON scanner refused: where, near what, which slip it probably is, and the cure.

    `bytewise` says that the text is UTF-8 seen as Latin-1, as batches are.
    """
    if isinstance(error, RecursionError):
        return too_deep()
    if not isinstance(error, JSONDecodeError):
        return _explain_constant(text, str(error), bytewise)
    at = error.pos
    if error.msg.startswith("Unterminated string"):
        return _problem(text, at, bytewise, 'the quotation mark " that ends this text is missing', 'Add the missing ".')
    # Later versions of Python point at the trailing comma, earlier ones behind it.
    ahead = text[at:].lstrip() if len(text) - at < _NEAR else text[at : at + _NEAR].lstrip()
    if not ahead or (ahead == "," and at + 1 >= len(text.rstrip())):
        return _explain_end(text, at, bytewise)
    what, cure = _name_slip(text, at, ahead, error.msg)
    return _problem(text, at, bytewise, what, cure)


_NEAR = 200


def too_deep() -> Problem:
    return Problem(
        path="",
        code="too_deep",
        message="The JSON is nested deeper than 32 levels.",
        help="Send the attendee as the documentation shows it; nothing there is deeper than five levels.",
    )


def explain_rest(text: str, at: int, *, bytewise: bool = False) -> Problem:
    """The problem of a text that goes on behind its first object."""
    if text[at] in "}]":
        return _problem(text, at, bytewise, f"there is one {text[at]} too many", f"Remove the last {text[at]}.")
    if text[at] in "{," and text[at:].lstrip(", \t\r\n").startswith("{"):
        return Problem(
            path="",
            code="several_objects",
            message=f"The body holds several objects{_place(text, at, bytewise)}; here one attendee is sent at a time.",
            help=BATCH_HELP,
        )
    what = "something follows behind the end of the object"
    return _problem(text, at, bytewise, what, "Send one object and nothing behind it.")


BATCH_HELP = "Send each attendee in a request of its own, or all of them at once to …/attendees/batch."


def move(problem: Problem, lines: int, columns: int = 0) -> Problem:
    """The problem of a text that stands so many lines further down in what was sent.

    `columns` is how far in the text begins, which counts in its first line alone.
    """

    def count(match: re.Match[str]) -> str:
        line, column = int(match["line"]), match["column"]
        if column is None:
            return f"line {line + lines}"
        return f"line {line + lines}, column {int(column) + (columns if line == 1 else 0)}"

    # What a sender wrote stands behind the place, but for a name, which has no space in it.
    return replace(problem, message=_LINE_AND_COLUMN.sub(count, problem.message, count=1))


_LINE_AND_COLUMN = re.compile(r"\bline (?P<line>\d+)(?:, column (?P<column>\d+))?")


def _explain_end(text: str, at: int, bytewise: bool) -> Problem:
    missing = _list_missing(text)
    if not missing:
        return _problem(text, at, bytewise, "it breaks off here", "Send the whole body.")
    signs = " and ".join(f"a {sign}" for sign in missing) if len(missing) < 4 else f"{' '.join(missing)}"
    verb = "is" if len(missing) == 1 else "are"
    last = text.rstrip()[-1:]
    if last in ",:":
        what = (
            f"the JSON breaks off behind a {'comma' if last == ',' else 'colon'}, and {signs} {verb} missing at the end"
        )
        return _problem(text, at, bytewise, what, f"Send the whole body; it ends with {''.join(missing)}.")
    what = f"{signs} {verb} missing at the end"
    return _problem(text, at, bytewise, what, f"Add {''.join(missing)} at the end.")


def _list_missing(text: str) -> list[str]:
    """The closing brackets that the text still lacks at its end."""
    missing: list[str] = []
    for token in STRING_OR_BRACKET.finditer(text):
        sign = token[0]
        if sign in _CLOSING:
            missing.append(_CLOSING[sign])
        elif sign in ("}", "]") and missing:
            missing.pop()
    return missing[::-1]


_CLOSING = {"{": "}", "[": "]"}
# Unterminated strings match too, so that no text is looked at twice.
_STRING = r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)'
STRING_OR_BRACKET = re.compile(rf"{_STRING}|[\[\]{{}}]", re.DOTALL)
_STRING_OR_CONSTANT = re.compile(rf"{_STRING}|-?Infinity|NaN", re.DOTALL)


def _explain_constant(text: str, name: str, bytewise: bool) -> Problem:
    """NaN and Infinity: the scanner's hook does not know where they stood."""
    at = _find_constant(text)
    return _problem(text, at, bytewise, f"{name} is not a value in JSON", "Send null, or a text in quotation marks.")


def _find_constant(text: str) -> int:
    return next((token.start() for token in _STRING_OR_CONSTANT.finditer(text) if token[0][0] != '"'), 0)


def find_place(text: str, error: ValueError) -> int:
    """Where in the text the JSON scanner stopped: the place that `explain` tells of."""
    return error.pos if isinstance(error, JSONDecodeError) else _find_constant(text)


def _name_slip(text: str, at: int, ahead: str, reason: str) -> tuple[str, str]:
    """What the slip is called, and its cure, judged by what stands before and behind the place."""
    behind = text[max(0, at - _NEAR) : at].rstrip()[-1:]
    if reason.startswith("Invalid \\"):
        return "a \\ inside a text must be written twice", "Write \\\\ for each \\ inside a text."
    if _PLACEHOLDER.match(text, at) or (at and _PLACEHOLDER.match(text, at - 1)):
        what = "a placeholder of a template stands here without having been filled in, or without quotation marks"
        return what, 'Put the placeholder into quotation marks ("…"), and check that your tool fills it in.'
    if (behind == "," and ahead[0] in "}]") or (ahead[0] == "," and ahead[1:].lstrip()[:1] in ("}", "]")):
        return "there is a comma behind the last entry", "Remove the comma before the closing bracket."
    if ahead[0] == "," and behind in ",{[:":
        return "there is a comma with nothing before it", "Remove the comma, or add what belongs before it."
    if ahead[0] in "'`“”„‘’«»":
        cure = 'Use ".'
        if ahead[:2] == "'{":
            cure += (
                ' In the command prompt of Windows, put the body into " and write \\" for each " in it, or send a file.'
            )
        return f'texts and names stand in straight double quotation marks ("), not in {ahead[0]}', cure
    if ahead.startswith(("//", "/*", "#", "<!--")):
        return "JSON has no comments", "Remove the comment."
    word = _WORD.match(ahead)
    if reason.startswith("Expecting property name"):
        name = show(redact(word[0]), 40) if word else ""
        what = f'the name {name} must stand in quotation marks: "{name}"' if word else "a name is expected here"
        return what, 'Put every name into double quotation marks, as in "email": "…".'
    if reason.startswith("Expecting ':'"):
        return "a colon is missing between the name and its value", 'Write "name": "value".'
    if reason.startswith("Expecting ','"):
        if ahead[0] in "}]":
            return f"this {ahead[0]} closes something that was not opened", "Check the brackets before this place."
        what = 'a comma is missing before this, or a quotation mark inside the text before it is not written as \\"'
        return what, 'Put a comma between the entries, and write \\" for a quotation mark inside a text.'
    if word and word[0] in ("True", "False", "None"):
        return f"{word[0]} is Python, not JSON", "Write true, false or null, or let json.dumps write the body."
    if word and not word[0][0].isdigit():
        return "a text must stand in quotation marks", 'Put texts into double quotation marks, as in "email": "…".'
    return (
        "a value is missing or cannot be read",
        "A value is a text in quotation marks, a number, true, false or null.",
    )


_PLACEHOLDER = re.compile(r"\{\{|\{%|\$\{|<%|<<|%%?\w|\*\||\[\[|@\{|#\{")
_WORD = re.compile(r"[^\W\d][\w.-]*")


def _problem(text: str, at: int, bytewise: bool, what: str, cure: str) -> Problem:
    message = f"The body is not valid JSON: {what}{_place(text, at, bytewise)}."
    return Problem(path="", code="invalid_json", message=message, help=cure)


def _place(text: str, at: int, bytewise: bool = False) -> str:
    before, behind = excerpt(text, at, bytewise=bytewise)
    near = f", near {before}⟨here⟩{behind}" if before or behind else ""
    return f" (line {text.count(chr(10), 0, at) + 1}, column {at - text.rfind(chr(10), 0, at)}{near})"
