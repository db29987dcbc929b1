"""Who signs in: invited, given a role and events, let in again, shut out."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from turnout.access import audit, links, sessions, users
from turnout.access.links import MadeLink
from turnout.alerts import mail
from turnout.console.account.browsers import name_browser
from turnout.console.page import Page, Undo, Visit
from turnout.console.shown import as_date
from turnout.errors import Conflict, InvalidRequest, NotFound, TurnoutError
from turnout.events import event
from turnout.feed.receipt import Answer
from turnout.model.event import Event
from turnout.model.names import fold_case
from turnout.model.user import Invitation, Link, User

SHOWN = 200
"""Users in one list; of more it is said to search."""


class Access(msgspec.Struct, frozen=True):
    """What a form says of what somebody may."""

    role: str = "viewer"
    all_events: bool = False
    events: tuple[str, ...] = ()
    """Their ids."""
    is_masked: bool = False

    @property
    def sees_personal(self) -> bool:
        # The box is there for viewers; whoever has ticked it before choosing another role has not meant it.
        return not (self.is_masked and self.role == "viewer")


def show_users(visit: Visit) -> Answer:
    """Everybody, or with `find` those whose name or address has it."""
    find = visit.query.get("find", "").strip()
    known = users.list_all(visit.database)
    matching = [one for one in known if fold_case(find) in fold_case(f"{one.name} {one.email}")]
    invited = links.list_invitations(visit.database)
    shown: dict[str, Any] = {
        "users": matching[:SHOWN],
        "found": len(matching),
        "events": _name_events(visit),
        "say_events": say_events,
        "find": find,
    }
    if visit.is_fragment:
        return visit.render("_users.html", **shown)
    return visit.render("list.html", there=len(known), invited=invited, **shown)


def show_user(visit: Visit) -> Answer:
    return _render_user(visit, _get_user(visit))


def show_invite(visit: Visit) -> Answer:
    return _render_invite(visit, Access(), "", "")


def invite(visit: Visit) -> Answer:
    """The link, shown this once, with a message to send it in."""
    email, name = visit.form.get("email", "").strip(), visit.form.get("name", "").strip()
    access = _read_access(visit)
    try:
        with visit.acting("user.invite") as deed:
            made = links.invite(
                visit.database,
                visit.product.public_url,
                email,
                role=access.role,
                name=name,
                events=access.events,
                all_events=access.all_events,
                sees_personal=access.sees_personal,
                actor=visit.signed_in.email,
            )
            deed.target = made.link.id
            assert made.link.invited is not None
            deed.after = {
                "email": made.link.invited.email,
                "role": access.role,
                "events": list(access.events),
                "allEvents": access.all_events,
                "seesPersonal": access.sees_personal,
            }
    except (Conflict, InvalidRequest) as error:
        return _render_invite(visit, access, email, name, error)
    return _give(visit, made, made.link.invited)


def change_access(visit: Visit) -> Answer:
    """Another role, other events: they hold at once."""
    before = _get_user(visit)
    if visit.form.get("was") not in (None, _mark_access(before)):
        return _render_user(visit, before, error=Conflict(_MEANWHILE))
    access = _read_access(visit)
    is_oneself = before.id == visit.signed_in.id
    but = visit.session.id if visit.session is not None and is_oneself else None
    try:
        with visit.acting("user.role", target=before.id) as deed:
            users.set_role(visit.database, before.id, access.role, sees_personal=access.sees_personal, but=but)
            after = users.set_events(visit.database, before.id, access.events, all_events=access.all_events)
            deed.before, deed.after = users.describe_change(before, after)
    except (Conflict, InvalidRequest) as error:
        return _render_user(visit, before, access, error)
    if is_oneself and after.role != "administrator":
        return visit.redirect("account", f"You are {_name_role(after.role)} now.")
    way = f"installation/users/{after.id}"
    undo = Undo(f"{way}/undo-access?line={deed.line_id}") if deed.after else None
    return visit.redirect(way, f"{after.name} is {_name_role(after.role)}.", undo)


def undo_access(visit: Visit) -> Answer:
    """Back to what the line of the audit log in the address says was before, unless it was changed since."""
    user = _get_user(visit)
    line = audit.get_line(visit.database, visit.query.get("line", ""))
    if line.action != "user.role" or line.target != user.id or line.outcome != "done":
        raise NotFound("There is nothing of this user to take back.")
    with visit.acting("user.role", target=user.id) as deed:
        after = users.take_back(visit.database, user.id, line.before or {}, line.after or {})
        deed.before, deed.after = users.describe_change(user, after)
    return visit.redirect(f"installation/users/{user.id}", f"{after.name} is {_name_role(after.role)} again.")


_MEANWHILE = (
    "Somebody has changed what this user may meanwhile, and nothing of yours was saved. Below is how it is now: make "
    "your change again where it is still meant."
)


def _mark_access(user: User) -> str:
    """Another text whenever something of it is another: what one form gives back another may have taken."""
    return ",".join([user.role, str(user.all_events), str(user.sees_personal), *sorted(user.events)])


def show_disable(visit: Visit) -> Answer:
    return visit.render("disable.html", user=_get_user(visit))


def disable(visit: Visit) -> Answer:
    user = _get_user(visit)
    if user.id == visit.signed_in.id:
        raise Conflict("You cannot disable yourself. Ask another administrator.")
    with visit.acting("user.disable", target=user.id) as deed:
        deed.before, deed.after = users.describe_change(user, users.disable(visit.database, user.id))
    said = f"{user.name} is disabled, and signed out everywhere."
    return visit.redirect(f"installation/users/{user.id}", said, Undo(f"installation/users/{user.id}/enable"))


def enable(visit: Visit) -> Answer:
    user = _get_user(visit)
    with visit.acting("user.enable", target=user.id) as deed:
        deed.before, deed.after = users.describe_change(user, users.enable(visit.database, user.id))
    return visit.redirect(f"installation/users/{user.id}", f"{user.name} can sign in again.")


def give_link(visit: Visit) -> Answer:
    """A link for a new password, shown this once."""
    user = _get_user(visit)
    with visit.acting("user.link", target=user.id):
        made = links.new_password(visit.database, visit.product.public_url, user.id, actor=visit.signed_in.email)
    return _give(visit, made, user)


def _give(visit: Visit, made: MadeLink, whose: User | Invitation | None) -> Answer:
    """Sends the link where that is wished; it is shown only where it was not, or could not be sent."""
    assert whose is not None
    if "send" not in visit.form:
        return _render_link(visit, made, whose)
    with visit.acting("user.send_link", target=made.link.id) as deed:
        try:
            failure = mail.send_link(visit.database, visit.product.public_url, made, whose.email)
        except Conflict as error:
            failure = error.detail
        deed.after = {"email": whose.email, "sent": failure is None}
    if failure is not None:
        return _render_link(visit, made, whose, failure)
    to = f"users/{whose.id}" if isinstance(whose, User) else "users"
    return visit.redirect(f"installation/{to}", f"The link is on its way to {whose.email}.")


def sign_out(visit: Visit) -> Answer:
    """Ends all sessions of somebody; one's own stays."""
    user = _get_user(visit)
    but = visit.session.id if visit.session is not None and user.id == visit.signed_in.id else None
    with visit.acting("user.sign_out", target=user.id) as deed:
        ended = sessions.revoke_all(visit.database, user.id, but)
        deed.after = {"sessionsEnded": ended}
    said = f"{user.name} is signed out of {ended} browser{'' if ended == 1 else 's'}."
    return visit.redirect(f"installation/users/{user.id}", said)


