"""Google Apps Script: a sheet, or the answers of a Google Form in one, pushed row by row."""

from turnout.recipes.quoting import fill, js
from turnout.recipes.recipe import (
    ALL_GROUPS,
    NO_EMAIL,
    WRONG_KEY,
    Recipe,
    Snippet,
    Target,
    Written,
    say,
    step,
    unsendable,
)


def write(target: Target) -> Written:
    fields = "".join(f"  {js(name)},\n" for name, _ in target.shown_fields)
    code = fill(_CODE, address=js(target.address), fields=fields)
    return Written(
        steps=(
            step(
                "In the sheet, give the columns these titles in the first line, or change the titles in the script: "
                "{}, {}, {}, {}, {}, and one for each custom field. One row is one person.",
                *("Email", "First name", "Last name", "Company", "Groups"),
            ),
            step(
                "In {} write the groups of the person, with commas between them.",
                "Groups",
                fields=[("Groups", ",".join(target.shown_groups))],
            ),
            step("Open {}, then {}, and paste this.", "Extensions", "Apps Script", snippet=Snippet("js", code)),
            step(
                "Under {}, {}, add this one.",
                "Project settings",
                "Script properties",
                fields=[("Property", "TURNOUT_KEY"), ("Value", target.key)],
            ),
            step("Choose {} and press {}. Google asks once for permission.", "pushRows", "Run"),
            step(
                "Under {}, press {}, so that it goes on by itself.",
                "Triggers",
                "Add trigger",
                fields=[
                    ("Function", "pushRows"),
                    ("Event source", "From spreadsheet (for a Google Form), or Time-driven"),
                    ("Event type", "On form submit (for a Google Form), or every hour"),
                    ("Failure notifications", "Notify me immediately"),
                ],
            ),
        ),
        expect=say(
            "The column {} says {}, or {} and what is to be mended. While the source rehearses, nothing changes yet.",
            "Turnout",
            "sent",
            "failed",
        ),
        mistakes=(
            say(
                "A row was changed and is not sent again: empty its cell in the column {}, and the next run sends it.",
                "Turnout",
            ),
            say(
                "A function that is merely called {} or {} may not call other servers: add the trigger as above.",
                "onEdit",
                "onFormSubmit",
            ),
            say("A column has another title than the script expects: then its cells are not sent."),
            *unsendable(target),
            WRONG_KEY,
            NO_EMAIL,
            ALL_GROUPS,
        ),
    )


_CODE = """\
const ADDRESS = «address»
// The titles of the columns with custom fields; each is called here as in the event.
const CUSTOM_FIELDS = [
«fields»]

function pushRows() {
  const lock = LockService.getScriptLock()
  if (!lock.tryLock(1000)) return // another run is under way
  const sheet = SpreadsheetApp.getActiveSpreadsheet().getSheets()[0]
  const [titles, ...rows] = sheet.getDataRange().getDisplayValues()
  let outcome = titles.indexOf('Turnout')
  if (outcome < 0) {
    outcome = titles.length
    sheet.getRange(1, outcome + 1).setValue('Turnout')
  }
  rows.forEach((row, index) => {
    const cell = title => row[titles.indexOf(title)] || ''
    if (row[outcome] || !row.some(Boolean)) return // sent before, or empty
    sheet.getRange(index + 2, outcome + 1).setValue(pushRow(cell))
  })
}

// What to write into the column Turnout; nothing where the row is to be tried again with the next run.
function pushRow(cell) {
  const push = {
    profile: {
      email: cell('Email'),
      firstName: cell('First name'),
      lastName: cell('Last name'),
      company: cell('Company'),
      customFields: CUSTOM_FIELDS.map(name => ({fieldName: name, fieldValue: cell(name)})),
    },
    eventInfo: {groups: {groupNames: cell('Groups')}},
  }
  const response = UrlFetchApp.fetch(ADDRESS, {
    method: 'post',
    contentType: 'application/json',
    headers: {'Api-Key': PropertiesService.getScriptProperties().getProperty('TURNOUT_KEY')},
    payload: JSON.stringify(push),
    muteHttpExceptions: true, // or all that you see of our answer is its beginning
  })
  if (response.getResponseCode() === 200) return 'sent'
  const problem = JSON.parse(response.getContentText())
  return problem.retryable ? '' : 'failed: ' + problem.detail
}
"""

recipe = Recipe(
    name="google-apps-script",
    title="Google Apps Script",
    kind="code",
    settings={"lists": ",", "blank": "keep", "status_codes": "precise"},
    format="nested",
    write=write,
)
