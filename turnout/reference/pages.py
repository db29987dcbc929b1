"""The pages: home, API reference, rules, every code, what a gateway answers to a browser. Whole without any script.

Every link within is relative, so that the pages work behind any host name and under any path.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar import Response, route
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from markupsafe import Markup, escape

from turnout import __version__, errors
from turnout.browser.assets import asset_url
from turnout.browser.serving import READS, AnyRequest, raw_path, respond, security_headers, way_to_root
from turnout.explained import find_explanation
from turnout.feed.receipt import JSON, Answer
from turnout.reference import codes, examples, snippets
from turnout.reference.highlight import as_html, shell_as_html
from turnout.reference.openapi.document import document as openapi_document
from turnout.reference.openapi.document import with_more
from turnout.reference.rules import rules_as_html

SECURITY = security_headers()


def route_handlers(public_url: str, version: str, more: dict[str, Any] | None = None) -> list[HTTPRouteHandler]:
    """Everything that the reference serves, for Litestar. `more` is what another face adds to the document."""
    document = openapi_document(public_url, version)
    encoded = msgspec.json.encode(document if more is None else with_more(document, more))
    site = _Site(public_url, version)

    @route("/", http_method=READS, include_in_schema=False)
    async def show_home(request: AnyRequest) -> Response[bytes]:
        return respond(site.home(raw_path(request), document))

    @route("/openapi.json", http_method=READS, include_in_schema=False)
    async def show_document() -> Response[bytes]:
        return respond(Answer(200, encoded, (JSON, *SECURITY)))

    @route("/docs", http_method=READS, include_in_schema=False)
    async def show_docs(request: AnyRequest) -> Response[bytes]:
        return respond(site.docs(raw_path(request)))

    @route("/rules", http_method=READS, include_in_schema=False)
    async def show_rules(request: AnyRequest) -> Response[bytes]:
        return respond(site.rules(raw_path(request)))

    @route("/problems", http_method=READS, include_in_schema=False)
    async def list_problems(request: AnyRequest) -> Response[bytes]:
        return respond(site.problems(raw_path(request), _wants_html(request)))

    @route("/problems/{code:str}", http_method=READS, include_in_schema=False)
    async def show_problem(request: AnyRequest, code: FromPath[str]) -> Response[bytes]:
        return respond(site.problem(raw_path(request), code, _wants_html(request)))

    return [show_home, show_document, show_docs, show_rules, list_problems, show_problem]


def gateway_page(public_url: str) -> Callable[..., Answer]:
    """What any gateway answers to a GET, whether or not there is such an event (A3): how to push to it.

    The answer is made from the path asked for, whether HTML is wanted, and the host name where that is the event's own.
    """
    site = _Site(public_url, __version__)

    def page(path: str, wants_html: bool, host: str | None = None) -> Answer:
        base = public_url if host is None else f"{urlsplit(public_url).scheme}://{host}"
        return site.gateway(path, base + quote(path.rstrip("/"), safe="/-._~"), wants_html)

    return page


class _Site:
    """The templates, and what every page shows."""

    def __init__(self, public_url: str, version: str) -> None:
        self.public_url = public_url
        self.version = version
        self.problems_url = f"{public_url}/problems"
        self._templates = Environment(
            loader=FileSystemLoader(Path(__file__).parent / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters |= {"prose": _prose, "shown_json": as_html, "shown_shell": shell_as_html}

    def home(self, path: str, document: dict[str, Any]) -> Answer:
        operations = [
            {"method": method.upper(), "path": where, "summary": operation["summary"], "tag": operation["tags"][0]}
            for where, operations in document["paths"].items()
            for method, operation in operations.items()
            if method in ("get", "post", "delete")
        ]
        return self._render(
            "home.html", path, operations=operations, curl=snippets.curl(f"{self.public_url}/e/your-event/attendees")
        )

    def docs(self, path: str) -> Answer:
        return self._render("docs.html", path)

    def rules(self, path: str) -> Answer:
        gateway = f"{self.public_url}/e/your-event"
        return self._render("rules.html", path, content=rules_as_html(gateway, f"{way_to_root(path)}problems"))

    def problems(self, path: str, wants_html: bool) -> Answer:
        if not wants_html:
            listed = [_describe(code, self.problems_url) for code in codes.ERRORS]
            explained = [
                {"code": code, "whatHappened": explanation.what, "whatToDo": explanation.cure}
                for explanations in codes.PROBLEMS.values()
                for code, explanation in explanations.items()
            ]
            warned = [
                {"code": code, "whatHappened": explanation.what, "whatToDo": explanation.cure}
                for code, explanation in codes.WARNINGS.items()
            ]
            return _json({"errors": listed, "problems": explained, "warnings": warned})
        return self._render(
            "problems.html",
            path,
            errors=codes.ERRORS,
            seed_status=codes.seed_status,
            problems=codes.PROBLEMS,
            warnings=codes.WARNINGS,
        )

    def problem(self, path: str, code: str, wants_html: bool) -> Answer:
        """Raises NotFound where a program asks for a code that there is not; people get a page."""
        kind = codes.ERRORS.get(code)
        found = find_explanation(code)
        if kind is not None:
            if not wants_html:
                return _json(_describe(code, self.problems_url))
            return self._render(
                "problem.html",
                path,
                code=code,
                kind=kind,
                what_happened=codes.WHAT_HAPPENED[code],
                seed_status=codes.seed_status(kind),
                example=examples.problem(code, self.problems_url),
            )
        if found is not None:
            part, explanation = found
            if not wants_html:
                whole = {"code": code, "whatHappened": explanation.what, "whatToDo": explanation.cure}
                return _json({"isA": part, **whole})
            return self._render("explanation.html", path, code=code, part=part, explanation=explanation)
        if not wants_html:
            raise errors.NotFound("No answer carries such a code.")
        return self._render("unknown_code.html", path, status=404, code=code)

    def gateway(self, path: str, address: str, wants_html: bool) -> Answer:
        push_url = f"{address}/attendees"
        if not wants_html:
            return _json(_describe_gateway(address, self.public_url))
        return self._render(
            "gateway.html",
            path,
            push_url=push_url,
            curl=snippets.curl(push_url),
            curl_list=snippets.curl_list(address),
            curl_changes=snippets.curl_changes(address),
            curl_stream=snippets.curl_stream(address),
            also=_ALSO,
            powershell=snippets.powershell(push_url),
            python=snippets.python(push_url),
            push=examples.PUSH,
            flat_push=examples.FLAT_PUSH,
            receipt=examples.CREATED,
        )

    def _render(self, template: str, path: str, *, status: int = 200, **shown: Any) -> Answer:
        html = self._templates.get_template(template).render(
            root=way_to_root(path), version=self.version, asset=asset_url, **shown
        )
        headers = ((b"content-type", b"text/html; charset=utf-8"), *_PAGE)
        return Answer(status, html.encode(), headers)


_ALSO = (
    {"method": "POST", "address": "attendees/batch", "says": "Up to 10,000 attendees at once, each answered by itself"},
    {"method": "DELETE", "address": "attendees/{e-mail}", "says": "Your source does not expect this person any more"},
    {"method": "GET", "address": "key", "says": "Which event, source and settings your key has, or what it may read"},
    {"method": "GET", "address": "pushes", "says": "What you pushed, and what became of it"},
    {"method": "GET", "address": "attendees/{id or e-mail}", "says": "One attendee; …/history has all that changed"},
    {"method": "POST", "address": "attendees/lookup", "says": "The same by addresses in the body, which no log keeps"},
    {"method": "GET", "address": "groups", "says": "The event’s groups; custom-fields has the names of its fields"},
    {"method": "POST", "address": "exports", "says": "A file of everybody, made beside the server"},
)
"""What a gateway's page lists besides what it shows."""
_PAGE = (*SECURITY, (b"vary", b"Accept"), (b"cache-control", b"no-cache"))


