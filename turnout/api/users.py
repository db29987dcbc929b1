"""Users and invitations: who signs in, with which role, for which events."""

from collections.abc import Iterable

from turnout.access import links, sessions, users
from turnout.access.links import MadeLink
from turnout.alerts import mail
from turnout.api.account import SessionShown, show_session
from turnout.api.operation import Call, Given, Items, Operation, Taken, as_time, say_time
from turnout.errors import Conflict, InvalidRequest, NotFound
from turnout.events import event
from turnout.model.user import Link, User


class UserShown(Given, frozen=True, kw_only=True):
    """One user."""

    id: str
    email: str
    name: str
    role: str
    sees_personal: bool
    all_events: bool
    events: list[str]
    """The slugs of theirs where they do not have all."""
    created_at: str
    disabled_at: str | None
    last_seen_at: str | None


class InvitationShown(Given, frozen=True, kw_only=True):
    """Somebody who is invited, without the link."""

    id: str
    email: str
    role: str
    created_at: str
    expires_at: str


class Access(Taken, frozen=True, kw_only=True):
    """What somebody may."""

    role: str
    all_events: bool = False
    events: tuple[str, ...] = ()
    """Slugs."""
    sees_personal: bool = True


class NewInvitation(Access, frozen=True, kw_only=True):
    """Whom to invite, and what they may."""

    email: str
    name: str = ""
    send: bool = False
    """Whether they are sent the link by e-mail."""


class NewLink(Taken, frozen=True, kw_only=True):
    """How a link is to be given."""

    send: bool = False
    """Whether they are sent it by e-mail."""


class MadeInvitation(Given, frozen=True, kw_only=True):
    """An invitation, with its link this once."""

    invitation: InvitationShown
    link: str | None
    """Null where it was sent."""
    failure: str | None
    """Why it could not be sent, where that was wished."""


class PasswordLink(Given, frozen=True, kw_only=True):
    """A link for a new password, this once."""

    link: str | None
    """Null where it was sent."""
    expires_at: str
    failure: str | None
    """Why it could not be sent, where that was wished."""


def list_users(call: Call) -> Items[UserShown]:
    slugs = _name_events(call)
    return Items(items=[_show(one, slugs) for one in users.list_all(call.database)])


def show_user(call: Call) -> UserShown:
    return _show(_get(call), _name_events(call))


def change_access(call: Call) -> UserShown:
    wish: Access = call.body
    before = _get(call)
    event_ids = _find_events(call, wish)
    is_oneself = before.id == call.user.id
    but = call.session.id if call.session is not None and is_oneself else None
    with call.acting("user.role", target=before.id) as deed:
        users.set_role(call.database, before.id, wish.role, sees_personal=wish.sees_personal, but=but)
        after = users.set_events(call.database, before.id, event_ids, all_events=wish.all_events)
        deed.before, deed.after = users.describe_change(before, after)
    return _show(after, _name_events(call))


def disable(call: Call) -> UserShown:
    user = _get(call)
    if user.id == call.user.id:
        raise Conflict("You cannot disable yourself. Ask another administrator.")
    with call.acting("user.disable", target=user.id) as deed:
        after = users.disable(call.database, user.id)
        deed.before, deed.after = users.describe_change(user, after)
    return _show(after, _name_events(call))


def enable(call: Call) -> UserShown:
    user = _get(call)
    with call.acting("user.enable", target=user.id) as deed:
        after = users.enable(call.database, user.id)
        deed.before, deed.after = users.describe_change(user, after)
    return _show(after, _name_events(call))


def give_link(call: Call) -> PasswordLink:
    wish: NewLink = call.body
    user = _get(call)
    with call.acting("user.link", target=user.id):
        made = links.new_password(call.database, call.product.public_url, user.id, actor=call.user.email)
    link, failure = _give(call, made, user.email) if wish.send else (made.url, None)
    return PasswordLink(link=link, expires_at=say_time(made.link.expires_at), failure=failure)


def _give(call: Call, made: MadeLink, to: str) -> tuple[str | None, str | None]:
    """Sends it; gives the link where it could not be sent, and why."""
    with call.acting("user.send_link", target=made.link.id) as deed:
        try:
            failure = mail.send_link(call.database, call.product.public_url, made, to)
        except Conflict as error:
            failure = error.detail
        deed.after = {"email": to, "sent": failure is None}
    return (None if failure is None else made.url), failure


def sign_out(call: Call) -> None:
    user = _get(call)
    but = call.session.id if call.session is not None and user.id == call.user.id else None
    with call.acting("user.sign_out", target=user.id) as deed:
        deed.after = {"sessionsEnded": sessions.revoke_all(call.database, user.id, but)}


def list_sessions(call: Call) -> Items[SessionShown]:
    return Items(items=[show_session(call, one) for one in sessions.list_of(call.database, _get(call))])


def end_session(call: Call) -> None:
    user, session_id = _get(call), call.places["session"]
    with call.acting("user.end_session", target=user.id) as deed:
        deed.after = {"session": session_id}
        sessions.revoke(call.database, user.id, session_id)


