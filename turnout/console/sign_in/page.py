"""In and out: signing in, the links that are good once, signing out."""

from contextlib import AbstractContextManager

from turnout import errors
from turnout.access import audit, links, sessions, sign_in, users
from turnout.alerts import forgotten, mail
from turnout.console import cookies
from turnout.console.page import Page, Visit, local_way
from turnout.feed.receipt import Answer
from turnout.model.user import Link, Session, User

_HOME = "console/events"


def show_sign_in(visit: Visit) -> Answer:
    if visit.user is not None:
        return visit.redirect(find_goal(visit.query.get("to")))
    return _render_sign_in(visit, to=visit.query.get("to", ""))


def take_sign_in(visit: Visit) -> Answer:
    email, password, to = (visit.form.get(name, "") for name in ("email", "password", "to"))
    try:
        session, cookie = sign_in.sign_in(visit.database, email, password, visit.address, visit.browser)
    except errors.TooManyAttempts as error:
        again = ((b"retry-after", str(error.retry_after_s).encode()),)
        return _render_sign_in(visit, error, email, to, again)
    except errors.SignInFailed as error:
        return _render_sign_in(visit, error, email, to)
    note_sign_in(visit, users.get(visit.database, session.user_id), "password")
    return let_in(visit, session, cookie, to)


def sign_out(visit: Visit) -> Answer:
    if visit.session is not None:
        sessions.revoke(visit.database, visit.session.user_id, visit.session.id)
    gone = cookies.set_cookie(cookies.SESSION, "", secure=visit.product.is_secure, max_age_s=0)
    return visit.redirect("sign-in", "You are signed out.", more=(gone,))


def show_forgotten(visit: Visit) -> Answer:
    """Where a link for a new password is asked for, where there is a mail server."""
    return _render_forgotten(visit)


def take_forgotten(visit: Visit) -> Answer:
    """The same answer whoever it is."""
    email = visit.form.get("email", "")
    try:
        forgotten.ask(visit.database, email, visit.address)
    except errors.TooManyAttempts as error:
        return _render_forgotten(visit, error, email)
    return visit.redirect("forgotten?sent=yes")


def _render_forgotten(visit: Visit, error: errors.TooManyAttempts | None = None, email: str = "") -> Answer:
    return visit.render(
        "forgotten.html",
        status=200 if error is None else error.status,
        headers=() if error is None else ((b"retry-after", str(error.retry_after_s).encode()),),
        has_mail=mail.get(visit.database) is not None,
        was_sent=error is None and visit.query.get("sent") == "yes",
        email=email,
        error=None if error is None else error.detail,
    )


def show_link(visit: Visit) -> Answer:
    """What a link that is good once opens: a first administrator, an invitation, a new password."""
    return _render_link(visit, links.find(visit.database, visit.places["link"]))


def take_link(visit: Visit) -> Answer:
    text = visit.places["link"]
    name, email, password = (visit.form.get(field, "") for field in ("name", "email", "password"))
    link = links.find(visit.database, text)
    try:
        if password != visit.form.get("again"):
            raise errors.InvalidRequest("The two passwords differ. Type the same one twice.")
        with accepting(visit, link) as deed:
            user = links.accept(visit.database, text, name, password, email)
            deed.target = user.id
    except (errors.InvalidRequest, errors.Conflict, errors.TooManyAttempts) as error:
        return _render_link(visit, link, error, name, email)
    session, cookie = sessions.begin(visit.database, user.id, visit.address, visit.browser)
    return let_in(visit, session, cookie)


def accepting(visit: Visit, link: Link) -> AbstractContextManager[audit.Deed]:
    """The line in the audit log of somebody who has a link, and is nobody yet."""
    action = {"first": "user.first", "invitation": "user.join", "password": "user.new_password"}[link.kind]
    who = "first link" if link.invited is None else link.invited.email
    if link.user_id is not None:
        who = users.get(visit.database, link.user_id).email
    return audit.acting(visit.database, who, action, target=link.user_id, address=visit.address)


def note_sign_in(visit: Visit, user: User, by: str) -> None:
    with audit.acting(visit.database, user, "user.sign_in", target=user.id, address=visit.address) as deed:
        deed.after = {"by": by}


def let_in(visit: Visit, session: Session, cookie: str, to: str | None = None) -> Answer:
    """On to where the visitor wanted to go. The cookie is a new one each time, whatever the browser came with."""
    lasts_s = (session.expires_at - session.created_at) // 1_000_000
    header = cookies.set_cookie(cookies.SESSION, cookie, secure=visit.product.is_secure, max_age_s=lasts_s)
    return visit.redirect(find_goal(to), more=(header,))


def find_goal(to: str | None) -> str:
    """Where the visitor wanted to go before he had to sign in: a page of the console, whatever the address says."""
    return (local_way(to) or _HOME).removeprefix("console").removeprefix("/") or "events"


def _render_sign_in(
    visit: Visit,
    error: errors.TurnoutError | None = None,
    email: str = "",
    to: str = "",
    headers: tuple[tuple[bytes, bytes], ...] = (),
) -> Answer:
    return visit.render(
        "sign_in.html",
        status=200 if error is None else error.status,
        headers=headers,
        email=email,
        error=None if error is None else error.detail,
        to=to,
        issuer=visit.product.issuer,
        has_mail=mail.get(visit.database) is not None,
    )


def _render_link(
    visit: Visit, link: Link, error: errors.TurnoutError | None = None, name: str | None = None, email: str = ""
) -> Answer:
    """With what was typed."""
    invited = "" if link.invited is None else link.invited.name
    return visit.render(
        "link.html",
        status=200 if error is None else error.status,
        link=link,
        name=invited if name is None else name,
        email=email,
        error=None if error is None else error.detail,
        issuer=None if link.kind == "first" else visit.product.issuer,
    )


pages = [
    Page("GET", "", "everybody", show_sign_in),
    Page("GET", "sign-in", "everybody", show_sign_in),
    Page("POST", "sign-in", "everybody", take_sign_in),
    Page("POST", "sign-out", "everybody", sign_out),
    Page("GET", "forgotten", "everybody", show_forgotten),
    Page("POST", "forgotten", "everybody", take_forgotten),
    Page("GET", "link/{link}", "everybody", show_link),
    Page("POST", "link/{link}", "everybody", take_link),
]
