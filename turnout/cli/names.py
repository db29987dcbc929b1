"""What `turnout group` and `turnout field` have in common."""

from typing import TYPE_CHECKING, Any

from turnout.cli import output
from turnout.cli.opened import acting, opened_event

if TYPE_CHECKING:
    from turnout.events.names import NameKind
    from turnout.model.event import Configuration


def describe_names(configuration: "Configuration", kind: "NameKind") -> dict[int, dict[str, Any]]:
    """Every name of that kind, by number. Former names come folded: that is how they are kept."""
    from turnout.events import names
    from turnout.model.names import fold_case
    from turnout.now import as_text

    registry = names.names_of(configuration, kind)
    spellings: dict[int, list[str]] = {}
    for spelling, number in sorted(registry.by_spelling.items()):
        spellings.setdefault(number, []).append(spelling)
    return {
        number: {
            "id": name.id,
            "name": name.name,
            "formerNames": [one for one in spellings.get(number, []) if one != fold_case(name.name)],
            "firstSource": None if name.first_source is None else configuration.sources[name.first_source].name,
            "createdAt": as_text(name.created_at),
        }
        for number, name in registry.by_number.items()
    }


def rename_and_show(slug: str, kind: "NameKind", old: str, new: str) -> None:
    from turnout.events import names
    from turnout.feed.by_hand.hand_in import name_actor

    with opened_event(slug) as (database, configuration):
        action = "group.rename" if kind == "group" else "field.rename"
        with acting(database, action, event_id=configuration.event.id) as deed:
            before = names.names_of(configuration, kind).find(old)
            deed.target, deed.before = (None, {"name": old}) if before is None else (before.id, {"name": before.name})
            renamed = names.rename(database, configuration.event.id, kind, old, new, actor=name_actor())
            deed.after = {"name": renamed.name}
    if output.wants_json():
        output.write_json({"id": renamed.id, "name": renamed.name})
    else:
        output.say(f"It is called {renamed.name} now. Pushes that say {old} go on meaning it.")
