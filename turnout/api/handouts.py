"""Hand-outs: a link for whoever connects a system; taken back, or good for another key."""

from turnout import errors
from turnout.api.operation import Call, Given, Items, Operation, Taken, as_time, say_time
from turnout.events import handouts
from turnout.model.event import DAY_US
from turnout.model.handout import Handout
from turnout.model.names import fold_case
from turnout.now import now_us
from turnout.recipes import get_recipe


class HandoutShown(Given, frozen=True, kw_only=True):
    """One hand-out, without its link."""

    id: str
    source: int
    """The number."""
    tool: str
    label: str
    state: str
    """`good`, `expired` or `revoked`."""
    created_at: str
    expires_at: str
    opened_at: str | None
    key_id: str | None
    """The key that was shown there."""


class NewHandout(Taken, frozen=True, kw_only=True):
    """What a hand-out is to be."""

    source: str
    """The name of a source; one that is new is made, and rehearses."""
    tool: str
    """What the other side works with: `curl`, `python`, `zapier`, …"""
    label: str = ""
    expires_in_days: int = 14


class MadeHandout(Given, frozen=True, kw_only=True):
    """A hand-out, with its link this once."""

    handout: HandoutShown
    link: str


def list_handouts(call: Call) -> Items[HandoutShown]:
    return Items(items=[_show(one) for one in handouts.list_of(call.database, call.configuration)])


def create(call: Call) -> MadeHandout:
    wish: NewHandout = call.body
    recipe, name = get_recipe(wish.tool), wish.source.strip()
    if not 1 <= wish.expires_in_days <= handouts.MAX_EXPIRES_IN_US // DAY_US:
        raise errors.InvalidRequest("expiresInDays is from 1 to 366.")
    is_new = not any(fold_case(one.name) == fold_case(name) for one in call.configuration.sources.values())
    with call.acting("handout.create") as deed:
        handout, text = handouts.create(
            call.database,
            call.event.id,
            name,
            recipe.name,
            label=wish.label,
            settings=recipe.settings,
            expires_in_us=wish.expires_in_days * DAY_US,
            actor=call.user.email,
        )
        deed.target = handout.id
        deed.after = {"source": handout.source_number, "tool": recipe.name, "newSource": is_new}
    return MadeHandout(handout=_show(handout), link=f"{call.product.public_url}/console/h/{text}")


def revoke(call: Call) -> HandoutShown:
    handout_id = _get(call).id
    with call.acting("handout.revoke", target=handout_id):
        return _show(handouts.revoke(call.database, call.event.id, handout_id))


def give_again(call: Call) -> HandoutShown:
    handout = _get(call)
    with call.acting("handout.give_again", target=handout.id) as deed:
        deed.before = {"key": handout.key_id}
        return _show(handouts.give_again(call.database, call.event.id, handout.id))


def _get(call: Call) -> Handout:
    """The one in the path. Raises NotFound."""
    for one in handouts.list_of(call.database, call.configuration):
        if one.id == call.places["handout"]:
            return one
    raise errors.NotFound("The event has no such hand-out.")


def _show(handout: Handout) -> HandoutShown:
    return HandoutShown(
        id=handout.id,
        source=handout.source_number,
        tool=handout.tool,
        label=handout.label,
        state=handout.state(now_us()),
        created_at=say_time(handout.created_at),
        expires_at=say_time(handout.expires_at),
        opened_at=as_time(handout.opened_at),
        key_id=handout.key_id,
    )


_IN = "events/{event}/hand-outs"
_ONE = f"{_IN}/{{handout}}"
operations = [
    Operation("GET", _IN, "manager", list_handouts, "Hand-outs, without their links", gives=Items[HandoutShown]),
    Operation(
        "POST",
        _IN,
        "manager",
        create,
        "A new hand-out",
        "A page behind a link, by which an integrator gets a source's key and the steps for a tool. The link is in "
        "this answer and in no other.",
        takes=NewHandout,
        gives=MadeHandout,
        status=201,
    ),
    Operation(
        "POST",
        f"{_ONE}/revoke",
        "manager",
        revoke,
        "Revoke a hand-out",
        "Its link opens nothing; a key that it has shown stays good.",
        gives=HandoutShown,
    ),
    Operation(
        "POST",
        f"{_ONE}/give-again",
        "manager",
        give_again,
        "Let it show a new key",
        "Once, to whoever asks first. The key that it has shown ends at once.",
        gives=HandoutShown,
    ),
]
