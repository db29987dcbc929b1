"""The audit log in plain words, of everything for administrators and of an event for who manages it."""

import re
from pathlib import Path

from tests.console.conftest import SignIn
from tests.product import Product
from turnout import console
from turnout.access import audit
from turnout.console.audit.words import DEEDS, Names, name_deed, write
from turnout.errors import Conflict
from turnout.events import keys
from turnout.model.user import AuditLine

NAMES = Names(
    users={"usr_1": "Ada", "ada@example.org": "Ada", "usr_2": "Bob"},
    things={"evt_1": "Spring", "key_1": "a key of the source Shop", "src_1": "Shop"},
    sources={("evt_1", 2): "Shop"},
    handouts={"hnd_1": "Box office"},
)


def make_line(action: str, **changed: object) -> AuditLine:
    line = {
        "id": "aud_1",
        "at": 1,
        "user_id": "usr_1",
        "actor": "ada@example.org",
        "address": "",
        "action": action,
        "event_id": "",
        "target": None,
        "before": None,
        "after": None,
        "outcome": "done",
        **changed,
    }
    return AuditLine(**line)


def read(line: AuditLine) -> str:
    sentence = write(line, NAMES)
    return f"{sentence.who} {sentence.deed.replace('{}', sentence.target)}".strip()


def test_lines_are_sentences() -> None:
    assert read(make_line("key.rotate", event_id="evt_1", target="key_1")) == "Ada rotated a key of the source Shop"
    assert read(make_line("user.role", target="usr_2")) == "Ada changed what Bob may do"
    assert read(make_line("user.invite", after={"email": "b@example.org"})) == "Ada invited b@example.org"
    assert read(make_line("user.first", user_id=None, actor="first link", target="usr_1")) == (
        "Ada became the first administrator"
    )
    assert read(make_line("user.join", user_id=None, actor="ada@example.org")) == "Ada accepted the invitation"
    by_link = {"user_id": None, "actor": audit.NOBODY, "target": "hnd_1"}
    assert read(make_line("handout.send_csv", **by_link)) == (
        "Whoever has the link (Box office) sent a CSV file by a hand-out"
    )
    assert read(make_line("handout.show_key", **by_link | {"target": "hnd_2"})) == (
        "Whoever has the link saw the key of a hand-out"
    )
    assert read(make_line("webhook.switch_off", user_id=None, actor="cli:root", target="whk_1")) == (
        "cli:root webhook: switch off"
    )


def test_values_are_shown_by_their_names_before_and_after() -> None:
    line = make_line(
        "user.role",
        target="usr_2",
        before={"role": "viewer", "events": [], "name": "Bob"},
        after={"role": "manager", "events": ["evt_1"], "name": "Bob"},
    )
    assert write(line, NAMES).changes == [
        {"path": "role", "old": "viewer", "new": "manager"},
        {"path": "events", "old": [], "new": ["Spring"]},
    ]
    made = make_line("key.create", event_id="evt_1", target="key_1", after={"source": 2, "groups": None})
    assert write(made, NAMES).facts == [("source", "Shop")]


def test_what_was_refused_says_why() -> None:
    sentence = write(make_line("user.invite", outcome="refused", after={"code": "conflict"}), NAMES)
    assert (sentence.refused, sentence.facts, sentence.target) == (f"{Conflict.title}.", [], "somebody")


def test_every_deed_has_a_name_in_the_list() -> None:
    assert all("{}" not in name_deed(action) for action in DEEDS)
    assert name_deed("key.rotate") == "rotated a key"


def test_the_log_is_read_page_by_page_and_filtered(product: Product, sign_in: SignIn) -> None:
    event = product.make_event()
    admin = sign_in(name="Ada <i>")
    assert admin.user is not None
    database = product.server.database
    issued = keys.create(database, event.id, label="Shop")
    for number in range(60):
        with audit.acting(database, admin.user, "key.rotate", event_id=event.id, target=issued.key.id) as deed:
            deed.after = {"overlapHours": number}
    with audit.acting(database, admin.user, "event.archive", event_id=event.id, target=event.id):
        pass
    page = admin.get("audit", user=admin.user.id, action="key.rotate", event=event.slug)
    assert page.text.count("hours in which both keys work") == 50
    assert "a key of the source Shop" in page.text
    assert "Ada &lt;i&gt;" in page.text
    older = page.text.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
    second = admin.client.get(page.url.join(older))
    assert second.text.count("hours in which both keys work") == 10
    part = admin.get("audit", fragment=True, action="event.archive", event=event.slug)
    assert part.text.count("archived the event") == 1
    assert "<html" not in part.text
    assert "Nothing found" in admin.get("audit", event="no-such").text
    assert "Nothing found" in admin.get("audit", user="nobody\0").text
    nowhere = admin.get("audit", fragment=True, user=admin.user.id, event="installation")
    assert "archived the event" not in nowhere.text


def test_a_manager_reads_the_log_of_their_events_alone(product: Product, sign_in: SignIn) -> None:
    event, other = product.make_event(), product.make_event()
    database = product.server.database
    for one in (event, other):
        with audit.acting(
            database, "cli:root", "event.set", event_id=one.id, target=one.id, address="192.0.2.7"
        ) as deed:
            deed.before, deed.after = {"note": None}, {"note": f"of {one.slug}"}
    manager = sign_in("manager", event)
    page = manager.get(f"events/{event.slug}/audit")
    assert f"of {event.slug}" in page.text
    assert f"of {other.slug}" not in page.text
    # Where colleagues sit is the administrators' to see.
    assert "192.0.2.7" not in page.text
    assert "192.0.2.7" in sign_in().get(f"events/{event.slug}/audit").text
    assert manager.get("audit").status_code == 403
    assert manager.get(f"events/{other.slug}/audit").status_code == 404
    assert sign_in("viewer", event).get(f"events/{event.slug}/audit").status_code == 403


def test_what_people_do_stands_in_it(product: Product, sign_in: SignIn) -> None:
    admin = sign_in()
    assert admin.user is not None
    admin.post("account/name", name="Ada Lovelace")
    admin.post("account/name", name="")
    lines = audit.list_lines(product.server.database, user_id=admin.user.id)
    assert [(line.action, line.outcome) for line in lines] == [
        ("account.rename", "refused"),
        ("account.rename", "done"),
    ]
    assert lines[1].address


def test_every_deed_of_the_console_is_in_plain_words() -> None:
    """One that is missing would be shown by its own name, `source: go live`."""
    folder = Path(console.__file__).parent
    named = {
        name
        for path in folder.rglob("*.py")
        for name in re.findall(r"acting\(\s*\"([a-z_.]+)\"", path.read_text("utf-8"))
    }
    assert len(named) > 20
    assert named - set(DEEDS) == set()
