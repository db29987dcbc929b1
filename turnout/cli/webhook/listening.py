"""`turnout webhook listen`: a receiver for a developer at his desk, which prints what it is sent."""

import os
import re
import sys
from collections import OrderedDict
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock
from typing import Any

import rich_click as click

from turnout.cli import output

FROM_ENVIRONMENT = "TURNOUT_WEBHOOK_SECRET"
MAX_BODY_BYTES = 10 << 20
MAX_IDS = 10_000
"""So many ids are remembered, to know what comes again."""
_SECRET = re.compile(r"whsec_[A-Za-z0-9+/]{43}=")
TIMEOUT_S = 30
_SHOWN_LETTERS = 200
_STATES = {"good": "green", "bad": "red", "missing": "red", "not checked": "yellow"}


@click.command()
@click.option("--port", default=9000, show_default=True, type=click.IntRange(0, 65535), help="The port to listen on.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on; 0.0.0.0 is all.")
@click.option(
    "--secret",
    metavar="whsec_…",
    help=f"Check the signatures with it. Better off in {FROM_ENVIRONMENT}: arguments are seen by everybody.",
)
@click.option(
    "--answer",
    "status",
    default=200,
    show_default=True,
    type=click.IntRange(200, 599),
    metavar="STATUS",
    help="Answer with it: 500 to see deliveries tried again, 410 to see the webhook switched off.",
)
@output.json_option
def listen(port: int, host: str, secret: str | None, status: int) -> None:
    """Receive deliveries here and print each, until Ctrl-C: what changed, whether the signature is good, what repeats.

    Make the webhook with --allow-private, as this machine is no public address.

    Example: turnout webhook listen --port 9000 --secret whsec_…
    """
    checked = _read_secret(secret)
    shown_host = f"[{host}]" if ":" in host else host
    try:
        listener = _Listener((host, port), checked, status, as_json=output.wants_json())
    except OSError as error:
        cure = "Choose another --port, or end whatever listens there."
        output.fail("cannot_listen", f"Nothing can listen at {shown_host}:{port}: {error.strerror}. {cure}", cure)
    with listener:
        try:
            output.note(f"Listening at http://{shown_host}:{listener.server_port}, answering {status}. Ctrl-C ends it.")
            if checked is None:
                output.note(f"Signatures are not checked: set {FROM_ENVIRONMENT} to the webhook's secret, whsec_…")
            listener.serve_forever(poll_interval=0.1)
        except KeyboardInterrupt:
            output.note("")


def _read_secret(given: str | None) -> str | None:
    secret = (given or os.environ.get(FROM_ENVIRONMENT, "")).strip() or None
    if secret is not None and not _SECRET.fullmatch(secret):
        raise click.UsageError(
            f"The secret (--secret or {FROM_ENVIRONMENT}) is not one, or not whole: it is whsec_ and 44 letters, as it "
            "was shown when the webhook was made."
        )
    return secret


class _Listener(ThreadingHTTPServer):
    """Answers everything that is POSTed, and prints it in the order of arrival."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], secret: str | None, status: int, *, as_json: bool) -> None:
        import socket

        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.secret = secret
        self.status = status
        # Asked here: click knows it in the thread that runs the command alone.
        self._as_json = as_json
        self._one_at_a_time = Lock()
        self._seen: OrderedDict[str, int] = OrderedDict()
        super().__init__(address, _Handler)

    def take(self, headers: Mapping[str, str], body: bytes) -> None:
        """Prints one delivery."""
        from turnout.now import as_text, now_us

        delivery_id = headers.get("webhook-id", "")
        with self._one_at_a_time:
            times = self._count(delivery_id) if delivery_id else 1
            signature = _check_signature(self.secret, headers, body)
            message = _read_message(body)
            if self._as_json:
                output.write_json_line(
                    {
                        "id": delivery_id or None,
                        "at": as_text(now_us()),
                        "signature": signature,
                        "times": times,
                        "answered": self.status,
                        "message": message,
                    }
                )
            else:
                _print(delivery_id, signature, times, self.status, message)
            sys.stdout.flush()

    def _count(self, delivery_id: str) -> int:
        """How often it has come, this time included."""
        times = self._seen.pop(delivery_id, 0) + 1
        self._seen[delivery_id] = times
        if len(self._seen) > MAX_IDS:
            self._seen.popitem(last=False)
        return times


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    timeout = TIMEOUT_S

    def do_POST(self) -> None:
        assert isinstance(self.server, _Listener)
        length = self.headers.get("content-length", "")
        if not length.isdecimal() or int(length) > MAX_BODY_BYTES:
            self.close_connection = True
            self._answer(411 if not length else 413)
            return
        body = self.rfile.read(int(length))
        if len(body) == int(length):
            self.server.take({name.lower(): value for name, value in self.headers.items()}, body)
            self._answer(self.server.status)

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the standard library's name for it
        """What there is to say is said above."""


def _check_signature(secret: str | None, headers: Mapping[str, str], body: bytes) -> str:
    """`good`, `bad`, `missing`, or `not checked` where no secret was given."""
    from standardwebhooks import Webhook, WebhookVerificationError

    if "webhook-signature" not in headers:
        return "missing"
    if secret is None:
        return "not checked"
    try:
        Webhook(secret).verify(body, dict(headers))
    except (WebhookVerificationError, ValueError):
        return "bad"
    return "good"


def _read_message(body: bytes) -> Any:
    import json

    try:
        return json.loads(body)
    except ValueError:
        return body.decode("utf-8", "replace")


def _print(delivery_id: str, signature: str, times: int, status: int, message: Any) -> None:
    """For people: a line on what it is, one for each change, and one on how it went."""
    from time import strftime

    its = _as_object(message)
    data = _as_object(its.get("data"))
    attendee, event = _as_object(data.get("attendee")), _as_object(data.get("event"))
    head = [strftime("%H:%M:%S"), str(its.get("type", "not a message of Turnout's"))]
    if "sequence" in data:
        head.append(f"{event.get('slug', '?')} #{data['sequence']}")
    head += [str(one) for one in (attendee.get("email"), attendee.get("id")) if one]
    click.echo(click.style(output.printable("  ".join(head)), bold=True))
    changes = data.get("changes")
    for change in changes if isinstance(changes, list) else ():
        click.echo(output.printable(f"          {_describe(_as_object(change))}"))
    if not data:
        click.echo(output.printable(f"          {str(message)[:_SHOWN_LETTERS]}"))
    again = click.style(f", the {times}th time" if times > 3 else _AGAIN[times], fg="yellow")
    shown = click.style(f"signature {signature}", fg=_STATES[signature])
    click.echo(f"          {shown}{again}, answered {status}  {output.printable(delivery_id)}")


_AGAIN = ("", "", ", the 2nd time", ", the 3rd time")


def _as_object(value: Any) -> dict[str, Any]:
    """Whoever sends may send anything."""
    return value if isinstance(value, dict) else {}


def _describe(change: Mapping[str, Any]) -> str:
    path = " ".join(str(change[part]) for part in ("path", "fieldName") if part in change)
    return f"{path}: {output.show_value(change.get('old'))} → {output.show_value(change.get('new'))}"
