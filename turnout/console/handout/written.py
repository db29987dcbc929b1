"""A tool's recipe as the page has it: written for the event, with the key only where that was just shown."""

import msgspec

from turnout.console.connect import tools
from turnout.console.handout.given import Given
from turnout.console.page import Visit
from turnout.recipes import list_recipes
from turnout.recipes.recipe import PLACEHOLDER, Recipe, Written, target_of


class Shown(msgspec.Struct, frozen=True):
    """A tool's recipe, written for the event."""

    tool: tools.Tool
    written: Written
    unsuited: list[str]
    """What should be set otherwise for this tool, and how."""
    has_key: bool
    """Whether the key itself stands in it."""


def write(visit: Visit, given: Given, key: str | None = None) -> Shown:
    """The recipe of the tool that is asked for, else of the one that the hand-out was made for."""
    known = {recipe.name: recipe for recipe in list_recipes()}
    wanted = visit.query.get("tool", "")
    recipe = known.get(wanted) or known.get(given.handout.tool) or known["curl"]
    policy = given.source.policy.over(given.event.policy)
    written = write_for(given, recipe, key or PLACEHOLDER)
    return Shown(tools.describe(recipe), written, tools.say_unsuited(recipe, policy), key is not None)


def write_for(given: Given, recipe: Recipe, key: str = PLACEHOLDER) -> Written:
    target = target_of(given.configuration, given.gateway, recipe, key=key, source_number=given.source.number)
    return recipe.write(target)
