"""Recipes: for each tool how it pushes, written for one event. Each file that ends in a `recipe` is one; all pure."""

from turnout import discover
from turnout.errors import NotFound
from turnout.recipes.recipe import Recipe


def list_recipes() -> list[Recipe]:
    """All there are, by title."""
    return sorted(discover.find_all(__name__, "recipe").values(), key=lambda recipe: recipe.title.lower())


def get_recipe(name: str) -> Recipe:
    """Raises NotFound, which lists those that there are."""
    recipes = {recipe.name: recipe for recipe in list_recipes()}
    if name not in recipes:
        raise NotFound(f"There is no recipe for {name!r}. There are: {', '.join(recipes)}.")
    return recipes[name]