def end_session(visit: Visit) -> Answer:
    """Ends one of somebody's sessions."""
    user, session_id = _get_user(visit), visit.places["session"]
    with visit.acting("user.end_session", target=user.id) as deed:
        deed.after = {"session": session_id}
        sessions.revoke(visit.database, user.id, session_id)
    return visit.redirect(f"installation/users/{user.id}", f"{user.name} is signed out there.")


def show_withdraw(visit: Visit) -> Answer:
    return visit.render("withdraw.html", link=_get_invitation(visit))


def withdraw(visit: Visit) -> Answer:
    link = _get_invitation(visit)
    assert link.invited is not None
    with visit.acting("user.withdraw", target=link.id) as deed:
        deed.before = {"email": link.invited.email, "role": link.invited.role}
        links.withdraw(visit.database, link.id)
    return visit.redirect("installation/users", f"The invitation of {link.invited.email} is withdrawn.")


def _get_user(visit: Visit) -> User:
    return users.get(visit.database, visit.places["user"])


def _get_invitation(visit: Visit) -> Link:
    """Raises NotFound."""
    for link in links.list_invitations(visit.database):
        if link.id == visit.places["link"]:
            return link
    raise NotFound("There is no such invitation; it may have been used.")


def _read_access(visit: Visit) -> Access:
    known = {one.id for one in event.list_all(visit.database)}
    all_events = visit.form.get("scope") == "all"
    return Access(
        role=visit.form.get("role", ""),
        all_events=all_events,
        events=() if all_events else tuple(one for one in visit.form_list("events") if one in known),
        is_masked="masked" in visit.form,
    )


