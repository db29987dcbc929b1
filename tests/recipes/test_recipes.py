"""Recipes are written for one event; what each tool then sends arrives with the event's groups and custom fields.

Programs are run as they are. What a tool runs or fills in itself gets stand-ins for what the tool gives it.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.patience import PATIENCE_S
from tests.product import Product, TestedEvent
from tests.senders.recipes import RECIPES as PAGES
from turnout.errors import NotFound
from turnout.events import names, sources
from turnout.model.event import Configuration
from turnout.model.policy import Policy
from turnout.recipes import get_recipe, list_recipes
from turnout.recipes.recipe import MAX_NAMES, Recipe, Target, Written, list_unsuited, target_of
from turnout.store import events

TOOLS = [recipe.name for recipe in list_recipes()]
NODE = shutil.which("node")
PHP = shutil.which("php")
EMAIL = "john.doe@example.com"
GROUPS = [
    "Speakers",
    'O\'Hara "the" $HOME `id` $(id) ${x}',
    "back\\slash\\",
    "</script><!-- {{x}}",
    "@{y} @@ «groups»",
    "Zoë 🏳️‍🌈 \u202etfel",
    "=1+1",
    "@home ‘curly’ %s {0}",
]
FIELDS = [
    "Shoe size",
    "two\nlines\tand \u2028",
    'it\'s "quoted" \\ $x ${y} `z` «fields»',
    "</script> }} {{ 1.email }}",
    "=SUM(A1)",
    "@{triggerBody()}",
    "Größe 尺寸",
    "?> <?php",
]


def make_event(product: Product, tool: str, groups: list[str], fields: list[str]) -> tuple[TestedEvent, str]:
    """An event that has these names, and the key of a source that is set up for the tool."""
    event = product.make_event()
    event.push_ok(
        {
            "profile": {
                "email": "somebody@example.org",
                "customFields": [{"fieldName": name, "fieldValue": "x"} for name in fields],
            },
            "eventInfo": {"groups": {"groupNames": groups}},
        }
    )
    return event, event.make_source(tool, **get_recipe(tool).settings)


def configuration_of(event: TestedEvent) -> Configuration:
    with event.database.read() as connection:
        configuration = events.load_configuration(connection, event.id)
    assert configuration is not None
    return configuration


def write_for(event: TestedEvent, tool: str, key: str) -> tuple[Target, Written]:
    recipe = get_recipe(tool)
    target = target_of(configuration_of(event), event.gateway, recipe, key=key)
    return target, recipe.write(target)


# What each tool sends, with what its recipe says.


def run(command: list[str], folder: Path, **environment: str) -> str:
    done = subprocess.run(
        command,
        env={**os.environ, **environment},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def run_node(script: str, given: Any, folder: Path) -> Any:
    assert NODE, "make setup brings Node.js 20"
    return json.loads(run([NODE, "-e", script, json.dumps(given)], folder))


def run_program(written: Written, folder: Path) -> None:
    """As its steps say: save the program, run the command."""
    *programs, command = written.snippets
    for program in programs:
        assert program.file_name is not None
        (folder / program.file_name).write_text(program.text, "utf-8")
    run(["bash", "-c", command.text], folder)


def run_google(event: TestedEvent, target: Target, written: Written, folder: Path) -> None:
    (fields,) = [step.fields for step in written.steps if step.fields and step.fields[0][0] == "Groups"]
    titles = ["Email", "First name", "Last name", "Company", "Groups", *target.custom_fields]
    row = [EMAIL, "John", "Doe", "", dict(fields)["Groups"], *(value for _, value in target.shown_fields)]
    requests, cells = run_node(_GOOGLE % written.snippets[0].text, [titles, row, target.key], folder)
    (request,) = requests
    assert cells == [[1, len(titles) + 1, "Turnout"], [2, len(titles) + 1, "sent"]]
    response = event.product.client.post(request["address"], content=request["payload"], headers=request["headers"])
    assert response.status_code == 200, response.text


_GOOGLE = """
const [titles, row, key] = JSON.parse(process.argv[1])
const requests = [], cells = []
const LockService = {getScriptLock: () => ({tryLock: () => true})}
const sheet = {
  getDataRange: () => ({getDisplayValues: () => [titles, row, titles.map(() => '')]}),
  getRange: (line, column) => ({setValue: value => cells.push([line, column, value])}),
}
const SpreadsheetApp = {getActiveSpreadsheet: () => ({getSheets: () => [sheet]})}
const PropertiesService = {getScriptProperties: () => ({getProperty: name => name === 'TURNOUT_KEY' ? key : null})}
const UrlFetchApp = {fetch: (address, request) => {
  requests.push({address, ...request})
  return {getResponseCode: () => 200, getContentText: () => '{}'}
}}
%s
pushRows()
console.log(JSON.stringify([requests, cells]))
"""


def send_rows(event: TestedEvent, target: Target, written: Written, folder: Path) -> None:
    """As Zapier and HubSpot do with rows of names and values."""
    (rows,) = [step.fields for step in written.steps if step.fields and step.fields[0][0] == "profile.email"]
    event.push_ok(dict(rows), key=target.key)


def send_hubspot(event: TestedEvent, target: Target, written: Written, folder: Path) -> None:
    send_rows(event, target, written, folder)
    event.push_ok({"profile": {"email": EMAIL}, "eventInfo": {"groups": {"groupNames": []}}}, key=target.key)
    (code,) = written.snippets
    properties = re.findall(r"fieldValue: contact\.(\w+)", code.text)
    contact = {"email": EMAIL, "firstname": "John", "event_groups": ";".join(target.shown_groups)}
    contact |= {own: value for own, (_, value) in zip(properties, target.shown_fields, strict=True)}
    (request,) = run_node(_HUBSPOT % code.text, contact, folder)
    assert request["headers"]["Api-Key"] == "from-secret"
    event.push_ok(request["push"], key=target.key)


_HUBSPOT = """
const sent = [], action = {}
const axios = {post: async (address, push, options) => {
  sent.push({address, push, ...options})
  return {data: {result: 'created'}}
}}
;(function (require, exports, process) {
%s
})(() => axios, action, {env: {TURNOUT_KEY: 'from-secret'}})
action.main({callbackId: '1', inputFields: JSON.parse(process.argv[1])}, () => {})
  .then(() => console.log(JSON.stringify(sent)))
