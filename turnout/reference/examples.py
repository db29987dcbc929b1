"""Bodies and answers as they look, for the document and the pages. Every one is checked against its schema."""

import json
from typing import Any

from turnout import errors
from turnout.feed.receipt import SAY_THEMSELVES
from turnout.model.attendee import PROFILE_FIELDS
from turnout.reference.codes import ERRORS, OF_THE_CONNECTION, seed_status

PUSH_ID = "psh_019ce5a0b1c27d4e8f00112233445566"
ATTENDEE_ID = "att_019ce5a0b1c07b3fa1b2c3d4e5f60718"
OTHER_ID = "att_019ce5a1c2d17b3fa1b2c3d4e5f60729"

PUSH: dict[str, Any] = {
    "profile": {"email": "john.doe@example.com", "firstName": "John", "lastName": "Doe"},
    "eventInfo": {"groups": {"groupNames": ["Group1"]}},
}
FLAT_PUSH = {
    "profile.email": "john.doe@example.com",
    "profile.firstName": "John",
    "profile.lastName": "Doe",
    "eventInfo.groups.groupNames.0": "Group1",
}
TEMPLATE: dict[str, Any] = {
    "profile": {
        **{field: "john.doe@example.com" if field == "email" else None for field in PROFILE_FIELDS},
        "customFields": [{"fieldName": "cf name", "fieldValue": "value"}],
    },
    "eventInfo": {"groups": {"groupNames": ["name1"]}},
    "key": None,
}
FLAT_TEMPLATE = {
    **{f"profile.{field}": "john.doe@example.com" if field == "email" else None for field in PROFILE_FIELDS},
    "profile.customFields[0].fieldName": "field1",
    "profile.customFields[0].fieldValue": "value1",
    "profile.customFields[1].fieldName": "field2",
    "profile.customFields[1].fieldValue": "value2",
    "eventInfo.groups.groupNames.0": "Group1",
    "eventInfo.groups.groupNames.1": "Group2",
    "key": None,
}
EVERYTHING: dict[str, Any] = {
    "profile": {
        "email": "zoe.vogt@example.org",
        "title": "CTO",
        "customFields": [
            {"fieldName": "Shoe size", "fieldValue": 43},
            {"fieldName": "Workshops", "fieldValue": ["Sailing", "Knots"]},
        ],
    },
    "eventInfo": {"groups": {"groupNames": ["Speakers", "Crew"]}, "attending": True},
    "observedAt": "2025-03-01T09:30:00+01:00",
    "clear": ["profile.customFields.Diet"],
}
WITHDRAWAL: dict[str, Any] = {"profile": {"email": "john.doe@example.com"}, "eventInfo": {"attending": False}}
PUSHES: dict[str, tuple[str, dict[str, Any]]] = {
    "nested": ("One attendee, nested", PUSH),
    "flat": ("The same, flat", FLAT_PUSH),
    "everything": ("Custom fields, a time, fields to empty", EVERYTHING),
    "withdrawal": ("Somebody is not expected any more", WITHDRAWAL),
    "template": ("The nested template; null keeps what is there", TEMPLATE),
    "flat_template": ("The flat template", FLAT_TEMPLATE),
}

CREATED: dict[str, Any] = {
    "id": PUSH_ID,
    "result": "created",
    "attendee": {"id": ATTENDEE_ID, "email": "john.doe@example.com"},
    "sequence": 17,
    "changes": [
        {"path": "profile.email", "old": None, "new": "john.doe@example.com"},
        {"path": "profile.firstName", "old": None, "new": "John"},
        {"path": "profile.lastName", "old": None, "new": "Doe"},
        {"path": "eventInfo.groups.groupNames", "old": [], "new": ["Group1"]},
    ],
    "warnings": [],
}
UPDATED = CREATED | {
    "result": "updated",
    "sequence": 18,
    "changes": [
        {"path": "profile.title", "new": "CTO", "oldHidden": True},
        {"path": "profile.customFields", "fieldName": "Shoe size", "old": None, "new": "43"},
    ],
    "warnings": [
        {
            "path": "profile.jobTitle",
            "code": "unknown_field",
            "message": "profile.jobTitle is not a field of the profile; it is kept. Did you mean profile.title?",
            "suggestion": "profile.title",
        }
    ],
}
UNCHANGED = CREATED | {"result": "unchanged", "sequence": None, "changes": []}
REHEARSED = CREATED | {"attendee": {"id": None, "email": "john.doe@example.com"}, "sequence": None, "dryRun": True}
MINIMAL = {name: value for name, value in CREATED.items() if name != "changes"}
RECEIPTS: dict[str, tuple[str, dict[str, Any]]] = {
    "created": ("A new attendee", CREATED),
    "updated": ("Changed, with something odd that was kept", UPDATED),
    "unchanged": ("The same once more", UNCHANGED),
    "dry_run": ("With dryRun=true", REHEARSED),
    "minimal": ("With Prefer: return=minimal", MINIMAL),
}
WITHDRAWN = CREATED | {
    "result": "updated",
    "sequence": 19,
    "changes": [{"path": "status", "old": "attending", "new": "withdrawn"}],
}
STILL_EXPECTED = WITHDRAWN | {"changes": []}
UNKNOWN = UNCHANGED | {"attendee": None}
LEAVING_RECEIPTS: dict[str, tuple[str, dict[str, Any]]] = {
    "withdrawn": ("Nobody expects the person any more", WITHDRAWN),
    "expected": ("Another source still does", STILL_EXPECTED),
    "unknown": ("Nobody has the address", UNKNOWN),
}

