"""Who calls: by a personal token, or by the console's cookie where the request is from a page of the console."""

from collections.abc import Mapping

from turnout import errors
from turnout.access import sessions, tokens
from turnout.model.user import Session, User
from turnout.now import now_us
from turnout.store.database import Database

CHALLENGE = (b"www-authenticate", b'Bearer realm="Turnout"')


class FromAnotherSite(errors.NotAllowed):
    """A browser's session, used by a page that is none of ours."""

    title = "This did not come from the console"

    def __init__(self) -> None:
        errors.TurnoutError.__init__(
            self,
            "A browser's session counts here only for the console's own pages, whose requests say "
            "Sec-Fetch-Site: same-origin. A program sends a personal token as Authorization: Bearer.",
        )


def find_caller(
    database: Database, headers: Mapping[str, str], cookie: str, *, reads: bool
) -> tuple[User, Session | None]:
    """Who it is; the session of a browser. Raises SignInNeeded, and FromAnotherSite.

    A token that is no good is told so, whatever cookie there is beside it.
    """
    sent = headers.get("authorization")
    if sent is not None:
        return _find_by_token(database, sent), None
    found = sessions.find(database, cookie, now_us()) if cookie else None
    if found is None:
        raise errors.SignInNeeded
    # None: typed into the address bar. Without the header it is no page of a browser that knows it, and only reads.
    if headers.get("sec-fetch-site", "none" if reads else "") not in (
        ("same-origin", "none") if reads else ("same-origin",)
    ):
        raise FromAnotherSite
    session, user = found
    return user, session


def _find_by_token(database: Database, sent: str) -> User:
    scheme, _, text = sent.partition(" ")
    text = text.strip()
    user = tokens.find(database, text) if scheme.lower() == "bearer" else None
    if user is None:
        error = errors.SignInNeeded()
        why = tokens.explain_mistyped(text) if scheme.lower() == "bearer" else None
        error.detail = f"{why or 'This token is not good, or not any more.'} {error.help}"
        raise error
    return user
