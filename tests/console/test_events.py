"""The list of events, a new one, one like another, and one that is over."""

import html
import re
import subprocess

from tests.console.conftest import SignIn
from tests.product import Product, TestedEvent
from turnout.access import audit
from turnout.downstream.webhooks import endpoint
from turnout.events import event, names, sources
from turnout.events.policy import as_settings
from turnout.events.setup import get_configuration
from turnout.model.event import Configuration
from turnout.store import attendees, pushes, webhooks


def read_code(page: str, code_id: str) -> str:
    """What an element with a copy button holds."""
    found = re.search(rf'<code id="{code_id}"[^>]*>(.*?)</code>', page, re.DOTALL)
    assert found, f"There is no {code_id} on the page."
    return html.unescape(found[1])


def read_row(page: str, slug: str) -> list[str]:
    """The words of an event's row."""
    found = re.search(rf'<tr id="e-{slug}">(.*?)(<svg class="sparkline"|</tr>)', page, re.DOTALL)
    assert found, f"There is no {slug} in the list."
    return re.sub(r"<[^>]+>", " ", found[1]).split()


def adopt(product: Product, slug: str, key: str) -> TestedEvent:
    """An event that the console has made, as one of the test's own."""
    made = get_configuration(product.server.database, slug).event
    product.events.append(TestedEvent(product, made.id, slug, key))
    return product.events[-1]


def test_the_list_shows_how_each_event_is(product: Product, sign_in: SignIn) -> None:
    busy, quiet, other = product.make_event(), product.make_event(), product.make_event()
    for number in range(3):
        busy.push_ok({"profile": {"email": f"p{number}@example.org"}})
    busy.push_failed({"profile": {"email": "nobody"}})
    page = sign_in("viewer", busy, quiet).get("events")
    assert read_row(page.text, busy.slug)[-2:] == ["4", "1"]
    assert read_row(page.text, quiet.slug)[-3:] == ["never", "0", "0"]
    assert other.slug not in page.text
    assert "New event" not in page.text


def test_who_has_one_event_that_nobody_pushed_to_is_led_to_the_first_push(product: Product, sign_in: SignIn) -> None:
    one, another = product.make_event(), product.make_event()
    manager = sign_in("manager", one)
    assert re.search(rf'href="[^"]*/events/{one.slug}">(<svg.*?</svg>)?Send the first push', manager.get("events").text)
    for visitor in (sign_in("viewer", one), sign_in("manager", one, another)):
        assert "Send the first push" not in visitor.get("events").text
    one.push_ok({"profile": {"email": "ada@example.org"}})
    assert "Send the first push" not in manager.get("events").text


def test_the_list_is_searched_by_name_and_address(product: Product, sign_in: SignIn) -> None:
    one, another = product.make_event(), product.make_event()
    viewer = sign_in("viewer", one, another)
    part = viewer.get("events", fragment=True, find=one.slug.upper()).text
    assert one.slug in part
    assert another.slug not in part
    assert "<html" not in part
    assert "No event is called that" in viewer.get("events", find="zzz").text


def test_a_new_event_shows_its_key_this_once_and_a_command_that_works(product: Product, sign_in: SignIn) -> None:
    ann = sign_in("manager", all_events=True)
    assert "New event" in ann.get("events").text
    name = f"Überraschung & Söhne {ann.signed_in.id[-12:]}"
    foreseen = ann.get("new-event/address", name=name, fragment=True).text
    page = ann.post("new-event", name=name).text
    slug = read_code(page, "gateway").rpartition("/")[2]
    assert slug == f"uberraschung-sohne-{ann.signed_in.id[-12:]}"
    assert f"/e/{slug}<" in foreseen
    made = adopt(product, slug, read_code(page, "key"))
    # As somebody pastes it into a terminal.
    ran = subprocess.run(["sh", "-c", read_code(page, "curl")], capture_output=True, text=True, check=False)
    assert '"result":"created"' in ran.stdout, ran
    for path in ("events", f"events/{slug}", f"events/{slug}?period=7d", "new-event"):
        again = ann.get(path)
        assert again.status_code == 200
        assert made.key not in again.text
    (line,) = audit.list_lines(made.database, event_id=made.id)
    assert (line.action, line.outcome, line.actor) == ("event.create", "done", ann.signed_in.email)
    assert made.key not in str(line)


def test_a_name_that_is_taken_or_empty_is_asked_for_once_more(product: Product, sign_in: SignIn) -> None:
    ann, there = sign_in(), product.make_event()
    taken = ann.post("new-event", name=there.slug, like=there.slug)
    assert taken.status_code == 409
    assert f'value="{there.slug}-2"' in taken.text
    assert f'<option value="{there.slug}" selected>' in taken.text
    assert ann.post("new-event", name=" ").status_code == 400
    unspeakable = ann.post("new-event", name="日本")
    assert unspeakable.status_code == 400
    assert 'value="日本"' in unspeakable.text
    assert ann.post("new-event", name="Spring", like="no-such-event").status_code == 404


