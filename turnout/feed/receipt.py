"""The answer: outcome or error → status and body (D1–D4). Pure."""

from collections.abc import AsyncGenerator, Sequence
from typing import Any

import msgspec
from msgspec import UNSET

from turnout import errors
from turnout.model.receipt import MAX_LISTED, Completed, Failure, Outcome, Problem, ProblemDocument, Receipt

_encode = msgspec.json.Encoder().encode


class Answer(msgspec.Struct, frozen=True):
    """An HTTP answer, still without a connection."""

    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()
    wait_s: float = 0.0
    """How long it is kept back (A4)."""
    code: str = ""
    """Of the error, for the log."""


class Stream(msgspec.Struct, frozen=True):
    """An answer that is sent piece by piece. The pieces are closed when they end, and when whoever asked has gone."""

    headers: tuple[tuple[bytes, bytes], ...]
    pieces: AsyncGenerator[bytes]
    status: int = 200


JSON = (b"content-type", b"application/json")
PROBLEM = (b"content-type", b"application/problem+json")
CSV = (b"content-type", b"text/csv; charset=utf-8")
AS_FILE = (b"content-disposition", b'attachment; filename="failed.csv"')


def render(outcome: Outcome, *, precise: bool, minimal: bool, problems_url: str) -> Answer:
    """The answer to one push."""
    if outcome.failure is None:
        return Answer(200, _encode(as_receipt(outcome, minimal=minimal)), (JSON,))
    document = as_problem(outcome.failure, precise=precise, problems_url=problems_url, push_id=outcome.push_id)
    return Answer(document.status, _encode(document), (PROBLEM,), code=document.code)


def render_error(error: errors.TurnoutError, *, precise: bool, problems_url: str) -> Answer:
    """The answer to a request that an error ended. `precise` leaves statuses as they are, else they become 500 (D3)."""
    document = as_problem(to_failure(error), precise=precise, problems_url=problems_url)
    headers = [PROBLEM]
    wait_s = 0.0
    if isinstance(error, errors.Unauthorized):
        wait_s = error.wait_s
        headers.append((b"www-authenticate", b'Bearer realm="Turnout", ApiKey realm="Turnout"'))
    elif isinstance(error, errors.Unavailable):
        headers.append((b"retry-after", str(error.retry_after_s).encode()))
    elif isinstance(error, errors.MethodNotAllowed):
        headers.append((b"allow", ", ".join(error.allowed).encode()))
    return Answer(document.status, _encode(document), tuple(headers), wait_s, document.code)


def as_receipt(outcome: Outcome, *, minimal: bool, index: int | None = None) -> Receipt:
    return Receipt(
        id=outcome.push_id,
        result=outcome.result,
        attendee=outcome.attendee,
        sequence=outcome.sequence,
        changes=UNSET if minimal else outcome.changes,
        warnings=outcome.warnings,
        more_warnings=outcome.more_warnings or UNSET,
        dry_run=outcome.dry_run or UNSET,
        index=UNSET if index is None else index,
    )


def as_problem(
    failure: Failure, *, precise: bool, problems_url: str, push_id: str | None = None, index: int | None = None
) -> ProblemDocument:
    kind = errors.BY_CODE[failure.code]
    return ProblemDocument(
        type=f"{problems_url}/{kind.code}",
        title=kind.title,
        status=kind.status if precise or kind.status in _KEPT else 500,
        detail=failure.detail,
        code=kind.code,
        retryable=kind.retryable,
        id=push_id,
        errors=failure.errors,
        more_errors=failure.more_errors or UNSET,
        index=UNSET if index is None else index,
    )


_KEPT = (401, 403, 404, 405)
"""Statuses that are what they are under either setting of `status_codes`."""


def to_failure(error: errors.TurnoutError) -> Failure:
    """What is kept of an error that belongs to one push. One with a single reason is that reason's problem (D3)."""
    problems = error.problems
    if not problems and isinstance(error, SAY_THEMSELVES):
        problems = [Problem(path=error.path, code=error.code, message=error.detail, help=error.help)]
    more = max(0, len(problems) - MAX_LISTED) + error.more_problems
    return Failure(error.code, error.detail, problems[:MAX_LISTED], more)


SAY_THEMSELVES = (
    errors.Refused,
    errors.InvalidRequest,
    errors.HiddenField,
    errors.NoSuchRange,
    errors.Unavailable,
)
"""Errors that are their own only problem where they have no others: so their help is in the answer."""


def render_receipts(
    outcomes: Sequence[Outcome | Failure],
    *,
    receipts: str,
    precise: bool,
    minimal: bool,
    problems_url: str,
    completed: Completed | None = None,
    withdrawn: int = 0,
) -> Answer:
    """The answer to a batch: a receipt or problem for each item, in order, the counts, what completing did (E1, E4).

    `receipts` is `all`, `failed` or `summary`. A bare Failure is of an item that was not even taken.
    """
    counts = dict.fromkeys(("created", "updated", "unchanged", "suppressed", "failed"), 0)
    results = []
    for index, outcome in enumerate(outcomes):
        failure = outcome if isinstance(outcome, Failure) else outcome.failure
        counts["failed" if isinstance(outcome, Failure) else outcome.result] += 1
        if failure is not None and receipts != "summary":
            push_id = None if isinstance(outcome, Failure) else outcome.push_id
            results.append(
                as_problem(failure, precise=precise, problems_url=problems_url, push_id=push_id, index=index)
            )
        elif receipts == "all" and isinstance(outcome, Outcome):
            results.append(as_receipt(outcome, minimal=minimal, index=index))
    content: dict[str, Any] = {"results": results, **counts, "withdrawn": withdrawn}
    if completed is not None:
        content["complete"] = completed
    return Answer(200, _encode(content), (JSON,))


def list_failures(outcomes: Sequence[Outcome | Failure]) -> list[tuple[int, Failure]]:
    """The items that failed, by their place."""
    failures = ((at, one if isinstance(one, Failure) else one.failure) for at, one in enumerate(outcomes))
    return [(at, failure) for at, failure in failures if failure is not None]
