"""An event as it may be three weeks before it begins: people, companies and addresses are invented.

Three systems send to it, a fourth rehearses; most of what comes is right, some of it is not.
"""

import json
import random
import unicodedata
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec

from screenshots.running import NOW, Api, Running

SLUG = "northwind-summit-2026"
_NAME = "Northwind Summit 2026"
_PEOPLE = 400
_FIRST = (
    *(
        "Amara",
        "Birgit",
        "Chiara",
        "Dmitri",
        "Elif",
        "Françoise",
        "Gabriel",
        "Hana",
        "Ingrid",
        "Jonas",
        "Kwame",
        "Leïla",
    ),
    *(
        "Mateus",
        "Noor",
        "Oskar",
        "Priya",
        "Quentin",
        "Rosa",
        "Sanne",
        "Tomás",
        "Ulla",
        "Viktor",
        "Wen",
        "Yusuf",
        "Zofia",
    ),
)
_LAST = (
    *("Abernathy", "Baumgartner", "Castellanos", "Dlamini", "Eriksen", "Fitzgerald", "Gutiérrez", "Holm", "Ivanova"),
    *("Jensen", "Kowalski", "Lindgren", "Moreau", "Nakamura", "Okafor", "Petrović", "Rasmussen", "Solberg", "Thorne"),
    *("Usman", "van der Berg", "Winter", "Yilmaz", "Zeman"),
)
_COMPANIES = (
    "Northwind Logistics",
    "Contoso Energy",
    "Fabrikam Health",
    "Tailspin Aviation",
    "Wingtip Studios",
    "Litware",
)
_TITLES = (
    "Head of Procurement",
    "Senior Engineer",
    "Chief of Staff",
    "Regional Sales Manager",
    "Researcher",
    "Founder",
)
_CITIES = (
    ("Copenhagen", "Denmark"),
    ("Lyon", "France"),
    ("Porto", "Portugal"),
    ("Tampere", "Finland"),
    ("Leeds", "UK"),
)
_DIETS = ("Vegetarian", "Vegan", "Gluten-free", "No nuts", "No preference")
_GROUPS = ("Members", "Day 1", "Day 2", "Gala dinner", "Workshop: Cold chains", "Press", "Volunteers", "First-timers")


class Filled(msgspec.Struct):
    """What is there, for the addresses of pages."""

    slug: str = SLUG
    places: dict[str, str] = {}
    """By the name that it has in a page's path, with the route where that name means several things."""
    awaited: str = ""
    """What the event's overview shows a moment after everything else: refused keys are counted in the background."""
    links: dict[str, str] = {}
    """What is opened without signing in, by the beginning of the page's path."""


class _Sender(msgspec.Struct, frozen=True):
    """One system with its key."""

    number: int
    key: str
    caller: str