def list_invitations(call: Call) -> Items[InvitationShown]:
    return Items(items=[_show_invitation(one) for one in links.list_invitations(call.database)])


def invite(call: Call) -> MadeInvitation:
    wish: NewInvitation = call.body
    event_ids = _find_events(call, wish)
    with call.acting("user.invite") as deed:
        made: MadeLink = links.invite(
            call.database,
            call.product.public_url,
            wish.email,
            role=wish.role,
            name=wish.name,
            events=event_ids,
            all_events=wish.all_events,
            sees_personal=wish.sees_personal,
            actor=call.user.email,
        )
        deed.target = made.link.id
        shown = _show_invitation(made.link)
        deed.after = {
            "email": shown.email,
            "role": wish.role,
            "events": event_ids,
            "allEvents": wish.all_events,
            "seesPersonal": wish.sees_personal,
        }
    link, failure = _give(call, made, shown.email) if wish.send else (made.url, None)
    return MadeInvitation(invitation=shown, link=link, failure=failure)


def withdraw(call: Call) -> None:
    known = {one.id: one for one in links.list_invitations(call.database)}
    link = known.get(call.places["invitation"])
    if link is None or link.invited is None:
        raise NotFound("There is no such invitation; it may have been used.")
    with call.acting("user.withdraw", target=link.id) as deed:
        deed.before = {"email": link.invited.email, "role": link.invited.role}
        links.withdraw(call.database, link.id)


def _get(call: Call) -> User:
    return users.get(call.database, call.places["user"])


def _find_events(call: Call, wish: Access) -> list[str]:
    """The ids of the events named. Raises InvalidRequest where there is none of that name."""
    known = {one.slug: one.id for one in event.list_all(call.database)}
    for slug in wish.events:
        if slug not in known:
            raise InvalidRequest(f"There is no event {slug[:80]!r}.")
    return [] if wish.all_events else sorted({known[slug] for slug in wish.events})


def _name_events(call: Call) -> dict[str, str]:
    return {one.id: one.slug for one in event.list_all(call.database)}


def _list_slugs(ids: Iterable[str], slugs: dict[str, str]) -> list[str]:
    return sorted(slugs[one] for one in ids if one in slugs)


def _show(user: User, slugs: dict[str, str]) -> UserShown:
    return UserShown(
        id=user.id,
        email=user.email,
        name=user.name,
        role=user.role,
        sees_personal=user.sees_personal,
        all_events=user.all_events,
        events=_list_slugs(user.events, slugs),
        created_at=say_time(user.created_at),
        disabled_at=as_time(user.disabled_at),
        last_seen_at=as_time(user.last_seen_at),
    )


def _show_invitation(link: Link) -> InvitationShown:
    assert link.invited is not None
    return InvitationShown(
        id=link.id,
        email=link.invited.email,
        role=link.invited.role,
        created_at=say_time(link.created_at),
        expires_at=say_time(link.expires_at),
    )


_ONE = "users/{user}"
operations = [
    Operation("GET", "users", "administrator", list_users, "Everybody who signs in", gives=Items[UserShown]),
    Operation("GET", _ONE, "administrator", show_user, "One user", gives=UserShown),
    Operation(
        "PATCH",
        _ONE,
        "administrator",
        change_access,
        "Another role, other events",
        "All of it is set: what is left out is as in a new invitation. It holds at once.",
        takes=Access,
        gives=UserShown,
    ),
    Operation(
        "POST",
        f"{_ONE}/disable",
        "administrator",
        disable,
        "Shut somebody out",
        "Sessions, tokens and links of theirs open nothing from then on.",
        gives=UserShown,
    ),
    Operation("POST", f"{_ONE}/enable", "administrator", enable, "Let somebody in again", gives=UserShown),
    Operation(
        "POST",
        f"{_ONE}/password-link",
        "administrator",
        give_link,
        "A link for a new password",
        "It is in this answer and in no other, or is sent.",
        takes=NewLink,
        gives=PasswordLink,
        status=201,
    ),
    Operation("POST", f"{_ONE}/sign-out", "administrator", sign_out, "End all sessions of somebody"),
    Operation(
        "GET",
        f"{_ONE}/sessions",
        "administrator",
        list_sessions,
        "Browsers that somebody is signed in with",
        gives=Items[SessionShown],
    ),
    Operation(
        "DELETE", f"{_ONE}/sessions/{{session}}", "administrator", end_session, "Sign one browser of somebody out"
    ),
    Operation("GET", "invitations", "administrator", list_invitations, "Who is invited", gives=Items[InvitationShown]),
    Operation(
        "POST",
        "invitations",
        "administrator",
        invite,
        "Invite somebody",
        "The link is in this answer and in no other, or is sent.",
        takes=NewInvitation,
        gives=MadeInvitation,
        status=201,
    ),
    Operation("DELETE", "invitations/{invitation}", "administrator", withdraw, "Withdraw an invitation"),
]
