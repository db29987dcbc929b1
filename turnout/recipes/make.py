"""Make: the module *Make a request* of the app HTTP."""

from turnout.recipes.quoting import json_text, without_braces
from turnout.recipes.recipe import (
    ALL_GROUPS,
    NO_EMAIL,
    RECEIPT,
    WRONG_KEY,
    Recipe,
    Snippet,
    Target,
    Written,
    body_text,
    say,
    step,
    unsendable,
)


def write(target: Target) -> Written:
    return Written(
        steps=(
            step("In your scenario, add the app {}, module {}.", "HTTP", "Make a request"),
            step(
                "Fill it in like this.",
                fields=[
                    ("Authentication type", "No authentication"),
                    ("URL", target.address),
                    ("Method", "POST"),
                    ("Header: Api-Key", target.key),
                    ("Body content type", "application/json"),
                    ("Parse response", "Yes"),
                    ("Return error if the request fails", "Yes"),
                ],
            ),
            step(
                "Paste this as {}, and run the module once as it is.",
                "Body content",
                snippet=Snippet("json", body_text(target, lambda text: without_braces(json_text(text)))),
            ),
            step(
                "Then put your own fields in the place of the values. A list of groups from another module goes in as "
                "{}, without the square brackets.",
                '"{{join(1.groups; ",")}}"',
            ),
            step(
                "In the scenario's settings, switch on {}: then nothing is lost while a server restarts.",
                "Store incomplete executions",
            ),
        ),
        expect=RECEIPT,
        mistakes=(
            say(
                "{}: somebody typed a quotation mark, which breaks the text. Build the body with the app {}, module "
                "{}, and map its result.",
                "invalid_json",
                "JSON",
                "Create JSON",
            ),
            say("The scenario was switched off by Make, because the same push failed again and again: mend it soon."),
            *unsendable(target),
            WRONG_KEY,
            NO_EMAIL,
            ALL_GROUPS,
        ),
    )


recipe = Recipe(
    name="make",
    title="Make",
    kind="steps",
    settings={"lists": ",", "blank": "keep", "status_codes": "precise"},
    format="nested",
    write=write,
)
