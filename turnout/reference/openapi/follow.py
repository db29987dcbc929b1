"""Following: what has changed behind a cursor, asked for or streamed."""

from turnout.reference import examples
from turnout.reference.openapi.parts import ANY_KEY, Part, answer, header, query, read_errors
from turnout.reference.schemas.parts import ref

_NUMBER: Part = {"type": "integer", "minimum": 0, "maximum": 10**18 - 1}
_MANY_NAMES: Part = {"type": "array", "items": {"type": "string"}}


def list_changes(problems_url: str) -> Part:
    return {
        "operationId": "listChanges",
        "summary": "What has changed",
        "description": "The lines of the event's log behind `after`, in order and without a gap, as far as your key "
        "sees them. Go on with `last` as the next `after`, and keep that number: the log is never cut, however long "
        "you were away. `after=0` is everything from the beginning. With `wait` the answer comes as soon as there is "
        "a line, or empty when the time is over: a long poll.\n\n" + _SEEN,
        "tags": ["Follow"],
        "security": ANY_KEY,
        "parameters": [
            query("after", "What came behind this line.", {**_NUMBER, "default": 0}),
            query(
                "limit",
                "How many lines at most; more than 1,000 count as that.",
                {**_NUMBER, "minimum": 1, "default": 100},
            ),
            query(
                "wait",
                "How many seconds to wait for the first line; more than 60 count as that.",
                {**_NUMBER, "default": 0},
            ),
            *_VIEW,
        ],
        "responses": {
            "200": answer(
                "Lines.",
                ref("Changes"),
                {
                    "lines": ("A line", examples.CHANGES),
                    "payload": ("With payload=nested", examples.CHANGES_WITH_PAYLOAD),
                    "left": ("Somebody is no longer seen", examples.CHANGES_LEFT),
                    "none": ("Nothing is new", {"changes": [], "last": 17, "head": 17}),
                },
            ),
            **read_errors(problems_url, *_ERRORS),
        },
    }


_SEEN = (
    "A key that is limited to groups, and `group`, which narrows further, show a line where the attendee was in one of "
    "the groups before it, or is behind it. Who comes in is told with all values, as if just created; who leaves is "
    "told as `left`, without any. `erased` is always told, new names of groups and custom fields where these are "
    "seen, and settings only to keys without limits."
)
_VIEW = [
    query(
        "payload",
        "With each line the push that would make the change, in this format: another Turnout can be fed by it. "
        "`email` has to be among the fields that are shown.",
        {"type": "string", "enum": ["", "nested", "flat"]},
    ),
    query(
        "group",
        "Only people who were in one of these groups before the line, or are behind it. A group that there is not, or "
        "that your key does not see, is refused.",
        _MANY_NAMES,
    ),
    query("field", "Only these fields, and lines by which one of them changed. The same holds for them.", _MANY_NAMES),
]
_ERRORS = ("invalid_request", "cursor_beyond_head")


def stream_changes(problems_url: str) -> Part:
    return {
        "operationId": "streamChanges",
        "summary": "What changes, as it does",
        "description": "The same lines as server-sent events, each as soon as it is on disk:\n\n"
        "- a line is a message with its number as `id`, the event `change`, and as `data` the line as JSON "
        "(`ChangeLine`), and a blank line behind it,\n"
        "- every ten seconds comes a comment, or a message of nothing but an `id` where lines were passed over that "
        "you do not see,\n"
        "- without `after` and `Last-Event-ID` it begins now, and says with an `id` where that is.\n\n"
        "It does not end by itself. When the connection is lost, come again with the last `id` in `Last-Event-ID`, as "
        "a browser's `EventSource` does. It ends when your key is revoked or its limits change; coming again shows "
        "why.\n\n" + _SEEN,
        "tags": ["Follow"],
        "security": ANY_KEY,
        "parameters": [
            query("after", "What came behind this line.", _NUMBER),
            *_VIEW,
            {
                "name": "Last-Event-ID",
                "in": "header",
                "description": "The id of the last message that was read; it beats `after`.",
                "schema": {"type": "string", "pattern": "^[0-9]{0,18}$"},
                "example": "17",
            },
        ],
        "responses": {
            "200": {
                "description": "Messages, as long as you read; the schema is that of each.",
                "headers": header("X-Request-Id"),
                "content": {"text/event-stream": {"schema": ref("ChangeMessage"), "example": examples.MESSAGE}},
            },
            **read_errors(problems_url, *_ERRORS, "shutting_down"),
        },
    }
