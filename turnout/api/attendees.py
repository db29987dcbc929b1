"""Attendees: the list, one of them explained, their history; as the gateway's read API has them."""

from typing import get_args

import msgspec

from turnout.api.operation import Call, Items, Operation
from turnout.changes.attendee_view import AttendeeView, view
from turnout.downstream.attendees.explained import explain_person, list_history
from turnout.downstream.attendees.history import HistoryView
from turnout.downstream.attendees.listed import wait_listed
from turnout.downstream.attendees.person import is_id
from turnout.downstream.attendees.query import CUSTOM_FIELD, Status, make_query
from turnout.downstream.limits import EVERYTHING
from turnout.model.attendee import Attendee
from turnout.model.event import Configuration

_NAMES = ("firstName", "lastName")
_BLIND_SORTS = ("id", "-id", "created", "-created", "updated", "-updated")
"""Those that tell nothing of names and addresses."""
_encode = msgspec.json.Encoder().encode


def list_attendees(call: Call) -> Items[AttendeeView]:
    """Raises NotAllowed for a masked viewer who would find somebody by what he does not see."""
    custom_fields = [
        (name.removeprefix(CUSTOM_FIELD), value) for name, value in call.query.items() if name.startswith(CUSTOM_FIELD)
    ]
    sort = call.query.get("sort")
    if "email" in call.query or "q" in call.query or custom_fields or (sort and sort not in _BLIND_SORTS):
        call.expect_personal()
    query = make_query(
        call.configuration,
        EVERYTHING,
        status=call.read_choice("status", get_args(Status)) or "attending",
        group=call.query.get("group"),
        source=call.query.get("source"),
        custom_fields=custom_fields,
        updated_since=call.query.get("updatedSince"),
        email=call.query.get("email"),
        search=call.query.get("q"),
        sort=sort,
    )
    listed = wait_listed(
        call.database,
        call.product.feed.configurations,
        call.configuration,
        query,
        cursor=call.query.get("cursor") or None,
        limit=call.read_number("limit", 100, 1_000),
        size_of=lambda attendee, configuration: len(_encode(view(attendee, configuration))),
    )
    call.where.note(listed.age)
    return Items(items=[_show(call, one, listed.configuration) for one in listed.attendees], next=listed.cursor)


def show_attendee(call: Call) -> AttendeeView:
    """Raises NotFound, and NotAllowed for a masked viewer who asks by an address."""
    told = explain_person(call.database, call.product.feed.configurations, call.configuration, _read_reference(call))
    return told.view if call.user.sees_personal else _mask(call, told.view)


def show_history(call: Call) -> HistoryView:
    call.expect_personal()
    return list_history(
        call.database,
        call.product.feed.configurations,
        call.configuration,
        _read_reference(call),
        before=call.read_number("before", 1, 999_999_999) if "before" in call.query else None,
        limit=call.read_number("limit", 50, 200),
    )


def _read_reference(call: Call) -> str:
    reference = call.places["attendee"]
    if not is_id(reference):
        call.expect_personal()
    return reference


def _show(call: Call, attendee: Attendee, configuration: Configuration) -> AttendeeView:
    shown = view(attendee, configuration)
    return shown if call.user.sees_personal else _mask(call, shown)


def _mask(call: Call, shown: AttendeeView) -> AttendeeView:
    """What somebody sees who may not see whose data it is."""
    return msgspec.structs.replace(
        shown,
        email=call.mask(shown.email),
        profile={name: call.mask(value) if name in _NAMES else None for name, value in shown.profile.items()},
        custom_fields={},
        unknown_fields={},
        aliases=[],
        origins=msgspec.UNSET,
    )


_QUERY = {
    "status": "`attending`, `withdrawn` or `all`.",
    "group": "Who is in this group.",
    "source": "Of whom this source says something.",
    f"{CUSTOM_FIELD}*": "The whole value of a custom field.",
    "updatedSince": "Changed since this time.",
    "email": "The address, a present or a former one.",
    "q": "The beginnings of words of name, company and address.",
    "sort": "`created`, `email`, `lastName`, `updated`, with `-` before it for the other way round.",
    "cursor": "`next` of the page before.",
    "limit": "How many at most, up to 1,000; else 100.",
}
_IN = "events/{event}/attendees"
operations = [
    Operation(
        "GET",
        _IN,
        "viewer",
        list_attendees,
        "Attendees, page by page",
        "With the filters of the gateway's list; `customField.<name>` filters by a custom field. Who sees no names and "
        "addresses gets them masked, and cannot look for them.",
        gives=Items[AttendeeView],
        query=_QUERY,
        tells_age=True,
    ),
    Operation(
        "GET",
        f"{_IN}/{{attendee}}",
        "viewer",
        show_attendee,
        "One attendee, explained",
        "By id or address. `origins` says of every value which push of which source made it so.",
        gives=AttendeeView,
    ),
    Operation(
        "GET",
        f"{_IN}/{{attendee}}/history",
        "viewer",
        show_history,
        "What changed of one attendee, the latest first",
        gives=HistoryView,
        query={"before": "`next` of the page before.", "limit": "How many at most, up to 200; else 50."},
    ),
]
