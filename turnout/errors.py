"""Every error that a caller can meet.

TurnoutError
├── Unauthorized              401, the same for every reason
├── SignInNeeded              401, a page of the console, and nobody is signed in
├── SignInFailed              401, the same for every reason
├── NotAllowed                403, somebody is, whose role is not enough
├── FormTooOld                403, a form that did not come from a page of ours, or long ago
├── WrongScope                403, a good key at the wrong door
├── HiddenField               403, a good key that does not see what it looks for
├── NotFound                  404
├── MethodNotAllowed          405
├── InvalidRequest            400, a query or an argument that cannot be meant
│   └── CursorBeyondHead      400, a cursor of another event, or of what a restored backup lacks
├── NotAcceptable             406, a form that there is none of
├── TooBroad                  400, a list that would have to look at too many
├── Conflict                  409, what is asked for is taken
│   └── SharedAddress         409, an address that several people have
├── LinkWorthless             410, a link that is good once, and was used, is over, or never was
├── ExportUnfinished          409, a file that is not there yet, or will not be
├── ExportGone                410, a file that was there
├── NoSuchRange               416, a part of a file that it does not have
├── Refused                   the request can never succeed as it is (`retryable: false`)
│   ├── MalformedBody         400, not one JSON object
│   ├── BodyTooLarge          413
│   ├── UnsupportedEncoding   415
│   ├── SlowBody              400
│   ├── MalformedRequest      400, not HTTP as it should be
│   ├── HeadTooLarge          431
│   ├── SlowHead              408
│   ├── InvalidPush           422
│   ├── InvalidBatch          422, an atomic batch with failing items
│   └── IdempotencyKeyReused  422
└── Unavailable               the fault is ours (`retryable: true`)
    ├── StorageUnavailable    503
    ├── QueueFull             503
    │   └── SourceQueueFull   429, one source fills the queue
    ├── TooManyAttempts       429, somebody may be guessing passwords
    ├── TooManyExports        429, a key that asks for more files than are kept for it
    ├── IndexBehind           503, a list that needs what is not indexed yet
    ├── TooManyConnections    503
    ├── ShuttingDown          503
    └── Unexpected            500

Rooms raise them; `feed/receipt.py` and `app.py` turn them into answers, nobody else mentions a status.
"""

from typing import ClassVar

from turnout.model.receipt import Problem


