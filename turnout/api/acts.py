"""What people decide about one attendee: pinned, put into a group, removed, renamed, merged, erased (C7, C10, F1).

As `turnout attendees` does it: each is a line of the log, with who acted. The audit log has ids and fields, no values.
"""

from collections.abc import Callable
from typing import Literal

from turnout import errors
from turnout.api.operation import Call, Given, Items, Operation, Taken, say_time
from turnout.changes.attendee_view import AttendeeView, view
from turnout.events.setup import get_configuration
from turnout.feed.acts import decisions
from turnout.feed.acts import merge as merging
from turnout.feed.acts.scene import Scene, get_attendee, on_stage
from turnout.feed.forget import erase as erasing
from turnout.model.change import Change
from turnout.store import suppressions


class Field(Taken, frozen=True, kw_only=True):
    """A field of the attendee."""

    field: str
    """`profile.title`, or a custom field as `customFields.Diet`."""


class NewAddress(Taken, frozen=True, kw_only=True):
    """The address that they have from now on."""

    email: str


class Place(Taken, frozen=True, kw_only=True):
    """In or out of a group, whatever sources say."""

    group: str
    """The name; one that there is not is made where somebody is put in."""
    is_in: Literal["in", "out", "released"]
    """`released`: as sources say again."""


class Into(Taken, frozen=True, kw_only=True):
    """With whom they are one person."""

    into: str
    """Who stays, by id or address."""
    confirm: bool = False


class Sure(Taken, frozen=True, kw_only=True):
    """Whether it is meant."""

    confirm: bool = False


class Address(Taken, frozen=True, kw_only=True):
    """Whom sources may bring again."""

    email: str


class Acted(Given, frozen=True, kw_only=True):
    """The attendee after a decision."""

    attendee: AttendeeView
    sequences: list[int]
    """Of the lines of the log that it made; none where everything was so already."""


class Erased(Given, frozen=True, kw_only=True):
    """What went."""

    attendees: int
    """With those that were merged into this one."""
    changes: int
    """Lines without values now."""
    pushes: int
    suppressed: list[int]
    """Numbers of the sources that must not bring the person back."""
    is_wiped: bool
    """False where old bytes are left in the database's files until the next erasure: somebody was reading."""


class SuppressionShown(Given, frozen=True, kw_only=True):
    """An address that sources must not bring back. Nobody can read it from the digest."""

    digest: str
    sources: list[int]
    """Numbers."""
    since: str
    actor: str | None


class Lifted(Given, frozen=True, kw_only=True):
    """Sources that can bring somebody again."""

    sources: list[int]
    """Numbers."""


def pin(call: Call) -> Acted:
    return _pin(call, is_pinned=True)


def unpin(call: Call) -> Acted:
    return _pin(call, is_pinned=False)


def _pin(call: Call, *, is_pinned: bool) -> Acted:
    wish: Field = call.body
    return _act(
        call,
        "attendee.pin" if is_pinned else "attendee.unpin",
        lambda scene, who: decisions.pin(scene, who, wish.field, is_pinned=is_pinned),
        field=wish.field,
    )


def remove(call: Call) -> Acted:
    return _act(call, "attendee.remove", lambda scene, who: decisions.remove(scene, who, is_removed=True))


def bring_back(call: Call) -> Acted:
    return _act(call, "attendee.bring_back", lambda scene, who: decisions.remove(scene, who, is_removed=False))


def rename(call: Call) -> Acted:
    wish: NewAddress = call.body
    return _act(call, "attendee.rename", lambda scene, who: decisions.rename(scene, who, wish.email))


def hold(call: Call) -> Acted:
    wish: Place = call.body
    is_in = {"in": True, "out": False, "released": None}[wish.is_in]
    return _act(
        call,
        "attendee.hold",
        lambda scene, who: decisions.hold(scene, who, wish.group, is_in=is_in),
        group=wish.group,
        held=wish.is_in,
    )


def merge(call: Call) -> Acted:
    """Raises Conflict where it is not confirmed."""
    wish: Into = call.body
    kept = _find(call, wish.into)
    other = _find(call, call.places["attendee"])
    if other != kept and not wish.confirm:
        raise errors.Conflict(
            f"{other} becomes part of {kept}, who gets what is missing there; where both have a value, that of the one "
            'kept stays. This cannot be undone. Nothing was done. Say "confirm": true if that is meant.'
        )
    # By id: whom the addresses lead to may change meanwhile.
    return _act(call, "attendee.merge", lambda scene, who: merging.merge(scene, who, kept), shows=kept, into=kept)


def erase(call: Call) -> Erased:
    """Raises Conflict where it is not confirmed, which says what would go."""
    wish: Sure = call.body
    call.expect_personal("manager")
    event_id = call.event.id
    traces = erasing.find_traces(call.database, event_id, call.places["attendee"], call.event.slug)
    if not wish.confirm:
        raise errors.Conflict(
            f"{traces.attendee.id} would be erased for good: {len(traces.attendees):,} attendees (with those merged "
            f"into it), the values of {len(traces.sequences):,} changes, what {len(traces.push_ids):,} pushes said. "
            'Nothing was done. Say "confirm": true if that is meant.'
        )
    with call.acting("attendee.erase", target=traces.attendee.id) as deed:
        erased = erasing.erase(
            call.database,
            call.product.feed.configurations,
            event_id,
            traces.attendee.id,
            call.user.email,
            traces=traces,
        )
        deed.after = {"changes": erased.changes, "pushes": erased.pushes}
    return Erased(
        attendees=erased.attendees,
        changes=erased.changes,
        pushes=erased.pushes,
        suppressed=erased.suppressed,
        is_wiped=erased.is_wiped,
    )


