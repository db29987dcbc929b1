"""Exports: a file of attendees that is made beside the server."""

from turnout.downstream.formats import FORMATS
from turnout.reference import examples
from turnout.reference.openapi.parts import (
    ANY_KEY,
    BODY_ERRORS,
    Part,
    answer,
    errors,
    header,
    parameters,
    read_errors,
)
from turnout.reference.schemas.parts import ref


def ask_for_export(problems_url: str) -> Part:
    done = answer("It will be made.", ref("Export"), {"waiting": ("As it begins", examples.EXPORT_WAITING)})
    done["headers"] |= {
        "Location": {"description": "Where to ask how far it is.", "schema": {"type": "string", "format": "uri"}}
    }
    return {
        "operationId": "askForExport",
        "summary": "Ask for a file of attendees",
        "description": "The file is made beside the server, one at a time, so that neither your request nor anybody's "
        "push waits for it. Ask for the export at its `Location` until its `state` is no more `waiting` or "
        "`running`, then fetch the `file` of one that is `done`. It holds what your key may see at this moment, and "
        "only this key sees it. 10 exports of a key may wait, 20 finished files are kept for it.",
        "tags": ["Exports"],
        "security": ANY_KEY,
        "requestBody": {
            "description": "Nothing, for everybody who attends as CSV; or a format, filters and columns.",
            "content": {"application/json": {"schema": ref("ExportWish"), "example": examples.EXPORT_WISH}},
        },
        "responses": {
            "202": done,
            **read_errors(
                problems_url,
                *BODY_ERRORS,
                "invalid_request",
                "hidden_field",
                "too_many_exports",
                invalid_request=_NO_FORMAT,
            ),
        },
    }


_NO_FORMAT = 'format can be json, ndjson, csv, xlsx, not "pdf".'


def list_exports(problems_url: str) -> Part:
    return {
        "operationId": "listExports",
        "summary": "Your exports",
        "description": "The latest 100 that this key has asked for, the latest first. What became of one is "
        "remembered for a week.",
        "tags": ["Exports"],
        "security": ANY_KEY,
        "responses": {
            "200": answer("All of them.", ref("ExportList"), {"done": ("One", {"exports": [examples.EXPORT_DONE]})}),
            **read_errors(problems_url),
        },
    }


def show_export(problems_url: str) -> Part:
    failed = examples.EXPORT_WAITING | {"state": "failed", "reason": "The file would be larger than 2 GiB."}
    shown = {
        "done": ("The file is there", examples.EXPORT_DONE),
        "running": ("It is being made", examples.EXPORT_RUNNING),
        "failed": ("There will be no file", failed),
    }
    return {
        "operationId": "showExport",
        "summary": "How far an export is",
        "description": "`percent` and `rowsDone` say how far it is; `file` is where to fetch it once it is done.",
        "tags": ["Exports"],
        "security": ANY_KEY,
        "parameters": [_EXPORT],
        "responses": {
            "200": answer("The export.", ref("Export"), shown),
            **read_errors(problems_url, "not_found", not_found=_NONE),
        },
    }


_EXPORT: Part = {
    "name": "export",
    "in": "path",
    "required": True,
    "description": "Its `id`, `exp_…`.",
    "schema": {"type": "string", "minLength": 1},
    "example": examples.EXPORT_ID,
}
_NONE = f'This key has not asked for an export "{examples.EXPORT_ID}", or it is long gone.'


def fetch_export(problems_url: str) -> Part:
    headers = {
        **header("X-Request-Id"),
        **header("ETag"),
        "Accept-Ranges": {"description": "A part may be asked for.", "schema": {"const": "bytes"}},
        "Content-Disposition": {
            "description": "The name of a file to save it in.",
            "schema": {"type": "string"},
        },
    }
    content: Part = {
        one.media_type.partition(";")[0]: {
            # The whole file as it is, whatever it holds.
            "schema": {} if one.name == "json" else {"type": "string", "format": "binary"}
        }
        for one in FORMATS.values()
    }
    content_range = {"Content-Range": {"description": "Which bytes of how many.", "schema": {"type": "string"}}}
    beyond = errors(problems_url, ("no_such_range",))
    beyond["416"]["headers"] |= content_range
    return {
        "operationId": "fetchExport",
        "summary": "The file of an export",
        "description": "It is kept for 24 hours; it goes earlier when somebody of the event is erased. With `Range` a "
        "download that broke off goes on where it was, and `If-Range` makes sure that it is the same file.",
        "tags": ["Exports"],
        "security": ANY_KEY,
        "parameters": [
            _EXPORT,
            {
                "name": "Range",
                "in": "header",
                "description": "One part, such as `bytes=1048576-`; anything else is the whole file.",
                "schema": {"type": "string"},
                "example": "bytes=0-1023",
            },
            {
                "name": "If-Range",
                "in": "header",
                "description": "The `ETag` of the file that the part belongs to; of another file the whole is sent.",
                "schema": {"type": "string"},
            },
            *parameters("IfNoneMatch"),
        ],
        "responses": {
            "200": {"description": "The file.", "headers": headers, "content": content},
            "206": {"description": "The part of it.", "headers": headers | content_range, "content": content},
            "304": {"description": "What `If-None-Match` names is this file.", "headers": header("ETag")},
            **read_errors(problems_url, "not_found", "export_unfinished", "export_gone", not_found=_NONE),
            "416": beyond["416"],
        },
    }


def delete_export(problems_url: str) -> Part:
    return {
        "operationId": "deleteExport",
        "summary": "Take an export away",
        "description": "Also while it waits or is being made.",
        "tags": ["Exports"],
        "security": ANY_KEY,
        "parameters": [_EXPORT],
        "responses": {
            "204": {"description": "It is gone.", "headers": header("X-Request-Id")},
            **read_errors(problems_url, "not_found", not_found=_NONE),
        },
    }