class TurnoutError(Exception):
    """An error with something to do about it. `detail` says what happened in the reader's words."""

    code: ClassVar[str]
    title: ClassVar[str]
    status: ClassVar[int]
    retryable: ClassVar[bool] = False
    help: ClassVar[str]
    at_gateways: ClassVar[bool] = True
    """Whether a gateway answers with it, or only the console and the command line."""

    def __init__(
        self, detail: str, problems: list[Problem] | None = None, more_problems: int = 0, *, path: str = ""
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.path = path
        """What of the request is wrong: `query.group`, `headers.Range`, a path of the body; empty for none of these."""
        self.problems = problems or []
        self.more_problems = more_problems
        """How many there are besides, where they were counted only (D3)."""


class Unauthorized(TurnoutError):
    """No good key: unknown, revoked, expired, missing, contradictory, or an address of no event (A2–A4)."""

    code = "unauthorized"
    title = "No valid API key for this address"
    status = 401
    help = (
        "Check the gateway address and the key with whoever gave them to you. "
        "The key goes into the Api-Key header, or into the body as key."
    )

    def __init__(self, wait_s: float = 0.0) -> None:
        super().__init__("This address and key do not go together. " + self.help)
        self.wait_s = wait_s
        """How long the answer is kept back, because somebody may be guessing."""


class SignInNeeded(TurnoutError):
    """A page of the console, or /api/, and nobody is signed in, or not any more."""

    at_gateways = False
    code = "sign_in_needed"
    title = "Sign in first"
    status = 401
    help = "Sign in at /console/; a program sends a personal token as Authorization: Bearer."

    def __init__(self) -> None:
        super().__init__("This is for people who are signed in. " + self.help)


class SignInFailed(TurnoutError):
    """No such user, another password, or a user who is disabled."""

    at_gateways = False
    code = "sign_in_failed"
    title = "This address and password do not go together"
    status = 401
    help = (
        "Try again. If you have forgotten the password, have a link sent to you at /console/forgotten; where no e-mail "
        "is sent, an administrator has one."
    )

    def __init__(self) -> None:
        super().__init__("This address and password do not go together. " + self.help)


class LinkWorthless(TurnoutError):
    """A link to sign in for the first time, or for a new password: used, over, replaced by another, or mistyped."""

    at_gateways = False
    code = "link_worthless"
    title = "This link does not open anything any more"
    status = 410
    help = "Ask for a new one whoever gave it to you. Links are good once, and for some time."

    def __init__(self) -> None:
        super().__init__("This link does not open anything any more. " + self.help)


class NotAllowed(TurnoutError):
    """Somebody is signed in, and his role is not enough for this."""

    at_gateways = False
    code = "not_allowed"
    title = "Your role does not allow this"
    status = 403
    help = "Ask an administrator of this installation for it."

    def __init__(self, needs: str) -> None:
        super().__init__(f"This needs the role {needs}. " + self.help)


class FormTooOld(TurnoutError):
    """A form that another site sent, or a page that was open since before the browser forgot its cookies."""

    at_gateways = False
    code = "form_too_old"
    title = "This page was open for too long"
    status = 403
    help = "Go back, reload the page and send it again. Nothing was changed."

    def __init__(self) -> None:
        super().__init__("The form did not carry the mark of a page of this console. " + self.help)


class SingleSignOnFailed(TurnoutError):
    """What came back from the single sign-on is not what was asked for, or cannot be believed."""

    at_gateways = False
    code = "single_sign_on_failed"
    title = "Signing in did not work"
    status = 400
    help = "Try once more. If it goes wrong again tell an administrator, for whom the log says why."


class NotInvited(TurnoutError):
    """Somebody has shown who they are by single sign-on, and no user is meant by it."""

    at_gateways = False
    code = "not_invited"
    title = "You have no account here"
    status = 403
    help = "Ask an administrator of this installation for an invitation, and open its link."


class WrongScope(TurnoutError):
    """A good key that is not for this (A3)."""

    code = "wrong_scope"
    title = "This key is for something else"
    status = 403
    help = "Push keys push, read keys read. Ask for a key of the other scope."


class HiddenField(TurnoutError):
    """A read key that is limited to some fields looks for, or sorts by, another one: it could be guessed that way."""

    code = "hidden_field"
    title = "This key does not see that field"
    status = 403
    help = "Leave the field out of what you ask for, or ask whoever made the key for one that sees it."


class NotFound(TurnoutError):
    """Nothing has this address or id."""

    code = "not_found"
    title = "There is nothing here"
    status = 404
    help = "Check the address. What there is, is described at /docs."


class MethodNotAllowed(TurnoutError):
    """The address is right, the method is not; `allowed` lists those that are."""

    code = "method_not_allowed"
    title = "This address is for another method"
    status = 405
    help = "Use a method that the Allow header names."

    def __init__(self, method: str, allowed: tuple[str, ...], reason: str | None = None) -> None:
        super().__init__(reason or f"{method} is not for this address; use {' or '.join(allowed)}.")
        self.allowed = allowed


class InvalidRequest(TurnoutError):
    """A query parameter, a header or an argument that cannot be meant."""

    code = "invalid_request"
    title = "Part of the request cannot be understood"
    status = 400
    help = "Correct what the path and the message name, and send it again."


class NotAcceptable(TurnoutError):
    """An Accept header that names nothing this is written in."""

    code = "not_acceptable"
    title = "There is no such form of this"
    status = 406
    help = "Ask for application/json, application/x-ndjson, text/csv or a workbook, or say format=csv in the address."


class TooBroad(TurnoutError):
    """A list of few among so many that finding them would take too long."""

    code = "too_broad"
    title = "Finding this would take too long"
    status = 400
    help = (
        "Use fewer filters at once, a longer search word, or the order of ids; to read everybody page by page and "
        "choose for yourself costs least."
    )


class CursorBeyondHead(InvalidRequest):
    """A follower's cursor is larger than the number of the last change that there is."""

    code = "cursor_beyond_head"
    title = "There are not so many changes"
    status = 400
    help = (
        "Check that the cursor is one of this event. If it is, the event was restored from a backup that is older than "
        "the cursor: read the attendees anew, and follow from the sequence that this list carries."
    )


class Conflict(TurnoutError):
    """What is asked for is there already, or stands against something that is."""

    at_gateways = False
    code = "conflict"
    title = "That is taken"
    status = 409
    help = "Choose another one."


class SharedAddress(Conflict):
    """One person is asked for by an address that several have (C6)."""

    at_gateways = True
    code = "shared_address"
    title = "Several people have this address"
    status = 409
    help = "Ask with the id of the one who is meant."


class ExportUnfinished(TurnoutError):
    """An export that waits, is being made, or has failed."""

    code = "export_unfinished"
    title = "There is no file yet"
    status = 409
    help = "Ask for the export itself: its state says how far it is, or why there will be no file."


class ExportGone(TurnoutError):
    """An export whose file was kept for its time, or removed because somebody in it was erased."""

    code = "export_gone"
    title = "The file is gone"
    status = 410
    help = "Ask for a new export."


class NoSuchRange(TurnoutError):
    """A Range that begins behind the end of the file."""

    code = "no_such_range"
    title = "The file has no such part"
    status = 416
    help = "Ask without Range for the whole file, or for a Range that begins before the end, which Content-Range gives."


class Refused(TurnoutError):
    """A request that can never succeed as it is."""


class MalformedBody(Refused):
    """The body is not what B1 and E1 read."""

    code = "malformed_body"
    title = "The body cannot be read"
    status = 400
    help = "Send one JSON object in UTF-8."


class BodyTooLarge(Refused):
    """Over the limit, as sent or unpacked (B6, E1)."""

    code = "body_too_large"
    title = "The body is too large"
    status = 413
    help = "Send less at once: one attendee a push, or several batches."


class UnsupportedEncoding(Refused):
    """A Content-Encoding other than gzip and deflate (B1)."""

    code = "unsupported_encoding"
    title = "This Content-Encoding is not read"
    status = 415
    help = "Send the body as it is, or packed with gzip or deflate."


class SlowBody(Refused):
    """The body did not arrive in time."""

    code = "slow_body"
    title = "The body did not arrive in time"
    status = 400
    help = "Send the whole body at once."


class MalformedRequest(Refused):
    """What came is not HTTP/1.1 as RFC 9112 has it; nothing that two readers could read in two ways is let through."""

    code = "malformed_request"
    title = "This is not a request that can be read"
    status = 400
    help = "Send HTTP/1.1 with one Host and one length, as every HTTP library does. Where it was https, use http here."


class HeadTooLarge(Refused):
    """Request line and headers are more than fits."""

    code = "head_too_large"
    title = "The headers are too large"
    status = 431
    help = "Send fewer or shorter headers, cookies and query parameters; data belongs into the body."


class SlowHead(Refused):
    """Request line and headers did not arrive in time."""

    code = "slow_head"
    title = "The headers did not arrive in time"
    status = 408
    help = "Send the whole request at once."


class InvalidPush(Refused):
    """What the body says cannot take effect; `problems` holds every reason (D3)."""

    code = "invalid_push"
    title = "The push is not valid"
    status = 422
    help = "Mend what the errors name and send the push again."


class InvalidBatch(Refused):
    """An atomic batch with failing items (E2)."""

    code = "invalid_batch"
    title = "The batch is not valid"
    status = 422
    help = "Mend the items that the errors name, or send the batch without atomic=true."


class IdempotencyKeyReused(Refused):
    """The same Idempotency-Key with another body (D6)."""

    code = "idempotency_key_reused"
    title = "This Idempotency-Key came with another body before"
    status = 422
    help = "Use a new Idempotency-Key for each push, and the same one only to repeat the same body."


class Unavailable(TurnoutError):
    """The fault is ours; the same request will succeed later."""

    retryable = True
    retry_after_s: int = 1


class StorageUnavailable(Unavailable):
    """The database is away, full, locked or read-only."""

    code = "storage_unavailable"
    title = "Nothing can be stored at the moment"
    status = 503
    help = "Send the same again in a moment. Nothing of it was stored."
    retry_after_s = 5


class QueueFull(Unavailable):
    """More arrives than can be committed."""

    code = "queue_full"
    title = "Too much is waiting to be stored"
    status = 503
    help = "Send the same again in a moment, and fewer at once."


class SourceQueueFull(QueueFull):
    """One source fills the queue."""

    code = "too_many_pushes"
    title = "This source sends faster than it can be stored"
    status = 429


class TooManyAttempts(Unavailable):
    """Passwords that were wrong, for one account or from one address; or more people than can be signed in at once."""

    at_gateways = False
    code = "too_many_attempts"
    title = "Too many attempts to sign in"
    status = 429
    help = "Wait, then try again. Whoever is locked out can be given a link for a new password by an administrator."

    def __init__(self, detail: str, wait_s: int) -> None:
        super().__init__(f"{detail} Try again in {_say_span(wait_s)}.")
        self.retry_after_s = wait_s


class SingleSignOnAway(Unavailable):
    """The provider of the single sign-on does not answer, or not as providers do."""

    at_gateways = False
    code = "single_sign_on_away"
    title = "The single sign-on cannot be reached"
    status = 503
    help = "Try again in a minute, or sign in with your password."
    retry_after_s = 60


class TooManyExports(Unavailable):
    """A key has as many exports as are made, or kept, for one."""

    code = "too_many_exports"
    title = "This key has too many exports"
    status = 429
    help = "Wait until one is done, or DELETE those that are not needed any more."
    retry_after_s = 30


def _say_span(seconds: int) -> str:
    number, unit = (seconds, "second") if seconds < 120 else (-(-seconds // 60), "minute")
    return f"{number} {unit}{'' if number == 1 else 's'}"


class IndexBehind(Unavailable):
    """A search, an order or a filter that needs the list index, while that has much to catch up with."""

    code = "index_behind"
    title = "What lists go by is not up to date yet"
    status = 503
    help = "Ask again in a moment. Lists in the order of ids, without search, source and custom field, are there now."
    retry_after_s = 5


class TooManyConnections(Unavailable):
    """More connections than there is room for."""

    code = "too_many_connections"
    title = "Too many connections are open"
    status = 503
    help = "Send the same again in a moment, and use connections again instead of opening new ones."


class ShuttingDown(Unavailable):
    """The server is about to stop."""

    code = "shutting_down"
    title = "The server is restarting"
    status = 503
    help = "Send the same again in a moment."


class Unexpected(Unavailable):
    """A mistake of ours."""

    code = "unexpected"
    title = "Something went wrong here"
    status = 500
    help = "Send the same again later. If it goes on, give the request id to whoever runs this server."


def _family(kind: type[TurnoutError]) -> list[type[TurnoutError]]:
    return [kind, *(one for child in kind.__subclasses__() for one in _family(child))]


BY_CODE: dict[str, type[TurnoutError]] = {kind.code: kind for kind in _family(TurnoutError) if "code" in kind.__dict__}
"""Every code that an answer can carry."""
