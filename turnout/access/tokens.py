"""Personal tokens: what a user's programs sign in with at /api/. They may what their user may, and nothing more."""

import msgspec
import structlog

from turnout.access.users import read_name
from turnout.errors import Conflict, InvalidRequest, NotFound, StorageUnavailable
from turnout.model.secret_text import digest_secret, is_secret, make_secret
from turnout.model.user import User, UserToken, is_mistyped_token, read_token_id, write_token
from turnout.now import new_id, now_us
from turnout.store import user_tokens, users
from turnout.store.database import Database

MAX_TOKENS = 50
"""Of one user, those that are good."""
USED_EVERY_US = 60 * 1_000_000
"""To write down each request would cost more than to answer it."""
log = structlog.get_logger()


class IssuedToken(msgspec.Struct, frozen=True):
    """A token at the only moment when its text is known."""

    token: UserToken
    text: str


def create(database: Database, user_id: str, name: str, expires_in_us: int | None = None) -> IssuedToken:
    """A new token of this user, for ever or for so long. Raises NotFound, InvalidRequest, or Conflict at 50."""
    its_name = read_name(name)
    if expires_in_us is not None and expires_in_us <= 0:
        raise InvalidRequest("A token that is over at once opens nothing.")
    token_id = new_id("tok")
    text = write_token(token_id, make_secret())
    at = now_us()
    token = UserToken(
        id=token_id,
        user_id=user_id,
        digest=digest_secret(text),
        name=its_name,
        created_at=at,
        expires_at=None if expires_in_us is None else at + expires_in_us,
    )
    with database.write() as connection:
        if users.lock_user(connection, user_id) is None:
            raise NotFound("There is no such user.")
        if sum(one.is_good(at) for one in user_tokens.list_tokens(connection, user_id)) >= MAX_TOKENS:
            raise Conflict(f"There are {MAX_TOKENS} tokens already. Revoke those that are not needed any more.")
        user_tokens.add_token(connection, token)
    return IssuedToken(token, text)


def list_of(database: Database, user: User) -> list[UserToken]:
    """The latest first; those that were revoked or are over stay for 90 days."""
    with database.read() as connection:
        return user_tokens.list_tokens(connection, user.id)


def revoke(database: Database, user_id: str, token_id: str) -> None:
    """Makes one of this user's good for nothing. Raises NotFound."""
    with database.write() as connection:
        if not user_tokens.revoke_token(connection, user_id, token_id, now_us()):
            raise NotFound("There is no such token.")


def find(database: Database, text: str) -> User | None:
    """Whose good token this is; None for anything else, and where its user is disabled."""
    token_id = read_token_id(text)
    if token_id is None:
        return None
    with database.read() as connection:
        token = user_tokens.find_token(connection, token_id)
        user = None if token is None else users.find_user(connection, token.user_id)
    now = now_us()
    if token is None or not is_secret(text, token.digest) or not token.is_good(now):
        return None
    if user is None or not user.is_active:
        return None
    if now - (token.last_used_at or 0) >= USED_EVERY_US:
        _note_used(database, token, now)
    return user


def explain_mistyped(text: str) -> str | None:
    """Why this cannot be a token as it was handed out; None where it may be one. Tells nothing of those there are."""
    if not is_mistyped_token(text):
        return None
    if text.startswith("trn_"):
        return "This is a key of an event's gateway. /api/ takes a personal token, which begins with trt_."
    if not text.startswith("trt_"):
        return "This is no personal token: those begin with trt_."
    return "The token is mistyped, or was not copied whole."


def _note_used(database: Database, token: UserToken, now: int) -> None:
    try:
        with database.write() as connection:
            user_tokens.note_used(connection, token.id, now)
    except StorageUnavailable as error:
        # Whoever only reads can go on.
        log.warning("token_use_not_noted", reason=error.detail)
