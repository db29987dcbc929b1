"""Users as they are set up: role, events, disabled or not; and what they change of themselves."""

from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager

import msgspec

from turnout.access import passwords
from turnout.access.sign_in import count_attempt, forgive
from turnout.errors import Conflict, InvalidRequest, NotFound
from turnout.model.names import fold_case
from turnout.model.user import ROLES, Role, User
from turnout.now import now_us
from turnout.store import links, sessions, users
from turnout.store.database import Database
from turnout.store.statements import Connection

MAX_USERS = 1_000
"""Those who are invited among them."""
MAX_NAME = 255


def list_all(database: Database) -> list[User]:
    """In the order of their addresses."""
    with database.read() as connection:
        return users.list_users(connection)


def get(database: Database, user_id: str) -> User:
    """Raises NotFound."""
    with database.read() as connection:
        return _or_none_such(users.find_user(connection, user_id))


def get_by_email(database: Database, email: str) -> User:
    """Raises NotFound."""
    with database.read() as connection:
        user = users.find_user_by_email(connection, fold_case(email.strip()))
    if user is None:
        raise NotFound(f"There is no user {email.strip()}. `turnout user list` shows those that there are.")
    return user


def set_role(
    database: Database, user_id: str, role: str, *, sees_personal: bool | None = None, but: str | None = None
) -> User:
    """The user with this role; who was signed in signs in again, but for the session of the id `but`.

    `sees_personal` is a viewer's; None leaves it. Raises NotFound, InvalidRequest, or Conflict where nobody would be
    left to administer this.
    """
    its_role = read_role(role)
    with _changing(database, user_id) as (connection, before):
        if its_role != "administrator":
            _check_not_last(connection, before)
        sees = before.sees_personal if sees_personal is None else sees_personal
        if its_role != "viewer":
            check_sees(its_role, sees_personal is not False)
            sees = True
        users.set_role(connection, user_id, its_role, sees_personal=sees)
        if (its_role, sees) != (before.role, before.sees_personal):
            sessions.remove_sessions(connection, user_id, but)
        return _or_none_such(users.find_user(connection, user_id))


def set_events(database: Database, user_id: str, event_ids: Iterable[str], *, all_events: bool = False) -> User:
    """The user with these events in place of those before; it holds with the next request. Raises NotFound."""
    with _changing(database, user_id) as (connection, _):
        users.set_all_events(connection, user_id, all_events=all_events)
        users.set_events(connection, user_id, () if all_events else set(event_ids))
        return _or_none_such(users.find_user(connection, user_id))


def take_back(database: Database, user_id: str, before: Mapping[str, object], after: Mapping[str, object]) -> User:
    """The user with role, view and events as they were before a change, which `describe_change` has described.

    Who was signed in signs in again where that changes the role. Raises NotFound, and Conflict where somebody has
    changed any of it since, or nobody would be left to administer this.
    """
    with _changing(database, user_id) as (connection, user):
        now = _describe(user)
        if any(now[name] != value for name, value in after.items() if name in _TAKEN_BACK):
            raise Conflict("It was changed once more meanwhile, so it is not taken back. Look how it is now.")
        wanted = now | {name: value for name, value in before.items() if name in _TAKEN_BACK}
        role, sees = read_role(str(wanted["role"])), bool(wanted["seesPersonal"])
        if role != "administrator":
            _check_not_last(connection, user)
        users.set_role(connection, user_id, role, sees_personal=sees)
        if (role, sees) != (user.role, user.sees_personal):
            sessions.remove_sessions(connection, user_id, None)
        all_events, events = bool(wanted["allEvents"]), msgspec.convert(wanted["events"], list[str])
        users.set_all_events(connection, user_id, all_events=all_events)
        users.set_events(connection, user_id, () if all_events else set(events))
        return _or_none_such(users.find_user(connection, user_id))


_TAKEN_BACK = ("role", "seesPersonal", "allEvents", "events")


