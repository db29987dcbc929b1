"""What a page declares, and one request as it sees it."""

import re
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Hashable, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Literal, Self
from urllib.parse import urlencode

import msgspec

from turnout.access import audit, roles
from turnout.access.oidc.issuer import Issuer
from turnout.alerts import watching
from turnout.console import cookies
from turnout.downstream.exports.exporter import Exporter
from turnout.errors import StorageUnavailable
from turnout.feed.by_hand.replay_many import Replays
from turnout.feed.intake import Feed
from turnout.feed.pushes_live import PushesLive
from turnout.feed.receipt import Answer, Stream
from turnout.model.event import Configuration, Event
from turnout.model.user import Need, Session, User
from turnout.operations.health import Health
from turnout.settings import Settings
from turnout.store.database import Database

HTML = (b"content-type", b"text/html; charset=utf-8")
MAX_FORM_BYTES = 1_000_000
"""Of a form, on pages that say nothing else."""
MAX_SAID = 400
"""Characters of what is said on the next page: it travels in a cookie."""
_LINE_END = re.compile(r"\r\n|\r|\n")
_LOCAL = re.compile(r"console(/[\w.@%~+-]+)*/?(\?[\w.@%~+=&*/:,-]*)?")
"""A way within the console, from the root: nothing that a browser could take for another host."""


class Product(msgspec.Struct, frozen=True):
    """What the pages work with."""

    settings: Settings
    database: Database
    feed: Feed
    public_url: str
    exporter: Exporter
    """Told when there is a file to be made."""
    health: Health
    pushes_live: PushesLive
    replays: Replays
    issuer: Issuer | None = None
    """The provider of the single sign-on; None where there is none."""
    workers: int = 1
    """Processes that answer."""

    @property
    def is_secure(self) -> bool:
        """Whether browsers come by HTTPS."""
        return self.public_url.startswith("https:")


class Message(msgspec.Struct, frozen=True):
    """A message of a live page: HTML that takes its place, or an event that a script listens for."""

    data: str
    event: str | None = None
    wire: bytes = b""
    """As it is sent, where that was made already: several windows are sent the same."""

    def as_sse(self) -> bytes:
        """As server-sent events are written."""
        if self.wire:
            return self.wire
        # Only what ends a line there: a text may have other signs in it that Python takes for the end of one.
        lines = [f"data: {line}" for line in _LINE_END.split(self.data.rstrip("\n"))]
        if self.event is not None:
            lines.insert(0, f"event: {self.event}")
        return ("\n".join(lines) + "\n\n").encode()

    def prepared(self) -> Self:
        """For several windows."""
        return msgspec.structs.replace(self, wire=self.as_sse())


class Live(msgspec.Struct, frozen=True):
    """An answer that goes on: messages as they come."""

    messages: AsyncIterator[Message]


class Undo(msgspec.Struct, frozen=True):
    """How what was just done is taken back: a POST to this way within the console."""

    path: str
    label: str = "Undo"


class Said(msgspec.Struct, frozen=True):
    """What the next page says of what was just done."""

    text: str
    undo: Undo | None = None
    kind: Literal["done", "warning"] = "done"


class File(msgspec.Struct, frozen=True):
    """What somebody sent with a form."""

    name: str
    content: bytes


class Page(msgspec.Struct, frozen=True):
    """What the console answers at one address to one method."""

    method: Literal["GET", "POST"]
    path: str
    """Below /console/: `events/{event}/pushes/{push}`; `{event}` is an event's slug."""
    needs: Need
    """Who may; where the path has an event, of this one."""
    handler: "Callable[[Visit], Answer | Stream] | Callable[[Visit], Coroutine[Any, Any, Answer | Live]]"
    """A plain function runs in a thread and may ask the database; a coroutine may answer with what goes on."""
    max_form_bytes: int = MAX_FORM_BYTES
    """Of what is sent to it, files and all. What is more is answered with 413."""


class Template(msgspec.Struct, frozen=True):
    """The templates of one page's folder."""

    folder: str
    render: Callable[..., str]
    """Of a template's name, and what it shows."""


