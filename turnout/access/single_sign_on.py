"""From an identity that the provider has shown to a session."""

from turnout.access import sessions
from turnout.access.oidc.id_token import Identity
from turnout.errors import NotInvited
from turnout.model.names import fold_case
from turnout.model.user import Session, User
from turnout.store import users
from turnout.store.database import Database
from turnout.store.statements import Connection


def enter(database: Database, identity: Identity, address: str, browser: str) -> tuple[User, Session, str]:
    """The user who is meant, a new session and its cookie.

    That is who came by this identity before; else the user with the address that the provider vouches for, who is known
    by the identity from then on. Raises NotInvited: nobody becomes a user by signing in.
    """
    with database.write() as connection:
        user = users.find_user_by_subject(connection, identity.key) or _meet(connection, identity)
        if user is None or not user.is_active:
            raise NotInvited("The single sign-on knows you, and Turnout does not. " + NotInvited.help)
        return user, *sessions.add(connection, user.id, address, browser)


def _meet(connection: Connection, identity: Identity) -> User | None:
    """Who has the address, and has come by no other identity."""
    if identity.email is None:
        return None
    user = users.find_user_by_email(connection, fold_case(identity.email))
    if user is None or not user.is_active:
        return None
    if user.subject is not None:
        raise NotInvited(
            f"{user.email} signs in with another identity. An administrator can give you a link that makes this one "
            "good, in its place."
        )
    users.lock_user(connection, user.id)
    return user if users.set_subject(connection, user.id, identity.key) else None