class _Summit:
    def __init__(self, running: Running, api: Api) -> None:
        self._running = running
        self._api = api
        self._random = random.Random(1912)
        self._jobs: list[tuple[datetime, Callable[[], object]]] = []

    def fill(self) -> Filled:
        api, way = self._api, f"events/{SLUG}"
        made = api.post("events", {"name": _NAME, "slug": SLUG})
        api.patch(way, {"settings": {"time_zone": "Europe/Copenhagen"}})
        first = api.get(f"{way}/sources")["items"][0]["number"]
        # The source that an event begins with is not used: whoever still has its key is turned away.
        self.former = _Sender(first, made["key"], "203.0.113.99")
        self.shop = self._make_source("Ticket shop", "198.51.100.7")
        self.crm = self._make_source("HubSpot", "203.0.113.40")
        self.speakers = self._make_source("Speaker desk", "192.0.2.18")
        api.post(f"{way}/sources/{first}/retire")
        filled = Filled(awaited="6 requests were refused")
        filled.places |= {"source": str(self.shop.number)}
        self._plan_people()
        self._plan_failures(filled)
        self._plan_ingrid()
        self._plan_staff(filled)
        for at, do in sorted(self._jobs, key=lambda job: job[0]):
            self._running.move_to(max(at, self._running.at))
            do()
        self._running.move_to(NOW)
        self._find_places(filled, made)
        return filled

    def _make_source(self, name: str, caller: str) -> _Sender:
        made = self._api.post(f"events/{SLUG}/sources", {"name": name})
        return _Sender(made["source"]["number"], made["key"], caller)

    def _plan(self, at: datetime, sender: _Sender, body: object, path: str = "/attendees", key: str = "") -> None:
        def send() -> object:
            return self._running.push(SLUG, key or sender.key, body, path=path, caller=sender.caller)

        self._jobs.append((at, send))

    def _some_time(self, days: float) -> datetime:
        """Within the last so many days, more often lately than long ago, and by day rather than at night."""
        while True:
            at = NOW - timedelta(days=days * self._random.random() ** 1.6)
            if self._random.random() < (0.06, 0.25, 1.0, 1.0, 0.8, 0.3)[at.hour // 4]:
                return at

    def _plan_people(self) -> None:
        for number in range(_PEOPLE):
            at = self._some_time(20)
            self._plan(at, self.shop, self._make_person(number))
            if number % 3 == 0:
                self._plan(at + (NOW - at) * self._random.random(), self.crm, self._make_contact(number))
            if number % 5 == 0:
                # Ordered once more: a shop sends what it has, changed or not.
                self._plan(at + (NOW - at) * self._random.random(), self.shop, self._make_person(number, number % 2))
            if number % 4 == 1 and at > NOW - timedelta(days=2):
                # A badge that was picked up, a dinner that was paid for.
                for change in range(2):
                    later = at + (NOW - at) * self._random.random()
                    self._plan(later, self.shop, self._make_person(number, 1 + change))
            if number % 10 == 7:
                self._plan(at + (NOW - at) * 0.4, self.speakers, self._make_speaker(number))
            if number % 37 == 5:
                leaving = {"profile": {"email": self._address(number)}, "eventInfo": {"attending": False}}
                self._plan(at + (NOW - at) * 0.8, self.shop, leaving)
        # The hour before the pictures: something always comes.
        for number, minutes in enumerate((52, 44, 37, 31, 24, 18, 13, 9, 5, 3, 1)):
            at = NOW - timedelta(minutes=minutes, seconds=5)
            self._plan(at, (self.shop, self.crm)[number % 3 == 1], self._make_person(number * 31 + 4, number % 4))

    def _name(self, number: int) -> tuple[str, str]:
        return _FIRST[number * 7 % len(_FIRST)], _LAST[number * 5 % len(_LAST)]

    def _address(self, number: int) -> str:
        first, last = (
            unicodedata.normalize("NFD", name.lower()).encode("ascii", "ignore").decode().replace(" ", "")
            for name in self._name(number)
        )
        return f"{first}.{last}{number // len(_LAST) or ''}@example.org"

    def _make_person(self, number: int, changed: int = 0) -> dict[str, Any]:
        first, last = self._name(number)
        city, country = _CITIES[number % len(_CITIES)]
        groups = sorted({_GROUPS[number % 3], _GROUPS[number * 3 % 8], _GROUPS[1 + number % 2]})
        return {
            "profile": {
                "email": self._address(number),
                "firstName": first,
                "lastName": last,
                "company": _COMPANIES[number % len(_COMPANIES)],
                "city": city,
                "country": country,
                "customFields": [
                    {"fieldName": "Dietary needs", "fieldValue": _DIETS[(number + changed) % len(_DIETS)]},
                    {"fieldName": "Order number", "fieldValue": f"NW-{20_000 + number * 17}"},
                ],
            },
            "eventInfo": {"groups": {"groupNames": groups}},
        }

    def _make_contact(self, number: int) -> dict[str, Any]:
        return {
            "profile": {
                "email": self._address(number),
                "title": _TITLES[number % len(_TITLES)],
                "company": _COMPANIES[number % len(_COMPANIES)],
                "phone": f"+45 00 {number:04d}",
                "linkedin": f"https://social.example.org/in/{self._address(number).split('@')[0]}",
            }
        }

    def _make_speaker(self, number: int) -> dict[str, Any]:
        return {
            "profile": {
                "email": self._address(number),
                "biography": "Has run harbours, night trains and one very large cold store.",
                "customFields": [
                    {"fieldName": "Talk", "fieldValue": "What ships know that spreadsheets do not"},
                    {"fieldName": "T-shirt", "fieldValue": "SMLX"[number % 4]},
                ],
            },
            "eventInfo": {"groups": {"groupNames": ["Speakers"]}},
        }

    def _plan_failures(self, filled: Filled) -> None:
        for number in range(22):
            at = self._some_time(6)
            person = self._make_person(number * 13 + 2)
            profile = person["profile"]
            if number % 3 == 0:
                profile["email"] = f"{profile['firstName'].lower()} at example.org"
                self._plan(at, self.shop, person)
            elif number % 3 == 1:
                person["eventInfo"]["groups"]["groupNames"] = "Day 1; Gala dinner"
                self._plan(at, self.crm, person)
            else:
                self._plan(at, self.speakers, json.dumps(person, ensure_ascii=False, indent=2)[: 240 + number])
        for number in range(9):
            contact = self._make_contact(number * 21)
            contact["profile"] |= {"jobTitle": contact["profile"].pop("title"), "lead_score": 40 + number}
            self._plan(self._some_time(2), self.crm, contact)
        for minutes in (188, 187, 187, 95, 41, 40):
            self._plan(NOW - timedelta(minutes=minutes), self.former, self._make_person(3))
        # The one that is looked at: three mistakes in one body.
        broken = self._make_person(96)
        broken["profile"] |= {"email": "wen.holm@@example.org", "firstName": ["Wen"], "customFields": "Order number"}

        def send() -> None:
            filled.places["push"] = self._running.push(SLUG, self.crm.key, broken, caller=self.crm.caller)["id"]

        self._jobs.append((NOW - timedelta(minutes=4), send))

    def _plan_ingrid(self) -> None:
        """Somebody of whom all three systems say something."""
        email = "ingrid.solberg@example.org"
        said: list[tuple[float, _Sender, dict[str, Any], list[str]]] = [
            (18.2, self.shop, {"firstName": "Ingrid", "lastName": "Solberg", "company": "Northwind"}, ["Day 1"]),
            (11.1, self.crm, {"title": "Harbour Master", "company": "Northwind Logistics", "phone": "+45 00 1912"}, []),
            (6.4, self.shop, {"city": "Bergen", "country": "Norway"}, ["Day 1", "Gala dinner"]),
            (2.3, self.speakers, {"biography": "Thirty years of ports in bad weather.", "prefix": "Dr"}, ["Speakers"]),
            (0.2, self.crm, {"title": "Chief Harbour Master"}, []),
        ]
        for days, sender, profile, groups in said:
            body: dict[str, Any] = {"profile": {"email": email, **profile}}
            if sender is self.shop:
                body["profile"]["customFields"] = [{"fieldName": "Dietary needs", "fieldValue": "Vegetarian"}]
            if groups:
                body["eventInfo"] = {"groups": {"groupNames": groups}}
            self._plan(NOW - timedelta(days=days), sender, body)

    def _plan_staff(self, filled: Filled) -> None:
        way = f"events/{SLUG}"

        def invite() -> None:
            for email, name, role in (
                ("jonas.w@example.org", "Jonas Winter", "manager"),
                ("priya.t@example.org", "Priya Thorne", "viewer"),
                ("press@example.org", "Rosa Moreau", "viewer"),
            ):
                wish = {
                    "email": email,
                    "name": name,
                    "role": role,
                    "events": [SLUG],
                    "sees_personal": role == "manager",
                }
                made = self._api.post("invitations", {_camel(key): value for key, value in wish.items()})
                filled.links["link/"] = self._running.local(made["link"])
                filled.places["installation/invitations/link"] = made["invitation"]["id"]

        def hand_out() -> None:
            made = self._api.post(f"{way}/hand-outs", {"source": "Press office", "tool": "python", "label": "Rosa"})
            filled.links["h/"] = self._running.local(made["link"])
            filled.places["handout"] = made["handout"]["id"]

        def listen() -> None:
            made = self._api.post(f"{way}/webhooks", {"url": "https://app.example.org/hooks/turnout"})
            filled.places["webhook"] = made["webhook"]["id"]
            # Nobody is there: nothing is sent.
            self._api.post(f"{way}/webhooks/{made['webhook']['id']}/pause")

        def read() -> None:
            self._api.post(f"{way}/keys", {"scope": "read", "label": "Badge printer"})

        def name_token() -> None:
            made = self._api.post("me/tokens", {"name": "Monthly report", "expiresInDays": 90})
            filled.places["token"] = made["token"]["id"]

        for days, do in ((16, listen), (12, read), (5, invite), (3, name_token), (0.3, hand_out)):
            self._jobs.append((NOW - timedelta(days=days, minutes=7), do))

    def _find_places(self, filled: Filled, made: dict[str, Any]) -> None:
        api, way = self._api, f"events/{SLUG}"
        keys = [one for one in api.get(f"{way}/keys")["items"] if one.get("source") == self.shop.number]
        people = api.get(f"{way}/attendees?q=ingrid.solberg")["items"]
        filled.places |= {
            "event": SLUG,
            "key": keys[0]["id"],
            "attendee": people[0]["id"],
            "user": api.get("users")["items"][0]["id"],
            "kind": "groups",
            "number": "1",
        }


def fill(running: Running, api: Api) -> Filled:
    """The summit with its four hundred people, and its staff."""
    return _Summit(running, api).fill()


def begin(_running: Running, api: Api) -> Filled:
    """The event as it is when it has just been made."""
    api.post("events", {"name": _NAME, "slug": SLUG})
    first = api.get(f"events/{SLUG}/sources")["items"][0]["number"]
    return Filled(places={"event": SLUG, "source": str(first)})


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(one.title() for one in rest)