def list_suppressed(call: Call) -> Items[SuppressionShown]:
    with call.database.read() as connection:
        found = suppressions.list_all(connection, call.event.id)
    by_digest: dict[str, list[suppressions.Suppression]] = {}
    for one in found:
        by_digest.setdefault(one.digest, []).append(one)
    return Items(
        items=[
            SuppressionShown(
                digest=digest,
                sources=sorted(one.source_number for one in its),
                since=say_time(min(one.created_at for one in its)),
                actor=its[-1].actor,
            )
            for digest, its in by_digest.items()
        ]
    )


def lift(call: Call) -> Lifted:
    """Raises NotFound where no source is kept from bringing the address."""
    wish: Address = call.body
    call.expect_personal("manager")
    with call.acting("attendee.lift") as deed:
        lifted = erasing.lift(
            call.database, call.product.feed.configurations, call.event.id, wish.email, call.user.email
        )
        deed.after = {"sources": lifted}
    return Lifted(sources=lifted)


def _act(
    call: Call,
    action: str,
    do: Callable[[Scene, str], list[Change]],
    *,
    shows: str | None = None,
    **after: object,
) -> Acted:
    """Does it, and shows the attendee as they are then. Raises NotFound, and Conflict for a shared address."""
    call.expect_personal("manager")
    attendee_id = _find(call, call.places["attendee"])
    with call.acting(action, target=attendee_id) as deed:
        with on_stage(call.database, call.product.feed.configurations, call.event.id, call.user.email) as scene:
            lines = do(scene, attendee_id)
        deed.after = {**after, "sequences": [line.sequence for line in lines]}
    call.database.move_log()
    its = get_configuration(call.database, call.event.slug)
    with call.database.read() as connection:
        attendee = get_attendee(connection, call.event.id, shows or attendee_id, call.event.slug)
    return Acted(attendee=view(attendee, its), sequences=[line.sequence for line in lines])


def _find(call: Call, reference: str) -> str:
    """The id of the attendee with this address or id. Raises NotFound, SharedAddress and NotAllowed."""
    call.expect_personal("manager")
    with call.database.read() as connection:
        return get_attendee(connection, call.event.id, reference, call.event.slug).id


_IN = "events/{event}"
_ONE = f"{_IN}/attendees/{{attendee}}"
operations = [
    Operation(
        "POST",
        f"{_ONE}/pin",
        "manager",
        pin,
        "Hold a field against pushes",
        "As it is, until it is unpinned; receipts say so.",
        takes=Field,
        gives=Acted,
    ),
    Operation("POST", f"{_ONE}/unpin", "manager", unpin, "Let pushes change a field again", takes=Field, gives=Acted),
    Operation(
        "POST",
        f"{_ONE}/hold",
        "manager",
        hold,
        "Put somebody in or out of a group",
        "Whatever sources say, until they are released.",
        takes=Place,
        gives=Acted,
    ),
    Operation(
        "POST",
        f"{_ONE}/remove",
        "manager",
        remove,
        "Withdraw somebody",
        "Whatever sources expect. What is pushed meanwhile is kept with them.",
        gives=Acted,
    ),
    Operation(
        "POST",
        f"{_ONE}/bring-back",
        "manager",
        bring_back,
        "Undo that somebody was withdrawn by hand",
        "They attend again if a source expects them.",
        gives=Acted,
    ),
    Operation(
        "POST",
        f"{_ONE}/rename",
        "manager",
        rename,
        "Another address for somebody",
        "The old one goes on leading to them.",
        takes=NewAddress,
        gives=Acted,
    ),
    Operation(
        "POST",
        f"{_ONE}/merge",
        "manager",
        merge,
        "Make one attendee of two who are one person",
        "There is no way back: 409 says what would happen, until it comes with `confirm`. The answer has the one kept.",
        takes=Into,
        gives=Acted,
    ),
    Operation(
        "POST",
        f"{_ONE}/erase",
        "manager",
        erase,
        "Forget somebody for good",
        "The attendee, all values in the log, all pushes; sources that knew the person are kept from bringing them "
        "back. 409 says what would go, until it comes with `confirm`.",
        takes=Sure,
        gives=Erased,
    ),
    Operation(
        "GET",
        f"{_IN}/suppressed",
        "manager",
        list_suppressed,
        "Whom sources must not bring back after an erasure",
        gives=Items[SuppressionShown],
    ),
    Operation(
        "POST",
        f"{_IN}/suppressed/lift",
        "manager",
        lift,
        "Let sources bring somebody again",
        takes=Address,
        gives=Lifted,
    ),
]
