"""Of what an event's people are told, from when on, and who they are."""

from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit

import msgspec

from turnout import errors
from turnout.access import roles, users
from turnout.alerts import mail, tell, watching
from turnout.alerts.described import describe_settings
from turnout.console.alerts.alerts import way
from turnout.console.alerts.words import KINDS, NUMBERS
from turnout.console.page import Undo, Visit
from turnout.feed.receipt import Answer
from turnout.model.alert import AlertSettings, Watch
from turnout.model.user import User


class Follower(msgspec.Struct, frozen=True):
    """Somebody who is told."""

    user: User
    may_see: bool
    """Whoever may not see the event any more is told nothing."""


def show(visit: Visit) -> Answer:
    return render(visit)


def change(visit: Visit) -> Answer:
    """What the form says, all of it."""
    try:
        wanted = _read(visit.form)
        with visit.acting("alert.set") as deed:
            before, after = watching.change_settings(visit.database, visit.event.id, wanted)
            deed.before, deed.after = describe_settings(before), describe_settings(after)
    except errors.InvalidRequest as error:
        return render(visit, typed=visit.form, wrong=error.detail)
    if before == after:
        return visit.redirect(way(visit, "/settings"), "Everything is as it was.")
    back = urlencode({"off": ",".join(sorted(before.off)), **{one.name: getattr(before, one.name) for one in _NUMBERS}})
    return visit.redirect(way(visit, "/settings"), "Saved.", Undo(way(visit, f"/settings/undo?{back}")))


def undo(visit: Visit) -> Answer:
    """Back to what was before, in the address."""
    asked = visit.query
    off = {*asked.get("off", "").split(",")}
    form = {f"on_{kind}": "on" for kind in KINDS if kind not in off}
    wanted = _read({**form, **{one.name: asked.get(one.name, "") for one in _NUMBERS}})
    with visit.acting("alert.set") as deed:
        before, after = watching.change_settings(visit.database, visit.event.id, wanted)
        deed.before, deed.after = describe_settings(before), describe_settings(after)
    return visit.redirect(way(visit, "/settings"), "It is as it was before.")


_NUMBERS = tuple(NUMBERS.values())


def _read(form: Mapping[str, str]) -> AlertSettings:
    """Raises InvalidRequest where a number is none; whether it is a good one, alerts know."""

    def number(name: str) -> int:
        text = form.get(name, "").strip().removesuffix("%").strip()
        if not (text.isascii() and text.isdecimal() and len(text) < 6):
            title = next(KINDS[kind].title for kind, one in NUMBERS.items() if one.name == name)
            raise errors.InvalidRequest(f"{title}: write a whole number, such as 20.")
        return int(text)

    return AlertSettings(
        off=frozenset(kind for kind in KINDS if f"on_{kind}" not in form),
        error_percent=number("error_percent"),
        fall_percent=number("fall_percent"),
        key_days=number("key_days"),
    )


def render(
    visit: Visit,
    *,
    typed: Mapping[str, str] | None = None,
    wrong: str = "",
    url: str | None = None,
    wrong_url: str = "",
) -> Answer:
    """The page, with what was typed and what is wrong with it."""
    watch = watching.get_watch(visit.database, visit.event.id)
    settings = watch.settings
    if typed is None:
        typed = {f"on_{kind}": "on" for kind in KINDS if kind not in settings.off}
        typed |= {one.name: str(getattr(settings, one.name)) for one in _NUMBERS}
    following = watching.list_followers(visit.database, visit.event.id)
    return visit.render(
        "settings.html",
        status=422 if wrong or wrong_url else 200,
        kinds=KINDS,
        numbers=NUMBERS,
        typed=typed,
        wrong=wrong,
        webhook=watch.webhook,
        webhook_url=_show_url(visit, watch),
        webhook_last=None if watch.webhook is None else tell.latest_webhook_message(visit.database, visit.event.id),
        url="" if url is None else url,
        wrong_url=wrong_url,
        followers=_describe_followers(visit, following),
        others=_list_others(visit, following) if visit.may("manager") else [],
        is_following=any(one.id == visit.signed_in.id for one in following),
        has_mail=mail.get(visit.database) is not None,
    )


def _show_url(visit: Visit, watch: Watch) -> str:
    """As much of it as this visitor may see: with chats the whole of it is a secret."""
    if watch.webhook is None:
        return ""
    parts = urlsplit(watch.webhook.url)
    return watch.webhook.url if visit.may("manager") else f"{parts.scheme}://{parts.hostname}/…"


def _describe_followers(visit: Visit, following: list[User]) -> list[Follower]:
    return [Follower(one, roles.may(one, "viewer", visit.event.id)) for one in following]


def _list_others(visit: Visit, following: list[User]) -> list[tuple[str, str]]:
    """Whom a manager can add."""
    known = {one.id for one in following}
    return [
        (one.id, f"{one.name} ({one.email})")
        for one in users.list_all(visit.database)
        if one.id not in known and roles.may(one, "viewer", visit.event.id)
    ]
