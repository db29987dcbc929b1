"""What a recipe declares, whom it is written for, and what it says."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import msgspec

from turnout.model.event import Configuration
from turnout.model.policy import Policy

MAX_NAMES = 8
"""Groups, and as many custom fields, that a recipe shows; the others are sent alike."""
PLACEHOLDER = "your-key"
"""Stands where nobody may see the key, or there is none yet."""
EMAIL = "john.doe@example.com"


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """Where a recipe pushes, with what key, and which names the event has."""

    gateway: str
    key: str = PLACEHOLDER
    event: str
    """Its name, for people."""
    groups: tuple[str, ...] = ()
    custom_fields: tuple[str, ...] = ()
    lists: str = "none"
    """The source's setting: the sign that separates groups within one text."""
    is_precise: bool = False
    """Whether a mistake in the push is answered otherwise than a fault of the server, so that a tool can tell when to
    send it again."""

    @property
    def address(self) -> str:
        return f"{self.gateway}/attendees"

    @property
    def shown_groups(self) -> tuple[str, ...]:
        """Those that this source can send, or an example where there are none: a first push makes the groups it names.

        With `lists` set a name that has the sign in it would be taken for two.
        """
        sendable = tuple(name for name in self.groups if self.lists not in name)
        return sendable or (("Speakers",) if not self.groups else ())

    @property
    def unsendable_groups(self) -> tuple[str, ...]:
        return tuple(name for name in self.groups if self.lists in name)

    @property
    def shown_fields(self) -> tuple[tuple[str, str], ...]:
        """Custom fields, each with a value that might be there."""
        return tuple((name, example_value(name)) for name in self.custom_fields or ("Diet",))


class Part(msgspec.Struct, frozen=True):
    """A piece of a sentence."""

    text: str
    is_code: bool = False
    """Whether it is to be typed or found as it stands."""


class Snippet(msgspec.Struct, frozen=True):
    """What is to be copied as a whole."""

    language: str
    """As highlighters call it: `bash`, `python`, `js`, `php`, `powershell`, `json`, `text`."""
    text: str
    file_name: str | None = None
    """Where it is to be kept in, or downloaded as, a file."""


class Step(msgspec.Struct, frozen=True):
    """One thing to do: a sentence, the fields of a form to fill in, something to paste."""

    parts: tuple[Part, ...]
    fields: tuple[tuple[str, str], ...] = ()
    """What the form's field is called, and what to enter."""
    snippet: Snippet | None = None

    @property
    def text(self) -> str:
        return "".join(part.text for part in self.parts)


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """A recipe for one target."""

    steps: tuple[Step, ...]
    expect: tuple[Part, ...]
    """What comes back."""
    mistakes: tuple[tuple[Part, ...], ...]
    """The commonest, each with its cure."""

    @property
    def snippets(self) -> tuple[Snippet, ...]:
        return tuple(step.snippet for step in self.steps if step.snippet is not None)

    @property
    def text(self) -> str:
        """All of it, as one text to look into."""
        steps = [
            "\n".join([step.text, *(f"{name}: {value}" for name, value in step.fields)])
            + ("" if step.snippet is None else f"\n{step.snippet.text}")
            for step in self.steps
        ]
        return "\n".join([*steps, _join(self.expect), *map(_join, self.mistakes)])


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """A tool, and how it pushes."""

    name: str
    """In addresses and in hand-outs: `google-apps-script`."""
    title: str
    kind: Literal["code", "steps", "file"]
    """Whether one pastes a program, fills in a form, or loads a file into the tool."""
    settings: Mapping[str, str]
    """What suits the tool, as `turnout source set` takes it; what is not here stays as the event has it."""
    format: Literal["nested", "flat"]
    write: Callable[[Target], Written]


def say(sentence: str, *code: str) -> tuple[Part, ...]:
    """A sentence in which each `{}` is one of the codes."""
    texts = sentence.split("{}")
    assert len(texts) == len(code) + 1, sentence
    parts = [Part(texts[0])]
    for one, text in zip(code, texts[1:], strict=True):
        parts += [Part(one, is_code=True), Part(text)]
    return tuple(part for part in parts if part.text)


def step(sentence: str, *code: str, fields: Sequence[tuple[str, str]] = (), snippet: Snippet | None = None) -> Step:
    return Step(say(sentence, *code), tuple(fields), snippet)


