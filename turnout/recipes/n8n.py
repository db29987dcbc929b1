"""n8n: a workflow to import, with an example person before the node *HTTP Request*."""

from typing import Any

from turnout.recipes.quoting import js, json_text, without_braces
from turnout.recipes.recipe import (
    ALL_GROUPS,
    EMAIL,
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

FILE = "turnout-n8n.json"


def write(target: Target) -> Written:
    workflow = json_text(_workflow(target), indent=2)
    return Written(
        steps=(
            step("Save this file.", snippet=Snippet("json", workflow, FILE)),
            step("In n8n, make a workflow, open its menu {} and choose {}.", "…", "Import from file"),
            step(
                "Open the node {}. Under {}, make a new credential. The key is kept there, and not in the workflow.",
                "Push to Turnout",
                "Header Auth",
                fields=[("Name", "Api-Key"), ("Value", target.key)],
            ),
            step("Press {}: the example person arrives.", "Execute workflow"),
            step(
                "Put your own trigger in the place of {} and {}, and choose its fields as the values in {}.",
                "Start",
                "Example person",
                "Push to Turnout",
            ),
        ),
        expect=RECEIPT,
        mistakes=(
            say("The key was entered as a plain header: then it is in the workflow, and in every export of it."),
            say(
                "{}: an expression found nothing, and n8n left the field out. Look at what the node before gives.",
                "missing_email",
            ),
            say("The last group is gone: {} was mapped to a single text where it was a list before.", "groupNames"),
            WRONG_KEY,
            NO_EMAIL,
            ALL_GROUPS,
        ),
    )


def _workflow(target: Target) -> dict[str, Any]:
    person = {
        "email": EMAIL,
        "first_name": "John",
        "last_name": "Doe",
        "company": "Example Ltd",
        "custom": dict(target.shown_fields),
        "groups": list(target.shown_groups),
    }
    body = [
        ("profile.email", "={{ $json.email }}"),
        ("profile.firstName", "={{ $json.first_name }}"),
        ("profile.lastName", "={{ $json.last_name }}"),
        ("profile.company", "={{ $json.company }}"),
    ]
    for at, (name, _) in enumerate(target.shown_fields):
        entry = f"profile.customFields[{at}]"
        body += [
            (f"{entry}.fieldName", _literal(name)),
            (f"{entry}.fieldValue", f"={{{{ $json.custom[{without_braces(js(name))}] }}}}"),
        ]
    body.append(("eventInfo.groups.groupNames", "={{ $json.groups }}"))
    return {
        "name": f"Push to {target.event}",
        "nodes": [
            _node("Start", "manualTrigger", 1, 0, {}),
            _node("Example person", "set", 3.4, 220, {"mode": "raw", "jsonOutput": json_text(person, indent=2)}),
            _node(
                "Push to Turnout",
                "httpRequest",
                4.2,
                440,
                {
                    "method": "POST",
                    "url": target.address,
                    "authentication": "genericCredentialType",
                    "genericAuthType": "httpHeaderAuth",
                    "sendHeaders": True,
                    "headerParameters": _parameters([("Idempotency-Key", "=n8n-{{ $execution.id }}-{{ $itemIndex }}")]),
                    "sendBody": True,
                    "contentType": "json",
                    "specifyBody": "keypair",
                    "bodyParameters": _parameters(body),
                    "options": {},
                },
            )
            | {"retryOnFail": True, "maxTries": 3, "waitBetweenTries": 5000},
        ],
        "connections": {"Start": _leads_to("Example person"), "Example person": _leads_to("Push to Turnout")},
        "settings": {"executionOrder": "v1"},
    }


def _literal(text: str) -> str:
    """A value that n8n takes as it stands: what begins with `=` it would evaluate."""
    return f"={{{{ {without_braces(js(text))} }}}}" if text.startswith("=") else text


def _node(name: str, kind: str, version: float, x: int, parameters: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": name.lower().replace(" ", "-"),
        "name": name,
        "type": f"n8n-nodes-base.{kind}",
        "typeVersion": version,
        "position": [x, 0],
        "parameters": parameters,
    }


def _parameters(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    return {"parameters": [{"name": name, "value": value} for name, value in pairs]}


def _leads_to(name: str) -> dict[str, Any]:
    return {"main": [[{"node": name, "type": "main", "index": 0}]]}


recipe = Recipe(
    name="n8n",
    title="n8n",
    kind="file",
    settings={"blank": "keep", "status_codes": "precise"},
    format="nested",
    write=write,
)
