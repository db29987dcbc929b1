"""What is open and what was, each with the way to mend it."""

from turnout.alerts import mail, watching
from turnout.alerts import words as in_words
from turnout.console.alerts import look
from turnout.console.page import Visit
from turnout.feed.receipt import Answer


def show(visit: Visit) -> Answer:
    """Those that are open, and a page of those that are over."""
    assert visit.configuration is not None
    before = visit.query.get("before") or None
    followers = watching.list_followers(visit.database, visit.event.id)
    return visit.render(
        "_alerts.html" if visit.is_fragment else "list.html",
        open=[] if before else look.list_open(visit, visit.configuration),
        past=look.list_past(visit, visit.configuration, before),
        before=before,
        followers=len(followers),
        is_following=any(one.id == visit.signed_in.id for one in followers),
        has_mail=mail.get(visit.database) is not None,
    )


def show_open(visit: Visit) -> Answer:
    """The worst ones in short, for the overview, which asks again by itself."""
    if not visit.is_fragment:
        return visit.redirect(way(visit))
    assert visit.configuration is not None
    lines = look.list_open(visit, visit.configuration)
    return visit.render("_on_top.html", open_alerts=lines)


def dismiss(visit: Visit) -> Answer:
    """Closes one by hand: somebody knows of it, and nothing is to be mended."""
    assert visit.configuration is not None
    alert = watching.get_alert(visit.database, visit.event.id, visit.places["alert"])
    told = in_words.describe(alert, visit.configuration)
    with visit.acting("alert.dismiss", target=alert.id) as deed:
        deed.after = {"name": told.title}
        watching.dismiss(visit.database, visit.event.id, alert.id)
    return visit.redirect(way(visit), f"Dismissed: {told.title}. Nobody is told of it for 7 days.")


def way(visit: Visit, to: str = "") -> str:
    return f"events/{visit.event.slug}/alerts{to}"
