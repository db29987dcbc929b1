"""Who is told of an event's alerts by e-mail."""

from turnout.access import users
from turnout.alerts import watching
from turnout.console.alerts.alerts import way
from turnout.console.page import Undo, Visit, local_way
from turnout.feed.receipt import Answer


def follow(visit: Visit) -> Answer:
    """The visitor's own wish."""
    me = visit.signed_in
    with visit.acting("alert.follow", target=me.id):
        watching.follow(visit.database, visit.event.id, me.id)
    said = f"You follow {visit.event.name}: its alerts come to {me.email}."
    return visit.redirect(_back(visit), said, Undo(way(visit, "/unfollow")))


def unfollow(visit: Visit) -> Answer:
    with visit.acting("alert.unfollow", target=visit.signed_in.id):
        watching.unfollow(visit.database, visit.event.id, visit.signed_in.id)
    said = f"You are not told of {visit.event.name}’s alerts any more."
    return visit.redirect(_back(visit), said, Undo(way(visit, "/follow")))


def add(visit: Visit) -> Answer:
    """Somebody else, who may see the event."""
    user = users.get(visit.database, visit.form.get("user", ""))
    with visit.acting("alert.follow", target=user.id):
        watching.follow(visit.database, visit.event.id, user.id)
    return visit.redirect(
        way(visit, "/settings"),
        f"{user.name} is told of this event’s alerts, at {user.email}.",
        Undo(way(visit, f"/followers/{user.id}/remove")),
    )


def remove(visit: Visit) -> Answer:
    user = users.get(visit.database, visit.places["user"])
    with visit.acting("alert.unfollow", target=user.id):
        watching.unfollow(visit.database, visit.event.id, user.id)
    return visit.redirect(way(visit, "/settings"), f"{user.name} is not told any more.")


def _back(visit: Visit) -> str:
    """To the page that it was asked for from."""
    to = local_way(visit.form.get("back"))
    return way(visit) if to is None else to.removeprefix("console/")
