"""Power Automate: the action *HTTP* of a cloud flow."""

from turnout.recipes.quoting import json_text, power_automate
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
)


def write(target: Target) -> Written:
    return Written(
        steps=(
            step("In your flow, add the action {} (it needs a premium licence).", "HTTP"),
            step(
                "Fill it in like this.",
                fields=[
                    ("URI", target.address),
                    ("Method", "POST"),
                    ("Header: Content-Type", "application/json"),
                    ("Header: Api-Key", target.key),
                ],
            ),
            step(
                "Paste this as {}, and run the flow once as it is.",
                "Body",
                snippet=Snippet("json", body_text(target, lambda text: json_text(power_automate(text)))),
            ),
            step(
                "Then put dynamic content in the place of the values, within the quotation marks. A question of "
                "Microsoft Forms with several answers may stand in the place of the list of groups, in quotation marks."
            ),
            step("In the action's {}, switch on {}, or the run history shows your key.", "Settings", "Secure inputs"),
        ),
        expect=RECEIPT,
        mistakes=(
            say("{}: the form was answered anonymously. Map the answer with the address.", "invalid_email"),
            say("The body is no JSON any more ({}): a quotation mark of the text above is gone.", "invalid_json"),
            WRONG_KEY,
            NO_EMAIL,
            ALL_GROUPS,
        ),
    )


recipe = Recipe(
    name="power-automate",
    title="Power Automate",
    kind="steps",
    settings={"blank": "keep", "status_codes": "precise"},
    format="nested",
    write=write,
)
