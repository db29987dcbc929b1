"""Links that are good once: for the first administrator, for who is invited, for a new password."""

from collections.abc import Iterable

import msgspec

from turnout.access import passwords, sign_in
from turnout.access.oidc.id_token import Identity
from turnout.access.users import MAX_USERS, check_sees, read_name, read_role
from turnout.errors import Conflict, InvalidRequest, LinkWorthless, NotFound
from turnout.feed.parse.values import is_address
from turnout.model.names import fold_case
from turnout.model.secret_text import is_secret, make_secret_text, read_secret_id
from turnout.model.user import Invitation, Link, User
from turnout.now import new_id, now_us
from turnout.store import alerts, events, links, sessions, users
from turnout.store.database import Database
from turnout.store.statements import Connection

HOUR_US = 3_600 * 1_000_000
FIRST_LASTS_US = HOUR_US
"""Whoever has it becomes administrator, and the server has printed it."""
INVITATION_LASTS_US = 7 * 24 * HOUR_US
PASSWORD_LASTS_US = 24 * HOUR_US

MAX_FOLLOWED = 10
"""Events that the first administrator follows from the beginning."""


class MadeLink(msgspec.Struct, frozen=True):
    """A link at the only moment when its address is known."""

    link: Link
    url: str


def first_link(database: Database, base_url: str) -> str | None:
    """A new link for the first administrator, good for an hour, in place of all before; None where there are users."""
    with database.read() as connection:
        if users.has_users(connection):
            return None
    with database.write() as connection:
        links.lock_first(connection)
        if users.has_users(connection):
            return None
        links.remove_first(connection)
        return _add(connection, base_url, "first", FIRST_LASTS_US).url


def invite(
    database: Database,
    base_url: str,
    email: str,
    *,
    role: str = "viewer",
    name: str = "",
    events: Iterable[str] = (),
    all_events: bool = False,
    sees_personal: bool = True,
    actor: str | None = None,
) -> MadeLink:
    """A link with which somebody becomes a user, in place of those that the same address was sent before.

    `events` are ids. Raises InvalidRequest, and Conflict where there is a user with this address.
    """
    invitation = Invitation(
        email=_read_email(email),
        name=read_name(name) if name.strip() else "",
        role=read_role(role),
        sees_personal=sees_personal,
        all_events=all_events,
        events=() if all_events else tuple(sorted(set(events))),
    )
    check_sees(invitation.role, sees_personal)
    with database.write() as connection:
        known = users.find_user_by_email(connection, fold_case(invitation.email))
        if known is not None:
            state = "" if known.is_active else ", who is disabled"
            raise Conflict(f"There is a user {known.email} already{state}.")
        invited = links.list_open(connection, "invitation", now_us())
        for link in invited:
            if link.invited is not None and fold_case(link.invited.email) == fold_case(invitation.email):
                links.remove_link(connection, link.id)
        if users.count_users(connection) + len(invited) >= MAX_USERS:
            raise Conflict(f"There are {MAX_USERS:,} users and invitations, and no more are kept.")
        return _add(connection, base_url, "invitation", INVITATION_LASTS_US, invited=invitation, actor=actor)


def list_invitations(database: Database) -> list[Link]:
    """Those that nobody has used yet and that are still good, the latest first."""
    with database.read() as connection:
        return links.list_open(connection, "invitation", now_us())


def withdraw(database: Database, link_id: str) -> None:
    """Makes an invitation worthless. Raises NotFound."""
    with database.write() as connection:
        link = links.find_link(connection, link_id)
        if link is None or link.kind != "invitation" or not links.remove_link(connection, link_id):
            raise NotFound("There is no such invitation; it may have been used.")


def new_password(database: Database, base_url: str, user_id: str, *, actor: str | None = None) -> MadeLink:
    """A link with which the user sets a new password, in place of those before; the present one stays good till then.

    Raises NotFound, and Conflict for who is disabled.
    """
    with database.write() as connection:
        user = users.lock_user(connection, user_id)
        if user is None:
            raise NotFound("There is no such user.")
        if not user.is_active:
            raise Conflict(f"{user.email} is disabled. Enable the user first.")
        links.remove_of_user(connection, user_id)
        return _add(connection, base_url, "password", PASSWORD_LASTS_US, user_id=user_id, actor=actor)


def find(database: Database, link_text: str) -> Link:
    """What the link is for. Raises LinkWorthless, the same for every reason."""
    link_id = read_secret_id("lnk", link_text)
    with database.read() as connection:
        link = None if link_id is None else links.find_link(connection, link_id)
        if link is None or not is_secret(link_text, link.digest) or not _is_good(connection, link):
            raise LinkWorthless
    return link