def test_a_new_event_like_another_has_all_that_is_set_up_there_and_nobody(product: Product, sign_in: SignIn) -> None:
    pattern = product.make_event()
    database, settings = product.server.database, {
        "time_zone": "Europe/Berlin", "null": "clear", "identity": "third_party_id", "cors": "https://app.example.org",
        "purge_after": "", "ends_at": "2020-05-04", "host": f"{pattern.slug}.example.org", "keep_bodies": "7d",
    }  # fmt: skip
    event.set_up(database, pattern.id, settings)
    shop = pattern.make_source("Ticket shop", lists=";", mode="rehearsal")
    pattern.make_source("Old form")
    sources.retire(database, pattern.id, "Old form")
    pattern.push_ok(
        {
            "profile": {"email": "ada@example.org", "customFields": [{"fieldName": "Diet", "fieldValue": "vegan"}]},
            "eventInfo": {"groups": {"groupNames": ["Speakers", "Crew"]}},
        }
    )
    names.rename(database, pattern.id, "custom_field", "Diet", "Food")
    names.set_staff_only(database, pattern.id, "Crew", True)
    issued = endpoint.create(
        database, get_configuration(database, pattern.slug), "http://192.0.2.1/", groups=["Crew"], allow_private=True
    )
    page = sign_in().post("new-event", name=f"{pattern.slug} again", like=pattern.slug).text
    copy = adopt(product, f"{pattern.slug}-again", read_code(page, "key"))
    before, after = get_configuration(database, pattern.slug), get_configuration(database, copy.slug)

    # With its end everybody who comes to the new one could be erased at once.
    own = {"name": f"{pattern.slug} again", "host": None, "ends_at": None}
    assert as_settings(after.event) == as_settings(before.event) | own
    assert describe_sources(after) == [source for source in describe_sources(before) if source[1] != "Old form"]
    for kind in names.NameKind.__args__:
        assert describe_names(after, kind) == describe_names(before, kind) != []
    assert len(after.keys) == 1
    with database.read() as connection:
        assert attendees.count_by_status(connection, copy.id) == {}
        assert pushes.list_pushes(connection, copy.id) == []
        (webhook,) = [one for one in webhooks.list_webhooks(connection) if one.event_id == copy.id]
    assert (webhook.url, webhook.groups, webhook.state) == (issued.webhook.url, ("Crew",), "paused")
    assert read_code(page, "secret-1") == endpoint.find_secret(database.secret_key, webhook) != issued.secret

    # A sender that goes on as before is understood as before, once it has a key.
    assert copy.push({"profile": {"email": "ada@example.org"}}, key=shop).status_code == 401
    receipt = copy.push_ok(
        {"profile": {"email": "bob@example.org", "customFields": [{"fieldName": "diet", "fieldValue": "none"}]}}
    )
    assert copy.attendee("bob@example.org")["customFields"] == {"Food": "none"}
    assert receipt["warnings"] == []


def describe_sources(configuration: Configuration) -> list[tuple[int, str, object]]:
    return [(number, one.name, one.policy) for number, one in configuration.sources.items() if number > 0]


def describe_names(configuration: Configuration, kind: names.NameKind) -> list[tuple[str, bool, list[str]]]:
    known = names.names_of(configuration, kind)
    return sorted(
        (name.name, name.staff_only, sorted(text for text, of in known.by_spelling.items() if of == name.number))
        for name in known.by_number.values()
    )


def test_an_event_that_is_over_is_archived_and_taken_back(product: Product, sign_in: SignIn) -> None:
    over = product.make_event()
    manager = sign_in("manager", over)
    page = manager.follow(manager.post(f"events/{over.slug}/archive"))
    assert "is archived" in page.text
    assert f'action="../console/events/{over.slug}/unarchive"' in page.text
    assert f'id="e-{over.slug}"' not in page.text
    assert over.push({"profile": {"email": "late@example.org"}}).status_code == 401
    assert f'id="e-{over.slug}"' in manager.get("events", archived="yes").text
    back = manager.follow(manager.post(f"events/{over.slug}/unarchive"))
    assert "is back" in back.text
    over.push_ok({"profile": {"email": "late@example.org"}})


def test_only_who_may_makes_archives_or_sees_an_event(product: Product, sign_in: SignIn) -> None:
    its, other = product.make_event(), product.make_event()
    viewer, manager, outsider = sign_in("viewer", its), sign_in("manager", its), sign_in("manager", other)
    everywhere = sign_in("viewer", all_events=True)
    for who in (viewer, manager, outsider, everywhere):
        assert who.get("new-event").status_code == 403
        assert who.get("new-event/address", name="x").status_code == 403
        assert who.post("new-event", name="Mine").status_code == 403
    for deed in ("archive", "unarchive"):
        assert viewer.post(f"events/{its.slug}/{deed}").status_code == 403
        assert outsider.post(f"events/{its.slug}/{deed}").status_code == 404
    assert outsider.get(f"events/{its.slug}").status_code == 404
    assert get_configuration(its.database, its.slug).event.archived_at is None
