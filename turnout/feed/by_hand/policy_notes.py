"""What the settings of a source made of a push, in words for whoever tries one. Pure."""

from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

from turnout.model.policy import Policy
from turnout.model.push import Push

MAX_NAMED = 5
"""Paths in one sentence; the others are counted."""


class PolicyNote(msgspec.Struct, frozen=True):
    """One setting that had a say."""

    setting: str
    value: str
    said: str
    """What it did here."""


def list_policy_notes(
    push: Push | None, policy: Policy, identity: Literal["email", "third_party_id"]
) -> list[PolicyNote]:
    """Each setting that mattered for this push; None is one that could not be read."""
    return list(_list_notes(push, policy, identity))


def _list_notes(push: Push | None, policy: Policy, identity: str) -> Iterator[PolicyNote]:
    if policy.mode == "rehearsal":
        yield PolicyNote("mode", policy.mode, "The source rehearses: its pushes are checked, and change nothing.")
    if push is None:
        answered = "with a 500" if policy.status_codes == "seed" else "with the status that says what is wrong"
        yield PolicyNote("status_codes", policy.status_codes, f"A push with errors is answered {answered}.")
        return
    nulls, blanks = _list_paths(push, None), _list_paths(push, "")
    if nulls:
        what = "is null, and keeps its value" if policy.null == "keep" else "is null, and is cleared"
        yield PolicyNote("null", policy.null, f"What {what}: {_name(nulls)}.")
    if blanks:
        what = "is blank, and is cleared" if policy.blank == "clear" else "is blank, and keeps its value"
        yield PolicyNote("blank", policy.blank, f"What {what}: {_name(blanks)}.")
    if push.groups is not None:
        yield PolicyNote("groups", policy.groups, _GROUPS[policy.groups])
        if policy.lists != "none":
            said = f"One text with several group names is split at “{policy.lists}”."
            yield PolicyNote("lists", policy.lists, said)
    if identity == "third_party_id":
        by = "by its thirdPartyId" if push.profile.get("thirdPartyId") else "by the e-mail address: it has no id"
        yield PolicyNote("identity", identity, f"Whom the push is about was decided {by}.")


_GROUPS = {
    "source": "The list replaces the groups that this source has said, and leaves those of other sources.",
    "add": "The list adds groups, and takes nobody out of one.",
    "replace": "The list is final: groups that other sources have said and that are not in it are taken back.",
}


def _list_paths(push: Push, value: str | None) -> list[str]:
    """Where the push has exactly this, in the sender's notation."""
    fields = [push.spell(f"profile.{field}") for field, said in push.profile.items() if said == value]
    return fields + [field.path for field in push.custom_fields if field.value == value]


def _name(paths: Sequence[str]) -> str:
    more = len(paths) - MAX_NAMED
    return ", ".join(paths[:MAX_NAMED]) + (f" and {more} more" if more > 0 else "")