def _describe(code: str, problems_url: str) -> dict[str, Any]:
    """An error for programs."""
    kind = codes.ERRORS[code]
    return {
        "type": f"{problems_url}/{code}",
        "code": code,
        "title": kind.title,
        "whatHappened": codes.WHAT_HAPPENED[code],
        "whatToDo": kind.help,
        "retryable": kind.retryable,
        "status": {"precise": kind.status, "seed": codes.seed_status(kind)},
    }


def _describe_gateway(address: str, public_url: str) -> dict[str, Any]:
    """A gateway for programs: the same facts as on its page."""
    return {
        "what": "A gateway of Turnout: attendees of one event are pushed to this address, and read here.",
        "push": {
            "method": "POST",
            "url": f"{address}/attendees",
            "contentType": "application/json",
            "key": "In the Api-Key header, as Authorization: Bearer, or in the body as key. Ask whoever runs the "
            "event.",
            "body": examples.PUSH,
            "bodyFlat": examples.FLAT_PUSH,
            "dryRun": f"{address}/attendees?dryRun=true",
        },
        "batch": {"method": "POST", "url": f"{address}/attendees/batch"},
        "key": {"method": "GET", "url": f"{address}/key"},
        "leave": {"method": "DELETE", "url": f"{address}/attendees/{{email}}"},
        "pushes": {"method": "GET", "url": f"{address}/pushes"},
        "read": {"method": "GET", "url": f"{address}/attendees", "key": "A read key, in a header."},
        "changes": {"method": "GET", "url": f"{address}/changes?after=0"},
        "stream": {"method": "GET", "url": f"{address}/changes/stream?after=0"},
        "exports": {"method": "POST", "url": f"{address}/exports"},
        "documentation": f"{public_url}/docs",
        "rules": f"{public_url}/rules",
        "openapi": f"{public_url}/openapi.json",
        "problems": f"{public_url}/problems",
    }


def _json(content: dict[str, Any]) -> Answer:
    return Answer(200, msgspec.json.encode(content), (JSON, *_PAGE))


def _prose(text: str) -> Markup:
    """A sentence with `code` in it."""
    pieces = str(escape(text)).split("`")
    return Markup("".join(f"<code>{piece}</code>" if at % 2 else piece for at, piece in enumerate(pieces)))  # noqa: S704 # escaped above


# Between Litestar and the pages


def _wants_html(request: AnyRequest) -> bool:
    return "text/html" in request.headers.get("accept", "")
