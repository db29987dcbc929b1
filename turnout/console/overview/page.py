"""One event at a glance; and the same live, as pushes come."""

from turnout.console.alerts.look import list_open
from turnout.console.overview import live, look
from turnout.console.overview.gathered import find_configuration, gather
from turnout.console.page import Page, Visit
from turnout.feed.receipt import Answer


def show_overview(visit: Visit) -> Answer:
    period = look.read_period(visit.query.get("period"))
    latest = look.list_latest(visit.database, visit.event.id)
    configuration = find_configuration(visit)
    return visit.render(
        "show.html",
        period=period,
        open_alerts=list_open(visit, configuration),
        **gather(visit, configuration, period, latest),
    )


pages = [
    Page("GET", "events/{event}", "viewer", show_overview),
    Page("GET", "events/{event}/live", "viewer", live.watch),
]
