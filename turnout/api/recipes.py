"""Recipes: which tools there are one for, and one written for a source, as a hand-out shows it."""

from turnout.api.operation import Call, Given, Items, Operation
from turnout.api.sources import get_source
from turnout.recipes import get_recipe, list_recipes
from turnout.recipes.recipe import Recipe, Snippet, list_unsuited, target_of


class ToolShown(Given, frozen=True, kw_only=True):
    """A tool that there is a recipe for."""

    name: str
    """As a hand-out takes it."""
    title: str
    kind: str
    """`code` to paste, `steps` of a form to fill in, or a `file` to load into the tool."""
    settings: dict[str, str]
    """What suits it, as a source's settings."""


class SnippetShown(Given, frozen=True, kw_only=True):
    """What is to be copied as a whole."""

    language: str
    text: str
    file_name: str | None
    """Where it is to be kept in, or loaded as, a file."""


class StepShown(Given, frozen=True, kw_only=True):
    """One thing to do."""

    text: str
    fields: dict[str, str]
    """What the form's field is called, and what to enter."""
    snippet: SnippetShown | None


class RecipeShown(Given, frozen=True, kw_only=True):
    """How a tool pushes to one source, made from the event's groups and custom fields."""

    tool: ToolShown
    address: str
    steps: list[StepShown]
    """With `your-key` where the key goes: no key can be read a second time."""
    unsuited: dict[str, str]
    """Settings that would suit the tool and that the source has otherwise."""


def list_tools(_: Call) -> Items[ToolShown]:
    return Items(items=[_show(one) for one in list_recipes()])


def show_recipe(call: Call) -> RecipeShown:
    source = get_source(call.configuration, call.places["source"])
    recipe = get_recipe(call.places["tool"])
    gateway = call.event.gateway(call.product.public_url)
    target = target_of(call.configuration, gateway, recipe, source_number=source.number)
    return RecipeShown(
        tool=_show(recipe),
        address=target.address,
        steps=[
            StepShown(text=step.text, fields=dict(step.fields), snippet=_show_snippet(step.snippet))
            for step in recipe.write(target).steps
        ],
        unsuited=list_unsuited(recipe, source.policy.over(call.event.policy)),
    )


def _show(recipe: Recipe) -> ToolShown:
    return ToolShown(name=recipe.name, title=recipe.title, kind=recipe.kind, settings=dict(recipe.settings))


def _show_snippet(snippet: Snippet | None) -> SnippetShown | None:
    if snippet is None:
        return None
    return SnippetShown(language=snippet.language, text=snippet.text, file_name=snippet.file_name)


operations = [
    Operation("GET", "tools", "user", list_tools, "Tools that there is a recipe for", gives=Items[ToolShown]),
    Operation(
        "GET",
        "events/{event}/sources/{source}/recipes/{tool}",
        "manager",
        show_recipe,
        "How a tool pushes to a source",
        "Made from the event's groups and custom fields, ready to paste.",
        gives=RecipeShown,
    ),
]
