"""What makes a push be about the same person as one before (C6), and what it does to change that with people there."""

import msgspec

from turnout.errors import Conflict, InvalidRequest
from turnout.model.event import Configuration, Event
from turnout.store import identities
from turnout.store.database import Database
from turnout.store.statements import Connection

CHOICES = ("email", "third_party_id")
MAX_EXAMPLES = 5


class Survey(msgspec.Struct, frozen=True, rename="camel"):
    """How an event's people stand to addresses and ids."""

    people: int
    with_id: int
    """Of at least one source."""
    shared_addresses: int
    addresses: list[tuple[str, int]]
    """Some of those, with the number of people."""
    shared_ids: int
    ids: list[tuple[str, str, int]]
    """Some of those: source, id, number of people."""


def set_identity(event: Event, value: str) -> Event:
    """Raises InvalidRequest."""
    if value not in CHOICES:
        raise InvalidRequest(f"identity can be {' or '.join(CHOICES)}, not {value!r}.")
    return msgspec.structs.replace(event, identity="email" if value == "email" else "third_party_id")


def survey(connection: Connection, configuration: Configuration) -> Survey:
    event_id = configuration.event.id
    shared_addresses, addresses = identities.list_shared_addresses(connection, event_id, MAX_EXAMPLES)
    shared_ids, ids = identities.list_shared_ids(connection, event_id, MAX_EXAMPLES)
    return Survey(
        people=identities.count_people(connection, event_id),
        with_id=identities.count_with_id(connection, event_id),
        shared_addresses=shared_addresses,
        addresses=addresses,
        shared_ids=shared_ids,
        ids=[(configuration.sources[source].name, one, people) for source, one, people in ids],
    )


def check_change(connection: Connection, configuration: Configuration, after: Event) -> None:
    """Raises Conflict where people share addresses and the address alone is to say who is meant."""
    before = configuration.event
    if before.identity != after.identity and after.identity == "email":
        found = survey(connection, configuration)
        if found.shared_addresses:
            raise Conflict(_refuse(before.slug, found))


def foresee(database: Database, configuration: Configuration, wanted: str | None) -> list[str]:
    """What to say before identity is set to `wanted`; nothing where there is nobody, or nothing would change.

    Raises InvalidRequest and Conflict, as setting it would.
    """
    if wanted is None:
        return []
    after = set_identity(configuration.event, wanted)
    if after.identity == configuration.event.identity:
        return []
    with database.read() as connection:
        check_change(connection, configuration, after)
        found = survey(connection, configuration)
    if not found.people:
        return []
    return _foresee_ids(found) if after.identity == "third_party_id" else _foresee_address(found)


def _foresee_ids(found: Survey) -> list[str]:
    without = found.people - found.with_id
    lines = [
        f"Of {found.people:,} people here {found.with_id:,} have an id of a source, {without:,} have none.",
        "From now on a source's own id, thirdPartyId, says who a push is about:",
        "  - a known id with another e-mail address is a change of address,",
        "  - an unknown id is linked to whoever has the address and no id of that source yet; else it is somebody new,",
        "  - a push without id goes by the address, and fails where several people have it.",
        "No attendee is changed by the setting itself.",
    ]
    if found.shared_ids:
        examples = "; ".join(f"{one} of {source} ({people} people)" for source, one, people in found.ids)
        more = "; …" if found.shared_ids > len(found.ids) else ""
        lines += [
            f"Ids that several people have: {found.shared_ids:,}: {examples}{more}.",
            "  A push with one of them is about whoever has its address, else about whoever got the id last.",
            "  Where they are one person, merge them: turnout attendees merge.",
        ]
    return lines


def _foresee_address(found: Survey) -> list[str]:
    return [
        f"Of {found.people:,} people here {found.with_id:,} have an id of a source; no address belongs to several.",
        "From now on the e-mail address alone says who a push is about:",
        "  - a known id with another e-mail address is somebody else, or whoever has that address,",
        "  - people who share an address are taken for one, with a warning (shared_email) where it shows.",
        "No attendee is changed by the setting itself; ids are kept.",
    ]


def _refuse(slug: str, found: Survey) -> str:
    examples = ", ".join(f"{address} ({people} people)" for address, people in found.addresses)
    more = ", …" if found.shared_addresses > len(found.addresses) else ""
    many = "1 address belongs" if found.shared_addresses == 1 else f"{found.shared_addresses:,} addresses belong"
    address = found.addresses[0][0]
    return (
        f"{many} to several people each, so that the address alone cannot say who a push is about: "
        f"{examples}{more}. `turnout attendees list --event {slug} --status all --search {address}` shows their ids. "
        f"Merge those who are one person, `turnout attendees merge --event {slug} att_… att_…`, and give the others an "
        f"address of their own, `turnout attendees rename --event {slug} att_… new@example.org`. Then set it again."
    )
