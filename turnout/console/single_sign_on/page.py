"""To the provider of the single sign-on, and back. The browser goes by links: forms may be sent to us only."""

import asyncio

from turnout.access import links, sessions, single_sign_on
from turnout.access.oidc import attempt
from turnout.access.oidc.attempt import Attempt
from turnout.access.oidc.id_token import Identity
from turnout.access.oidc.issuer import Issuer
from turnout.console import cookies
from turnout.console.page import Page, Visit
from turnout.console.sign_in.page import accepting, let_in, note_sign_in
from turnout.errors import NotFound
from turnout.feed.receipt import Answer


async def begin(visit: Visit) -> Answer:
    """Away to the provider, to sign in."""
    return await _go(visit, attempt.begin(to=visit.query.get("to", "")[:500]))


async def begin_with_link(visit: Visit) -> Answer:
    """The same for who accepts an invitation, or a link for a new password, by it."""
    text = visit.places["link"]
    await asyncio.to_thread(links.find, visit.database, text)
    return await _go(visit, attempt.begin(link=text))


async def come_back(visit: Visit) -> Answer:
    """Back from the provider, with its answer."""
    issuer = _get_issuer(visit)
    name = cookies.name_of(cookies.SINGLE_SIGN_ON, secure=visit.product.is_secure)
    begun = cookies.read_kept(visit.sent_cookies.get(name), Attempt)
    identity = await issuer.identify(begun, visit.query)
    assert begun is not None
    answer = await asyncio.to_thread(_enter, visit, begun, identity)
    gone = cookies.set_cookie(cookies.SINGLE_SIGN_ON, "", secure=visit.product.is_secure, max_age_s=0)
    return Answer(answer.status, answer.body, (*answer.headers, gone))


def _enter(visit: Visit, begun: Attempt, identity: Identity) -> Answer:
    if begun.link:
        link = links.find(visit.database, begun.link)
        with accepting(visit, link) as deed:
            user = links.accept_single_sign_on(visit.database, begun.link, identity)
            deed.target = user.id
            deed.after = {"by": "single sign-on"}
        return let_in(visit, *sessions.begin(visit.database, user.id, visit.address, visit.browser))
    user, session, cookie = single_sign_on.enter(visit.database, identity, visit.address, visit.browser)
    note_sign_in(visit, user, "single sign-on")
    return let_in(visit, session, cookie, begun.to)


async def _go(visit: Visit, begun: Attempt) -> Answer:
    way = await _get_issuer(visit).write_way(begun)
    secure = visit.product.is_secure
    kept = cookies.keep(cookies.SINGLE_SIGN_ON, begun, secure=secure, max_age_s=attempt.LASTS_S)
    return Answer(303, b"", ((b"location", way.encode("latin-1")), kept))


def _get_issuer(visit: Visit) -> Issuer:
    """Raises NotFound."""
    if visit.product.issuer is None:
        raise NotFound("No single sign-on is set up here. Sign in with your password.")
    return visit.product.issuer


pages = [
    Page("GET", "single-sign-on", "everybody", begin),
    Page("GET", "single-sign-on/back", "everybody", come_back),
    Page("GET", "link/{link}/single-sign-on", "everybody", begin_with_link),
]
