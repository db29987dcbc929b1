"""Who sends to an event: the list of sources, and one source."""

from turnout.console.connect import hand_outs, key_deeds, look, source_deeds
from turnout.console.page import Page, Visit
from turnout.feed.receipt import Answer

_IN = "events/{event}/connect"
_SOURCE = f"{_IN}/sources/{{source}}"


def show_connect(visit: Visit) -> Answer:
    assert visit.configuration is not None
    lines = look.list_sources(visit.database, visit.configuration)
    handed_out = look.list_handouts(visit.database, visit.configuration)
    return visit.render(
        "list.html",
        lines=[line for line in lines if line.source.retired_at is None][: look.SHOWN],
        retired=[line for line in lines if line.source.retired_at is not None][: look.SHOWN],
        there=len(lines),
        handouts=handed_out[: look.SHOWN],
        read_keys=look.list_keys(visit.configuration, None),
    )


def show_source(visit: Visit) -> Answer:
    assert visit.configuration is not None
    source = look.get_source(visit.configuration, visit.places["source"])
    rehearses = look.is_rehearsing(visit.configuration, source)
    rehearsed = look.look_at_rehearsed(visit.database, visit.configuration, source)
    return visit.render(
        "source.html",
        source=source,
        rehearses=rehearses,
        rehearsed=rehearsed,
        policy=source.policy.over(visit.event.policy),
        hours=look.get_hours(visit.database, visit.configuration, source),
        last_at=look.find_last_at(visit.database, visit.configuration, source),
        keys=look.list_keys(visit.configuration, source.number),
        handouts=look.list_handouts(visit.database, visit.configuration, source)[: look.SHOWN],
    )


pages = [
    Page("GET", _IN, "manager", show_connect),
    Page("GET", f"{_IN}/new", "manager", hand_outs.show_new),
    Page("POST", f"{_IN}/new", "manager", hand_outs.create),
    Page("GET", f"{_IN}/hand-outs/{{handout}}/revoke", "manager", hand_outs.ask_revoke),
    Page("POST", f"{_IN}/hand-outs/{{handout}}/revoke", "manager", hand_outs.revoke),
    Page("GET", f"{_IN}/hand-outs/{{handout}}/give-again", "manager", hand_outs.ask_give_again),
    Page("POST", f"{_IN}/hand-outs/{{handout}}/give-again", "manager", hand_outs.give_again),
    Page("GET", _SOURCE, "manager", show_source),
    Page("GET", f"{_SOURCE}/go-live", "manager", source_deeds.ask_go_live),
    Page("POST", f"{_SOURCE}/go-live", "manager", source_deeds.go_live),
    Page("POST", f"{_SOURCE}/rehearse", "manager", source_deeds.rehearse),
    Page("POST", f"{_SOURCE}/take-effect", "manager", source_deeds.take_effect),
    Page("GET", f"{_SOURCE}/retire", "manager", source_deeds.ask_retire),
    Page("POST", f"{_SOURCE}/retire", "manager", source_deeds.retire),
    Page("POST", f"{_SOURCE}/new-key", "manager", key_deeds.create),
    Page("GET", f"{_IN}/keys/{{key}}/rotate", "manager", key_deeds.ask_rotate),
    Page("POST", f"{_IN}/keys/{{key}}/rotate", "manager", key_deeds.rotate),
    Page("GET", f"{_IN}/keys/{{key}}/revoke", "manager", key_deeds.ask_revoke),
    Page("POST", f"{_IN}/keys/{{key}}/revoke", "manager", key_deeds.revoke),
    Page("GET", f"{_IN}/new-read-key", "manager", key_deeds.show_new_read_key),
    Page("POST", f"{_IN}/new-read-key", "manager", key_deeds.create_read_key),
]