class Visit:
    """One request, as a page sees it."""

    def __init__(
        self,
        product: Product,
        template: Template,
        *,
        path: str,
        address: str,
        user: User | None,
        session: Session | None,
        configuration: Configuration | None,
        places: Mapping[str, str],
        query: Mapping[str, str],
        form: Sequence[tuple[str, str]] = (),
        files: Mapping[str, File] | None = None,
        is_fragment: bool = False,
        browser: str = "",
        sent_cookies: Mapping[str, str] | None = None,
        shared: Mapping[str, object] | None = None,
    ) -> None:
        self.product = product
        self.database = product.database
        self.path = path
        """As it was asked for, from the root."""
        self.address = address
        """The caller's."""
        self.browser = browser
        self.sent_cookies = sent_cookies or {}
        self.user = user
        self.session = session
        self.configuration = configuration
        """Of the event in the path."""
        self.places = places
        """What stands in the path's other `{…}`."""
        self.query = query
        self.form = dict(form)
        self.files = files or {}
        self.is_fragment = is_fragment
        """Whether a script asks for a part of a page."""
        self._form = form
        self._template = template
        self._shared = shared or {}

    @property
    def event(self) -> Event:
        """The event in the path; for pages that have one."""
        assert self.configuration is not None
        return self.configuration.event

    @property
    def signed_in(self) -> User:
        """Who it is; for pages that need somebody."""
        assert self.user is not None
        return self.user

    @property
    def sees_personal(self) -> bool:
        return self.user is None or self.user.sees_personal

    @property
    def open_alerts(self) -> int:
        """How many the event in the path has, beside their place in the navigation."""
        if self.configuration is None:
            return 0
        event_id = self.configuration.event.id
        # Pages of errors have the navigation too, also while nothing can be read.
        with suppress(StorageUnavailable):
            return watching.count_open(self.database, [event_id]).get(event_id, 0)
        return 0

    @property
    def kind(self) -> Hashable:
        """Alike for all who may see and do the same at this event, and find it at the same place."""
        user = self.user
        may = None if user is None else (user.role, user.sees_personal, user.all_events)
        return may, self.may("viewer"), self._shared["root"]

    def of_its_kind(self) -> "Visit":
        """One of whoever else is of this kind: nothing in it says who. For what several windows are shown."""
        user = self.user
        if user is not None:
            events = user.events & ({self.event.id} if self.configuration else set())
            user = msgspec.structs.replace(
                user, id="", email="", name="", subject=None, events=events, created_at=0, last_seen_at=None
            )
        return Visit(
            self.product,
            self._template,
            path="",
            address="",
            user=user,
            session=None,
            configuration=self.configuration,
            places={},
            query={},
            shared={name: self._shared[name] for name in ("asset", "version", "root")},
        )

    def mask(self, text: str | None) -> str | None:
        """A name or an address, as much of it as this visitor may see."""
        return text if self.sees_personal or not text else roles.mask(text)

    def may(self, need: Need, event_id: str | None = None) -> bool:
        """Whether the visitor may do what needs this; of the event in the path where none is given."""
        if event_id is None and self.configuration is not None:
            event_id = self.configuration.event.id
        return roles.may(self.user, need, event_id)

    def form_list(self, name: str) -> list[str]:
        """All that a form has under this name."""
        return [value for key, value in self._form if key == name]

    def way(self, to: str, **query: object) -> str:
        """The way from this page to another one of the console: `events/spring/pushes`."""
        asked = urlencode({name: value for name, value in query.items() if value not in (None, "")}, doseq=True)
        return f"{self._shared['root']}console/{to}" + (f"?{asked}" if asked else "")

    @contextmanager
    def acting(self, action: str, *, target: str | None = None, event_id: str | None = None) -> Generator[audit.Deed]:
        """A deed with its line in the audit log: before it begins, and what came of it."""
        if event_id is None:
            event_id = "" if self.configuration is None else self.configuration.event.id
        with audit.acting(
            self.database, self.user, action, event_id=event_id, target=target, address=self.address
        ) as deed:
            yield deed

    def render(
        self, template: str, *, status: int = 200, headers: tuple[tuple[bytes, bytes], ...] = (), **shown: Any
    ) -> Answer:
        """A page, or a part of one, from a template of its folder.

        `status` and `headers` are the answer's; a template cannot show anything under these names.
        """
        if not isinstance(status, int) or not isinstance(headers, tuple):
            raise TypeError("status and headers are of the answer: call what the template shows otherwise.")
        html = self._template.render(template, visit=self, **self._shared, **shown)
        return Answer(status, html.encode(), (HTML, *headers))

    def render_text(self, template: str, **shown: Any) -> str:
        """The same as text, for a message."""
        return self._template.render(template, visit=self, **self._shared, **shown)

    def redirect(
        self,
        to: str,
        said: str | Said | None = None,
        undo: Undo | None = None,
        more: tuple[tuple[bytes, bytes], ...] = (),
    ) -> Answer:
        """On to another page of the console, which says what was done. `more` are headers besides."""
        headers = [(b"location", self.way(to).encode())]
        if said is not None:
            told = said if isinstance(said, Said) else Said(said[:MAX_SAID], undo)
            headers.append(cookies.say(told, secure=self.product.is_secure))
        return Answer(303, b"", (*headers, *more))


def local_way(text: str | None) -> str | None:
    """A way within the console as somebody gave it, `console/events`; None where it leads anywhere else."""
    if text is None:
        return None
    text = text.removeprefix("/")
    return text if _LOCAL.fullmatch(text) and ".." not in text else None
