"""Reading: lists of attendees, one of them, the names of groups and custom fields."""

from turnout.downstream.formats import FORMATS
from turnout.reference import examples
from turnout.reference.openapi.parts import (
    ANY_KEY,
    BODY_ERRORS,
    NOT_CHANGED,
    NOT_CHANGED_SINCE,
    Part,
    answer,
    header,
    parameters,
    query,
    read_errors,
)
from turnout.reference.schemas.parts import NOT_BLANK, SECONDS, ref
from turnout.reference.schemas.values import NO_NUL

_MEDIA_TYPES = [one.media_type.partition(";")[0] for one in FORMATS.values()]
_NOT_BLANK: Part = {"type": "string", "pattern": NOT_BLANK}


def list_attendees(problems_url: str) -> Part:
    return {
        "operationId": "listAttendees",
        "summary": "Who is there",
        "description": "A page of attendees, as far as your key sees them. Filters narrow each other: who is listed "
        "meets all of them. Read on with the address in the `Link` header, or with `next` as `cursor`, until there is "
        "none.\n\n"
        "**A snapshot.** By `id`, the default, and `created`, nobody is left out or comes twice, whatever is pushed "
        "meanwhile. `sequence` is the event's last change when the first page was read, and stays the same on all "
        "pages: follow the changes from there, and nothing is missed. Other orders promise no completeness, because "
        "people move within them.\n\n"
        "**Forms.** JSON, NDJSON, CSV or an Excel workbook, by `Accept` or `format`. Columns of tables are named as a "
        "push names its fields; no cell is a formula. For a whole event in one file ask for an export.",
        "tags": ["Read"],
        "security": ANY_KEY,
        "parameters": [
            *_list_filters(),
            query(
                "sort",
                "The order; with `-` the other way round. A search without it comes in the order of the words found.",
                {"type": "string", "enum": [f"{sign}{order}" for order in _ORDERS for sign in ("", "-")]},
            ),
            *parameters("Fields", "Limit"),
            query("cursor", "The `next` of the page before, with the same filters and order.", {"type": "string"}),
            query(
                "format",
                "In which form, whatever `Accept` says.",
                {"type": "string", "enum": list(FORMATS), "default": "json"},
            ),
            *parameters("IfNoneMatch"),
        ],
        "responses": {
            "200": {
                "description": "A page.",
                "headers": {
                    **header("X-Request-Id"),
                    **header("ETag"),
                    **header("Link"),
                    **header("X-Sequence"),
                    **header("X-Data-Age"),
                    "Content-Disposition": {
                        "description": "In all forms but JSON: the name of a file to save it in.",
                        "schema": {"type": "string"},
                    },
                },
                "content": _list_forms(),
            },
            **NOT_CHANGED_SINCE,
            **read_errors(problems_url, "invalid_request", "too_broad", "hidden_field", "not_acceptable", *_BUSY),
        },
    }


_ORDERS = ("id", "created", "updated", "email", "lastName")
_BUSY = ("index_behind", "queue_full")


def _list_filters() -> list[Part]:
    return [
        query("group", "Who is in this group, by its name.", _NOT_BLANK, "Speakers"),
        query("source", "Of whom this source says something, by its name or id.", _NOT_BLANK, "Ticket shop"),
        query(
            "updatedSince",
            "Who was changed then or later: ISO 8601 with an offset, or seconds since 1970.",
            {"anyOf": [{"type": "string", "format": "date-time"}, SECONDS]},
            "2025-03-01T08:30:00Z",
        ),
        query(
            "email",
            "Who has, or had, this address; what is none is refused. To keep addresses out of the logs on the way, "
            "look up instead.",
            ref("Email"),
            "john.doe@example.com",
        ),
        query(
            "q",
            "Text search: each word begins a word of the name, the e-mail address or the company, whatever the case "
            "and the accents; one letter is enough.",
            {"type": "string", "pattern": NO_NUL},
            "doe acm",
        ),
        query(
            "status",
            "Withdrawn people come only when asked for.",
            {"type": "string", "enum": ["attending", "withdrawn", "all"], "default": "attending"},
        ),
        {
            "name": "customFields",
            "in": "query",
            "style": "form",
            "explode": True,
            "description": "Who has this value in a custom field, whatever the case and the accents: "
            "`customField.Shoe size=43`, a parameter for each field, up to 20; one field may have several, and all "
            "have to hold.",
            "schema": {
                "type": "object",
                "patternProperties": {"^customField\\.": _NOT_BLANK},
                "additionalProperties": False,
            },
            "example": {"customField.Shoe size": "43"},
        },
    ]


def _list_forms() -> Part:
    shown = {
        "application/json": {"schema": ref("AttendeeList"), "example": examples.ATTENDEE_LIST},
        "application/x-ndjson": {
            "schema": {"type": "string", "description": "An attendee a line, each as in JSON."},
            "example": examples.ATTENDEE_LINE,
        },
        "text/csv": {
            "schema": {"type": "string", "description": "UTF-8 behind a byte order mark; it can be pushed again."},
            "example": examples.ATTENDEE_CSV,
        },
    }
    workbook: Part = {"schema": {"type": "string", "format": "binary", "description": "Excel, with the same columns."}}
    return {media_type: shown.get(media_type, workbook) for media_type in _MEDIA_TYPES}