"""


def send_make(event: TestedEvent, target: Target, written: Written, folder: Path) -> None:
    (body,) = written.snippets
    assert "{{" not in body.text, "Make would take a name for a mapping."
    event.push_ok(json.loads(body.text), key=target.key)


def send_power_automate(event: TestedEvent, target: Target, written: Written, folder: Path) -> None:
    (body,) = written.snippets
    event.push_ok(_evaluate(json.loads(body.text)), key=target.key)


def _evaluate(value: Any) -> Any:
    """As the engine of flows does, of which a body without expressions has nothing but doubled signs."""
    if isinstance(value, dict):
        return {name: _evaluate(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_evaluate(inner) for inner in value]
    assert not re.search(r"(?<!@)@\{", value), "An expression."
    assert not re.match(r"@(?!@)", value), "An expression."
    return re.sub(r"@@\{", "@{", value[1:] if re.match(r"@@(?!\{)", value) else value)


def send_n8n(event: TestedEvent, target: Target, written: Written, folder: Path) -> None:
    workflow = json.loads(written.snippets[0].text)
    assert target.key not in written.snippets[0].text, "Who exports the workflow would give the key away."
    start, person, push = workflow["nodes"]
    follows = {name: ends["main"][0][0]["node"] for name, ends in workflow["connections"].items()}
    assert follows == {start["name"]: person["name"], person["name"]: push["name"]}
    assert push["parameters"]["url"] == target.address
    given = {"person": person["parameters"]["jsonOutput"], "rows": push["parameters"]["bodyParameters"]["parameters"]}
    event.push_ok(run_node(_N8N, given, folder), key=target.key)


_N8N = """
const {person, rows} = JSON.parse(process.argv[1])
const $json = JSON.parse(person)
const evaluate = value => {
  if (!value.startsWith('=')) return value
  const [, code] = value.match(/^=\\{\\{((?:(?!\\{\\{|\\}\\}).)*)\\}\\}$/)
  return new Function('$json', 'return ' + code)($json)
}
console.log(JSON.stringify(Object.fromEntries(rows.map(row => [row.name, evaluate(row.value)]))))
"""

SEND: dict[str, Callable[[TestedEvent, Target, Written, Path], None]] = {
    "curl": lambda _, __, written, folder: run_program(written, folder),
    "python": lambda _, __, written, folder: run_program(written, folder),
    "javascript": lambda _, __, written, folder: run_program(written, folder),
    "php": lambda _, __, written, folder: run_program(written, folder),
    "google-apps-script": run_google,
    "zapier": send_rows,
    "hubspot": send_hubspot,
    "make": send_make,
    "power-automate": send_power_automate,
    "n8n": send_n8n,
}
needs_php = pytest.mark.skipif(PHP is None, reason="This machine has no PHP.")
SENT = [pytest.param(tool, marks=needs_php) if tool == "php" else tool for tool in SEND]


@pytest.mark.parametrize("tool", SENT)
def test_what_the_recipe_sends_arrives_with_the_events_own_names(tool: str, product: Product, tmp_path: Path) -> None:
    event, key = make_event(product, tool, GROUPS, FIELDS)
    target, written = write_for(event, tool, key)
    assert list(target.groups) == GROUPS
    SEND[tool](event, target, written, tmp_path)
    john = event.attendee(EMAIL)
    assert john["profile"]["firstName"] == "John"
    assert sorted(john["groups"]) == sorted(target.shown_groups)
    assert john["customFields"] == dict(target.shown_fields)
    assert set(john["customFields"]) == {name.name for name in configuration_of(event).custom_fields.by_number.values()}
    # Nothing that it says was taken for something else; some of these names do look like slips.
    (push,) = [one for one in event.get("/pushes", key=key).json()["pushes"] if one["result"] == "created"]
    warnings = event.get(f"/pushes/{push['id']}", key=key).json()["warnings"]
    assert {warning["code"] for warning in warnings} <= {"placeholder_text"}


@pytest.mark.parametrize("tool", SENT)
def test_an_event_without_any_names_gets_a_recipe_that_works_too(tool: str, product: Product, tmp_path: Path) -> None:
    event = product.make_event()
    key = event.make_source(tool, **get_recipe(tool).settings)
    target, written = write_for(event, tool, key)
    if tool in ("google-apps-script", "hubspot"):
        target = msgspec.structs.replace(target, custom_fields=("Diet",))
    SEND[tool](event, target, written, tmp_path)
    assert event.attendee(EMAIL)["groups"] == ["Speakers"]
    assert event.attendee(EMAIL)["customFields"] == {"Diet": "vegan"}


PLAIN = Target(
    gateway="https://turnout.example.org/e/spring",
    key="trn_the_key",
    event="Spring",
    groups=("Speakers", "Crew"),
    custom_fields=("Shoe size", "Diet"),
)


@pytest.mark.parametrize("tool", TOOLS)
def test_every_recipe_has_address_key_names_what_to_expect_and_mistakes(tool: str) -> None:
    written = get_recipe(tool).write(PLAIN)
    for there in (PLAIN.gateway, PLAIN.key, *PLAIN.groups, *PLAIN.custom_fields, "john.doe@example.com"):
        assert there in written.text or (tool == "google-apps-script" and "@" in there), there
    assert written.expect
    assert len(written.mistakes) >= 3
    assert all(step.text.endswith(".") for step in written.steps)


def test_the_tools_are_those_of_the_hand_out() -> None:
    assert set(TOOLS) == {
        *("curl", "python", "javascript", "php", "powershell", "google-apps-script"),
        *("zapier", "make", "n8n", "power-automate", "hubspot"),
    }
    with pytest.raises(NotFound, match="zapier"):
        get_recipe("zapierr")


@pytest.mark.parametrize("tool", sorted(set(TOOLS) & set(PAGES)))
def test_the_settings_are_those_of_the_tools_page(tool: str) -> None:
    assert dict(get_recipe(tool).settings) == PAGES[tool].settings


@pytest.mark.parametrize("tool", TOOLS)
def test_no_tool_is_let_repeat_what_can_never_succeed(tool: str) -> None:
    assert get_recipe(tool).settings["status_codes"] == "precise"


def test_curl_repeats_only_what_is_answered_as_the_servers_fault(product: Product) -> None:
    event, key = make_event(product, "curl", ["Crew"], ["Diet"])
    configuration, recipe = configuration_of(event), get_recipe("curl")
    shown = {
        source.name: recipe.write(target_of(configuration, event.gateway, recipe, key=key, source_number=number)).text
        for number, source in configuration.sources.items()
    }
    assert "--retry" in shown["curl"]
    assert "--retry" not in shown["main"]


@pytest.mark.parametrize("tool", ["python", "javascript", "php", "powershell", "n8n", "google-apps-script", "hubspot"])
def test_the_key_does_not_stand_in_what_is_kept_as_a_file(tool: str) -> None:
    written = get_recipe(tool).write(PLAIN)
    assert all(PLAIN.key not in snippet.text for snippet in written.snippets[:1])


def test_at_most_eight_names_are_shown_and_none_that_pushes_do_not_touch(product: Product) -> None:
    event, key = make_event(product, "python", [f"Group {n}" for n in range(20)], [f"Field {n}" for n in range(20)])
    names.set_staff_only(event.database, event.id, "Group 0", True)
    target, _ = write_for(event, "python", key)
    assert target.groups == tuple(f"Group {n}" for n in range(1, MAX_NAMES + 1))
    assert len(target.custom_fields) == MAX_NAMES


def test_a_group_that_the_source_would_take_apart_is_left_out_and_told(product: Product) -> None:
    event, key = make_event(product, "zapier", ["Press, TV", "Crew"], ["Diet"])
    target, written = write_for(event, "zapier", key)
    assert target.shown_groups == ("Crew",)
    assert any("Press, TV" in "".join(part.text for part in mistake) for mistake in written.mistakes)
    own = target_of(configuration_of(event), event.gateway, get_recipe("zapier"), source_number=1)
    assert own.lists == "none"
    assert own.shown_groups == ("Press, TV", "Crew")


def test_it_is_told_which_settings_do_not_suit_the_tool(product: Product) -> None:
    event, _ = make_event(product, "zapier", ["Crew"], ["Diet"])
    recipe: Recipe = get_recipe("zapier")
    configuration = configuration_of(event)
    suited = sources.get_source(configuration, "zapier").policy.over(configuration.event.policy)
    assert list_unsuited(recipe, suited) == {}
    assert list_unsuited(recipe, Policy()) == dict(recipe.settings)