_PROBLEMS: dict[str, list[dict[str, Any]]] = {
    "malformed_body": [
        {
            "path": "",
            "code": "invalid_json",
            "message": "The body is not valid JSON: there is a comma behind the last entry (line 1, column 42).",
            "help": "Remove the comma before the closing bracket.",
        }
    ],
    "invalid_push": [
        {
            "path": "profile.email",
            "code": "missing_email",
            "message": "profile.email is missing, and without it nobody knows whom this is about.",
            "help": "You sent profile.mail: send it as profile.email.",
        },
        {
            "path": "profile.customFields[1].fieldValue",
            "code": "missing_name",
            "message": "profile.customFields[1].fieldValue has a value, but its custom field has no name.",
            "help": "Give the field's name as fieldName beside the fieldValue.",
        },
    ],
    "invalid_batch": [
        {
            "path": "profile.email",
            "code": "missing_email",
            "message": "profile.email is missing, and without it nobody knows whom this is about.",
            "help": 'Send it as "profile": {"email": "john.doe@example.com"}, or flat as "profile.email".',
            "index": 3,
        }
    ],
}
_DETAILS = {
    "unauthorized": errors.Unauthorized().detail,
    "cursor_beyond_head": "The last change of this event is number 17, and 4711 is beyond it. "
    f"{errors.CursorBeyondHead.help}",
    "hidden_field": "This key does not see lastName.",
    "not_acceptable": "Attendees are written as application/json, application/x-ndjson, text/csv; charset=utf-8, "
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "export_unfinished": "It is 47 % done.",
    "export_gone": "The file was kept for 24 hours.",
    "no_such_range": "The file has 18,204 bytes.",
    "too_many_exports": "10 exports of this key are waiting or being made, which is the most. Wait until one is done, "
    "or DELETE one.",
    "wrong_scope": "A read key has no pushes of its own. Use the push key of a source.",
    "not_found": "This source has no such push.",
    "method_not_allowed": "DELETE is not for this address; use POST.",
    "invalid_request": 'dryRun can be true or false, not "perhaps".',
    "malformed_body": _PROBLEMS["malformed_body"][0]["message"],
    "body_too_large": "The body is larger than 1 MiB, which is the most that is taken at once.",
    "unsupported_encoding": "The body is packed with br; gzip and deflate are read.",
    "invalid_push": _PROBLEMS["invalid_push"][0]["message"] + " And 1 more.",
    "invalid_batch": "1 of 250 items are not valid, so none took effect.",
    "idempotency_key_reused": "This Idempotency-Key came with another body in the last 24 hours.",
    "storage_unavailable": "The disk is full.",
    "queue_full": "Too many pushes are waiting to be stored.",
    "too_many_pushes": "This source has too many pushes waiting to be stored.",
    "shutting_down": "The server is about to stop.",
    "unexpected": "A mistake in Turnout kept this from being answered (request 5f0c2a91-1c).",
}
_PATHS = {
    _DETAILS["hidden_field"]: "query.sort",
    _DETAILS["no_such_range"]: "headers.Range",
    _DETAILS["invalid_request"]: "query.dryRun",
    'There is no parameter "grup". Did you mean group?': "query.grup",
}
"""By details: what of the request they are about, where they are about a part."""
_KEPT_AS_PUSH = ("malformed_body", "body_too_large", "unsupported_encoding", "invalid_push", "idempotency_key_reused")
"""Errors that belong to one push, which is stored and has an id (D3)."""