def _render_invite(visit: Visit, access: Access, email: str, name: str, error: TurnoutError | None = None) -> Answer:
    is_name = error is not None and (len(name) > users.MAX_NAME or not name.isprintable())
    detail = "" if error is None else error.detail
    return visit.render(
        "invite.html",
        status=200 if error is None else error.status,
        access=access,
        email=email,
        name=name,
        email_error="" if is_name else detail,
        name_error=detail if is_name else "",
        choices=_list_choices(visit, access.events),
        has_mail=mail.get(visit.database) is not None,
    )


def _render_user(visit: Visit, user: User, access: Access | None = None, error: TurnoutError | None = None) -> Answer:
    if access is None:
        access = Access(user.role, user.all_events, tuple(user.events), not user.sees_personal)
    return visit.render(
        "show.html",
        status=200 if error is None else error.status,
        user=user,
        access=access,
        error=None if error is None else error.detail,
        choices=_list_choices(visit, access.events),
        was=_mark_access(user),
        browsers=[(one, name_browser(one.browser)) for one in sessions.list_of(visit.database, user)],
        is_oneself=user.id == visit.signed_in.id,
        has_mail=mail.get(visit.database) is not None,
    )


def _render_link(visit: Visit, made: MadeLink, whose: User | Invitation, failure: str | None = None) -> Answer:
    """The link itself; `failure` says why it could not be sent."""
    is_invitation = made.link.kind == "invitation"
    call = f"Hello {whose.name}" if whose.name else "Hello"
    what = (
        "you are invited to Turnout, where the attendees of our events come together. Open this link to begin:"
        if is_invitation
        else "with this link you set a new password for Turnout:"
    )
    until = f"It works once, until {as_date(made.link.expires_at)}."
    message = f"{call},\n\n{what}\n{made.url}\n\n{until}"
    subject = "Your invitation to Turnout" if is_invitation else "A new password for Turnout"
    return visit.render(
        "link.html",
        made=made,
        whose=whose,
        is_invitation=is_invitation,
        message=message,
        subject=subject,
        failure=failure,
    )


def _list_choices(visit: Visit, chosen: Sequence[str]) -> list[Event]:
    """The events that somebody can be given: those that are not archived, and those that they have."""
    known = event.list_all(visit.database)
    return sorted(
        (one for one in known if one.archived_at is None or one.id in chosen), key=lambda one: fold_case(one.name)
    )


def _name_events(visit: Visit) -> dict[str, str]:
    return {one.id: one.name for one in event.list_all(visit.database)}


def say_events(of: User | Invitation, names: dict[str, str]) -> str:
    """Which events somebody has, in a few words."""
    if of.role == "administrator" or of.all_events:
        return "all events"
    return _list_some(sorted(names[one] for one in of.events if one in names))


def _list_some(names: Iterable[str], most: int = 3) -> str:
    listed = list(names)
    if len(listed) > most:
        return f"{', '.join(listed[: most - 1])} and {len(listed) - most + 1} more"
    return ", ".join(listed) or "no event yet"


def _name_role(role: str) -> str:
    return f"{'an' if role[0] == 'a' else 'a'} {role}"


_USER = "installation/users/{user}"
_INVITATION = "installation/invitations/{link}"
pages = [
    Page("GET", "installation/users", "administrator", show_users),
    Page("GET", "installation/invite", "administrator", show_invite),
    Page("POST", "installation/invite", "administrator", invite),
    Page("GET", _USER, "administrator", show_user),
    Page("POST", f"{_USER}/access", "administrator", change_access),
    Page("POST", f"{_USER}/undo-access", "administrator", undo_access),
    Page("POST", f"{_USER}/sessions/{{session}}/end", "administrator", end_session),
    Page("GET", f"{_USER}/disable", "administrator", show_disable),
    Page("POST", f"{_USER}/disable", "administrator", disable),
    Page("POST", f"{_USER}/enable", "administrator", enable),
    Page("POST", f"{_USER}/link", "administrator", give_link),
    Page("POST", f"{_USER}/sign-out", "administrator", sign_out),
    Page("GET", f"{_INVITATION}/withdraw", "administrator", show_withdraw),
    Page("POST", f"{_INVITATION}/withdraw", "administrator", withdraw),
]
