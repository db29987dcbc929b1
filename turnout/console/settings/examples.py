"""What each choice of a setting makes of one small push: found out by the feed itself, with made-up people. Pure."""

import json
from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from turnout import errors
from turnout.changes.attendee_view import view
from turnout.feed.intake import read_item
from turnout.feed.parse.body import decode
from turnout.feed.receipt import as_problem
from turnout.feed.settle.draft import Draft
from turnout.feed.settle.take import take_item
from turnout.feed.submission import Sender
from turnout.model.event import Configuration, Event
from turnout.model.names import Names
from turnout.model.policy import Policy
from turnout.model.receipt import Outcome
from turnout.model.source import Source
from turnout.store.events import Clock

SHOP, CRM = 1, 2
SOURCES = {SHOP: "the ticket shop", CRM: "the CRM"}
_ADA = "ada@example.org"
_Shows = Literal["title", "groups", "people", "answer"]


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """What came before, the push that the example is about, and where to look for what it did."""

    before: Sequence[tuple[int, Any]] = ()
    """Pushes by source."""
    push: Any
    """Of the ticket shop."""
    shows: _Shows
    what: str
    """What that is, in words."""


class Shown(msgspec.Struct, frozen=True):
    """What came of the push under one choice."""

    old: Any
    new: Any
    answer: str
    """What the sender was told."""
    is_error: bool = False


class Example(msgspec.Struct, frozen=True):
    """One push, and what came of it under each choice."""

    what: str
    push: str
    shown: dict[str, Shown]
    """By choice."""


def _say(**profile: Any) -> Any:
    return {"profile": {"email": _ADA, **profile}}


def _put_in(*groups: str) -> Any:
    return {"profile": {"email": _ADA}, "eventInfo": {"groups": {"groupNames": list(groups)}}}


SCENES = {
    "null": Scene(before=[(SHOP, _say(title="CTO"))], push=_say(title=None), shows="title", what="Title"),
    "blank": Scene(before=[(SHOP, _say(title="CTO"))], push=_say(title=""), shows="title", what="Title"),
    "groups": Scene(
        before=[(SHOP, _put_in("Speakers")), (CRM, _put_in("Press"))],
        push=_put_in("Crew"),
        shows="groups",
        what="Groups",
    ),
    # One text that each of the signs takes apart elsewhere.
    "lists": Scene(before=[(SHOP, _say())], push=_put_in("Speakers; Press, TV"), shows="groups", what="Groups"),
    "status_codes": Scene(push={"profile": {"email": "no address"}}, shows="answer", what="Answer"),
    "mode": Scene(before=[(SHOP, _say(title="CTO"))], push=_say(title="CEO"), shows="title", what="Title"),
    "identity": Scene(
        before=[(SHOP, {"profile": {"email": _ADA, "thirdPartyId": "T-17"}})],
        push={"profile": {"email": "ada@new.example", "thirdPartyId": "T-17"}},
        shows="people",
        what="People",
    ),
}
"""By setting."""


def make_example(setting: str, choices: Sequence[str]) -> Example:
    scene = SCENES[setting]
    return Example(
        what=scene.what,
        push=json.dumps(scene.push, ensure_ascii=False),
        shown={choice: _play(scene, setting, choice) for choice in choices},
    )


def _play(scene: Scene, setting: str, choice: str) -> Shown:
    """The scene under this choice; all other settings are as they are by default."""
    event = Event(id="evt_example", slug="example", name="Example", policy=Policy(), created_at=0)
    stage = _Stage(event)
    for source, push in scene.before:
        stage.take(source, push)
    if setting == "identity":
        stage.set_event(msgspec.structs.replace(event, identity=choice))
    else:
        stage.set_event(
            msgspec.structs.replace(event, policy=msgspec.structs.replace(event.policy, **{setting: choice}))
        )
    old = stage.look(scene.shows)
    outcome = stage.take(SHOP, scene.push)
    return Shown(old, stage.look(scene.shows), stage.answer(outcome), is_error=outcome.failure is not None)


class _Stage:
    """An event that is nowhere stored, and what pushes do to it."""

    def __init__(self, event: Event) -> None:
        sources = {
            number: Source(id=f"src_{number}", event_id=event.id, number=number, name=name, created_at=0)
            for number, name in SOURCES.items()
        }
        nothing = Names({}, {})
        configuration = Configuration(
            version=1, event=event, sources=sources, keys={}, custom_fields=nothing, groups=nothing
        )
        self.draft = Draft(configuration, Clock(event.id, 0, 0, 1))
        self._pushes = 0

    def set_event(self, event: Event) -> None:
        self.draft.configuration = msgspec.structs.replace(self.draft.configuration, event=event)

    def take(self, source: int, push: Any) -> Outcome:
        self._pushes += 1
        sender = Sender(source_number=source, policy=self.draft.configuration.event.policy)
        body = decode(json.dumps(push).encode(), "application/json")
        return take_item(self.draft, read_item(f"psh_{self._pushes}", body, sender))

    def look(self, shows: _Shows) -> Any:
        """What is to be seen of the people, as staff see it."""
        draft = self.draft
        if shows == "people":
            return [one.email for one in draft.attendees.values()]
        if shows == "answer" or not draft.attendees:
            return None
        configuration = msgspec.structs.replace(
            draft.configuration, custom_fields=draft.custom_fields, groups=draft.groups
        )
        (ada,) = draft.attendees.values()
        seen = view(ada, configuration)
        return seen.groups if shows == "groups" else seen.profile["title"]

    def answer(self, outcome: Outcome) -> str:
        """The status and the result, as the sender gets them."""
        if outcome.failure is None:
            return f"200, {outcome.result}" + (", without effect" if outcome.dry_run else "")
        precise = self.draft.configuration.event.policy.status_codes == "precise"
        status = as_problem(outcome.failure, precise=precise, problems_url="").status
        return f"{status}, {errors.BY_CODE[outcome.failure.code].title}"
