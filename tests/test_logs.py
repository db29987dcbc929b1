"""What log lines look like, and that nothing personal is in them."""

import io
import json
import logging
import sys
import threading
import time
import warnings
from collections.abc import Generator

import pytest
import structlog

from turnout import logs

KEY = "trn_01hx7k_A1b2C3d4E5f6G7h8"


@pytest.fixture(autouse=True)
def _as_before() -> Generator[None]:
    """Logging is the process's; each test leaves it as it was."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    others = {name: logging.getLogger(name).level for name in ("uvicorn.error", "httpx2", "alembic", "asyncio")}
    hooks = sys.excepthook, threading.excepthook, logging.raiseExceptions
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in others.items():
        logging.getLogger(name).setLevel(before)
    sys.excepthook, threading.excepthook, logging.raiseExceptions = hooks
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def written_json(stream: io.StringIO) -> dict[str, object]:
    [line] = stream.getvalue().splitlines()
    return dict(json.loads(line))


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (f"key {KEY}.", "key trn_01hx7k_***."),
        (f"?key={KEY}&x=1", "?key=trn_01hx7k_***&x=1"),
        (KEY.upper(), "TRN_01HX7K_***"),
        (f"token {KEY.replace('trn', 'trt')}.", "token trt_01hx7k_***."),
        (f"GET /console/link/lnk_{'0' * 32}.aB3-_x HTTP/1.1", f"GET /console/link/lnk_{'0' * 32}.*** HTTP/1.1"),
        (f"ses_{'a' * 32}.aB3; hnd_{'b' * 32}.c", f"ses_{'a' * 32}.***; hnd_{'b' * 32}.***"),
        ("to john.doe+x@example.com, ok", "to ***@***, ok"),
        ("<john@example.com>", "<***@***>"),
        ("('john@example.com', 'b')", "('***@***', 'b')"),
        ('{"email":"john@example.com"}', '{"email":"***@***"}'),
        ("jörg@müller.example", "***@***"),
        ("john@localhost", "***@***"),
        ("o'neill@example.com", "o'***@***"),
        ('"john doe"@example.com', "***@***"),
        ("DELETE /e/x/attendees/john%40example.com", "DELETE /e/x/attendees/***@***"),
        ("mailto:a@b.c;d@e.f", "mailto:***@***;***@***"),
        ("@app.get and a @ b", "@app.get and a @ b"),
        ("trn_ and trn_short", "trn_ and trn_short"),
        (
            "[SQL: INSERT …]\n[parameters: ('Ann', 'x]y')]\n(Background on …)",
            "[SQL: INSERT …]\n[parameters: ***]\n(Background on …)",
        ),
        ("[parameters: ('Ann', …", "[parameters: ***]"),
        ("violates\nDETAIL:  Failing row contains (Ann, 7).", "violates\nDETAIL: ***"),
    ],
)
def test_what_looks_like_a_key_or_an_address_is_blanked(text: str, masked: str) -> None:
    assert logs.mask(text) == masked


@pytest.mark.parametrize(
    "text", ["a" * 10**6, "a." * 10**6, "a@" * 10**6, "%40" * 10**6, "[parameters: " * 10**5, f"@ {'a' * 10**6}"]
)
def test_masking_takes_no_time_worth_mentioning_whatever_the_text(text: str) -> None:
    begun = time.process_time()
    assert len(logs.mask(text)) < 100_000
    assert time.process_time() - begun < 0.2


def test_a_line_for_programs_is_one_json_object() -> None:
    stream = io.StringIO()
    logs.configure("json", stream=stream)
    structlog.get_logger("turnout.test").info("committed", pushes=3)
    line = written_json(stream)
    assert line.pop("timestamp")
    assert line == {"event": "committed", "pushes": 3, "level": "info", "logger": "turnout.test"}


def test_a_line_for_people_has_colours_only_on_a_terminal() -> None:
    plain, terminal = io.StringIO(), Terminal()
    logs.configure("text", stream=plain)
    structlog.get_logger().info("committed", pushes=3)
    logs.configure("text", stream=terminal)
    structlog.get_logger().info("committed", pushes=3)
    assert "\x1b[" not in plain.getvalue()
    assert "committed" in plain.getvalue()
    assert "pushes=3" in plain.getvalue()
    assert "\x1b[" in terminal.getvalue()


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_everything_in_an_event_is_masked(log_format: str) -> None:
    class Opaque:
        def __repr__(self) -> str:
            return "Opaque(john@example.com)"

    stream = io.StringIO()
    logs.configure("json" if log_format == "json" else "text", stream=stream)
    structlog.get_logger().error(
        f"refused {KEY}",
        text="john@example.com",
        nested={"john@example.com": [("john@example.com",), {KEY}]},
        raw=b"john@example.com",
        error=ValueError("john@example.com"),
        opaque=Opaque(),
    )
    assert "john" not in stream.getvalue()
    assert "A1b2" not in stream.getvalue()
    assert "***@***" in stream.getvalue()


@pytest.mark.parametrize("log_format", ["text", "json"])
@pytest.mark.parametrize("ours", [True, False], ids=["our logger", "a library's"])
def test_a_traceback_is_masked(log_format: str, ours: bool) -> None:
    stream = io.StringIO()
    logs.configure("json" if log_format == "json" else "text", stream=stream)
    try:
        try:
            raise ValueError(f"inner {KEY}")
        except ValueError as inner:
            raise RuntimeError("[parameters: ('Ann', 'ann@example.com')]") from inner
    except RuntimeError:
        if ours:
            structlog.get_logger().exception("failed")
        else:
            logging.getLogger("library").exception("failed for %s", "ann@example.com")
    assert "RuntimeError" in stream.getvalue()
    assert "Traceback" in stream.getvalue()
    for personal in ("A1b2", "'Ann'", "ann@example"):
        # The line of the source that raised it is quoted, too.
        assert personal not in stream.getvalue().replace("raise RuntimeError(\"[parameters: ('Ann', '", "")


def test_the_libraries_lines_come_out_the_same_way() -> None:
    stream = io.StringIO()
    logs.configure("json", stream=stream)
    logging.getLogger("uvicorn.error").warning("%d left", 2, extra={"color_message": "…"})
    line = written_json(stream)
    assert line.pop("timestamp")
    assert line == {"event": "2 left", "level": "warning", "logger": "uvicorn.error"}


def test_the_libraries_chatter_stays_out() -> None:
    stream = io.StringIO()
    logs.configure(stream=stream)
    logging.getLogger("uvicorn.error").info("Started server process")
    assert stream.getvalue() == ""


def test_lines_below_the_level_are_not_written() -> None:
    stream = io.StringIO()
    logs.configure("json", "warning", stream=stream)
    structlog.get_logger().info("quiet")
    structlog.get_logger().warning("loud")
    assert written_json(stream)["event"] == "loud"


def test_a_request_id_that_was_bound_is_in_the_line() -> None:
    stream = io.StringIO()
    logs.configure("json", stream=stream)
    with structlog.contextvars.bound_contextvars(request_id="req_1"):
        logging.getLogger("library").warning("odd")
    assert written_json(stream)["request_id"] == "req_1"


def test_an_exception_that_nobody_caught_is_masked() -> None:
    stream = io.StringIO()
    logs.configure(stream=stream)

    def fail() -> None:
        raise ValueError("for {}@example.com".format("john"))

    thread = threading.Thread(target=fail, name="worker")
    thread.start()
    thread.join()
    assert "uncaught exception in thread worker" in stream.getvalue()
    assert "john@" not in stream.getvalue()
    try:
        fail()
    except ValueError as error:
        sys.excepthook(ValueError, error, error.__traceback__)
    assert "uncaught exception " in stream.getvalue()
    assert "john@" not in stream.getvalue()


def test_a_warning_of_a_library_is_masked() -> None:
    stream = io.StringIO()
    logs.configure(stream=stream)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn(f"odd: {KEY}", stacklevel=1)
    assert "odd: trn_01hx7k_***" in stream.getvalue()


def test_a_line_that_cannot_be_written_is_not_printed_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    stream = io.StringIO()
    logs.configure(stream=stream)
    stream.close()
    logging.getLogger("library").error("for john@example.com")
    assert capsys.readouterr().err == ""


def test_what_is_said_again_and_again_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(logs.time, "monotonic", lambda: now)
    thinned = logs.Thinned(5)
    assert [thinned.count("away") for _ in range(4)] == [1, None, None, None]
    assert thinned.count("another") == 1
    now = 4.9
    assert thinned.count("away") is None
    now = 5.0
    assert [thinned.count("away") for _ in range(2)] == [5, None]
    assert thinned.count("another") == 1
    # What is forgotten is said again: there is no end of things.
    for number in range(100):
        thinned.count(str(number))
    assert thinned.count("away") == 1
