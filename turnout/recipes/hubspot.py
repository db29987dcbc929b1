"""HubSpot: a workflow that pushes a contact, with *Send a webhook* or with *Custom code*."""

import re

from turnout.recipes.quoting import fill, js
from turnout.recipes.recipe import (
    ALL_GROUPS,
    NO_EMAIL,
    RECEIPT,
    WRONG_KEY,
    Recipe,
    Snippet,
    Target,
    Written,
    flat,
    say,
    step,
    unsendable,
)


def write(target: Target) -> Written:
    properties = [_property(name, at) for at, (name, _) in enumerate(target.shown_fields, 1)]
    fields = "".join(
        f"        {{fieldName: {js(name)}, fieldValue: contact.{own}}},\n"
        for (name, _), own in zip(target.shown_fields, properties, strict=True)
    )
    return Written(
        steps=(
            step(
                "In a contact-based workflow, press {}, then {}, {}. It needs Data Hub Professional or Enterprise.",
                *("+", "Data ops", "Send a webhook"),
            ),
            step(
                "Fill it in like this.",
                fields=[
                    ("Method", "POST"),
                    ("Webhook URL", target.address),
                    ("Authentication type", "API key"),
                    ("API Key Name", "Api-Key"),
                    ("API Key Location", "Request header"),
                    ("Secret", target.key),
                    ("Request body", "Customize request body"),
                ],
            ),
            step(
                "Add a line for each of these: the key as it stands here, as value the contact's property, or a fixed "
                "value for the names of custom fields. Several checkboxes come with {} between them, as it should be.",
                ";",
                fields=flat(target),
            ),
            step("Press {}, and take out the lines that you have nothing for.", "Test mapping"),
            step(
                "Or, should HubSpot refuse the dots, choose {}, Node.js, with the secret {} (the key above), and the "
                "properties {}. Paste this.",
                "Custom code",
                "TURNOUT_KEY",
                ", ".join(["email", "firstname", "lastname", "company", *properties, "event_groups"]),
                snippet=Snippet("js", fill(_CODE, address=js(target.address), fields=fields)),
            ),
        ),
        expect=RECEIPT,
        mistakes=(
            say("{} was left on: HubSpot then sends its own form of a contact.", "Include all contact properties"),
            say("The URL begins with {}: HubSpot calls https only.", "http://"),
            *unsendable(target),
            WRONG_KEY,
            NO_EMAIL,
            ALL_GROUPS,
        ),
    )


def _property(name: str, at: int) -> str:
    """As HubSpot calls a property of this label by itself."""
    own = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:50]
    return own if re.match("[a-z]", own) else f"field_{at}"


_CODE = """\
const axios = require('axios')

exports.main = async (event, callback) => {
  const contact = event.inputFields
  const push = {
    profile: {
      email: contact.email,
      firstName: contact.firstname,
      lastName: contact.lastname,
      company: contact.company,
      customFields: [
«fields»      ],
    },
    eventInfo: {groups: {groupNames: (contact.event_groups || '').split(';').filter(Boolean)}},
  }
  try {
    const answer = await axios.post(«address», push, {
      headers: {'Api-Key': process.env.TURNOUT_KEY, 'Idempotency-Key': 'hubspot-' + event.callbackId},
    })
    callback({outputFields: {result: answer.data.result, problem: ''}})
  } catch (error) {
    const problem = error.response ? error.response.data : {retryable: true}
    if (problem.retryable) throw error // after a 429 or 5xx HubSpot repeats the action
    callback({outputFields: {result: 'failed', problem: problem.detail}})
  }
}
"""

recipe = Recipe(
    name="hubspot",
    title="HubSpot",
    kind="steps",
    settings={"lists": ";", "blank": "keep", "status_codes": "precise"},
    format="flat",
    write=write,
)