def problem(code: str, problems_url: str, *, precise: bool = True, said: str | None = None) -> dict[str, Any]:
    """A problem document with this code, as it is answered under either setting of `status_codes`.

    `said` is its detail where it is not of a push.
    """
    kind = ERRORS[code]
    detail = said or _DETAILS.get(code, f"{kind.title}. {kind.help}")
    itself = [{"path": _PATHS.get(detail, ""), "code": code, "message": detail, "help": kind.help}]
    shown = itself if _says_itself(kind) else []
    return {
        "type": f"{problems_url}/{code}",
        "title": kind.title,
        "status": kind.status if precise else seed_status(kind),
        "detail": detail,
        "code": code,
        "retryable": kind.retryable,
        "id": PUSH_ID if said is None and code in _KEPT_AS_PUSH else None,
        "errors": _PROBLEMS.get(code, shown) if said is None else shown,
    }


def _says_itself(kind: type[errors.TurnoutError]) -> bool:
    """Whether such an error lists itself where it has no problems to list."""
    return issubclass(kind, SAY_THEMSELVES) and kind.code not in OF_THE_CONNECTION


BATCH: list[dict[str, Any]] = [PUSH, {"profile.email": "zoe.vogt@example.org", "profile.title": "CTO"}]
LINES = (
    '{"profile": {"email": "john.doe@example.com"}}\n{"profile.email": "zoe.vogt@example.org", "profile.title": '
    '"CTO"}\n'
)


def batch_answer(problems_url: str) -> dict[str, Any]:
    """What became of three items."""
    failed = problem("invalid_push", problems_url, precise=False) | {"index": 1}
    return {
        "results": [CREATED | {"index": 0}, failed, UNCHANGED | {"index": 2}],
        **COUNTS,
    }


COUNTS = {"created": 1, "updated": 0, "unchanged": 1, "suppressed": 0, "failed": 1, "withdrawn": 0}
SUMMARY: dict[str, Any] = {"results": [], **COUNTS}

KEY: dict[str, Any] = {
    "event": {"id": "evt_019ce59f00007c3d9e8f7a6b5c4d3e2f", "slug": "summer-fair", "name": "Summer fair"},
    "source": {
        "id": "src_019ce59f00017a1b8c9d0e1f2a3b4c5d",
        "name": "main",
        "mode": "live",
        "settings": {"null": "keep", "blank": "clear", "groups": "source", "lists": "none", "status_codes": "seed"},
    },
    "key": {"id": "key_019ce59f00027b2c8d9e0f1a2b3c4d5e", "scope": "push", "expiresAt": None},
    "lastPushAt": "2025-03-01T08:30:00.250000Z",
}
READ_KEY = KEY | {
    "source": None,
    "key": KEY["key"] | {"scope": "read", "groups": ["Speakers"], "fields": ["firstName", "lastName", "Shoe size"]},
    "lastPushAt": None,
}

SIGNING_KEYS: dict[str, Any] = {
    "keys": [
        {
            "kty": "EC",
            "crv": "P-256",
            "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
            "kid": "sgn_019ce5a0b1c07a4b9c8d7e6f50413223",
            "use": "sig",
            "alg": "ES256",
        }
    ]
}
TOKEN = {"token": "eyJhbGciOiJFUzI1NiIs…", "expiresAt": "2025-03-01T08:40:00.000000Z"}

ATTENDEE: dict[str, Any] = {
    "id": ATTENDEE_ID,
    "email": "john.doe@example.com",
    "status": "attending",
    "profile": {field: {"firstName": "John", "lastName": "Doe"}.get(field) for field in PROFILE_FIELDS[1:]},
    "customFields": {"Shoe size": "43"},
    "groups": ["Group1"],
    "unknownFields": {},
    "pinned": [],
    "aliases": [],
    "createdAt": "2025-03-01T08:30:00.123456Z",
    "updatedAt": "2025-03-01T08:30:00.123456Z",
}
ATTENDEE_LIST: dict[str, Any] = {"attendees": [ATTENDEE], "next": None, "sequence": 17}
FOUND: dict[str, Any] = {"attendees": [ATTENDEE], "notFound": ["nobody@example.com"]}
HISTORY: dict[str, Any] = {
    "history": [
        {
            "sequence": 17,
            "kind": "created",
            "at": "2025-03-01T08:30:00.123456Z",
            "attendeeId": ATTENDEE_ID,
            "email": "john.doe@example.com",
            "pushId": PUSH_ID,
            "source": "main",
            "actor": None,
            "changes": CREATED["changes"],
        }
    ],
    "next": None,
}
CHANGES: dict[str, Any] = {"changes": HISTORY["history"], "last": 17, "head": 17}
_TITLE: dict[str, Any] = HISTORY["history"][0] | {
    "sequence": 18,
    "kind": "updated",
    "at": "2025-03-01T08:31:00.123456Z",
    "changes": [{"path": "profile.title", "old": None, "new": "CTO"}],
}
CHANGES_WITH_PAYLOAD: dict[str, Any] = {
    "changes": [_TITLE | {"payload": {"profile": {"email": "john.doe@example.com", "title": "CTO"}}}],
    "last": 18,
    "head": 18,
}
_LEFT: dict[str, Any] = _TITLE | {
    "sequence": 19,
    "kind": "left",
    "email": None,
    "pushId": None,
    "source": None,
    "changes": [],
}
CHANGES_LEFT: dict[str, Any] = {"changes": [_LEFT], "last": 19, "head": 19}
MESSAGE = {"id": "18", "event": "change", "data": json.dumps(_TITLE, separators=(",", ":"))}
ORIGINS: dict[str, Any] = {
    "profile": {
        field: {"sequence": 17, "push": PUSH_ID, "source": "main", "at": "2025-03-01T08:30:00.123456Z", "old": None}
        for field in ("email", "firstName", "lastName")
    },
    "customFields": {
        "Shoe size": {
            "sequence": 17,
            "push": PUSH_ID,
            "source": "main",
            "at": "2025-03-01T08:30:00.123456Z",
            "old": None,
        }
    },
    "groups": {"Group1": ["main"]},
    "unknownFields": {},
}
ATTENDEE_LINE = json.dumps(ATTENDEE, separators=(",", ":")) + "\n"
ATTENDEE_CSV = (
    "\ufeffid,profile.email,status,profile.firstName,eventInfo.groups.groupNames,profile.customFields.Shoe size,"
    f'aliases,createdAt,updatedAt\r\n{ATTENDEE_ID},john.doe@example.com,attending,John,"[""Group1""]",43,,'
    "2025-03-01T08:30:00.123456Z,2025-03-01T08:30:00.123456Z\r\n"
)