def accept(database: Database, link_text: str, name: str, password: str, email: str | None = None) -> User:
    """The user whom the link makes, or whose password it sets, all in one transaction; the link is used then.

    `email` is for the first administrator, who is not invited; of a new password `name` is ignored. Raises
    LinkWorthless; InvalidRequest, or Conflict where the address is taken, and then the link stays good.
    """
    link = find(database, link_text)
    user = None if link.kind == "password" else _read_user(link, name, email)
    passwords.check_password(password, _email_of(database, link) if user is None else user.email)
    # Hashing takes long, and holds nobody up outside of the transaction.
    hashed = passwords.hash_password(password)
    secret_key = database.secret_key
    with database.write() as connection:
        if link.kind == "first":
            links.lock_first(connection)
        whose = None if link.user_id is None else users.lock_user(connection, link.user_id)
        if not _is_good(connection, link) or not links.use_link(connection, link.id, now_us()):
            raise LinkWorthless
        if user is None:
            assert whose is not None
            users.set_password(connection, whose.id, hashed)
            sessions.remove_sessions(connection, whose.id, None)
            sign_in.clear_failures(connection, secret_key, whose.email)
            return msgspec.structs.replace(whose, has_password=True)
        if not users.add_user(connection, user, fold_case(user.email), hashed):
            raise Conflict(f"There is a user {user.email} already. Sign in, or ask for a link for a new password.")
        if link.kind == "first":
            _follow_what_nobody_follows(connection, user)
        return user


def _follow_what_nobody_follows(connection: Connection, user: User) -> None:
    """The events that `make run` and the command line have made: else nobody would be told of their alerts."""
    active = [event for event in events.list_events(connection) if event.archived_at is None]
    # Of many, people say themselves which.
    if len(active) <= MAX_FOLLOWED:
        for event in active:
            if not alerts.list_followers(connection, event.id):
                alerts.add_follower(connection, event.id, user.id)


def accept_single_sign_on(database: Database, link_text: str, identity: Identity) -> User:
    """The same by single sign-on, for who is invited, or was given a link for a new password, which they then have not.

    Whoever has the link may; so an identity is taken here whatever its address. Raises LinkWorthless, and Conflict
    where somebody else comes by this identity, or has the address; then the link stays good.
    """
    link = find(database, link_text)
    if link.kind == "first":
        # With a password somebody gets in, too, while the provider is away.
        raise LinkWorthless
    with database.write() as connection:
        whose = None if link.user_id is None else users.lock_user(connection, link.user_id)
        if not _is_good(connection, link) or not links.use_link(connection, link.id, now_us()):
            raise LinkWorthless
        taken = users.find_user_by_subject(connection, identity.key)
        if taken is not None and (whose is None or taken.id != whose.id):
            raise Conflict("Somebody comes by this single sign-on already. Sign in with it, without a link.")
        if whose is None:
            return _add_known(connection, link, identity)
        if not users.set_subject(connection, whose.id, identity.key):
            raise Conflict("Somebody comes by this single sign-on already.")
        users.set_password(connection, whose.id, None)
        sessions.remove_sessions(connection, whose.id, None)
        sign_in.clear_failures(connection, database.secret_key, whose.email)
        return msgspec.structs.replace(whose, has_password=False, subject=identity.key)


def _add_known(connection: Connection, link: Link, identity: Identity) -> User:
    assert link.invited is not None
    name = link.invited.name or identity.name or link.invited.email.partition("@")[0]
    user = msgspec.structs.replace(_read_user(link, name, None), has_password=False, subject=identity.key)
    if not users.add_user(connection, user, fold_case(user.email), None):
        raise Conflict(f"There is a user {user.email} already. Sign in, or ask for a link for a new password.")
    return user


def _add(
    connection: Connection,
    base_url: str,
    kind: str,
    lasts_us: int,
    *,
    user_id: str | None = None,
    invited: Invitation | None = None,
    actor: str | None = None,
) -> MadeLink:
    made = make_secret_text("lnk")
    at = now_us()
    link = Link(
        id=made.id,
        digest=made.digest,
        kind="first" if kind == "first" else "invitation" if kind == "invitation" else "password",
        user_id=user_id,
        invited=invited,
        created_at=at,
        expires_at=at + lasts_us,
        actor=actor,
    )
    links.add_link(connection, link)
    return MadeLink(link, f"{base_url.rstrip('/')}/console/link/{made.text}")


def _is_good(connection: Connection, link: Link) -> bool:
    if link.used_at is not None or now_us() >= link.expires_at:
        return False
    if link.kind == "first":
        return not users.has_users(connection)
    if link.user_id is None:
        return True
    user = users.find_user(connection, link.user_id)
    return user is not None and user.is_active


def _read_user(link: Link, name: str, email: str | None) -> User:
    """Whom the link makes. Raises InvalidRequest."""
    invited = link.invited or Invitation(email=_read_email(email or ""), role="administrator", all_events=True)
    return User(
        id=new_id("usr"),
        email=invited.email,
        name=read_name(name),
        role=invited.role,
        sees_personal=invited.sees_personal,
        all_events=invited.all_events,
        events=frozenset(invited.events),
        has_password=True,
        subject=None,
        created_at=now_us(),
    )


def _email_of(database: Database, link: Link) -> str:
    """Raises LinkWorthless where the user is gone."""
    with database.read() as connection:
        user = users.find_user(connection, link.user_id or "")
    if user is None:
        raise LinkWorthless
    return user.email


def _read_email(email: str) -> str:
    email = email.strip()
    if not is_address(email):
        raise InvalidRequest(f"{email!r} is not an e-mail address. Write it like jane@example.org.")
    return email
