"""As much of everything as anybody will have, and longer: what a page looks like when it is full."""

from typing import Any

from screenshots.running import NOW, Api, Running
from screenshots.summit import SLUG, Filled
from screenshots.summit import fill as fill_summit

_EVENTS, _SOURCES, _GROUPS, _FIELDS, _PEOPLE, _INVITED, _WEBHOOKS = 300, 60, 80, 60, 20_000, 40, 25
_TOGETHER = 2_000
_LONG = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"
"""A word that nothing can break but a browser."""
_WAY = f"events/{SLUG}"


def fill(running: Running, api: Api) -> Filled:
    """The summit, among hundreds of events and with twenty thousand people more."""
    filled = fill_summit(running, api)
    for number in range(_EVENTS):
        api.post("events", {"name": _name(f"Event {number}", number), "slug": f"event-{number}"})
    keys = [_make_source(api, number) for number in range(_SOURCES)]
    for start in range(0, _PEOPLE, _TOGETHER):
        body = {"attendees": [_make_person(number) for number in range(start, start + _TOGETHER)]}
        running.push(SLUG, keys[start // _TOGETHER], body, path="/attendees/batch")
    for number in range(300):
        person = _make_person(number)
        person["profile"]["email"] = f"{_LONG}{number}"
        running.push(SLUG, keys[number % _SOURCES], person)
    for number in range(_INVITED):
        wish = {"email": f"{_LONG[:50].lower()}.{number}@example.org", "role": "viewer", "events": _slugs(number)}
        api.post("invitations", wish)
        api.post("me/tokens", {"name": _name(f"Token {number}", number)})
        api.post(
            f"{_WAY}/keys", {"scope": "read", "label": _name(f"Reader {number}", number), "groups": _groups(number)}
        )
        api.post(f"{_WAY}/hand-outs", {"source": f"Partner {number}", "tool": "curl", "label": _name("Ann", number)})
    for number in range(_WEBHOOKS):
        made = api.post(f"{_WAY}/webhooks", {"url": f"https://hooks.example.org/{_LONG}/{number}"})["webhook"]
        api.post(f"{_WAY}/webhooks/{made['id']}/pause")
    everything = _make_everything()
    running.push(SLUG, keys[0], everything)
    running.move_to(NOW)
    filled.places["attendee"] = api.get(f"{_WAY}/attendees?q=everything")["items"][0]["id"]
    everything["profile"] |= {"firstName": ["no", "text"], "email": "everything@@example.org"}
    filled.places["push"] = running.push(SLUG, keys[0], everything)["id"]
    return filled


def _name(name: str, number: int) -> str:
    """Every fifth is long, every tenth in one word."""
    return f"{name} {_LONG * 2 if number % 10 == 0 else 'of ' * 40}"[:250] if number % 5 == 0 else name


def _slugs(number: int) -> list[str]:
    return [f"event-{number + of}" for of in range(number % 30 + 1)]


def _groups(number: int) -> list[str]:
    return [_name(f"Group {of}", of) for of in range(number + 1)]


def _make_source(api: Api, number: int) -> str:
    key: str = api.post(f"{_WAY}/sources", {"name": _name(f"Source {number}", number)})["key"]
    return key


def _make_person(number: int) -> dict[str, Any]:
    groups = [_name(f"Group {number % _GROUPS}", number % _GROUPS), _name("Group 0", 0), "Group 1"]
    return {
        "profile": {
            "email": f"somebody.{number}@{_LONG[:40].lower() if number % 7 == 0 else 'example'}.org",
            "firstName": _LONG if number % 9 == 0 else f"Somebody {number}",
            "lastName": "of the House of Many Names" if number % 4 == 0 else "Winter",
            "company": f"{_LONG} {_LONG}" if number % 6 == 0 else "Northwind",
            "title": "Head of Everything That Has No Head" if number % 5 == 0 else "Founder",
            "customFields": [
                {"fieldName": _name(f"Field {number % _FIELDS}", number % _FIELDS), "fieldValue": f"value {number}"}
            ],
        },
        "eventInfo": {"groups": {"groupNames": groups if number % 3 else groups[:1]}},
    }


def _make_everything() -> dict[str, Any]:
    """Somebody of whom everything is known, at length."""
    fields = ("prefix", "phone", "website", "facebook", "twitter", "linkedin", "instagram", "title", "department")
    return {
        "profile": {
            "email": "everything@example.org",
            "firstName": "Everything",
            "lastName": _LONG,
            "biography": "Lorem ipsum dolor sit amet. " * 180,
            "motto": "x" * 5_000,
            **dict.fromkeys(fields, f"{_LONG} and more"),
            "customFields": [
                {
                    "fieldName": _name(f"Field {number}", number),
                    "fieldValue": "y" * 5_000 if number < 3 else [_LONG, "a"],
                }
                for number in range(_FIELDS)
            ],
        },
        "eventInfo": {"groups": {"groupNames": [_name(f"Group {number}", number) for number in range(_GROUPS)]}},
    }
