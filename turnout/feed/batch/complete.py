"""A batch that is its source's whole list (E4): whoever else the source expects is withdrawn, with a brake."""

import asyncio
from collections.abc import Collection, Iterator

import msgspec

from turnout.feed.configurations import Configurations
from turnout.feed.group_commit import GroupCommit
from turnout.feed.parse.body import write_json
from turnout.feed.submission import Item, Overlay, Sender, Submission
from turnout.model.event import Configuration
from turnout.model.push import Push
from turnout.model.receipt import Completed, CompletedCode
from turnout.now import new_id
from turnout.store import attendees

MAX_NAMES = 100
"""Of those who would be withdrawn, listed in the answer; the number tells of all."""
_TOGETHER = 500
BRAKE = 5
"""More than one in so many of the source's people are not withdrawn without a confirmation."""


class Missing(msgspec.Struct, frozen=True):
    """Somebody whom the source expects and the batch did not name."""

    id: str
    email: str
    own_email: str | None
    """The address, where it is this source that said it; of what others said it learns nothing (D1)."""
    own_id: str | None

    @property
    def name(self) -> str:
        """What the source calls the person."""
        return self.own_email or self.own_id or self.id


async def complete(
    configurations: Configurations,
    group_commit: GroupCommit,
    configuration: Configuration,
    sender: Sender,
    *,
    named: Collection[str],
    confirmed: int | None,
    any_failed: bool,
    began_at: int,
    overlay: Overlay | None,
) -> tuple[Completed, int]:
    """Withdraws whom this source expects beside the attendees `named`, unless something speaks against it.

    Gives what the answer says of it, and how many were withdrawn, or would be.

    `confirmed` is how many the sender has said he means, `began_at` when the batch came: whoever the source has named
    since then stays. With an overlay, or in a rehearsal, nobody is withdrawn, and the answer is what it would be.
    Raises what submitting raises.
    """
    missing, expected = await asyncio.to_thread(
        _list_missing, configurations, configuration.event.id, sender.source_number, named
    )
    code = _find_objection(len(missing), expected, confirmed, any_failed=any_failed)
    if code is not None:
        return Completed(
            done=False,
            code=code,
            would_withdraw=len(missing),
            names=[one.name for one in missing[:MAX_NAMES]],
            help=_HELP[code].format(count=len(missing)),
        ), 0
    if overlay is not None or sender.policy.mode == "rehearsal":
        names = [one.name for one in missing[:MAX_NAMES]]
        return Completed(done=True, would_withdraw=len(missing), names=names), len(missing)
    withdrawn = 0
    for start in range(0, len(missing), _TOGETHER):
        items = [_leave(one, sender, began_at) for one in missing[start : start + _TOGETHER]]
        outcomes = await group_commit.submit(Submission(configuration=configuration, items=items))
        withdrawn += sum(outcome.result == "updated" for outcome in outcomes)
    return Completed(done=True), withdrawn


def _find_objection(missing: int, expected: int, confirmed: int | None, *, any_failed: bool) -> CompletedCode | None:
    if any_failed:
        return "items_failed"
    if confirmed is not None:
        return None if confirmed == missing else "withdraw_differs"
    return "too_many_withdrawals" if missing * BRAKE > expected else None


_HELP: dict[CompletedCode, str] = {
    "items_failed": "Mend the items that failed and send the whole list again: one that failed may be somebody's.",
    "too_many_withdrawals": (
        "That is more than a fifth of this source's people. If they have really left, send the list again with "
        "&withdraw={count}."
    ),
    "withdraw_differs": "Another number was confirmed. If it is right now, send the list again with &withdraw={count}.",
}


def _list_missing(
    configurations: Configurations, event_id: str, source: int, named: Collection[str]
) -> tuple[list[Missing], int]:
    """Whom the source expects and the batch did not name; and how many it expects altogether."""
    missing: list[Missing] = []
    expected = 0
    for one in _read_expected(configurations, event_id, source):
        expected += 1
        if one.id not in named:
            missing.append(one)
    return missing, expected


def _read_expected(configurations: Configurations, event_id: str, source: int) -> Iterator[Missing]:
    """Page by page, each of its own moment, so that a large event holds nobody up."""
    after = ""
    while True:
        with configurations.reading() as connection:
            page = attendees.list_expectations(connection, event_id, after_id=after)
        for one in page:
            part = one.parts.get(source)
            if part is not None and part.expects is not None and part.expects.value and one.merged_into is None:
                own_email = one.email if one.profile["email"].source == source else None
                own_id = part.third_party_id.value if part.third_party_id is not None else None
                yield Missing(one.id, one.email, own_email, own_id)
        if not page:
            return
        after = page[-1].id


def _leave(one: Missing, sender: Sender, began_at: int) -> Item:
    """The push that the source would have sent to say that the person is not expected (C9)."""
    push = Push(email=one.email, attending=False, observed_at=began_at)
    body = None
    if one.own_email is not None:
        profile = {"email": one.own_email} | ({"thirdPartyId": one.own_id} if one.own_id else {})
        body = write_json((("profile", tuple(profile.items())), ("eventInfo", (("attending", False),))))
    push_id = new_id("psh")
    return Item(id=push_id, sender=sender, push=push, email=one.own_email, body=body, digest=push_id, about=one.id)
