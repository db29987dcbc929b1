"""Attendees as a ticket shop would push them: about 600 bytes of nested JSON, and always the same for a number."""

from typing import Final

_FIRST: Final = (
    "Amelie",
    "Björn",
    "Chidi",
    "Dolores",
    "Emre",
    "Françoise",
    "Grace",
    "Henrik",
    "Ines",
    "Jonas",
    "Keiko",
)
_LAST: Final = ("Abernathy", "Baumgartner", "Castellanos", "Dlamini", "Eriksson", "Fitzgerald", "Gutiérrez", "Hoffmann")
_COMPANIES: Final = ("Northwind Logistics", "Contoso Energy", "Fabrikam Health", "Tailspin Aviation", "Wingtip Studios")
_TITLES: Final = ("Head of Procurement", "Senior Engineer", "Chief of Staff", "Regional Sales Manager", "Researcher")
_DEPARTMENTS: Final = ("Operations", "Research and Development", "Corporate Communications", "Finance")
_CITIES: Final = (("Hamburg", "Germany"), ("Lyon", "France"), ("Porto", "Portugal"), ("Tampere", "Finland"))
_DIETS: Final = ("Vegetarian", "Vegan", "No preference", "Gluten-free, no nuts")
_GROUPS: Final = ("Speakers", "Press", "Exhibitors", "Members", "Volunteers", "Day 1", "Day 2", "Gala dinner")


def body(number: int, serial: int) -> bytes:
    """The push for attendee `number`. Another `serial` is another badge number, and nothing else."""
    first, last = _FIRST[number % 11], _LAST[number % 8]
    company = _COMPANIES[number % 5]
    city, country = _CITIES[number % 4]
    groups = f'"{_GROUPS[number % 8]}"'
    if number % 2:
        groups += f',"{_GROUPS[(number + 1 + number // 8 % 7) % 8]}"'
    return (
        f'{{"profile":{{"email":"attendee.{number}@example-{number % 997}.com","firstName":"{first}",'
        f'"lastName":"{last}","phone":"+49 40 {number:08d}","title":"{_TITLES[number // 7 % 5]}",'
        f'"department":"{_DEPARTMENTS[number // 3 % 4]}","company":"{company} Holding {number % 389}",'
        f'"city":"{city}","country":"{country}","website":"https://www.example-{number % 997}.com/people/{number}",'
        f'"linkedin":"https://www.linkedin.com/in/attendee-{number}","motto":"Ask me about attendee feeds",'
        f'"customFields":[{{"fieldName":"Dietary needs","fieldValue":"{_DIETS[number // 11 % 4]}"}},'
        f'{{"fieldName":"Badge number","fieldValue":"B-{serial:09d}"}}]}},'
        f'"eventInfo":{{"groups":{{"groupNames":[{groups}]}}}}}}'
    ).encode()
