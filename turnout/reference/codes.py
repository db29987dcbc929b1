"""docs/errors.md, and which status goes with an error: what `turnout/explained.py` says, as a page and a table."""

from turnout import errors
from turnout.errors import TurnoutError
from turnout.explained import ERRORS, PROBLEMS, WARNINGS, WHAT_HAPPENED, Explanation

KEPT_STATUSES = (401, 403, 404, 405)
"""Statuses that are what they are under either setting of `status_codes` (D3, D4)."""


def seed_status(kind: type[TurnoutError]) -> int:
    """The status at push and batch as long as `status_codes` is `seed` (D3)."""
    return kind.status if kind.status in KEPT_STATUSES or kind.code in OF_THE_CONNECTION else 500


OF_THE_CONNECTION = frozenset(
    kind.code for kind in (errors.MalformedRequest, errors.HeadTooLarge, errors.SlowHead, errors.TooManyConnections)
)
"""Answered before anybody knows whose request it is, so that no setting can apply."""


def as_markdown() -> str:
    """docs/errors.md."""
    lines = [_HEAD]
    lines += ["| code | default | precise | retryable |", "|---|---|---|---|"]
    for code, kind in ERRORS.items():
        yes = "yes" if kind.retryable else "no"
        lines.append(f"| [`{code}`](#{code}) | {seed_status(kind)} | {kind.status} | {yes} |")
    for code, kind in ERRORS.items():
        again = "\n\n**Send the same again:** yes, after `Retry-After`." if kind.retryable else ""
        lines.append(f"\n### `{code}`\n{kind.title}. {WHAT_HAPPENED[code]}\n\n**What to do:** {kind.help}{again}")
    lines.append(_PROBLEMS_HEAD)
    for title, explanations in PROBLEMS.items():
        lines.append(f"\n### {title}")
        lines += [_paragraph(code, explanation) for code, explanation in explanations.items()]
    lines.append(_WARNINGS_HEAD)
    lines += [_paragraph(code, explanation) for code, explanation in WARNINGS.items()]
    return "\n".join(lines) + "\n"


def _paragraph(code: str, explanation: Explanation) -> str:
    return f"\n#### `{code}`\n{explanation.what}\n\n**What to do:** {explanation.cure}"


_HEAD = """\
<!-- Made by `.venv/bin/python -m turnout.reference` from turnout/explained.py and turnout/errors.py. -->
# Errors, problems, warnings

Every error is an `application/problem+json` document (RFC 9457) with a stable `code`. What is wrong with a push is
listed in its `errors`, all at once, each with the path in your own notation, a code of its own, what was wrong and
what to do. What was odd, but kept, is listed in the `warnings` of a receipt. Numbers such as B7 are the rules in
[Pushing attendees](feed.md).

Look at `retryable` rather than at the status. `false`: the request can never succeed as it is. `true`: the fault is
ours; send the same again after the seconds in `Retry-After`.

By default (`status_codes = seed`) nearly every error of a push, batch or delete is a 500, and a bad key a 401 (D3): the
column *default*. With the setting `status_codes = precise` (D4) the status is that of the column *precise*; everywhere
but at push, batch and delete it always is.

## Errors
"""
_PROBLEMS_HEAD = """
## Problems
The codes in `errors[].code`: why a push failed. An invalid push changes nothing, and is kept with its problems (D3)."""
_WARNINGS_HEAD = """
## Warnings
The codes in `warnings[].code`: the push took effect, and something about it deserves a look."""
