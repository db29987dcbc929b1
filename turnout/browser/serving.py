"""Between Litestar and pages: their headers, their addresses, and the files that they load."""

import asyncio
from typing import Any, Literal

from litestar import Request, Response, route
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from turnout import errors
from turnout.browser.assets import find_asset
from turnout.feed.receipt import Answer

AnyRequest = Request[Any, Any, Any]
READS: tuple[Literal["GET"], Literal["HEAD"]] = ("GET", "HEAD")
_CACHED_FOR_EVER = "public, max-age=31536000, immutable"


def security_headers(*, forms: bool = False) -> tuple[tuple[bytes, bytes], ...]:
    """What keeps a page from loading, sending or being shown anywhere else; `forms` lets it send forms to us."""
    form_action = b"'self'" if forms else b"'none'"
    policy = (
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        b"font-src 'self'; base-uri 'none'; form-action " + form_action + b"; frame-ancestors 'none'"
    )
    return (
        (b"content-security-policy", policy),
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"no-referrer"),
        (b"cross-origin-opener-policy", b"same-origin"),
    )


def raw_path(request: AnyRequest) -> str:
    """As it was asked for: Litestar takes a slash at the end away, browsers resolve links against it."""
    raw: bytes = request.scope["raw_path"]
    return raw.decode("latin-1")


def way_to_root(path: str) -> str:
    """The way from a page at this path to the root, so that links hold behind any host name and under any path."""
    return "../" * max(path.count("/") - 1, 0) or "./"


def respond(answer: Answer) -> Response[bytes]:
    # The type goes as a header: Litestar adds a charset of its own to a `media_type`.
    headers = {name.decode(): value.decode() for name, value in answer.headers}
    return Response(answer.body, status_code=answer.status, headers=headers)


def asset_handlers() -> list[HTTPRouteHandler]:
    """The addresses of all files that pages load."""

    @route("/assets/{folder:str}/{name:str}", http_method=READS, include_in_schema=False)
    async def show_asset(request: AnyRequest, folder: FromPath[str], name: FromPath[str]) -> Response[bytes]:
        return await _send_asset(request, folder, name)

    @route(["/favicon.svg", "/favicon.ico"], http_method=READS, include_in_schema=False)
    async def show_favicon(request: AnyRequest) -> Response[bytes]:
        return await _send_asset(request, "reference", raw_path(request).rpartition("/")[2])

    return [show_asset, show_favicon]


async def _send_asset(request: AnyRequest, folder: str, name: str) -> Response[bytes]:
    asset = await asyncio.to_thread(find_asset, folder, name)
    if asset is None:
        raise errors.NotFound("There is no such file.")
    headers = {name.decode(): value.decode() for name, value in security_headers()} | {
        "content-type": asset.media_type,
        "etag": f'"{asset.digest}"',
        "vary": "Accept-Encoding",
        "cache-control": _CACHED_FOR_EVER if request.query_params.get("v") == asset.digest else "no-cache",
    }
    if asset.digest in request.headers.get("if-none-match", ""):
        return Response(b"", status_code=304, headers=headers)
    content = asset.content
    if asset.packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        headers["content-encoding"] = "gzip"
        content = asset.packed
    return Response(content, headers=headers)