def disable(database: Database, user_id: str) -> User:
    """The user, whose sessions, tokens and links open nothing from now on.

    Raises NotFound, or Conflict where nobody would be left to administer this.
    """
    with _changing(database, user_id) as (connection, before):
        _check_not_last(connection, before)
        if before.is_active:
            users.set_disabled(connection, user_id, now_us())
        sessions.remove_sessions(connection, user_id, None)
        links.remove_of_user(connection, user_id)
        return _or_none_such(users.find_user(connection, user_id))


def enable(database: Database, user_id: str) -> User:
    """The user, who can sign in again; tokens that are not over work again. Raises NotFound."""
    with _changing(database, user_id) as (connection, _):
        users.set_disabled(connection, user_id, None)
        return _or_none_such(users.find_user(connection, user_id))


def change_password(
    database: Database, user_id: str, present: str, new: str, *, address: str = "", but: str | None = None
) -> None:
    """A new password in place of the present one; all sessions end but the one of the id `but`.

    Whoever guesses here, with somebody else's session, is slowed down as at sign-in. Raises NotFound, InvalidRequest
    where the present one is wrong or the new one no good, TooManyAttempts.
    """
    with database.read() as connection:
        user = _or_none_such(users.find_user(connection, user_id))
        kept = users.find_password(connection, user_id)
    passwords.check_password(new, user.email)
    attempt = count_attempt(database, user.email, address)
    if not passwords.is_password(present, kept):
        raise InvalidRequest("The present password is another one.")
    hashed = passwords.hash_password(new)
    with _changing(database, user_id) as (connection, _):
        if users.find_password(connection, user_id) != kept:
            raise Conflict("The password was changed by somebody else at the same moment.")
        users.set_password(connection, user_id, hashed)
        forgive(connection, attempt)
        sessions.remove_sessions(connection, user_id, but)
        links.remove_of_user(connection, user_id)


def rename(database: Database, user_id: str, name: str) -> User:
    """Raises NotFound or InvalidRequest."""
    its_name = read_name(name)
    with _changing(database, user_id) as (connection, _):
        users.set_name(connection, user_id, its_name)
        return _or_none_such(users.find_user(connection, user_id))


def describe_change(before: User, after: User) -> tuple[dict[str, object], dict[str, object]]:
    """What of their role, events and state a change has altered, before and after: for the audit log."""
    old, new = _describe(before), _describe(after)
    differs = [name for name in old if old[name] != new[name]]
    return {name: old[name] for name in differs}, {name: new[name] for name in differs}


def _describe(user: User) -> dict[str, object]:
    return {
        "name": user.name,
        "role": user.role,
        "seesPersonal": user.sees_personal,
        "allEvents": user.all_events,
        "events": sorted(user.events),
        "disabled": not user.is_active,
    }


def read_role(role: str) -> Role:
    """Raises InvalidRequest."""
    for one in ROLES:
        if one == role:
            return one
    raise InvalidRequest(f"There is no role {role!r}: it is administrator, manager or viewer.")


def check_sees(role: Role, sees_personal: bool) -> None:
    """Raises InvalidRequest where personal data would be masked for a role that changes and exports it."""
    if role != "viewer" and not sees_personal:
        raise InvalidRequest(f"Only a viewer can be shown masked names and addresses, not a {role}.")


def read_name(name: str) -> str:
    """Raises InvalidRequest."""
    name = name.strip()
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise InvalidRequest(f"A name has 1 to {MAX_NAME} characters, all on one line.")
    return name


@contextmanager
def _changing(database: Database, user_id: str) -> Generator[tuple[Connection, User]]:
    """A transaction that holds the user as it is. Raises NotFound."""
    with database.write() as connection:
        # Before the user, in every transaction: so nobody waits in a circle.
        users.lock_administrators(connection)
        yield connection, _or_none_such(users.lock_user(connection, user_id))


def _check_not_last(connection: Connection, user: User) -> None:
    """Raises Conflict."""
    if users.lock_administrators(connection) == [user.id]:
        raise Conflict("This is the last administrator: make somebody else one first, or nobody could mend anything.")


def _or_none_such(user: User | None) -> User:
    if user is None:
        raise NotFound("There is no such user.")
    return user