def show_attendee(problems_url: str) -> Part:
    explained = examples.ATTENDEE | {"origins": examples.ORIGINS}
    return {
        "operationId": "showAttendee",
        "summary": "One attendee",
        "description": "By an id, or by an address, present or former, where your key sees addresses. Whatever the "
        "status is, it is shown. Who was merged into another leads to that one, and the other's `id` is answered. "
        "Whoever is outside of what your key sees is not found.",
        "tags": ["Read"],
        "security": ANY_KEY,
        "parameters": [
            _person("email"),
            query(
                "explain",
                "`true`: with `origins`, which change set each value, of which source, and what it was before. For a "
                "key that is limited to groups what was set while it did not see the person is from the change by "
                "which it came to.",
                {"type": "boolean", "default": False},
            ),
            *parameters("Fields", "IfNoneMatch"),
        ],
        "responses": {
            "200": answer(
                "The attendee.",
                ref("AttendeeShown"),
                {"attendee": ("One", examples.ATTENDEE), "explained": ("With explain=true", explained)},
                "ETag",
            ),
            **NOT_CHANGED,
            **read_errors(problems_url, *_ABOUT_ONE, "queue_full", **TELL_OF_ONE),
        },
    }


_ABOUT_ONE = ("invalid_request", "hidden_field", "not_found", "shared_address")
TELL_OF_ONE = {
    "not_found": "There is nobody with this address or id.",
    "hidden_field": "This key does not see email.",
    "shared_address": f"2 people have this address. Say which by the id: {examples.ATTENDEE_ID}, {examples.OTHER_ID}.",
}
"""Details of errors where one person is asked for."""


def _person(name: str) -> Part:
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": "An id, `att_…`, or an address, percent-encoded.",
        "schema": {"type": "string", "minLength": 1},
        "example": examples.ATTENDEE_ID,
    }


def show_history(problems_url: str) -> Part:
    return {
        "operationId": "showHistory",
        "summary": "All that changed of one attendee",
        "description": "The attendee's lines of the log, the latest first, as far as your key sees them: who said "
        "what, when, and what it was before.",
        "tags": ["Read"],
        "security": ANY_KEY,
        "parameters": [
            _person("attendee"),
            *parameters("Limit"),
            query(
                "cursor",
                "The `next` of the page before.",
                {"type": "string", "pattern": "^[1-9][0-9]{0,8}$"},
            ),
            *parameters("IfNoneMatch"),
        ],
        "responses": {
            "200": answer("A page of lines.", ref("History"), {"page": ("A page", examples.HISTORY)}, "ETag"),
            **NOT_CHANGED,
            **read_errors(problems_url, *_ABOUT_ONE, "queue_full", **TELL_OF_ONE),
        },
    }


def look_up(problems_url: str) -> Part:
    return {
        "operationId": "lookUpAttendees",
        "summary": "Attendees by addresses or ids, which no log keeps",
        "description": "As one attendee, for up to 100 at once. They stand in the body, because what stands in the "
        "address of a request is kept in logs on the way.",
        "tags": ["Read"],
        "security": ANY_KEY,
        "parameters": parameters("Fields"),
        "requestBody": {
            "required": True,
            "description": "Whom to look for.",
            "content": {
                "application/json": {
                    "schema": ref("Lookup"),
                    "example": {"emails": ["john.doe@example.com", "nobody@example.com"]},
                }
            },
        },
        "responses": {
            "200": answer("Those found, each once.", ref("Found"), {"found": ("One of two", examples.FOUND)}),
            **read_errors(
                problems_url,
                *BODY_ERRORS,
                "invalid_request",
                "hidden_field",
                hidden_field="This key does not see email.",
            ),
        },
    }


def list_groups(problems_url: str) -> Part:
    described = _list_names(problems_url, "Groups", "groups", examples.GROUPS)
    described["responses"]["200"]["headers"] |= header("X-Data-Age")
    described["responses"] |= NOT_CHANGED_SINCE
    return described


def list_custom_fields(problems_url: str) -> Part:
    return _list_names(problems_url, "CustomFields", "custom fields", examples.CUSTOM_FIELDS)


def _list_names(problems_url: str, name: str, what: str, shown: Part) -> Part:
    return {
        "operationId": f"list{name}",
        "summary": f"The event's {what}",
        "description": f"The {what} that the event has seen, in the order in which they came, and your key sees.",
        "tags": ["Read"],
        "security": ANY_KEY,
        "parameters": parameters("IfNoneMatch"),
        "responses": {
            "200": answer("All of them.", ref(name), {"all": ("All", shown)}, "ETag"),
            **NOT_CHANGED,
            **read_errors(problems_url, "invalid_request"),
        },
    }
