"""The tools that there is a recipe for, as somebody chooses among them."""

import msgspec

from turnout.model.policy import Policy
from turnout.recipes import list_recipes
from turnout.recipes.recipe import Recipe, list_unsuited

_SENTENCES = {
    "zapier": "A step of a Zap: fill in a form.",
    "make": "A module of a scenario: fill in a form.",
    "n8n": "A workflow to import, ready to run.",
    "power-automate": "An action of a flow: fill in a form.",
    "hubspot": "A workflow that sends contacts as they change.",
    "google-apps-script": "A script in a Google Sheet or Form.",
    "python": "A program without any library.",
    "javascript": "A program for Node, without any package.",
    "php": "A function for a website or a plug-in.",
    "powershell": "A script for Windows and Office.",
    "curl": "One line, for any system that can send HTTP.",
}
"""In the order in which they are offered; others follow by title."""
_OF_KIND = {"code": "A program to copy.", "steps": "A form to fill in.", "file": "A file to import."}

_SETTINGS = {
    ("lists", ","): "several groups in one text are separated by commas (lists=,)",
    ("lists", ";"): "several groups in one text are separated by semicolons (lists=;)",
    ("blank", "keep"): "a field that comes blank keeps its value (blank=keep)",
    ("status_codes", "precise"): "errors are answered with a status of their own (status_codes=precise)",
}
"""What recipes ask for, in the words of the page of a source."""


class Tool(msgspec.Struct, frozen=True):
    """One of them."""

    name: str
    title: str
    sentence: str
    kind: str
    """As the recipe's."""


def list_tools() -> list[Tool]:
    """Those that people without a program in mind look for come first."""
    places = list(_SENTENCES)
    recipes = sorted(list_recipes(), key=lambda one: places.index(one.name) if one.name in places else len(places))
    return [describe(recipe) for recipe in recipes]


def say_unsuited(recipe: Recipe, policy: Policy) -> list[str]:
    """What should be set otherwise for this tool, for people."""
    return [_SETTINGS.get((name, value), f"{name} is {value}") for name, value in list_unsuited(recipe, policy).items()]


def describe(recipe: Recipe) -> Tool:
    return Tool(recipe.name, recipe.title, _SENTENCES.get(recipe.name, _OF_KIND[recipe.kind]), recipe.kind)
