"""curl, at a command line: the quickest way to see a push arrive."""

from turnout.recipes.quoting import json_text, shell
from turnout.recipes.recipe import (
    ALL_GROUPS,
    NO_EMAIL,
    RECEIPT,
    WRONG_KEY,
    Recipe,
    Snippet,
    Target,
    Written,
    nested,
    say,
    step,
)


def write(target: Target) -> Written:
    body = json_text(nested(target), indent=2)
    # curl repeats whatever is answered with 500, as mistakes are where statuses are not precise.
    repeats = " --retry 5" if target.is_precise else ""
    command = (
        f"curl {shell(target.address)} --silent --show-error --fail-with-body{repeats} \\\n"
        f"  -H {shell(f'Api-Key: {target.key}')} -H 'Content-Type: application/json' \\\n"
        f"  -d {shell(body)}"
    )
    return Written(
        steps=(
            step("Paste this into a terminal (on Windows into Git Bash or WSL).", snippet=Snippet("bash", command)),
            step("Change the values, and take out what you do not know. Fields that are not sent keep their value."),
            step("To try without any effect, put {} behind the address.", "?dryRun=true"),
        ),
        expect=RECEIPT,
        mistakes=(
            say(
                "In the Windows command prompt {} does not quote, and what arrives is no JSON ({}). Put the body into "
                "a file, and write {}.",
                "'",
                "invalid_json",
                "-d @push.json",
            ),
            WRONG_KEY,
            NO_EMAIL,
            ALL_GROUPS,
        ),
    )


recipe = Recipe(
    name="curl",
    title="curl",
    kind="code",
    settings={"status_codes": "precise"},
    format="nested",
    write=write,
)
