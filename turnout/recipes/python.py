"""Python, with nothing but its standard library."""

from turnout.recipes.quoting import fill, python, shell
from turnout.recipes.recipe import (
    ALL_GROUPS,
    NO_EMAIL,
    RECEIPT,
    WRONG_KEY,
    Recipe,
    Snippet,
    Target,
    Written,
    say,
    step,
)

FILE = "push_attendee.py"


def write(target: Target) -> Written:
    fields = "".join(
        f'            {{"fieldName": {python(name)}, "fieldValue": {python(value)}}},\n'
        for name, value in target.shown_fields
    )
    groups = "".join(f"            {python(name)},\n" for name in target.shown_groups)
    code = fill(_CODE, address=python(target.address), fields=fields, groups=groups)
    return Written(
        steps=(
            step(
                "Save this as {}. It needs Python 3.9 or later, and nothing else.",
                FILE,
                snippet=Snippet("python", code, FILE),
            ),
            step(
                "Run it. The key comes from the environment, so that it does not stand in the program.",
                snippet=Snippet("bash", f"TURNOUT_KEY={shell(target.key)} python3 {FILE}"),
            ),
            step("In PowerShell the same is {}, then {}.", f"$env:TURNOUT_KEY = '{target.key}'", f"python {FILE}"),
            step("Call {} for each person; fields that are not sent keep their value.", "push_attendee"),
        ),
        expect=RECEIPT,
        mistakes=(
            WRONG_KEY,
            NO_EMAIL,
            ALL_GROUPS,
            say("The key is in a repository: anybody who reads it can push. Ask for a new key, and keep that one out."),
        ),
    )


_CODE = """\
import json
import os
import time
import urllib.error
import urllib.request

ADDRESS = «address»
KEY = os.environ["TURNOUT_KEY"]


def push_attendee(push):
    \"\"\"The receipt. Raises ValueError with what is to be mended.\"\"\"
    headers = {"Api-Key": KEY, "Content-Type": "application/json"}
    request = urllib.request.Request(ADDRESS, json.dumps(push).encode(), headers)
    for pause_s in (1, 5, 15, None):
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            problem = json.load(error)
            # To repeat is always safe, and of use only where the fault is not ours.
            if not problem["retryable"] or pause_s is None:
                raise ValueError(problem["detail"]) from error
            time.sleep(pause_s)


receipt = push_attendee({
    "profile": {
        "email": "john.doe@example.com",
        "firstName": "John",
        "lastName": "Doe",
        "company": "Example Ltd",
        "customFields": [
«fields»        ],
    },
    "eventInfo": {
        "groups": {"groupNames": [
«groups»        ]},
    },
})
print(receipt["result"], receipt["warnings"])
"""

recipe = Recipe(
    name="python",
    title="Python",
    kind="code",
    settings={"status_codes": "precise"},
    format="nested",
    write=write,
)
