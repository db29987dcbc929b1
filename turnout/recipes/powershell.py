"""PowerShell: both Windows PowerShell 5.1 and PowerShell 7."""

from turnout.recipes.quoting import fill, powershell
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

FILE = "push-attendee.ps1"


def write(target: Target) -> Written:
    fields = "".join(
        f"            [ordered]@{{ fieldName = {powershell(name)}; fieldValue = {powershell(value)} }}\n"
        for name, value in target.shown_fields
    )
    groups = "".join(f"        {powershell(name)}\n" for name in target.shown_groups)
    code = fill(_CODE, address=powershell(target.address), fields=fields, groups=groups)
    return Written(
        steps=(
            step(
                "Save this as {}, with the encoding {}, which Windows PowerShell needs for letters outside ASCII.",
                FILE,
                "UTF-8 with BOM",
                snippet=Snippet("powershell", code, FILE),
            ),
            step(
                "Run it. The key comes from the environment, so that it does not stand in the program.",
                snippet=Snippet("powershell", f"$env:TURNOUT_KEY = {powershell(target.key)}\n.\\{FILE}"),
            ),
            step("Change the values, and take out what you do not know. Fields that are not sent keep their value."),
        ),
        expect=RECEIPT,
        mistakes=(
            say(
                "{} was left out: what lies deeper than two levels is sent as a text, and several groups become one "
                "with a long name.",
                "-Depth 10",
            ),
            say("{}: the text itself was the body, not its bytes in UTF-8, as in the script.", "not_utf8"),
            WRONG_KEY,
            NO_EMAIL,
            ALL_GROUPS,
        ),
    )


_CODE = """\
$push = [ordered]@{
    profile   = [ordered]@{
        email        = 'john.doe@example.com'
        firstName    = 'John'
        lastName     = 'Doe'
        company      = 'Example Ltd'
        customFields = @(
«fields»        )
    }
    eventInfo = @{ groups = @{ groupNames = @(
«groups»    ) } }
}
$json = $push | ConvertTo-Json -Depth 10
try {
    Invoke-RestMethod -Method Post -Uri «address» `
        -Headers @{ 'Api-Key' = $env:TURNOUT_KEY } `
        -ContentType 'application/json; charset=utf-8' `
        -Body ([Text.Encoding]::UTF8.GetBytes($json))
} catch {
    # What we say about it: PowerShell 7 has it in ErrorDetails, 5.1 not always.
    if ($_.ErrorDetails) { ($_.ErrorDetails.Message | ConvertFrom-Json).detail; exit 1 }
    $answer = New-Object IO.StreamReader $_.Exception.Response.GetResponseStream()
    ($answer.ReadToEnd() | ConvertFrom-Json).detail
    exit 1
}
"""

recipe = Recipe(
    name="powershell",
    title="PowerShell",
    kind="code",
    settings={"status_codes": "precise"},
    format="nested",
    write=write,
)
