"""How log lines are made, and the last line of defence: no key and no e-mail address is ever in one (A5).

Whoever logs leaves personal things out in the first place. What slips through (a database's message quotes its
parameters, a traceback quotes a message) is blanked here, in every text of every event, of our own loggers and of the
libraries'.
"""

import logging
import logging.config
import os
import re
import sys
import threading
import time
from collections.abc import Iterator, Mapping, MutableMapping
from types import TracebackType
from typing import Any, Literal, TextIO, cast

import structlog
from structlog.types import EventDict, Processor, WrappedLogger

MAX_TEXT = 20_000
"""Characters of one text in an event; a traceback is seldom longer."""
_MAX_DEPTH = 8
THINNED_EVERY_S = 5.0
"""Between two lines that say the same of something that is away …"""
_MAX_THINNED = 100
"""… of so many things; the one that was not heard of for longest is forgotten."""

_KEY = re.compile(r"(tr[nt]_[0-9a-z]+_)[0-9a-z]+", re.IGNORECASE)
# Sessions' cookies, links that are good once, hand-outs.
_SECRET_TEXT = re.compile(r"((?:ses|lnk|hnd)_[0-9a-f]{32}\.)[\w-]+")
_WORD = r"[^\s@<>\"'`(),:;=&?/|\[\]{}]"
# The lookbehind and the possessive `++` keep it linear: a long text without an @ is walked through once.
_EMAIL = re.compile(rf"(?:\"[^\"\n]{{1,64}}\"|(?<!{_WORD}){_WORD}++)@{_WORD}+")
_EMAIL_IN_URL = re.compile(r"[\w.+%~!$*-]{1,320}%40[\w.%-]+", re.IGNORECASE)
# SQLAlchemy's "[parameters: (…)]" and PostgreSQL's "DETAIL:  Failing row contains (…)" and "CONTEXT: …" quote values.
_PARAMETERS = "[parameters: "
_PARAMETERS_END = re.compile(r"\](?=\n|$|\s*\(Background)")
_DETAIL = re.compile(r"^(\s*)(DETAIL|CONTEXT):.*$", re.MULTILINE)


def mask(text: str) -> str:
    """The text without what looks like a key's secret, an e-mail address or a statement's parameters."""
    if len(text) > MAX_TEXT:
        text = f"{text[: MAX_TEXT // 2]} … {text[-MAX_TEXT // 2 :]}"
    if "_" in text:
        text = _SECRET_TEXT.sub(r"\1***", _KEY.sub(r"\1***", text))
    if _PARAMETERS in text:
        text = _without_parameters(text)
    if "DETAIL:" in text or "CONTEXT:" in text:
        text = _DETAIL.sub(r"\1\2: ***", text)
    if "@" in text:
        text = _EMAIL.sub("***@***", text)
    if "%40" in text:
        text = _EMAIL_IN_URL.sub("***@***", text)
    return text


def _without_parameters(text: str) -> str:
    parts = []
    begin = 0
    while (found := text.find(_PARAMETERS, begin)) >= 0:
        parts += [text[begin:found], _PARAMETERS, "***]"]
        end = _PARAMETERS_END.search(text, found)
        begin = end.end() if end else len(text)
    return "".join([*parts, text[begin:]])


def mask_event(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """structlog processor: `mask` for everything in the event. What is no plain value becomes text here, not later."""
    return {mask(key): _mask_value(value) for key, value in event.items()}


def _mask_value(value: Any, depth: int = 0) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return mask(str(value))
    if depth < _MAX_DEPTH:
        if isinstance(value, Mapping):
            return {mask(str(key)): _mask_value(one, depth + 1) for key, one in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [_mask_value(one, depth + 1) for one in value]
    return mask(repr(value))


def configure(
    log_format: Literal["text", "json"] = "text",
    log_level: str = "info",
    stream: TextIO | None = None,
    *,
    with_pid: bool = False,
) -> None:
    """Sends the log lines of this process, our own and the libraries', masked, to the stream (standard error).

    `with_pid` says in each line which process it is from, where several write to one stream.

    A request's id comes into its lines by `structlog.contextvars.bind_contextvars(request_id=…)`, or by hand where
    binding would be paid for by every request and needed by few. Colours only on a terminal.
    """
    if stream is None:
        stream = cast("TextIO", sys.stderr)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_shared(with_pid=with_pid),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*_shared(with_pid=with_pid), _without_color_message],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                mask_event,
                _renderer(log_format, colors=stream.isatty()),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(log_level.upper())
    # Libraries tell at `info` what only their authors want to know.
    for name in ("uvicorn.error", "httpx", "httpx2", "httpcore", "httpcore2", "alembic", "asyncio"):
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    logging.captureWarnings(capture=True)
    # Where a line cannot be written, the standard library prints it to standard error as it is, unmasked.
    logging.raiseExceptions = False
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_uncaught_in_thread


class Thinned:
    """For what would be said by the hundred while something is away: the first time, then with how often every while.

    Each thing by itself, in any thread.
    """

    def __init__(self, every_s: float = THINNED_EVERY_S) -> None:
        self._every_s = every_s
        self._lock = threading.Lock()
        self._said: dict[str, tuple[float, int]] = {}
        """Of each thing when it was said last, and how often it was not said since."""

    def count(self, what: str) -> int | None:
        """How often it was to be said since it was said last, this time included; None where it is not said now."""
        now = time.monotonic()
        with self._lock:
            said_at, unsaid = self._said.pop(what, (float("-inf"), 0))
            is_due = now - said_at >= self._every_s
            while len(self._said) >= _MAX_THINNED:
                del self._said[next(iter(self._said))]
            self._said[what] = (now, 0) if is_due else (said_at, unsaid + 1)
        return unsaid + 1 if is_due else None


def _shared(*, with_pid: bool) -> Iterator[Processor]:
    yield structlog.contextvars.merge_contextvars
    if with_pid:
        yield _add_pid
    yield structlog.stdlib.add_log_level
    yield structlog.stdlib.add_logger_name
    yield structlog.stdlib.PositionalArgumentsFormatter()
    yield structlog.processors.TimeStamper(fmt="iso", utc=True)
    yield structlog.processors.StackInfoRenderer()


def _add_pid(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    event["pid"] = os.getpid()
    return event


def _renderer(log_format: str, *, colors: bool) -> Processor:
    if log_format == "json":
        return structlog.processors.JSONRenderer(ensure_ascii=False)
    # The traceback is a text by now (it had to be masked); nothing that shows local variables may come instead.
    return structlog.dev.ConsoleRenderer(
        colors=colors, exception_formatter=structlog.dev.plain_traceback, pad_event_to=0
    )


def _without_color_message(
    _logger: WrappedLogger, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    event.pop("color_message", None)
    return event


def _log_uncaught(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, traceback)
        return
    logging.getLogger("turnout").critical("uncaught exception", exc_info=(kind, error, traceback))


def _log_uncaught_in_thread(failed: threading.ExceptHookArgs) -> None:
    if failed.exc_value is not None and not isinstance(failed.exc_value, SystemExit):
        name = failed.thread.name if failed.thread else "?"
        logging.getLogger("turnout").critical(
            "uncaught exception in thread %s", name, exc_info=(failed.exc_type, failed.exc_value, failed.exc_traceback)
        )
