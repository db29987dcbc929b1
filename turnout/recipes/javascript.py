"""JavaScript on a server: Node.js with its own `fetch`, which is what browsers have too."""

from turnout.recipes.quoting import fill, js, shell
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

FILE = "push-attendee.mjs"


def write(target: Target) -> Written:
    fields = "".join(
        f"      {{fieldName: {js(name)}, fieldValue: {js(value)}}},\n" for name, value in target.shown_fields
    )
    groups = "".join(f"      {js(name)},\n" for name in target.shown_groups)
    code = fill(_CODE, address=js(target.address), fields=fields, groups=groups)
    return Written(
        steps=(
            step(
                "Save this as {}. It needs Node.js 20 or later, and no package.",
                FILE,
                snippet=Snippet("js", code, FILE),
            ),
            step(
                "Run it. The key comes from the environment, so that it does not stand in the program.",
                snippet=Snippet("bash", f"TURNOUT_KEY={shell(target.key)} node {FILE}"),
            ),
            step("In PowerShell the same is {}, then {}.", f"$env:TURNOUT_KEY = '{target.key}'", f"node {FILE}"),
            step("Call {} for each person; fields that are not sent keep their value.", "pushAttendee"),
        ),
        expect=RECEIPT,
        mistakes=(
            say(
                "The key is in a page: whoever opens the page can read it there, and push. Keep it on the server, out "
                "of what a bundler packs (names like {} or {} are packed), and let the page call your server. A "
                "gateway takes no pushes from other sites' pages anyway.",
                "VITE_…",
                "NEXT_PUBLIC_…",
            ),
            WRONG_KEY,
            NO_EMAIL,
            ALL_GROUPS,
        ),
    )


_CODE = """\
const ADDRESS = «address»
const KEY = process.env.TURNOUT_KEY

/** The receipt. Throws an error that says what is to be mended. */
async function pushAttendee(push) {
  for (const pause of [1000, 5000, 15000, null]) {
    const answer = await fetch(ADDRESS, {
      method: 'POST',
      headers: {'Api-Key': KEY, 'Content-Type': 'application/json'},
      body: JSON.stringify(push),
      signal: AbortSignal.timeout(30000),
    })
    const said = await answer.json()
    if (answer.ok) return said
    // To repeat is always safe, and of use only where the fault is not ours.
    if (!said.retryable || pause === null) throw new Error(said.detail)
    await new Promise(resolve => setTimeout(resolve, pause))
  }
}

const receipt = await pushAttendee({
  profile: {
    email: 'john.doe@example.com',
    firstName: 'John',
    lastName: 'Doe',
    company: 'Example Ltd',
    customFields: [
«fields»    ],
  },
  eventInfo: {
    groups: {groupNames: [
«groups»    ]},
  },
})
console.log(receipt.result, receipt.warnings)
"""

recipe = Recipe(
    name="javascript",
    title="JavaScript",
    kind="code",
    settings={"status_codes": "precise"},
    format="nested",
    write=write,
)
