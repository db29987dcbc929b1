"""Browsers that are signed in: begun with a sign-in, found by their cookie, listed, ended."""

import structlog

from turnout.errors import NotFound, SignInFailed, StorageUnavailable
from turnout.model.secret_text import is_secret, make_secret_text, read_secret_id
from turnout.model.user import SESSION_IDLE_US, SESSION_LASTS_US, Session, User
from turnout.now import now_us
from turnout.store import sessions, users
from turnout.store.database import Database
from turnout.store.statements import Connection

MAX_SESSIONS = 50
"""Of one user; the oldest goes."""
MAX_BROWSER = 200
SEEN_EVERY_US = 60 * 1_000_000
"""To write down each request would cost more than to answer it."""
log = structlog.get_logger()


def begin(database: Database, user_id: str, address: str, browser: str) -> tuple[Session, str]:
    """A new session of a user who has just shown who they are, and its cookie. Raises SignInFailed where disabled."""
    with database.write() as connection:
        user = users.lock_user(connection, user_id)
        if user is None or not user.is_active:
            raise SignInFailed
        return add(connection, user_id, address, browser)


def add(connection: Connection, user_id: str, address: str, browser: str) -> tuple[Session, str]:
    """The same in a transaction that holds the user. Its id is new each time: no session can be planted beforehand."""
    made = make_secret_text("ses")
    at = now_us()
    session = Session(
        id=made.id,
        user_id=user_id,
        digest=made.digest,
        created_at=at,
        last_seen_at=at,
        expires_at=at + SESSION_LASTS_US,
        address=address,
        browser="".join(sign for sign in browser[:MAX_BROWSER] if sign.isprintable()),
    )
    sessions.add_session(connection, session)
    sessions.remove_oldest(connection, user_id, MAX_SESSIONS)
    users.note_seen(connection, user_id, at)
    return session, made.text


def find(database: Database, cookie_text: str, now: int) -> tuple[Session, User] | None:
    """Whose cookie this is; None where it is nobody's, is over, or its user is disabled."""
    session_id = read_secret_id("ses", cookie_text)
    if session_id is None:
        return None
    with database.read() as connection:
        session = sessions.find_session(connection, session_id)
        user = None if session is None else users.find_user(connection, session.user_id)
    if session is None or not is_secret(cookie_text, session.digest) or not _is_good(session, user, now):
        return None
    assert user is not None
    if now - session.last_seen_at >= SEEN_EVERY_US:
        _note_seen(database, session, now)
    return session, user


def find_user(database: Database, session_id: str, now: int) -> User | None:
    """Who is signed in with the session of this id, which somebody has shown the cookie of before; None once over."""
    with database.read() as connection:
        session = sessions.find_session(connection, session_id)
        user = None if session is None else users.find_user(connection, session.user_id)
    return user if session is not None and _is_good(session, user, now) else None


def list_of(database: Database, user: User) -> list[Session]:
    """Those that can still be used, the latest first."""
    now = now_us()
    with database.read() as connection:
        return [one for one in sessions.list_sessions(connection, user.id) if _is_good(one, user, now)]


def revoke(database: Database, user_id: str, session_id: str) -> None:
    """Ends one of this user's. Raises NotFound."""
    with database.write() as connection:
        if not sessions.remove_session(connection, user_id, session_id):
            raise NotFound("There is no such session; it may be over.")


def revoke_all(database: Database, user_id: str, but: str | None = None) -> int:
    """Ends all of this user's, but the one of that id; gives how many there were."""
    with database.write() as connection:
        return sessions.remove_sessions(connection, user_id, but)


def _is_good(session: Session, user: User | None, now: int) -> bool:
    is_over = now >= session.expires_at or now - session.last_seen_at >= SESSION_IDLE_US
    return user is not None and user.is_active and not is_over


def _note_seen(database: Database, session: Session, now: int) -> None:
    try:
        with database.write() as connection:
            # The user first, as everybody does who ends sessions: so nobody waits in a circle.
            users.note_seen(connection, session.user_id, now)
            sessions.note_seen(connection, session.id, now)
    except StorageUnavailable as error:
        # Whoever only reads can go on.
        log.warning("session_not_noted", reason=error.detail)
