"""Who has forgotten his password has a link sent, if he is known; and whether he is, nobody learns."""

from turnout.access import sign_in
from turnout.model.alert import AlertMessage
from turnout.model.names import fold_case
from turnout.model.user import User
from turnout.now import new_id, now_us
from turnout.store import alert_messages, users
from turnout.store.database import Database
from turnout.store.statements import Connection

MAX_AN_HOUR = 3
"""Links to one person: whoever asks for more is silently sent none."""
_HOUR_US = 3_600 * 1_000_000


def ask(database: Database, email: str, address: str) -> None:
    """Lets a link for a new password be sent to whoever signs in with this address and a password.

    For everybody the same is done, but for one row, so that no time tells who is known. Raises TooManyAttempts.
    """
    email = email.strip()
    with sign_in.counting_forgotten(database, email, address) as connection:
        # What a database takes.
        user = users.find_user_by_email(connection, fold_case(email)) if email.isprintable() else None
        if user is not None and _may_have_one(connection, user):
            alert_messages.add(connection, [_make_message(user.id)])


def _may_have_one(connection: Connection, user: User) -> bool:
    # Who comes by single sign-on alone has no password to forget.
    has_password = user.has_password or user.subject is None
    asked = alert_messages.count_links(connection, user.id, now_us() - _HOUR_US)
    return user.is_active and has_password and asked < MAX_AN_HOUR


def _make_message(user_id: str) -> AlertMessage:
    at = now_us()
    return AlertMessage(
        event_id="",
        id=new_id("msg"),
        kind="password",
        alert_id=None,
        user_id=user_id,
        state="waiting",
        tries=0,
        next_at=at,
        created_at=at,
    )