def target_of(
    configuration: Configuration,
    gateway: str,
    recipe: Recipe,
    *,
    key: str = PLACEHOLDER,
    source_number: int | None = None,
) -> Target:
    """The event as this recipe shows it: the names that pushes may use, at most eight of each kind, the oldest first.

    Without `source_number` as it is for a new source with the recipe's settings.
    """
    groups = [name.name for name in configuration.groups.by_number.values() if not name.staff_only]
    fields = [name.name for name in configuration.custom_fields.by_number.values()]
    lists = recipe.settings.get("lists", configuration.event.policy.lists)
    status_codes = recipe.settings.get("status_codes", configuration.event.policy.status_codes)
    if source_number is not None:
        policy = configuration.sources[source_number].policy.over(configuration.event.policy)
        lists, status_codes = policy.lists, policy.status_codes
    return Target(
        gateway=gateway,
        key=key,
        event=configuration.event.name,
        groups=tuple(groups[:MAX_NAMES]),
        custom_fields=tuple(fields[:MAX_NAMES]),
        lists=lists,
        is_precise=status_codes == "precise",
    )


def list_unsuited(recipe: Recipe, policy: Policy) -> dict[str, str]:
    """The settings that would suit the tool, and that a source with this policy has otherwise."""
    return {name: value for name, value in recipe.settings.items() if getattr(policy, name) != value}


def nested(target: Target) -> dict[str, Any]:
    """A push of one person as an object, with every name of the target."""
    return {
        "profile": {
            "email": EMAIL,
            "firstName": "John",
            "lastName": "Doe",
            "company": "Example Ltd",
            "customFields": [{"fieldName": name, "fieldValue": value} for name, value in target.shown_fields],
        },
        "eventInfo": {"groups": {"groupNames": list(target.shown_groups)}},
    }


def flat(target: Target) -> list[tuple[str, str]]:
    """The same as rows of flat path and value; the groups as one text."""
    rows = [
        ("profile.email", EMAIL),
        ("profile.firstName", "John"),
        ("profile.lastName", "Doe"),
        ("profile.company", "Example Ltd"),
    ]
    for at, (name, value) in enumerate(target.shown_fields):
        entry = f"profile.customFields.{at}"
        rows += [(f"{entry}.fieldName", name), (f"{entry}.fieldValue", value)]
    if target.shown_groups:
        sign = target.lists if target.lists != "none" else ","
        rows.append(("eventInfo.groups.groupNames", sign.join(target.shown_groups)))
    return rows


def body_text(target: Target, quote: Callable[[str], str]) -> str:
    """The push as JSON to be pasted and then changed by hand, each text as `quote` writes it."""
    fields = ",\n".join(
        f'      {{"fieldName": {quote(name)}, "fieldValue": {quote(value)}}}' for name, value in target.shown_fields
    )
    groups = ", ".join(map(quote, target.shown_groups))
    return f"""\
{{
  "profile": {{
    "email": "{EMAIL}",
    "firstName": "John",
    "lastName": "Doe",
    "company": "Example Ltd",
    "customFields": [
{fields}
    ]
  }},
  "eventInfo": {{
    "groups": {{
      "groupNames": [{groups}]
    }}
  }}
}}"""


def example_value(name: str) -> str:
    """What might stand in a custom field of this name."""
    lowered = name.lower()
    return next((value for word, value in _EXAMPLES.items() if word in lowered), "Example")


_EXAMPLES = {
    "size": "42",
    "diet": "vegan",
    "food": "vegan",
    "meal": "vegan",
    "date": "2027-05-04",
    "arriv": "2027-05-04",
    "depart": "2027-05-06",
    "phone": "+44 20 7946 0000",
    "url": "https://example.com",
    "link": "https://example.com",
    "number": "17",
    "count": "2",
    "hotel": "Grand Hotel",
    "ticket": "Standard",
    "language": "English",
    "country": "Norway",
}

RECEIPT = say(
    "The answer is {} and a receipt: {} for somebody new, {} where something changed, {} when you send the same again. "
    "While the source rehearses, nothing changes yet: the receipt says {}, and the same again is {} again.",
    "200",
    '"result": "created"',
    "updated",
    "unchanged",
    '"dryRun": true',
    "created",
)
WRONG_KEY = say(
    "{}: key and address do not go together. Was the key copied whole, and is the header called {}?",
    "401",
    "Api-Key",
)
NO_EMAIL = say(
    "{}: the push has no {}, or it is blank. Every push needs one: it says whom it is about.",
    "missing_email",
    "profile.email",
)
ALL_GROUPS = say(
    "The groups of a push are all the groups that this source puts the person in: leave out one that was there before, "
    "and the person leaves it. Leave {} out altogether, and the groups stay as they are.",
    "groupNames",
)


def unsendable(target: Target) -> tuple[tuple[Part, ...], ...]:
    """What to know of groups whose names have the separator in them; nothing where there are none."""
    return tuple(
        say(
            "The group {} cannot be sent by this tool, because the {} in its name separates groups here. Ask the "
            "event's staff to rename it.",
            name,
            target.lists,
        )
        for name in target.unsendable_groups
    )


def _join(parts: tuple[Part, ...]) -> str:
    return "".join(part.text for part in parts)
