"""What somebody changes of themselves: name, password, the browsers and programs that are signed in for them."""

from collections.abc import Mapping

from turnout.access import sessions, tokens, users
from turnout.console.account import told
from turnout.console.account.browsers import name_browser
from turnout.console.page import Page, Visit
from turnout.errors import Conflict, InvalidRequest, NotFound, TooManyAttempts, TurnoutError
from turnout.feed.receipt import Answer
from turnout.model.user import DAY_US, UserToken
from turnout.now import now_us

_EXPIRIES = [("30", "30 days"), ("90", "90 days"), ("365", "a year"), ("", "for ever")]


def show_account(visit: Visit) -> Answer:
    return _render(visit)


def rename(visit: Visit) -> Answer:
    me, name = visit.signed_in, visit.form.get("name", "")
    try:
        with visit.acting("account.rename", target=me.id) as deed:
            deed.before = {"name": me.name}
            deed.after = {"name": users.rename(visit.database, me.id, name).name}
    except InvalidRequest as error:
        return _render(visit, error, "name", name=name)
    return visit.redirect("account", "Your name is changed.")


def change_password(visit: Visit) -> Answer:
    """In place of the present one, which has to be known; other browsers are signed out."""
    me, session = visit.signed_in, visit.session
    present, new = visit.form.get("present", ""), visit.form.get("password", "")
    try:
        if new != visit.form.get("again"):
            raise InvalidRequest("The two passwords differ. Type the same one twice.")
        with visit.acting("account.password", target=me.id):
            users.change_password(
                visit.database,
                me.id,
                present,
                new,
                address=visit.address,
                but=None if session is None else session.id,
            )
    except (InvalidRequest, Conflict, TooManyAttempts) as error:
        return _render(visit, error, "password")
    return visit.redirect("account", "Your password is changed, and your other browsers are signed out.")


def end_session(visit: Visit) -> Answer:
    session_id = visit.places["session"]
    with visit.acting("account.sign_out", target=session_id):
        sessions.revoke(visit.database, visit.signed_in.id, session_id)
    return visit.redirect("account", "That browser is signed out.")


def end_others(visit: Visit) -> Answer:
    assert visit.session is not None
    with visit.acting("account.sign_out") as deed:
        ended = sessions.revoke_all(visit.database, visit.signed_in.id, visit.session.id)
        deed.after = {"sessionsEnded": ended}
    return visit.redirect("account", f"{ended} other browser{' is' if ended == 1 else 's are'} signed out.")


def create_token(visit: Visit) -> Answer:
    """The token, shown this once."""
    name, expiry = visit.form.get("token_name", ""), visit.form.get("expires", "")
    try:
        days = _read_days(expiry)
        with visit.acting("token.create") as deed:
            issued = tokens.create(visit.database, visit.signed_in.id, name, None if days is None else days * DAY_US)
            deed.target = issued.token.id
            deed.after = {"name": issued.token.name, "expires": issued.token.expires_at is not None}
    except (InvalidRequest, Conflict) as error:
        return _render(visit, error, "token", token_name=name, expires=expiry)
    return visit.render("token.html", issued=issued)


def show_revoke(visit: Visit) -> Answer:
    return visit.render("revoke.html", token=_get_token(visit))


def revoke_token(visit: Visit) -> Answer:
    token = _get_token(visit)
    with visit.acting("token.revoke", target=token.id) as deed:
        deed.before = {"name": token.name}
        tokens.revoke(visit.database, visit.signed_in.id, token.id)
    return visit.redirect("account", f"The token {token.name} is revoked.")


def ask_digest(visit: Visit) -> Answer:
    try:
        return told.ask_digest(visit)
    except InvalidRequest as error:
        return _render(visit, error, "digest", typed=visit.form)


def _get_token(visit: Visit) -> UserToken:
    """One of the visitor's own. Raises NotFound."""
    for token in tokens.list_of(visit.database, visit.signed_in):
        if token.id == visit.places["token"] and token.revoked_at is None:
            return token
    raise NotFound("There is no such token; it may be revoked already.")


def _read_days(expiry: str) -> int | None:
    """None for ever. Raises InvalidRequest."""
    if expiry not in dict(_EXPIRIES):
        raise InvalidRequest("Choose from the list how long the token is good.")
    return int(expiry) if expiry else None


def _render(
    visit: Visit,
    error: TurnoutError | None = None,
    where: str = "",
    *,
    name: str | None = None,
    token_name: str = "",
    expires: str = "90",
    typed: Mapping[str, str] | None = None,
) -> Answer:
    """With what was typed, and what is wrong with it."""
    me, now = visit.signed_in, now_us()
    browsers = [(one, name_browser(one.browser)) for one in sessions.list_of(visit.database, me)]
    # The one that is asked from stands first.
    browsers.sort(key=lambda pair: visit.session is None or pair[0].id != visit.session.id)
    return visit.render(
        "account.html",
        status=200 if error is None else error.status,
        name=me.name if name is None else name,
        wrong={where: error.detail} if error is not None else {},
        browsers=browsers,
        tokens=[one for one in tokens.list_of(visit.database, me) if one.is_good(now)],
        token_name=token_name,
        expires=expires,
        expiries=_EXPIRIES,
        issuer=visit.product.issuer,
        **told.gather(visit, typed),
    )


pages = [
    Page("GET", "account", "user", show_account),
    Page("POST", "account/name", "user", rename),
    Page("POST", "account/password", "user", change_password),
    Page("POST", "account/digest", "user", ask_digest),
    Page("POST", "account/digest/stop", "user", told.stop_digest),
    Page("POST", "account/sessions/end-others", "user", end_others),
    Page("POST", "account/sessions/{session}/end", "user", end_session),
    Page("POST", "account/tokens", "user", create_token),
    Page("GET", "account/tokens/{token}/revoke", "user", show_revoke),
    Page("POST", "account/tokens/{token}/revoke", "user", revoke_token),
]
