"""A crowd of people, pushed, and what a list of them has to be: a plain Python list, searched and sorted anew."""

import random
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from tests.product import TestedEvent
from turnout.events import keys

FIRST = ("Änne", "anna", "Jo", "JOHN", "Łucja", "François", "小龍", "太郎", "Иван", "", "Anne-Marie")
LAST = ("Groß", "Gross", "gras", "Doe", "d'Arc", "Østergård", "李", "山田", "Петров", "", "van der Berg")
COMPANY = ("ACME", "Ächt & Co", "東京電力", "", "Annex")
GROUPS = ("VIP", "Press", "Crew")
DIETS = ("Vegan", "vegán", "none", "Gluten free")
SORTS = ("id", "email", "lastName", "created", "updated")


class Person(msgspec.Struct):
    """One of them, as they are known."""

    email: str
    first: str
    last: str
    company: str
    groups: set[str]
    diet: str | list[str] | None
    sources: set[str]
    number: int
    """In the order in which they came."""
    changed: int
    """In the order in which they were last changed."""
    status: str = "attending"
    aliases: list[str] = []

    @property
    def words(self) -> set[str]:
        found = set()
        for text in (self.first, self.last, self.company):
            for word in fold(text).split():
                parts = split(word)
                found |= {word.strip("'&"), *parts, "".join(parts)}
        for text in (self.first, self.last, self.company, self.last + self.first):
            # Where there are no spaces between words any place may begin one.
            folded = fold(text)
            found |= {folded[at:] for at, letter in enumerate(folded) if letter >= "\u3000"}
        local, _, domain = fold(self.email).partition("@")
        found |= {fold(self.email), domain, *split(local), *split(domain.rpartition(".")[0])}
        return found - {""}

    def is_meant(self, query: dict[str, str]) -> bool:
        diets = [self.diet] if isinstance(self.diet, str) else self.diet or []
        checks: dict[str, Callable[[str], bool]] = {
            "group": lambda name: name in {group.lower() for group in self.groups},
            "source": lambda name: name in self.sources,
            "customField.diet": lambda value: fold(value) in map(fold, diets),
            "email": lambda address: address.lower() in map(str.lower, (self.email, *self.aliases)),
            "q": self.has_words,
        }
        status = query.get("status", "attending")
        return status in (self.status, "all") and all(
            checks[name](value) for name, value in query.items() if name in checks
        )

    def has_words(self, search: str) -> bool:
        terms = [term for word in fold(search).split() if (term := word.strip("'-&@._"))]
        return bool(terms) and all(any(word.startswith(term) for word in self.words) for term in terms)

    def key(self, sort: str) -> Any:
        if sort == "email":
            return self.email.lower(), self.number
        if sort == "lastName":
            return (" ".join(fold(self.last).split()) or "\U0010ffff"), self.number
        return self.changed if sort == "updated" else self.number

    def body(self) -> dict[str, Any]:
        profile: dict[str, Any] = {
            "email": self.email,
            "firstName": self.first,
            "lastName": self.last,
            "company": self.company,
        }
        if self.diet is not None:
            profile["customFields"] = [{"fieldName": "Diet", "fieldValue": self.diet}]
        return {"profile": profile, "eventInfo": {"groups": {"groupNames": sorted(self.groups)}}}


def fold(text: str) -> str:
    """Without case and accents, done simply: for the letters that are in this crowd."""
    plain = unicodedata.normalize("NFKD", text.casefold().replace("ł", "l").replace("ø", "o").replace("œ", "oe"))
    return "".join(one for one in plain if not unicodedata.combining(one))


def split(word: str) -> list[str]:
    return re.findall(r"[^\W_]+", word)


def list_expected(crowd: Iterable[Person], query: dict[str, str]) -> list[str]:
    """The addresses that a list of these people has, in its order."""
    sort = query.get("sort", "id")
    found = [one for one in crowd if one.is_meant(query)]
    found.sort(key=lambda one: one.key(sort.removeprefix("-")), reverse=sort.startswith("-"))
    return [one.email for one in found]


def make_crowd(size: int, seed: int = 1) -> list[Person]:
    chance = random.Random(seed)
    return [
        Person(
            email=f"{chance.choice(('P', 'q', 'anna.r'))}{chance.randrange(1000)}_{number}@Ex-ample.org",
            first=chance.choice(FIRST),
            last=chance.choice(LAST),
            company=chance.choice(COMPANY),
            groups=set(chance.sample(GROUPS, chance.randrange(3))),
            diet=chance.choice((None, *DIETS, ["Vegan", "none"])),
            sources={"main"},
            number=number,
            changed=number,
        )
        for number in range(size)
    ]


def push_crowd(event: TestedEvent, crowd: list[Person]) -> None:
    """Pushes them, some of them by another source too, and withdraws some."""
    event.batch_ok([one.body() for one in crowd], "?receipts=summary")
    shop = event.make_source("Shop")
    changed = len(crowd)
    bodies = []
    for one in crowd[::3]:
        changed += 1
        one.sources.add("Shop")
        one.changed = changed
        bodies.append({"profile": {"email": one.email}})
    event.batch_ok(bodies, "?receipts=summary", key=shop)
    for one in crowd[1::5]:
        changed += 1
        one.status, one.changed = "withdrawn", changed
        for key in (event.key, shop) if "Shop" in one.sources else (event.key,):
            event.push_ok({"profile": {"email": one.email}, "eventInfo": {"attending": False}}, key=key)


class Reader:
    """Somebody with a read key of an event."""

    def __init__(self, event: TestedEvent, *, groups: Sequence[str] = (), fields: Sequence[str] = ()) -> None:
        self.event = event
        limits: dict[str, Any] = {}
        if groups:
            limits["groups"] = list(groups)
        if fields:
            limits["fields"] = list(fields)
        self.key = keys.create(event.database, event.id, label="reader", scope="read", **limits).text

    def get(self, path: str = "/attendees", headers: dict[str, str] | None = None, /, **query: str) -> Any:
        return self.event.product.client.get(
            self.event.gateway + path, params=query, headers={"Api-Key": self.key, **(headers or {})}
        )

    def page(self, **query: str) -> dict[str, Any]:
        answer = self.get(**query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refused(self, **query: str) -> tuple[int, str]:
        answer = self.get(**query)
        return answer.status_code, answer.json()["code"]

    def read(self, **query: str) -> list[str]:
        """The addresses of a whole list, page after page."""
        found = []
        cursor: dict[str, str] = {}
        while True:
            page = self.page(**{"limit": "1000", **query, **cursor})
            assert len(page["attendees"]) <= int(query.get("limit", 1_000))
            found += [one["email"] for one in page["attendees"]]
            if page["next"] is None:
                return found
            cursor = {"cursor": page["next"]}