EXPORT_ID = "exp_019ce5a0b1c07b3fa1b2c3d4e5f6071a"
EXPORT_WISH: dict[str, Any] = {"format": "xlsx", "group": "Speakers", "fields": ["email", "lastName", "Shoe size"]}
EXPORT_WAITING: dict[str, Any] = {
    "id": EXPORT_ID,
    "state": "waiting",
    "format": "xlsx",
    "createdAt": "2025-03-01T08:30:00.123456Z",
    "sequence": None,
    "percent": 0,
    "rowsDone": 0,
    "rowsExpected": 212,
    "sizeBytes": None,
    "finishedAt": None,
    "expiresAt": None,
    "reason": None,
    "file": None,
    "asked": EXPORT_WISH,
}
EXPORT_RUNNING = EXPORT_WAITING | {"state": "running", "sequence": 1_742, "percent": 47, "rowsDone": 100}
EXPORT_DONE = EXPORT_RUNNING | {
    "state": "done",
    "percent": 100,
    "rowsDone": 212,
    "sizeBytes": 18_204,
    "finishedAt": "2025-03-01T08:30:02.123456Z",
    "expiresAt": "2025-03-02T08:30:02.123456Z",
    "file": f"https://feed.example.org/e/summer-fair/exports/{EXPORT_ID}/file",
}
_NAME = {"id": "grp_019ce5a0b1c07b3fa1b2c3d4e5f60719", "createdAt": "2025-03-01T08:30:00.123456Z"}
GROUPS: dict[str, Any] = {"groups": [_NAME | {"name": "Group1", "members": 1}]}
CUSTOM_FIELDS: dict[str, Any] = {"customFields": [_NAME | {"id": "fld_019ce5a0", "name": "Shoe size"}]}

PUSH_LINE: dict[str, Any] = {
    "id": PUSH_ID,
    "at": "2025-03-01T08:30:00.250000Z",
    "result": "created",
    "email": "john.doe@example.com",
    "attendeeId": ATTENDEE_ID,
    "sequence": 17,
    "source": "main",
    "keyId": "key_019ce59f00027b2c8d9e0f1a2b3c4d5e",
    "repeats": 0,
    "lastAt": "2025-03-01T08:30:00.250000Z",
}
FAILED_LINE = PUSH_LINE | {
    "id": "psh_019ce5a0b1c37d4e8f00112233445577",
    "result": "failed",
    "email": None,
    "attendeeId": None,
    "sequence": None,
    "detail": _DETAILS["invalid_push"],
}
PUSH_LIST: dict[str, Any] = {"pushes": [FAILED_LINE, PUSH_LINE], "next": None}
PUSH_SHOWN = PUSH_LINE | {
    "changes": CREATED["changes"],
    "warnings": [],
    "errors": [],
    "body": '{"profile": {"email": "john.doe@example.com", "firstName": "John", "lastName": "Doe"}, '
    '"eventInfo": {"groups": {"groupNames": ["Group1"]}}}',
}

METRICS = """\
# HELP turnout_pushes_total Pushes answered, by result.
# TYPE turnout_pushes_total counter
turnout_pushes_total{result="created"} 17.0
"""
