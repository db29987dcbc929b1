"""Who may do what. Pure: a user as it is now, what is needed, and of which event."""

from collections.abc import Iterable

from turnout.errors import NotAllowed, NotFound, SignInNeeded
from turnout.model.event import Event
from turnout.model.user import Need, User


def may(user: User | None, need: Need, event_id: str | None = None) -> bool:
    """Whether this user, None for nobody, may do what needs that, of this event.

    To be viewer or manager of no event in particular is for administrators alone.
    """
    if need == "everybody":
        return True
    if user is None or not user.is_active:
        return False
    if need == "user" or user.role == "administrator":
        return True
    if need == "administrator" or not event_id or not _has_event(user, event_id):
        return False
    return need == "viewer" or user.role == "manager"


def expect(user: User | None, need: Need, event_id: str | None, *, in_event: bool, not_seen: str) -> None:
    """Raises SignInNeeded where nobody is signed in, NotFound where there is nothing to see, NotAllowed else.

    `in_event` is whether it is of an event, which may not exist: then `event_id` is None. `not_seen` is what whoever
    may not see it is told.
    """
    if need != "everybody" and user is None:
        raise SignInNeeded
    if in_event and (event_id is None or not may(user, "viewer", event_id)):
        # Which events there are is nobody's business who may not see them.
        raise NotFound(not_seen)
    if not may(user, need, event_id):
        raise NotAllowed(need)


def may_create_events(user: User | None) -> bool:
    """Whether this user may make events: administrators, and managers who have all events, those to come too."""
    return user is not None and (
        may(user, "administrator") or (user.role == "manager" and user.all_events and user.is_active)
    )


def visible_events(user: User | None, events: Iterable[Event]) -> list[Event]:
    """Those that the user may see, in the order given."""
    return [event for event in events if may(user, "viewer", event.id)]


def mask(text: str) -> str:
    """A name or an address as somebody sees it who may not see whose it is: `A… L…`, `a…@e…`."""
    local, at, domain = text.partition("@")
    return " ".join(f"{word[0]}…" for word in local.split()) + (f"@{domain[:1]}…" if at else "")


def _has_event(user: User, event_id: str) -> bool:
    return user.all_events or event_id in user.events
