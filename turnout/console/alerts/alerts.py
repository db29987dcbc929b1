"""What is open and what was, each with the way to mend it."""

from datetime import datetime

from turnout.alerts import mail, watching
from turnout.alerts import words as in_words
from turnout.console.alerts import look
from turnout.console.page import Visit
from turnout.events.usual import find_zone
from turnout.feed.receipt import Answer
from turnout.model.event import DAY_US
from turnout.now import now_us


def show(visit: Visit) -> Answer:
    """Those that are open, and a page of those that are over."""
    assert visit.configuration is not None
    before = visit.query.get("before") or None
    followers = watching.list_followers(visit.database, visit.event.id)
    open_lines = [] if before else look.list_open(visit, visit.configuration)
    past, news = look.list_past(visit, visit.configuration, before), []
    if not before:
        past, news = look.set_news_apart(past)
    return visit.render(
        "_alerts.html" if visit.is_fragment else "list.html",
        open=open_lines,
        news=news,
        past=past,
        unmended=0 if before or open_lines else watching.count_unmended(visit.database, visit.event.id),
        most_unmended=watching.MAX_UNMENDED,
        since_yesterday=_write_since(visit.event.time_zone),
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


def _write_since(zone: str) -> str:
    """A day ago, as the list of pushes takes it."""
    return datetime.fromtimestamp((now_us() - DAY_US) // 1_000_000, find_zone(zone)).strftime("%Y-%m-%dT%H:%M")


def way(visit: Visit, to: str = "") -> str:
    return f"events/{visit.event.slug}/alerts{to}"
