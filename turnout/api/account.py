"""The caller: who it is, and what is signed in for them."""

from turnout.access import roles, sessions, tokens, users
from turnout.api.operation import Call, Given, Items, Operation, Taken, as_time, read_days, say_time
from turnout.errors import NotFound
from turnout.model.user import Session, User, UserToken


class Me(Given, frozen=True, kw_only=True):
    """Who calls, and what they may."""

    id: str
    email: str
    name: str
    role: str
    sees_personal: bool
    """Whether names and addresses come whole; else they are masked, and bodies are left out."""
    all_events: bool
    may_create_events: bool


class NewName(Taken, frozen=True, kw_only=True):
    """What you are called."""

    name: str


class NewPassword(Taken, frozen=True, kw_only=True):
    """A password in place of the present one."""

    present: str
    password: str


class Ended(Given, frozen=True, kw_only=True):
    """Browsers that were signed out."""

    sessions: int


class SessionShown(Given, frozen=True, kw_only=True):
    """A browser that is signed in."""

    id: str
    created_at: str
    last_seen_at: str
    expires_at: str
    address: str
    browser: str
    is_this: bool


class TokenShown(Given, frozen=True, kw_only=True):
    """A personal token, without its text."""

    id: str
    name: str
    created_at: str
    expires_at: str | None
    revoked_at: str | None
    last_used_at: str | None


class NewToken(Taken, frozen=True, kw_only=True):
    """What a token is to be."""

    name: str
    expires_in_days: int | None = None
    """Left out, it is good until it is revoked."""


class IssuedToken(Given, frozen=True, kw_only=True):
    """A token, with its text this once."""

    token: TokenShown
    text: str
    """`trt_…`"""


def describe_user(user: User) -> Me:
    return Me(
        id=user.id,
        email=user.email,
        name=user.name,
        role=user.role,
        sees_personal=user.sees_personal,
        all_events=user.all_events or user.role == "administrator",
        may_create_events=roles.may_create_events(user),
    )


def show_me(call: Call) -> Me:
    return describe_user(call.user)


def rename(call: Call) -> Me:
    wish: NewName = call.body
    with call.acting("account.rename", target=call.user.id) as deed:
        deed.before = {"name": call.user.name}
        after = users.rename(call.database, call.user.id, wish.name)
        deed.after = {"name": after.name}
    return describe_user(after)


def change_password(call: Call) -> None:
    """Raises InvalidRequest where the present one is wrong or the new one no good, TooManyAttempts."""
    wish: NewPassword = call.body
    with call.acting("account.password", target=call.user.id):
        users.change_password(
            call.database,
            call.user.id,
            wish.present,
            wish.password,
            address=call.address,
            but=None if call.session is None else call.session.id,
        )


def list_sessions(call: Call) -> Items[SessionShown]:
    return Items(items=[show_session(call, one) for one in sessions.list_of(call.database, call.user)])


def show_session(call: Call, session: Session) -> SessionShown:
    return SessionShown(
        id=session.id,
        created_at=say_time(session.created_at),
        last_seen_at=say_time(session.last_seen_at),
        expires_at=say_time(session.expires_at),
        address=session.address,
        browser=session.browser,
        is_this=call.session is not None and call.session.id == session.id,
    )


def end_others(call: Call) -> Ended:
    """All of a program's user, which has none of its own."""
    with call.acting("account.sign_out") as deed:
        ended = sessions.revoke_all(call.database, call.user.id, None if call.session is None else call.session.id)
        deed.after = {"sessionsEnded": ended}
    return Ended(sessions=ended)


def end_session(call: Call) -> None:
    session_id = call.places["session"]
    with call.acting("account.sign_out", target=session_id):
        sessions.revoke(call.database, call.user.id, session_id)


def list_tokens(call: Call) -> Items[TokenShown]:
    return Items(items=[_show(one) for one in tokens.list_of(call.database, call.user)])


def create_token(call: Call) -> IssuedToken:
    wish: NewToken = call.body
    with call.acting("token.create") as deed:
        issued = tokens.create(call.database, call.user.id, wish.name, read_days(wish.expires_in_days))
        deed.target = issued.token.id
        deed.after = {"name": issued.token.name, "expires": issued.token.expires_at is not None}
    return IssuedToken(token=_show(issued.token), text=issued.text)


def revoke_token(call: Call) -> None:
    token_id = call.places["token"]
    known = {one.id: one for one in tokens.list_of(call.database, call.user) if one.revoked_at is None}
    if token_id not in known:
        raise NotFound("There is no such token; it may be revoked already.")
    with call.acting("token.revoke", target=token_id) as deed:
        deed.before = {"name": known[token_id].name}
        tokens.revoke(call.database, call.user.id, token_id)


def _show(token: UserToken) -> TokenShown:
    return TokenShown(
        id=token.id,
        name=token.name,
        created_at=say_time(token.created_at),
        expires_at=as_time(token.expires_at),
        revoked_at=as_time(token.revoked_at),
        last_used_at=as_time(token.last_used_at),
    )


operations = [
    Operation("GET", "me", "user", show_me, "Who calls", gives=Me),
    Operation("PATCH", "me", "user", rename, "Another name for yourself", takes=NewName, gives=Me),
    Operation(
        "POST",
        "me/password",
        "user",
        change_password,
        "Another password",
        "In place of the present one, which has to be known. Your browsers are signed out, but for the one that asks; "
        "tokens stay good.",
        takes=NewPassword,
    ),
    Operation("GET", "me/sessions", "user", list_sessions, "Your browsers", gives=Items[SessionShown]),
    Operation("DELETE", "me/sessions", "user", end_others, "Sign your other browsers out", gives=Ended),
    Operation("DELETE", "me/sessions/{session}", "user", end_session, "Sign a browser of yours out"),
    Operation(
        "GET",
        "me/tokens",
        "user",
        list_tokens,
        "Your tokens",
        "Those that were revoked or are over stay for 90 days.",
        gives=Items[TokenShown],
    ),
    Operation(
        "POST",
        "me/tokens",
        "user",
        create_token,
        "A new token",
        "It may what you may, and nothing more. Its text is in this answer and in no other.",
        takes=NewToken,
        gives=IssuedToken,
        status=201,
    ),
    Operation("DELETE", "me/tokens/{token}", "user", revoke_token, "Revoke a token of yours"),
]
